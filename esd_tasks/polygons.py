"""Pixels of polygons: which grid, which pixels, and a bounded draw of them."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.features import geometry_mask

from esd_tasks.pull import Mosaic
from esd_tasks.target import WGS84, Georeference, transformer
from stactools_esd import grid as tiles

STRIP_PIXELS: Final = 4_000_000
"""Pixels of a polygon's box that are looked at together."""


def grid_of_polygon(polygon: shapely.Geometry, mosaic: Mosaic) -> Georeference | None:
    """Return the pixels of the item whose own square is nearest to the middle of a polygon, None outside all items."""
    near = [k for k, item in enumerate(mosaic.items) if shapely.intersects(item.footprint, polygon)]
    if len(near) < 2:
        return mosaic.georeference(near[0]) if near else None
    middle = shapely.point_on_surface(polygon)
    places = [mosaic.georeference(k) for k in near]
    distances = [
        tiles.owner_distance(place.square, *transformer(WGS84, place.crs).transform(middle.x, middle.y))
        for place in places
    ]
    return places[int(np.argmin(distances))]


def draw_pixels(
    polygon: shapely.Geometry, place: Georeference, all_touched: bool, cap: int | None, seed: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return the middles of a polygon's pixels in its item's CRS, at most `cap` of them, and how many were left out.

    The grid is taken to go on beyond the item's edge, where a neighbour answers; strips keep the memory bounded.
    """
    west, south, east, north = polygon.bounds
    (left, top), (right, bottom) = ~place.transform * (west, north), ~place.transform * (east, south)
    columns, rows = _span(left, right), _span(top, bottom)
    generator = np.random.default_rng(seed)
    kept = np.empty((3, 0))
    n = 0
    for first in range(rows.start, rows.stop, step := max(STRIP_PIXELS // len(columns), 1)):
        shape = (min(step, rows.stop - first), len(columns))
        transform = place.transform * Affine.translation(columns.start, first)
        inside = geometry_mask([polygon], shape, transform, invert=True, all_touched=all_touched)
        row, column = np.nonzero(inside)
        n += len(row)
        x, y = transform.c + (column + 0.5) * transform.a, transform.f + (row + 0.5) * transform.e
        kept = np.concatenate([kept, [generator.random(len(row)), x, y]], axis=1)
        if cap is not None and kept.shape[1] > cap:
            kept = kept[:, np.sort(np.argpartition(kept[0], cap)[:cap])]
    return kept[1], kept[2], n - kept.shape[1]


def _span(first: float, last: float) -> range:
    """Return the pixels between two edges, at least one."""
    start = math.floor(first)
    return range(start, max(math.ceil(last), start + 1))
