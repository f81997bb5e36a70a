"""Elevation from posts of any distance and CRS to pixels of a grid, each of them by itself.

The elevation of a pixel is its mean over the pixel. Where posts lie closer than pixels, points that lie as close are
interpolated (`sampling`) and averaged; of posts much closer, means are taken first. Where they lie about as far apart
or farther, the one point in the middle of the pixel is taken: cubic, for bilinear values halfway between posts are
smoothed, and on rough ground of 1 arc second their slopes fall short by 6 % in bands, where cubic ones do by 2 %.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.sources.lattice import Lattice
from stactools_esd.sources.place import place
from stactools_esd.sources.sampling import sample
from stactools_esd.sources.source import TargetGrid

_STRIP_POINTS: Final = 1 << 20

_THINNED_FROM: Final = 4.0
"""Posts to a pixel from which means of posts are taken first: half as many as leave two to a pixel."""

_SPARE: Final = 0.25
"""Posts to a pixel by which points may lie farther apart than posts: 1.25 posts to a pixel are one point, more two."""


def resample(
    grid: TargetGrid, lattices: Sequence[Lattice], row: int, column: int, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Bring elevation onto pixels of a grid and beyond it.

    Args:
        grid: The grid.
        lattices: Where they overlap, the first that knows the elevation counts.
        row: First row of the grid; may be negative.
        column: First column.
        shape: Rows and columns; those that leave the grid go on as it does.

    Returns:
        Elevation in metres of `shape`, NaN where no raster knows it.

    Raises:
        RasterError: A file is truncated or damaged.
    """
    elevation = np.full(shape, np.nan, np.float32)
    for lattice in lattices:
        (_, points) = density(grid, lattice)
        at_once = max(1, _STRIP_POINTS // (shape[1] * points[0] * points[1]))
        for first in range(0, shape[0], at_once):
            part = elevation[first : first + at_once]
            unknown = np.isnan(part)
            if unknown.any():
                part[unknown] = _means(grid, lattice, row + first, column, part.shape)[unknown]
    return elevation


def _means(grid: TargetGrid, lattice: Lattice, row: int, column: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the means of elevation over pixels, NaN where fewer than half of the points in one are known."""
    thinning, (down, across) = density(grid, lattice)
    height, width = shape
    # Counted from the grid's corner, so that a point has the same bits whatever part is asked for.
    x = grid.transform.c + grid.transform.a * ((np.arange(column * across, (column + width) * across) + 0.5) / across)
    y = grid.transform.f + grid.transform.e * ((np.arange(row * down, (row + height) * down) + 0.5) / down)
    rows, columns = _on_lattice(grid, lattice, *(axis.ravel() for axis in np.meshgrid(x, y)))
    rows, columns = rows / thinning[0] - 0.5, columns / thinning[1] - 0.5
    seen = np.isfinite(rows) & np.isfinite(columns)
    if not seen.any():
        return np.full((height, width), np.nan, np.float32)
    top, left = int(np.floor(rows[seen].min())) - 1, int(np.floor(columns[seen].min())) - 1
    bottom, right = int(np.floor(rows[seen].max())) + 3, int(np.floor(columns[seen].max())) + 3
    posts = lattice.read(top, left, (bottom - top, right - left), thinning)
    points = sample(posts, rows, columns, (top, left)).reshape(height, down, width, across)
    if down * across == 1:
        return points[:, 0, :, 0]
    known = ~np.isnan(points)
    count = known.sum(axis=(1, 3))
    total = np.where(known, points, np.float32(0)).sum(axis=(1, 3), dtype=np.float64)
    return np.where(2 * count >= down * across, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _on_lattice(
    grid: TargetGrid, lattice: Lattice, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rows and columns of a lattice, in pixel corners, where coordinates of the grid lie."""
    columns, rows = ~lattice.transform * place(grid, lattice.crs, x, y)
    return rows, columns


@lru_cache(maxsize=64)
def density(grid: TargetGrid, lattice: Lattice) -> tuple[tuple[int, int], tuple[int, int]]:
    """Choose how posts are thinned and how many points stand for a pixel, by their distances in the grid's middle.

    Returns:
        Rows and columns of the lattice that one post is the mean of; rows and columns of points in a pixel.
    """
    height, width = grid.shape
    corners = np.array([(0.5, 0.5), (0.5, 1.5), (1.5, 0.5)]) + np.floor((height / 2, width / 2))
    x, y = grid.transform * (corners[:, 1], corners[:, 0])
    rows, columns = _on_lattice(grid, lattice, x, y)
    steps = np.array([np.diff(rows[:2]), np.diff(columns[:2]), np.diff(rows[::2]), np.diff(columns[::2])])
    by_column, by_row = steps[:2, 0], steps[2:, 0]  # rows and columns of the lattice to a column and a row of the grid
    posts = np.hypot(by_column, by_row)
    if not np.isfinite(posts).all():
        return (1, 1), (1, 1)
    thinning = np.where(posts >= _THINNED_FROM, np.floor(posts / 2), 1).astype(int)
    points = [max(1, int(np.ceil(np.hypot(*(step / thinning)) - _SPARE))) for step in (by_row, by_column)]
    return (int(thinning[0]), int(thinning[1])), (points[0], points[1])
