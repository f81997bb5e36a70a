"""Folders of SDC30, the daily seamless data cube that the official product was made from.

Files are `SDC30_V003_<MGRS>_<YYYYMMDD>.tif`, or of the older form `CSDC30_<MGRS>_<YYYYDDD>.tif`: six bands of 16-bit
integers of scale 0.0001, and a border of zeros in all bands. A file covers some 3661 x 3661 pixels, of which the
leading 3600 x 3600 are the product tile; where they begin is read from the file's georeference, and checked against
the rule of the tile's corner (`grid.tile`). A file that lies on the product's grid already is taken as it is. Pixels
are never resampled.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.transform import array_bounds
from rasterio.windows import Window

from stactools_esd.errors import GridError, RasterError
from stactools_esd.grid import check_georeference, own_square, tile
from stactools_esd.observations import Dates
from stactools_esd.product import PIXEL_SIZE, TILE_PIXELS
from stactools_esd.sources.crop import beginning
from stactools_esd.sources.folder import TERRAIN_FILE
from stactools_esd.sources.image import SCALE, Image, date_of, describe, opened, read_image
from stactools_esd.sources.source import OnGrid, TargetGrid, check_window

PARENT_PIXELS: Final = 3661
"""Rows and columns of an SDC30 file: 110 km of an MGRS tile and a half pixel at each end."""

_MOST_PIXELS: Final = 3700
"""A file larger than this is not one tile."""

_NAME: Final = re.compile(
    r"(?P<archive>SDC30_V\d{3}(?:CHN)?|CSDC30)_(?P<tile>\d{2}[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V])_(?P<date>\d{7,8})"
)


@dataclass(frozen=True, kw_only=True)
class Sdc30Image:
    """One file, and where the grid begins in it."""

    image: Image
    """Its header."""

    row: int
    """Row of the file in which the grid begins."""

    column: int
    """Column of the file in which the grid begins."""


@dataclass(frozen=True, kw_only=True)
class Sdc30Source(OnGrid):
    """SDC30 images on the product's grid; make one with `open_sdc30`."""

    tile: str
    """MGRS tile of the files."""

    archive: str
    """What the files' names begin with, e.g. `SDC30_V003`: the source in the input recipe."""

    grid: TargetGrid
    """Grid that the images are cropped to."""

    images: tuple[Sdc30Image, ...]
    """The images, in order of date."""

    bad: tuple[str, ...] = ()
    """Names of damaged files that were left out."""

    @property
    def harmonisation(self) -> str:
        """How sensors were brought to one scale: as the archive did it."""
        return self.archive

    @cached_property
    def dates(self) -> Dates:
        """Days of the images, never decreasing (t,)."""
        return np.array([image.image.date for image in self.images], "datetime64[D]")

    @property
    def names(self) -> tuple[str, ...]:
        """File names of the images, in the order of `dates`."""
        return tuple(image.image.path.name for image in self.images)

    @property
    def files(self) -> tuple[tuple[Path, ...], ...]:
        """The file of each image, in the order of `dates`."""
        return tuple((image.image.path,) for image in self.images)

    def read_image(self, position: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read a window of one image.

        Args:
            position: Which image, in the order of `dates`.
            window: Part of the grid.

        Returns:
            Reflectance as a share of 1, 0 where it is not valid, and where it is valid, both (6, rows, columns).

        Raises:
            RasterError: The file is truncated or damaged.
            GridError: The window leaves the grid.
        """
        check_window(window, self.shape)
        cropped = self.images[position]
        return read_image(
            cropped.image,
            Window(window.col_off + cropped.column, window.row_off + cropped.row, window.width, window.height),
        )


def open_sdc30(path: str | Path, grid: TargetGrid | None = None, *, skip_bad: bool = False) -> Sdc30Source:
    """Look at the headers of a folder of SDC30 files.

    Args:
        path: Folder of files of one tile and one version; `terrain.tif` and files other than `.tif` are left alone.
        grid: Grid to crop to, on whole pixels of the files; the product tile that the files' names say by default.
        skip_bad: Leave files out that cannot be opened, lack a band or a CRS, or are of another scale, and name them
            in `bad`, instead of raising. Names, dates and places that do not fit are errors all the same.

    Returns:
        A source of the images, cropped to the grid.

    Raises:
        RasterError: There is no folder or no file; a name cannot be read; files of two tiles or versions are mixed; a
            date is there twice; a file has another size than a tile's, lies elsewhere than its name says or off the
            grid; bands are missing or not 16-bit integers of scale 0.0001; or, unless `skip_bad`, a file is damaged.
    """
    folder = Path(path)
    files = _files(folder)
    archive, name = _one_series(folder, files)
    found: list[tuple[Image, TargetGrid]] = []
    bad: list[str] = []
    for file in files:
        try:
            found.append(_look(file))
        except RasterError:
            if not skip_bad:
                raise
            bad.append(file.name)
    if not found:
        raise RasterError(
            f"got {len(bad)} damaged files in {folder}, first {bad[0]}, expected a whole one; download them again"
        )
    target = grid or _tile_grid(found[0][0].path, name, found[0][1])
    images: list[Sdc30Image] = []
    for image, own in found:
        row, column = beginning(image.path, own, target)
        images.append(Sdc30Image(image=image, row=row, column=column))
    images.sort(key=lambda cropped: cropped.image.date)
    return Sdc30Source(tile=name, archive=archive, grid=target, images=tuple(images), bad=tuple(bad))


def _files(folder: Path) -> list[Path]:
    """List the GeoTIFFs of a folder."""
    if not folder.is_dir():
        raise RasterError(f"got {folder}, expected a folder of SDC30 files; give the folder that holds the images")
    files = [file for file in folder.iterdir() if file.suffix.lower() in (".tif", ".tiff")]
    files = [file for file in files if file.name != TERRAIN_FILE and not file.name.startswith(".")]
    if not files:
        raise RasterError(
            f"got no raster in {folder}, expected files named SDC30_V003_<tile>_<YYYYMMDD>.tif; "
            "give the folder that holds the images"
        )
    return sorted(files)


def _one_series(folder: Path, files: Sequence[Path]) -> tuple[str, str]:
    """Return the version and the tile that all names say, each date once."""
    said = [_said(folder, file) for file in files]
    seen: dict[np.datetime64, Path] = {}
    for file, (archive, name) in zip(files, said, strict=True):
        if (archive, name) != said[0]:
            raise RasterError(
                f"got {files[0].name} and {file.name} in {folder}, expected files of one "
                f"{'version' if name == said[0][1] else 'tile'}; give each a folder of its own"
            )
        date = date_of(file)
        if date in seen:
            raise RasterError(
                f"got {date} twice, in {seen[date].name} and {file.name}, expected one file a date; remove one"
            )
        seen[date] = file
    return said[0]


def _said(folder: Path, file: Path) -> tuple[str, str]:
    """Return the version and the tile that a name says."""
    match = _NAME.fullmatch(file.stem)
    if match is None:
        raise RasterError(
            f"got {file.name} in {folder}, expected SDC30_V003_<tile>_<YYYYMMDD>.tif or "
            "CSDC30_<tile>_<YYYYDDD>.tif; rename the file or move it elsewhere"
        )
    return match["archive"], match["tile"]


def _look(file: Path) -> tuple[Image, TargetGrid]:
    """Read the header of a file: what it holds, and on which grid."""
    with opened(file) as dataset:
        kinds = set(dataset.dtypes)
        if not kinds <= {"int16", "uint16"}:
            raise RasterError(
                f"got {', '.join(sorted(kinds))} numbers of unknown scale in {file}, expected 16-bit integers of "
                f"scale {SCALE}; give the file as the archive stores it"
            )
        image = describe(file, date_of(file), dataset)
        crs, transform, shape = dataset.crs, dataset.transform, dataset.shape
    if crs is None:
        raise RasterError(
            f"got {file} without a coordinate reference system, expected a georeferenced image; download it again"
        )
    if any(not np.isclose(scale, SCALE) for scale in image.scales) or any(image.offsets):
        raise RasterError(
            f"got scale {image.scales[0]:g} and offset {image.offsets[0]:g} in {file}, expected {SCALE} and 0; "
            "give the file as the archive stores it"
        )
    try:
        grid = TargetGrid(crs=crs, transform=transform, shape=shape)
    except GridError as error:
        raise RasterError(f"cannot place {file}: {error}") from error
    # Zeros in all bands are the border, whatever nodata tag somebody added.
    return replace(image, border=True), grid


def _tile_grid(file: Path, name: str, own: TargetGrid) -> TargetGrid:
    """Return the product tile within a file's own grid, on the file's own pixels."""
    height, width = own.shape
    if not all(TILE_PIXELS <= size <= _MOST_PIXELS for size in own.shape):
        raise RasterError(
            f"got {height} x {width} pixels in {file}, expected about {PARENT_PIXELS} x {PARENT_PIXELS}, or "
            f"{TILE_PIXELS} x {TILE_PIXELS} on the product's grid; download the file again, or give the grid to read"
        )
    try:
        place = tile(name)
        # A southern tile may come in its northern zone; the tile's own square tells by how much that shifts it.
        square = own_square(name, own.crs, array_bounds(height, width, own.transform))
        north = place.transform.f + square.north - place.square.north
        column = round((place.transform.c - own.transform.c) / PIXEL_SIZE)
        row = round((own.transform.f - north) / PIXEL_SIZE)
        column, row = max(0, min(column, width - TILE_PIXELS)), max(0, min(row, height - TILE_PIXELS))
        transform = own.transform * Affine.translation(column, row)
        check_georeference(name, own.crs, transform, (TILE_PIXELS, TILE_PIXELS))
    except GridError as error:
        raise RasterError(f"cannot find tile {name} in {file}: {error}") from error
    return TargetGrid(crs=own.crs, transform=transform, shape=(TILE_PIXELS, TILE_PIXELS))
