"""Elevation of any kind to the three numbers that the encoder takes: elevation, slope and aspect on a grid.

Elevation is laid on the grid by `resample`, small voids are filled by `voids`, and slope and aspect come from the 3 x 3
pixels around by the weights of Horn (1981, Proc. IEEE 69, 14-47).

Everything is made in blocks of the grid that are fixed, so that a window holds the bits of the same part of the whole
grid, and only as much is in memory as a few blocks need.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd.errors import GridError, RasterError
from stactools_esd.sources.coverage import coverage, files_on, headers_on
from stactools_esd.sources.elevation_file import find_rasters, look, words
from stactools_esd.sources.lattice import Lattice, join
from stactools_esd.sources.resample import resample
from stactools_esd.sources.source import TargetGrid, check_window
from stactools_esd.sources.voids import VOID_PIXELS, fill_small_voids

FLAT: Final = 0.05
"""Slope in degrees below which ground is flat and has no aspect."""

BLOCK: Final = 512
"""Rows and columns that are made at once."""

_REMEMBERED: Final = 24
"""Blocks that are kept, a megabyte each: two rows of those of a tile and some."""

_MARGIN: Final = VOID_PIXELS + 1
_STRIP_ROWS: Final = 256


@dataclass(frozen=True, kw_only=True)
class Terrain:
    """Elevation, slope and aspect on a grid, made by window; make one with `open_terrain`."""

    grid: TargetGrid
    """The grid, in metres."""

    lattices: tuple[Lattice, ...]
    """Rasters near the grid; where they overlap, the first that knows the elevation counts."""

    files: tuple[Path, ...]
    """Every file that elevation is read from; of a virtual raster that and its parts on the grid."""

    covered: float
    """Share of the grid, 0..1, that lies in the rasters, whether they know its elevation or not."""

    sea_level: float | None = None
    """Elevation in metres of what is unknown and no small void; None leaves it unknown."""

    def read(self, window: Window) -> NDArray[np.float32]:
        """Make a window of the grid, and read no more than that needs.

        Args:
            window: Whole pixels inside the grid.

        Returns:
            Elevation in metres, slope in degrees, aspect in degrees clockwise from the north of the grid, (3, rows,
            columns); aspect NaN where flat, all three NaN where the elevation is unknown.

        Raises:
            GridError: The window leaves the grid.
            RasterError: A file is truncated or damaged.
        """
        rows, columns = check_window(window, self.grid.shape)
        terrain = np.empty((3, rows.stop - rows.start, columns.stop - columns.start), np.float32)
        dx, dy = self.grid.transform.a, -self.grid.transform.e
        for first in range(rows.start, rows.stop, _STRIP_ROWS):
            stop = min(first + _STRIP_ROWS, rows.stop)
            elevation = _elevation(self, slice(first - 1, stop + 1), slice(columns.start - 1, columns.stop + 1))
            terrain[:, first - rows.start : stop - rows.start] = slope_and_aspect(elevation, dx, dy)
        return terrain


def open_terrain(
    path: Path | Sequence[Path], grid: TargetGrid, *, partial: bool = False, sea_level: float | None = None
) -> Terrain:
    """Look at the headers of rasters of elevation.

    Elevation outside -500..9000 m is a void like nodata. Voids of at most `voids.VOID_PIXELS` pixels of the grid are
    filled from their rims; what is larger stays unknown. An elevation of 0 is one like others. Files that go on in
    each other's pixels are one raster; where others meet, neither is moved to fit. Heights are taken as they are,
    above whatever surface.

    Args:
        path: A raster, a virtual raster, a folder of rasters, or a list of them, each in any CRS, metres in its first
            band. Where they overlap, the first that knows the elevation counts, in a folder by name.
        grid: Where to lay them, in a projected CRS in metres.
        partial: Take rasters that hold a part of the grid only; the rest is unknown.
        sea_level: Elevation in metres to take where it is unknown and no small void, such as 0 where the rasters leave
            the sea out; voids in land that are not small get it too.

    Returns:
        Terrain of the grid; nothing but headers was read.

    Raises:
        RasterError: There is no raster, a file is none, has no CRS or is not in metres, or the grid is not covered.
        GridError: The grid is not in metres.
    """
    if not grid.crs.is_projected or grid.crs.linear_units_factor[1] != 1.0:
        raise GridError(f"got a grid in {grid.crs}, expected a projected CRS in metres; slopes need metres")
    headers = [look(file) for file in find_rasters(path)]
    covered = coverage(headers, grid)
    if not covered:
        raise RasterError(
            f"got {words(path)} without elevation on the grid of the images, expected one that covers it; give another"
        )
    if covered < 1 and not (partial or sea_level is not None):
        raise RasterError(
            f"got elevation of {np.floor(1000 * covered) / 10:g} % of the grid in {words(path)}, expected all of it; "
            "add rasters of the rest"
        )
    near = headers_on(headers, grid, margin=_MARGIN + 2)
    return Terrain(grid=grid, lattices=join(near), files=files_on(near, grid), covered=covered, sea_level=sea_level)


def slope_and_aspect(elevation: NDArray[np.float32], dx: float, dy: float) -> NDArray[np.float32]:
    """Take slope and aspect with the weights of Horn (1981).

    Args:
        elevation: Metres, north up, with a margin of one pixel on every side, (h + 2, w + 2); NaN where unknown.
        dx: Width of a pixel in metres.
        dy: Height of a pixel in metres.

    Returns:
        Elevation, slope and aspect, (3, h, w). Where a neighbour is unknown, the ground goes on as it comes from the
        opposite one; where that is unknown too, level.
    """
    centre = elevation[1:-1, 1:-1].astype(np.float64)
    rows, columns = centre.shape

    def moved(down: int, right: int) -> NDArray[np.float64]:
        return elevation[1 + down : 1 + down + rows, 1 + right : 1 + right + columns].astype(np.float64)

    def neighbour(down: int, right: int) -> NDArray[np.float64]:
        there = moved(down, right)
        if not np.isnan(there).any():
            return there
        there = np.where(np.isnan(there), 2 * centre - moved(-down, -right), there)
        return np.where(np.isnan(there), centre, there)

    east = neighbour(-1, 1) + 2 * neighbour(0, 1) + neighbour(1, 1)
    west = neighbour(-1, -1) + 2 * neighbour(0, -1) + neighbour(1, -1)
    south = neighbour(1, -1) + 2 * neighbour(1, 0) + neighbour(1, 1)
    north = neighbour(-1, -1) + 2 * neighbour(-1, 0) + neighbour(-1, 1)
    to_east = (east - west) / (8 * dx)
    to_north = (north - south) / (8 * dy)
    slope = np.rad2deg(np.arctan(np.hypot(to_east, to_north)))
    # Aspect is where water runs to: down the gradient.
    aspect = np.rad2deg(np.arctan2(-to_east, -to_north)) % 360
    slope[np.isnan(centre)] = np.nan
    aspect[~(slope >= FLAT)] = np.nan
    return np.stack([centre, slope, aspect]).astype(np.float32)


def _elevation(terrain: Terrain, rows: slice, columns: slice) -> NDArray[np.float32]:
    """Put elevation together from blocks, for rows and columns of the grid and of a margin of one pixel around it."""
    top, left = rows.start + 1, columns.start + 1  # blocks begin with the margin
    elevation = np.empty((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    bottom, right = top + elevation.shape[0], left + elevation.shape[1]
    for down in range(top // BLOCK, (bottom - 1) // BLOCK + 1):
        for across in range(left // BLOCK, (right - 1) // BLOCK + 1):
            block = _block(terrain, down, across)
            row, column = down * BLOCK, across * BLOCK
            there = slice(max(row, top), min(row + BLOCK, bottom)), slice(max(column, left), min(column + BLOCK, right))
            elevation[there[0].start - top : there[0].stop - top, there[1].start - left : there[1].stop - left] = block[
                there[0].start - row : there[0].stop - row, there[1].start - column : there[1].stop - column
            ]
    return elevation


@lru_cache(maxsize=_REMEMBERED)
def _block(terrain: Terrain, down: int, across: int) -> NDArray[np.float32]:
    """Make the elevation of one block; the last few are remembered."""
    grid, row, column = terrain.grid, down * BLOCK - 1, across * BLOCK - 1
    height, width = min(BLOCK, grid.shape[0] + 1 - row), min(BLOCK, grid.shape[1] + 1 - column)
    elevation = resample(grid, terrain.lattices, row, column, (height, width))
    if np.isnan(elevation).any():
        # A void of the block that leaves this margin is no small one, and the rim of a small one lies within it.
        wide = (height + 2 * _MARGIN, width + 2 * _MARGIN)
        elevation = fill_small_voids(resample(grid, terrain.lattices, row - _MARGIN, column - _MARGIN, wide))
        elevation = np.ascontiguousarray(elevation[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN])
        if terrain.sea_level is not None:
            elevation[np.isnan(elevation)] = terrain.sea_level
    elevation.setflags(write=False)
    return elevation
