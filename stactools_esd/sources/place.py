"""Where points of a grid lie in another CRS."""

from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.crs import CRS

from stactools_esd.sources.source import TargetGrid


def place(
    grid: TargetGrid, crs: CRS, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Transform points of a grid, each exactly and by itself.

    Args:
        grid: The grid, whose CRS the points are in.
        crs: Where they are wanted.
        x: Eastings.
        y: Northings.

    Returns:
        Coordinates, longitudes before latitudes; infinite where a point has none. Longitudes lie within 180 degrees of
        the grid's middle, so that a grid across the antimeridian stays in one piece.
    """
    transformer, middle = _transformer(grid, crs)
    across, along = (np.asarray(axis, np.float64) for axis in transformer.transform(x, y))
    if middle is not None:
        across = across + 360.0 * np.round((middle - across) / 360.0)
    return across, along


@lru_cache(maxsize=64)
def _transformer(grid: TargetGrid, crs: CRS) -> tuple[Any, float | None]:
    """Return the transformation, and the longitude of the grid's middle where the CRS is of degrees."""
    from_crs, to_crs = (pyproj.CRS.from_wkt(each.to_wkt()) for each in (grid.crs, crs))
    transformer = pyproj.Transformer.from_crs(from_crs, to_crs, always_xy=True)
    if not crs.is_geographic:
        return transformer, None
    height, width = grid.shape
    return transformer, float(transformer.transform(*(grid.transform * (width / 2, height / 2)))[0])
