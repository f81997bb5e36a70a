"""One dated image of a folder: its date, grid, bands and scale, and how its numbers become reflectance."""

import logging
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from stactools_esd.errors import RasterError
from stactools_esd.gdal import check_size
from stactools_esd.product import BANDS

SCALE: Final = 0.0001
"""Factor of 16-bit integers whose file names none, and of those that `write_folder` writes."""

Grid = tuple[CRS, Affine, tuple[int, int]]
"""CRS, transform, and rows and columns of a raster."""

_DATE = re.compile(r"(?:^|.*_)(?P<date>\d{8}|\d{7})", re.DOTALL)
_FORMATS: Final = {8: "%Y%m%d", 7: "%Y%j"}

_GDAL_LOG: Final = "rasterio"
_LOST_TAG: Final = "IO error during reading"


@dataclass(frozen=True, kw_only=True)
class Image:
    """What the header and the name of an image say."""

    path: Path
    """The file."""

    date: np.datetime64
    """Day of the observation."""

    band_numbers: tuple[int, ...]
    """Where the six bands stand in the file, from 1, in the order of `product.BANDS`."""

    scales: tuple[float, ...]
    """Factor of each band's numbers."""

    offsets: tuple[float, ...]
    """What is added to each band's scaled numbers."""

    nodata: tuple[float | None, ...]
    """Number that means missing in each band, before scaling; None where there is none."""

    border: bool
    """True where zeros in all bands mean missing: integers without a nodata value."""


class _LostTags(logging.Handler):
    """Hears, while a file is opened, whether GDAL goes on without a tag that it cannot read."""

    def __init__(self, path: Path) -> None:
        super().__init__(logging.WARNING)
        self.name_of_file, self.some = path.name, False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.some |= _LOST_TAG in text and self.name_of_file in text

    def __enter__(self) -> Self:
        logging.getLogger(_GDAL_LOG).addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger(_GDAL_LOG).removeHandler(self)


def opened(path: Path) -> Any:
    """Open a raster.

    Raises:
        RasterError: It cannot be opened, is larger than `gdal.check_size` has it, or its header is cut off, with which
            scales and names of bands are lost.
    """
    try:
        with warnings.catch_warnings(), _LostTags(path) as lost:
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # answered by an error of our own
            dataset = rasterio.open(path)
    except RasterioError as error:
        raise RasterError(f"cannot open {path}, expected a GeoTIFF; replace the damaged file") from error
    try:
        check_size(path, dataset)
    except RasterError:
        dataset.close()
        raise
    if lost.some:
        dataset.close()
        raise RasterError(f"cannot read all tags of {path}, expected a whole GeoTIFF; replace the truncated file")
    return dataset


def read_bands(path: Path, dataset: Any, band_numbers: Sequence[int], window: Window) -> NDArray[Any]:
    """Read bands of an open raster as they are stored.

    Raises:
        RasterError: The data are truncated or damaged.
    """
    try:
        values: NDArray[Any] = dataset.read(list(band_numbers), window=window)
    except RasterioError as error:
        raise RasterError(f"cannot read {path}, expected whole image data; replace the truncated file") from error
    return values


def date_of(path: Path) -> np.datetime64:
    """Read the date at the end of a file name.

    Raises:
        RasterError: There is none.
    """
    match = _DATE.fullmatch(path.stem)
    try:
        if match is None:
            raise ValueError
        day = datetime.strptime(match["date"], _FORMATS[len(match["date"])]).date()
    except ValueError as error:
        raise RasterError(
            f"got {path.name} in {path.parent}, expected a name that ends in _YYYYMMDD.tif or _YYYYDDD.tif; "
            "rename the file or move it elsewhere"
        ) from error
    return np.datetime64(day, "D")


