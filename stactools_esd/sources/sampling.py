"""Elevation between the posts of a raster: cubic inside, linear at rims, nothing where nothing is known.

GDAL's warper is not used here. Near missing posts it blends what is left, so that a plane is no longer a plane there;
places are interpolated between exact ones, so that a value depends on what else is asked; and a raster of degrees
ends at the antimeridian.
"""

import math

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled


def sample(
    posts: NDArray[np.float32], rows: NDArray[np.float64], columns: NDArray[np.float64], origin: tuple[int, int]
) -> NDArray[np.float32]:
    """Interpolate between posts.

    A point is known where the post nearest to it is. Where the 4 x 4 posts around it are known, cubic convolution with
    a = -1/2 (Keys 1981, IEEE Trans. Acoust. Speech Signal Process. 29, 1153-1160) goes through posts and reproduces
    planes and parabolas; where only the 2 x 2 are, it is bilinear; at rims the plane through the nearest post goes on,
    by at most half a post. All three reproduce planes.

    Args:
        posts: Elevation (h, w), NaN where unknown.
        rows: Where to look (n,), in posts from the centre of the one in row 0; NaN or infinite gives NaN.
        columns: Likewise, of the one in column 0.
        origin: Row and column of the first of `posts`. The same place gives the same bits whatever part of the posts
            is at hand, for it is never counted from there.

    Returns:
        Elevation (n,), NaN where unknown.
    """
    elevation = np.empty(rows.shape, np.float32)
    _sample(posts, rows, columns, origin[0], origin[1], elevation)
    return elevation


@compiled
def _sample(
    posts: NDArray[np.float32],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    first_row: int,
    first_column: int,
    elevation: NDArray[np.float32],
) -> None:
    height, width = posts.shape
    for place in range(len(rows)):
        row, column = rows[place], columns[place]
        elevation[place] = np.nan
        if not (math.isfinite(row) and math.isfinite(column)):
            continue
        near_row = math.floor(row + 0.5) - first_row
        near_column = math.floor(column + 0.5) - first_column
        if near_row < 0 or near_column < 0 or near_row >= height or near_column >= width:
            continue
        if math.isnan(posts[near_row, near_column]):
            continue
        top, left = math.floor(row) - first_row, math.floor(column) - first_column
        down, across = row - math.floor(row), column - math.floor(column)
        value = math.nan
        if top >= 1 and left >= 1 and top + 2 < height and left + 2 < width:
            value = _cubic(posts, top, left, down, across)
        if math.isnan(value) and top >= 0 and left >= 0 and top + 1 < height and left + 1 < width:
            upper = (1 - across) * posts[top, left] + across * posts[top, left + 1]
            lower = (1 - across) * posts[top + 1, left] + across * posts[top + 1, left + 1]
            value = (1 - down) * upper + down * lower
        if math.isnan(value):
            value = _plane(posts, near_row, near_column, row - math.floor(row + 0.5), column - math.floor(column + 0.5))
        elevation[place] = value


@compiled
def _cubic(posts: NDArray[np.float32], top: int, left: int, down: float, across: float) -> float:
    """Cubic convolution of the 4 x 4 posts around a place; NaN where one is unknown."""
    value = 0.0
    for row in range(4):
        line = 0.0
        for column in range(4):
            line += _weight(column, across) * posts[top - 1 + row, left - 1 + column]
        value += _weight(row, down) * line
    return value


@compiled
def _weight(post: int, part: float) -> float:
    """Weight of the first to fourth post in a row where a point lies `part` (0..1) behind the second."""
    if post == 0:
        return ((-0.5 * part + 1.0) * part - 0.5) * part
    if post == 1:
        return (1.5 * part - 2.5) * part * part + 1.0
    if post == 2:
        return ((-1.5 * part + 2.0) * part + 0.5) * part
    return (0.5 * part - 0.5) * part * part


@compiled
def _plane(posts: NDArray[np.float32], row: int, column: int, down: float, across: float) -> float:
    """Continue a known post by the slopes to its known neighbours, level where it has none."""
    height, width = posts.shape
    here = float(posts[row, column])
    above = float(posts[row - 1, column]) if row > 0 else math.nan
    below = float(posts[row + 1, column]) if row + 1 < height else math.nan
    before = float(posts[row, column - 1]) if column > 0 else math.nan
    behind = float(posts[row, column + 1]) if column + 1 < width else math.nan
    return here + down * _rise(above, here, below) + across * _rise(before, here, behind)


@compiled
def _rise(before: float, here: float, behind: float) -> float:
    """Rise from one post to the next, by whatever neighbours are known."""
    if math.isnan(before) and math.isnan(behind):
        return 0.0
    if math.isnan(before):
        return behind - here
    if math.isnan(behind):
        return here - before
    return 0.5 * (behind - before)
