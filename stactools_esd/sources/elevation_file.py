"""Files of elevation: which there are, what their headers say, and windows of them in metres."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from stactools_esd.errors import RasterError
from stactools_esd.gdal import check_size

ELEVATION_RANGE: Final = (-500.0, 9000.0)
"""Metres; what lies outside is a void, whatever nodata value the raster states."""

SUFFIXES: Final = (".asc", ".bil", ".dem", ".dt0", ".dt1", ".dt2", ".hgt", ".img", ".jp2", ".tif", ".tiff", ".vrt")
"""Endings of files that are taken for elevation where a folder is given."""

_NO_ELEVATION: Final = ("_num", "_swb")
"""Ends of the names of counts and of water that lie beside the elevation of ASTER GDEM and NASADEM."""

_METRES: Final = ("", "m", "metre", "metres", "meter", "meters")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A rectangle of a raster that some file fills."""

    file: Path
    """The file."""

    row: float
    """Row of the raster in which it begins."""

    column: float
    """Column of the raster in which it begins."""

    height: float
    """Rows of the raster that it fills."""

    width: float
    """Columns of the raster that it fills."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file of elevation says of itself."""

    path: Path
    """The file."""

    crs: CRS
    """Its CRS."""

    transform: Affine
    """From pixel corners (column, row) to coordinates."""

    shape: tuple[int, int]
    """Rows and columns."""

    parts: tuple[Part, ...]
    """What it holds: one part as large as the file, or those that a virtual raster is put together from."""


def find_rasters(path: Path | Sequence[Path]) -> tuple[Path, ...]:
    """List the rasters of a file, a folder or a list of files.

    Raises:
        RasterError: There is none.
    """
    if not isinstance(path, Path):
        files = tuple(Path(file) for file in path)
    elif path.is_dir():
        found = (file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
        files = tuple(sorted(file for file in found if not file.stem.lower().endswith(_NO_ELEVATION)))
    else:
        files = (path,)
    if not files:
        raise RasterError(
            f"got no raster in {words(path)}, expected elevation as GeoTIFF, HGT or VRT; give the folder that holds it"
        )
    return files


def words(path: Path | Sequence[Path]) -> str:
    """Name a file, a folder or a list of files in a message."""
    if isinstance(path, Path):
        return str(path)
    return ", ".join(str(file) for file in path[:2]) + (f" and {len(path) - 2} more" if len(path) > 2 else "")


def look(path: Path) -> Header:
    """Read the header of a file of elevation.

    Raises:
        RasterError: It is no raster, has no CRS, or is in other units than metres.
    """
    with _opened(path) as dataset:
        if dataset.crs is None:
            raise RasterError(f"got {path} without a CRS, expected elevation with one; assign its CRS")
        if (unit := (dataset.units[0] or "").strip().lower()) not in _METRES:
            raise RasterError(f"got elevation in {unit!r} in {path}, expected metres; convert it")
        height, width = dataset.shape
        whole = Part(file=path, row=0, column=0, height=height, width=width)
        parts = _virtual_parts(path) if dataset.driver == "VRT" else ()
        return Header(
            path=path, crs=dataset.crs, transform=dataset.transform, shape=(height, width), parts=parts or (whole,)
        )


def _virtual_parts(path: Path) -> tuple[Part, ...]:
    """Return the parts of a virtual raster that is a mosaic; none where it is something else.

    They are read from its XML (GDAL's documentation of virtual rasters), for opening them would take long: a raster of
    the world is made of tens of thousands.
    """
    try:
        sources = ElementTree.fromstring(path.read_text(encoding="utf-8")).findall("VRTRasterBand[1]/*[DstRect]")
    except (OSError, ElementTree.ParseError):  # XML in the place of a path, or within an archive
        return ()
    parts = []
    for source in sources:
        name, rectangle = source.find("SourceFilename"), source.find("DstRect")
        if name is None or not name.text or rectangle is None:
            return ()
        row, column, height, width = (float(rectangle.get(key, "nan")) for key in ("yOff", "xOff", "ySize", "xSize"))
        file = path.parent / name.text if name.get("relativeToVRT") == "1" else Path(name.text)
        parts.append(Part(file=file, row=row, column=column, height=height, width=width))
    return tuple(parts)


def read_window(path: Path, window: Window) -> NDArray[np.float32]:
    """Read elevation in metres, NaN where it is unknown.

    Raises:
        RasterError: The file is truncated or damaged.
    """
    with _opened(path) as dataset:
        numbers = dataset.read(1, window=window, masked=True)
        scale, offset = dataset.scales[0], dataset.offsets[0]
    elevation = numbers.astype(np.float64).filled(np.nan) * scale + offset
    low, high = ELEVATION_RANGE
    elevation[~((elevation >= low) & (elevation <= high))] = np.nan
    return np.asarray(elevation, np.float32)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a raster of elevation, GDAL's complaints turned into one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # answered by an error of our own
            dataset = rasterio.open(path)
        with dataset:
            check_size(path, dataset)
            yield dataset
    except (RasterioError, CPLE_BaseError) as error:
        reason = (str(error.__cause__ or error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise RasterError(f"got {path}, expected a raster of elevation ({reason}); check the file") from error
