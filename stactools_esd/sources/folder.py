"""A folder of dated six-band GeoTIFFs on one grid: the plainest source of observations.

Files are named `*_YYYYMMDD.tif` or `*_YYYYDDD.tif`; what stands before the date is free, so that two sensors may share
a day (`S2_20170804.tif`, `L8_20170804.tif`). A file `terrain.tif` beside them may hold elevation, slope and aspect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.errors import RasterError
from stactools_esd.files import atomic_path
from stactools_esd.observations import Dates, Observations
from stactools_esd.product import BANDS
from stactools_esd.sources.image import (
    SCALE,
    Grid,
    Image,
    check_grid,
    date_of,
    describe,
    opened,
    read_image,
)
from stactools_esd.sources.source import read
from stactools_esd.sources.terrain_file import TerrainFile

TERRAIN_FILE: Final = "terrain.tif"
"""Optional raster of elevation (m), slope (degrees) and aspect (degrees, NaN where flat) on the grid of the images."""

NODATA: Final = -32768
"""Integer that `write_folder` writes where a band is missing."""

HARMONISATION: Final = "none"
"""What a folder says of its sensors: nothing was done to them here. Whoever prepared the files may know better."""


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """Images of a folder, read by window; make one with `open_folder`."""

    path: Path
    """The folder."""

    images: tuple[Image, ...]
    """Headers of the images, in order of date, then of what stands before it."""

    transform: Affine
    """From pixel corners (column, row) to coordinates of the CRS."""

    crs: CRS
    """Coordinate reference system of the grid."""

    shape: tuple[int, int]
    """Rows and columns."""

    harmonisation: str = HARMONISATION
    """How sensors were brought to one scale, in the words of the input recipe."""

    bad: tuple[str, ...] = ()
    """File names of damaged images that were passed over."""

    @cached_property
    def dates(self) -> Dates:
        """Days of the images, never decreasing (t,)."""
        return np.array([image.date for image in self.images], "datetime64[D]")

    @property
    def names(self) -> tuple[str, ...]:
        """File names of the images, in the order of `dates`."""
        return tuple(image.path.name for image in self.images)

    @property
    def files(self) -> tuple[tuple[Path, ...], ...]:
        """The one file of each image, in the order of `dates`."""
        return tuple((image.path,) for image in self.images)

    def read_image(self, position: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read a window of one image: reflectance, 0 where it was not observed, and valid, both (6, rows, columns).

        Args:
            position: Which image, in the order of `dates`.
            window: Whole pixels inside the grid.

        Raises:
            RasterError: The file cannot be read.
        """
        return read_image(self.images[position], window)

    def read(self, rows: slice | None = None, *, positions: Sequence[int] | None = None) -> Observations:
        """Read rows of the images.

        Args:
            rows: Rows without a step; all by default.
            positions: Which images, in the order of `dates`; all by default.

        Returns:
            Observations of those rows, with their own transform.

        Raises:
            RasterError: A file cannot be read.
            ObservationsError: The values are not reflectance.
        """
        first, stop, _ = (rows or slice(None)).indices(self.shape[0])
        window = Window(0, first, self.shape[1], stop - first)
        return read(self, window, range(len(self.images)) if positions is None else positions)[0]

    def read_terrain(self, rows: slice | None = None) -> NDArray[np.float32] | None:
        """Read elevation, slope and aspect where the folder holds `terrain.tif`.

        Args:
            rows: Rows without a step; all by default.

        Returns:
            Terrain (n, 3), pixels in row-major order, or None where there is no such file.

        Raises:
            RasterError: The file cannot be read, has not three bands, or lies on another grid.
        """
        path = self.path / TERRAIN_FILE
        if not path.exists():
            return None
        first, stop, _ = (rows or slice(None)).indices(self.shape[0])
        file = TerrainFile(path=path, grid=(self.crs, self.transform, self.shape))
        terrain = file.read(Window(0, first, self.shape[1], stop - first))
        return np.ascontiguousarray(terrain.reshape(3, -1).T)


