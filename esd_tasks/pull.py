"""Codes of a place: windows and points read from tiles that overlap, onto one grid, without a seam.

Every pixel and every point has one owner among the tiles that cover it: the tile whose own 100 km square holds it or
lies nearest, ties to the tile id that sorts first. Where the owner has no data the result has none, although a
neighbour may: the same tile answers in every year. Codes are labels, so they only ever move to the nearest pixel.
"""

from collections.abc import Sequence

import shapely
from numpy.typing import ArrayLike
from rasterio.windows import Window

from esd_tasks.codes_item import CodesItem
from esd_tasks.mosaic import Mosaic
from esd_tasks.pulled import PulledBlock, PulledPoints
from esd_tasks.target import Grid, grid_of, pixels_inside

__all__ = ["Grid", "Mosaic", "PulledBlock", "PulledPoints", "grid_for", "pixels_inside", "read_points", "read_window"]


def grid_for(items: Sequence[CodesItem], geometry: shapely.Geometry) -> Grid:
    """Return the grid on which a geometry is mapped: that of the item which owns its centre, cut to what there is.

    A tile of the product whose file cannot be opened lies where its name says; whoever reads it hears of that.

    Args:
        items: Items of one year.
        geometry: Area in WGS84.

    Raises:
        NothingFoundError: No item meets the geometry.
        GridError: The area is too wide for one projection.
    """
    with Mosaic(items, on_failure=lambda *_: None) as mosaic:
        places = [mosaic.georeference(k) for k in range(len(mosaic.items))]
        return grid_of(places, [item.footprint for item in mosaic.items], geometry)


def read_window(items: Sequence[CodesItem], grid: Grid, window: Window | None = None) -> PulledBlock:
    """Read one window of a grid; for many windows keep a `Mosaic`."""
    with Mosaic(items) as mosaic:
        return mosaic.read(grid, window)


def read_points(items: Sequence[CodesItem], lon: ArrayLike, lat: ArrayLike) -> PulledPoints:
    """Read the pixels that hold points in WGS84."""
    with Mosaic(items) as mosaic:
        return mosaic.read_points(lon, lat)
