"""Which pixel of a coarse raster each pixel of a finer grid lies in, found once for all rasters of one grid.

A pixel of 500 m covers some 240 of 30 m. Each of them takes the coarse pixel that holds its centre: nearest neighbour,
for bit fields cannot be averaged, and values that were interpolated between a clear pixel and a cloudy one are neither.
GDAL's warper places a raster of positions, exactly; every layer and every date then only looks its values up, and
quality bits are judged on the coarse pixels, where they are few.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from stactools_esd.gdal import quiet_gdal
from stactools_esd.sources.source import TargetGrid

_OUTSIDE: Final = -1
_EXACT: Final = 1e-9
"""Pixels by which GDAL may err in placing a point: exact, so that a window equals the same part of the whole grid."""

_REMEMBERED: Final = 8
"""Places that are kept, at four bytes a pixel: those of one window on four sinusoidal tiles in two resolutions."""

_MARGIN: Final = 2
_EDGE_POINTS: Final = 41


@dataclass(frozen=True, kw_only=True, eq=False)
class Nearest:
    """Where the pixels of a window of a grid find their values in a coarser raster."""

    part: Window
    """Part of the coarse raster that holds them all."""

    positions: NDArray[np.int32]
    """Position in that part, row by row, of each pixel's value (rows, columns); -1 where it lies outside."""

    @property
    def inside(self) -> NDArray[np.bool_]:
        """True where a pixel lies within the coarse raster (rows, columns)."""
        inside: NDArray[np.bool_] = self.positions != _OUTSIDE
        return inside

    def gather(self, values: NDArray[Any]) -> NDArray[Any]:
        """Look values up.

        Args:
            values: What stands in `part` (its rows, its columns).

        Returns:
            Values (rows, columns); those where `inside` is False mean nothing.
        """
        return values.reshape(-1)[self.positions]


def meets(coarse: TargetGrid, grid: TargetGrid) -> bool:
    """Tell whether a coarse raster may hold pixels of a finer grid, by the edges of the two.

    Raises:
        RasterError: Coordinates cannot be transformed from one grid to the other.
    """
    return _covering_part(coarse, grid, grid.transform, grid.shape) is not None


def find_nearest(coarse: TargetGrid, grid: TargetGrid, window: Window) -> Nearest | None:
    """Find the coarse pixel of each pixel in a window of a grid; the last few answers are remembered.

    Args:
        coarse: Grid of the raster that is looked up.
        grid: The finer grid.
        window: Part of the finer grid.

    Returns:
        The places, or None where the window does not meet the raster.

    Raises:
        RasterError: Coordinates cannot be transformed from one grid to the other.
    """
    return _find(coarse, grid, int(window.row_off), int(window.col_off), int(window.height), int(window.width))


@lru_cache(maxsize=_REMEMBERED)
def _find(coarse: TargetGrid, grid: TargetGrid, row: int, column: int, rows: int, columns: int) -> Nearest | None:
    transform = grid.transform * Affine.translation(column, row)
    part = _covering_part(coarse, grid, transform, (rows, columns))
    if part is None:
        return None
    height, width = int(part.height), int(part.width)
    profile = {
        "driver": "GTiff",
        "count": 1,
        "dtype": "int32",
        "height": height,
        "width": width,
        "crs": coarse.crs,
        "transform": coarse.transform * Affine.translation(part.col_off, part.row_off),
        "nodata": _OUTSIDE,
    }
    with quiet_gdal("place a coarse image on the grid"), MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(np.arange(height * width, dtype=np.int32).reshape(height, width), 1)
        with (
            memory.open() as dataset,
            WarpedVRT(
                dataset,
                crs=grid.crs,
                transform=transform,
                height=rows,
                width=columns,
                resampling=Resampling.nearest,
                nodata=_OUTSIDE,
                tolerance=_EXACT,
            ) as warped,
        ):
            positions = warped.read(1)
    if (positions == _OUTSIDE).all():
        return None
    positions.setflags(write=False)
    return Nearest(part=part, positions=positions)


def _covering_part(coarse: TargetGrid, grid: TargetGrid, transform: Affine, shape: tuple[int, int]) -> Window | None:
    """Return the part of the coarse raster under a window, with a margin, or None where there is none."""
    rows, columns = shape
    west, north = transform * (0, 0)
    east, south = transform * (columns, rows)
    with quiet_gdal("find the grid in a coarse image"):
        bounds = transform_bounds(grid.crs, coarse.crs, west, south, east, north, densify_pts=_EDGE_POINTS)
    corners = [~coarse.transform * (x, y) for x in bounds[::2] for y in bounds[1::2]]
    if not np.isfinite(corners).all():
        return Window(0, 0, coarse.shape[1], coarse.shape[0])
    lows = np.floor(np.min(corners, axis=0)).astype(int) - _MARGIN
    highs = np.ceil(np.max(corners, axis=0)).astype(int) + _MARGIN
    left, top = np.maximum(lows, 0)
    right, bottom = np.minimum(highs, coarse.shape[::-1])
    if left >= right or top >= bottom:
        return None
    return Window(int(left), int(top), int(right - left), int(bottom - top))