def check_grid(path: Path, grid: Grid, expected: Grid) -> None:
    """Make sure that a raster lies on a grid, within a hundredth of a pixel.

    Args:
        path: The file, for the message.
        grid: Its grid.
        expected: That of the other images.

    Raises:
        RasterError: They differ.
    """
    (crs, transform, shape), (expected_crs, expected_transform, expected_shape) = grid, expected
    tolerance = 0.01 * abs(expected_transform.a)
    moved = max(abs(mine - other) for mine, other in zip(transform[:6], expected_transform[:6], strict=True))
    if crs != expected_crs or shape != expected_shape or moved > tolerance:
        raise RasterError(
            f"got {path.name} on another grid, {_grid_words(grid)}, expected {_grid_words(expected)} like the first "
            "file; keep files of one grid together, or resample them to one"
        )


def _grid_words(grid: Grid) -> str:
    """Say a grid in words."""
    crs, transform, (height, width) = grid
    return f"{height} x {width} pixels of {transform.a:g} at {transform.c:.10g}, {transform.f:.10g} in {crs}"


def describe(path: Path, when: np.datetime64, dataset: Any) -> Image:
    """Find the bands, scales and nodata values of an open image.

    Raises:
        RasterError: A band is missing or a scale is unknown.
    """
    numbers = _band_numbers(path, dataset)
    scales, offsets = [], []
    for number in numbers:
        scale, offset = float(dataset.scales[number - 1]), float(dataset.offsets[number - 1])
        kind = np.dtype(dataset.dtypes[number - 1])
        if kind.kind in "iu" and (scale, offset) == (1.0, 0.0):
            scale = SCALE if kind.itemsize == 2 else float("nan")
        if kind.kind not in "iuf" or not np.isfinite([scale, offset]).all() or scale <= 0:
            raise RasterError(
                f"got {kind} numbers of unknown scale in {path}, expected 16-bit integers of scale 0.0001, floats, or "
                "a scale and offset in the file; set its scales and offsets"
            )
        scales.append(scale)
        offsets.append(offset)
    nodata = tuple(dataset.nodatavals[number - 1] for number in numbers)
    integers = all(np.dtype(dataset.dtypes[number - 1]).kind in "iu" for number in numbers)
    return Image(
        path=path,
        date=when,
        band_numbers=numbers,
        scales=tuple(scales),
        offsets=tuple(offsets),
        nodata=nodata,
        border=integers and all(value is None for value in nodata),
    )


def _band_numbers(path: Path, dataset: Any) -> tuple[int, ...]:
    """Find the six bands: by description where the file names any of them, else by order where there are six."""
    names = [(name or "").lower() for name in dataset.descriptions]
    if any(name in BANDS for name in names):
        if missing := [band for band in BANDS if band not in names]:
            raise RasterError(
                f"got {path} without {', '.join(missing)}, expected the bands {', '.join(BANDS)}; "
                "add a band, all nodata where the sensor has none"
            )
        return tuple(names.index(band) + 1 for band in BANDS)
    if dataset.count != len(BANDS):
        raise RasterError(
            f"got {dataset.count} bands without names in {path}, expected {len(BANDS)}: {', '.join(BANDS)}; "
            "write these six, or name the bands"
        )
    return tuple(range(1, len(BANDS) + 1))


def read_image(image: Image, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Read a window of one image: reflectance and valid, both (6, y, x).

    Raises:
        RasterError: The file cannot be read.
    """
    with opened(image.path) as dataset:
        numbers = read_bands(image.path, dataset, image.band_numbers, window)
    valid = np.isfinite(numbers) if numbers.dtype.kind == "f" else np.ones(numbers.shape, np.bool_)
    for band, nodata in enumerate(image.nodata):
        if nodata is not None and not np.isnan(nodata):
            valid[band] &= numbers[band] != nodata
    if image.border:
        valid &= (numbers != 0).any(axis=0)  # files without a nodata tag have a border of zeros in all bands
    scales = np.array(image.scales, np.float64)[:, None, None]
    offsets = np.array(image.offsets, np.float64)[:, None, None]
    reflectance = (numbers * scales + offsets).astype(np.float32)
    reflectance[~valid] = 0
    return reflectance, valid
