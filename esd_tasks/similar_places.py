"""What a map of similarity singles out: its most similar places, and the share above a threshold."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esd_tasks.geopackage import write_geopackage
from esd_tasks.pull import Grid
from esd_tasks.value_maps import NODATA
from stactools_esd.blocks import Block, BlockStore

Place = tuple[float, float, float]
"""x, y and similarity."""


def top_places(
    store: BlockStore,
    blocks: Sequence[Block],
    grid: Grid,
    *,
    n: int,
    apart: float,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> list[Place]:
    """Return the most similar pixels that lie apart from each other and from the examples, the best first.

    Each block offers its best `n`, so that memory depends on the number of blocks alone.

    Args:
        store: Finished blocks with the layer `similarity`.
        blocks: All blocks.
        grid: Where they lie.
        n: Places wanted.
        apart: Least distance in metres between places, and from the examples.
        x: Places of the examples in the CRS of the grid.
        y: The same, northing.
    """
    radius = apart / grid.transform.a
    offered: list[Place] = []
    for block in blocks:
        values = store.get(block)["similarity"].astype(np.float64)
        values[values == NODATA] = -np.inf
        columns, rows = ~grid.transform_of(block.window) * (x, y)
        for row, column in zip(rows - 0.5, columns - 0.5, strict=True):
            _hide(values, row, column, radius)
        offered += _best(values, grid, block, n, radius)
    chosen: list[Place] = []
    for place in sorted(offered, key=lambda place: (-place[2], -place[1], place[0])):
        if all(np.hypot(place[0] - other[0], place[1] - other[1]) >= apart for other in chosen):
            chosen.append(place)
        if len(chosen) == n:
            break
    return chosen


def write_places(path: Path, places: Sequence[Place], grid: Grid) -> None:
    """Write places as points of a GeoPackage: rank, similarity, longitude and latitude.

    Args:
        path: `.gpkg`.
        places: Of `top_places`.
        grid: Their CRS.

    Raises:
        OutputError: The file cannot be written.
    """
    import geopandas

    table = np.array(places, dtype=np.float64).reshape(-1, 3)
    points = geopandas.GeoSeries(geopandas.points_from_xy(table[:, 0], table[:, 1]), crs=grid.crs)
    degrees = points.to_crs(4326)
    columns = {
        "rank": np.arange(1, len(table) + 1),
        "similarity": table[:, 2].round(4),
        "lon": degrees.x.round(6),
        "lat": degrees.y.round(6),
    }
    write_geopackage(path, geopandas.GeoDataFrame(columns, geometry=points), layer="places")


def share_above(store: BlockStore, blocks: Sequence[Block], threshold: float) -> float:
    """Return the share of mapped pixels at or above a threshold; NaN without a threshold or pixels."""
    above = total = 0
    for block in blocks:
        values = store.get(block)["similarity"]
        mapped = values[values != NODATA]
        above += int((mapped >= threshold).sum())
        total += mapped.size
    return above / total if total and not np.isnan(threshold) else float("nan")


def _best(values: NDArray[np.float64], grid: Grid, block: Block, n: int, radius: float) -> list[Place]:
    """Return the best pixels of a block, hiding what lies around each."""
    found: list[Place] = []
    transform = grid.transform_of(block.window)
    while len(found) < n:
        row, column = np.unravel_index(int(values.argmax()), values.shape)
        value = float(values[row, column])
        if value == -np.inf:
            break
        x, y = transform * (float(column) + 0.5, float(row) + 0.5)
        found.append((x, y, value))
        _hide(values, float(row), float(column), max(radius, 0.5))
    return found


def _hide(values: NDArray[np.float64], row: float, column: float, radius: float) -> None:
    """Take out the pixels whose middles lie within a radius, in pixels, of a place."""
    first_row, first_column = max(int(np.floor(row - radius)), 0), max(int(np.floor(column - radius)), 0)
    last_row, last_column = int(np.ceil(row + radius)) + 1, int(np.ceil(column + radius)) + 1
    if last_row <= first_row or last_column <= first_column:
        return
    part = values[first_row:last_row, first_column:last_column]
    rows, columns = np.indices(part.shape)
    part[np.hypot(rows + first_row - row, columns + first_column - column) < radius] = -np.inf