def open_folder(path: str | Path, *, skip_bad: bool = False) -> FolderSource:
    """Look at the headers of a folder of images.

    Args:
        path: Folder of six-band GeoTIFFs; other files than `.tif` are left alone.
        skip_bad: Pass over files that cannot be opened, lack a band or a CRS, or have an unknown scale, and name them
            in `bad`. Names without a date, a second grid and a date given twice are errors all the same: they are
            mistakes of whoever filled the folder, not damage.

    Raises:
        RasterError: There is no raster, a name has no date, a date is there twice under one prefix, a band is missing,
            two grids meet, a scale is unknown or a file cannot be opened.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise RasterError(f"got {folder}, expected a folder of dated GeoTIFFs; give the folder that holds the images")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".tif", ".tiff"))
    files = [file for file in files if file.name != TERRAIN_FILE and not file.name.startswith(".")]
    if not files:
        raise RasterError(
            f"got no raster in {folder}, expected GeoTIFFs named *_YYYYMMDD.tif; give the folder that holds the images"
        )
    found: list[tuple[Image, Grid]] = []
    bad: list[str] = []
    for file, when in [(file, date_of(file)) for file in files]:
        try:
            found.append(_look(file, when))
        except RasterError:
            if not skip_bad:
                raise
            bad.append(file.name)
    if not found:
        raise RasterError(
            f"got {len(bad)} damaged rasters in {folder}, first {bad[0]}, expected a whole one; restore the files"
        )
    crs, transform, shape = found[0][1]
    for image, grid in found:
        check_grid(image.path, grid, found[0][1])
    images = [image for image, _ in found]
    images.sort(key=lambda image: (image.date, _prefix(image)))  # SR before SR-2
    for one, other in pairwise(images):
        if (one.date, _prefix(one)) == (other.date, _prefix(other)):
            raise RasterError(
                f"got {one.date} twice, in {one.path.name} and {other.path.name}, expected one image a date and "
                "prefix; remove one, or give it another prefix"
            )
    return FolderSource(path=folder, images=tuple(images), crs=crs, transform=transform, shape=shape, bad=tuple(bad))


def _look(file: Path, when: np.datetime64) -> tuple[Image, Grid]:
    """Read the header of an image."""
    with opened(file) as dataset:
        if dataset.crs is None:
            raise RasterError(
                f"got {file} without a coordinate reference system, expected a georeferenced image; assign its CRS"
            )
        return describe(file, when, dataset), (dataset.crs, dataset.transform, dataset.shape)


def _prefix(image: Image) -> str:
    """What stands before the date in the name of an image."""
    return image.path.stem.rpartition("_")[0]


def read_folder(path: str | Path) -> Observations:
    """Read a whole folder at once; `open_folder` reads larger ones by rows.

    Raises:
        RasterError: As `open_folder`.
        ObservationsError: The values are not reflectance.
    """
    return open_folder(path).read()


def write_folder(
    observations: Observations,
    path: str | Path,
    *,
    prefix: str = "SR",
    terrain: NDArray[np.float32] | None = None,
) -> list[Path]:
    """Write observations as a folder that `open_folder` reads: 16-bit integers of scale 0.0001.

    Values come back within 0.00005; what is missing stays missing, band by band.

    Args:
        observations: Images to write.
        path: Folder, made where it does not exist.
        prefix: What file names start with; a second image of one day gets `<prefix>-2`, and so on.
        terrain: Elevation, slope and aspect (3, y, x), written to `terrain.tif`; none by default.

    Returns:
        The files, in the order of the dates.

    Raises:
        OutputError: The folder cannot be written.
    """
    folder = Path(path)
    written: list[Path] = []
    seen: dict[str, int] = {}
    profile = {
        "driver": "GTiff",
        "height": observations.shape[0],
        "width": observations.shape[1],
        "crs": observations.crs,
        "transform": observations.transform,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
    }
    for position, when in enumerate(observations.dates):
        day = str(when).replace("-", "")
        seen[day] = seen.get(day, 0) + 1
        name = prefix if seen[day] == 1 else f"{prefix}-{seen[day]}"
        valid = observations.valid[position]
        stored = np.round(np.where(valid, observations.reflectance[position], 0) / SCALE)
        numbers = np.where(valid, stored, NODATA).astype(np.int16)
        file = folder / f"{name}_{day}.tif"
        options = profile | {"dtype": "int16", "count": len(BANDS), "nodata": NODATA, "predictor": 2}
        with atomic_path(file) as temporary, rasterio.open(temporary, "w", **options) as dataset:
            dataset.write(numbers)
            dataset.descriptions = BANDS
            dataset.scales = (SCALE,) * len(BANDS)
        written.append(file)
    if terrain is not None:
        options = profile | {"dtype": "float32", "count": 3, "nodata": float("nan")}
        with atomic_path(folder / TERRAIN_FILE) as temporary, rasterio.open(temporary, "w", **options) as dataset:
            dataset.write(np.asarray(terrain, np.float32))
            dataset.descriptions = ("elevation", "slope", "aspect")
    return written
