"""A raster of classes, read by blocks: a map, or the strata that a sample was drawn from."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from esd_tasks.legend import LARGEST_ID, UNCLASSIFIED
from esd_tasks.strata_area import PixelAreas
from stactools_esd.blocks import Block
from stactools_esd.errors import RasterError, UsageError
from stactools_esd.files import multihash_file
from stactools_esd.gdal import check_size, quiet_gdal

BLOCK_PIXELS: Final = 1 << 20
"""Pixels that are read at once, about: some 30 MB of memory, whatever the size of the raster."""

MAP_FILE: Final = "map.tif"
"""The class map in a folder that `esd-tasks classify` wrote."""

_SEARCHED: Final = 256


class ClassRaster:
    """A raster of class ids; a context manager. 0, nodata and masked pixels are of no class.

    Attributes:
        path: The file.
        areas: True areas of its pixels.

    Raises:
        UsageError: There is no such file.
        RasterError: The file is no raster of one band of classes, or larger than `gdal.check_size` has it.
        GridError: The raster has no CRS, so its pixels have no areas.
    """

    def __init__(self, path: Path, *, what: str = "map") -> None:
        """Open a raster of classes.

        Args:
            path: The raster, or the folder that `esd-tasks classify` wrote.
            what: What to call it in messages.
        """
        self.path = path / MAP_FILE if path.is_dir() else path
        if not self.path.is_file():
            raise UsageError(f"got {what} {path}, which is no file, expected a raster of classes; check the path")
        self._what = what
        with quiet_gdal(f"read {self.path}"):
            self._source = rasterio.open(self.path)
        self._dataset: Any = self._source
        try:
            check_size(self.path, self._source, whole=True)
        except RasterError:
            self.close()
            raise
        if self._source.count != 1:
            raise RasterError(
                f"got {self._source.count} bands in {self.path.name}, expected one band of classes; "
                "give the class map, or export its band"
            )
        self.areas = PixelAreas(crs=self._source.crs, transform=self._source.transform)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._dataset is not self._source:
            self._dataset.close()
        self._source.close()

    @property
    def height(self) -> int:
        """Rows."""
        return int(self._dataset.height)

    @property
    def width(self) -> int:
        """Columns."""
        return int(self._dataset.width)

    @property
    def crs(self) -> Any:
        """CRS of the grid."""
        return self._dataset.crs

    @property
    def transform(self) -> Any:
        """From (column, row) to (x, y)."""
        return self._dataset.transform

    @property
    def names(self) -> dict[int, str]:
        """Names by class_id that the file states, as maps of `esd-tasks classify` do; empty where it states none."""
        try:
            names = json.loads(self._source.tags(1).get("CLASS_NAMES", "{}"))
            return {int(class_id): str(name) for class_id, name in sorted(names.items(), key=lambda pair: int(pair[0]))}
        except (ValueError, AttributeError):
            return {}

    @property
    def year(self) -> int | None:
        """Year of the map, as maps of this toolkit state it; None where the file says nothing."""
        text = str(self._source.tags().get("YEAR", ""))
        return int(text) if text.isdigit() else None

    def checksum(self) -> str:
        """Return the multihash of the file."""
        return multihash_file(self.path)

    def aligned_to(self, other: "ClassRaster") -> None:
        """Answer on the grid of another raster from now on: the nearest pixel's class; none outside this one."""
        same = (self.crs, self.transform, self.height, self.width)
        if same == (other.crs, other.transform, other.height, other.width):
            return
        nodata = UNCLASSIFIED if self._source.nodata is None else self._source.nodata
        with quiet_gdal(f"read {self.path}"):
            self._dataset = WarpedVRT(
                self._source,
                crs=other.crs,
                transform=other.transform,
                height=other.height,
                width=other.width,
                resampling=Resampling.nearest,
                nodata=nodata,
            )

    def blocks(self, pixels: int = BLOCK_PIXELS) -> Iterator[Block]:
        """Cut the raster into blocks along those that its file has, in reading order.

        Args:
            pixels: About how many pixels a block has.
        """
        rows, columns = self._source.block_shapes[0]
        if columns >= self.width:
            high, wide = max(1, pixels // self.width), self.width
            high = high // rows * rows or high
        else:
            side = max(1, round(pixels**0.5))
            high, wide = (side // size * size or side for size in (rows, columns))
        for row in range(0, self.height, high):
            for column in range(0, self.width, wide):
                yield Block(
                    row=row,
                    column=column,
                    height=min(high, self.height - row),
                    width=min(wide, self.width - column),
                )

    def read(self, block: Block) -> NDArray[np.uint16]:
        """Return the class_id of each pixel of a block, (h, w), 0 where there is none.

        Raises:
            RasterError: Values are no class ids: fractions, below 0 or above 65535.
        """
        return self._read(block.window)

    def at(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.uint16]:
        """Return the class_id of some pixels, (n,); each part of the file is read once.

        Args:
            rows: Rows, all on the raster, (n,).
            columns: Columns, (n,).
        """
        found = np.zeros(len(rows), dtype=np.uint16)
        cells = np.stack([rows // _SEARCHED, columns // _SEARCHED])
        each, member = np.unique(cells, axis=1, return_inverse=True)
        for position, (down, across) in enumerate(each.T.tolist()):
            row, column = down * _SEARCHED, across * _SEARCHED
            window = Window(column, row, min(_SEARCHED, self.width - column), min(_SEARCHED, self.height - row))
            here = np.flatnonzero(member.ravel() == position)
            found[here] = self._read(window)[rows[here] - row, columns[here] - column]
        return found

    def pixels_of(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and column of the pixels that hold points of the CRS; -1, -1 outside."""
        with np.errstate(invalid="ignore"):
            column, row = ~self.transform * (x, y)
            inside = (row >= 0) & (row < self.height) & (column >= 0) & (column < self.width)
        return np.where(inside, row, -1).astype(np.int64), np.where(inside, column, -1).astype(np.int64)

    def _read(self, window: Window) -> NDArray[np.uint16]:
        with quiet_gdal(f"read {self.path}"):
            values = self._dataset.read(1, window=window)
            missing = np.zeros(values.shape, dtype=np.bool_)
            if MaskFlags.per_dataset in self._dataset.mask_flag_enums[0]:
                missing = self._dataset.read_masks(1, window=window) == 0
        if self._dataset.nodata is not None:
            missing |= values == self._dataset.nodata
        if values.dtype.kind == "f":
            missing |= np.isnan(values)
        known = np.where(missing, UNCLASSIFIED, values)
        low, high = known.min(), known.max()
        if low < 0 or high > LARGEST_ID or (known.dtype.kind == "f" and (known != np.floor(known)).any()):
            raise RasterError(
                f"got values from {low:g} to {high:g} in {self.path.name}, expected class ids 1..{LARGEST_ID}, whole "
                f"numbers ({UNCLASSIFIED} is unclassified); give a raster of classes, or set its nodata value"
            )
        return known.astype(np.uint16)
