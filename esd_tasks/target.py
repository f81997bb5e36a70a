"""The grid that results lie on: whole pixels of the item that owns the centre of an area."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import pyproj
import shapely
import shapely.geometry
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.features import geometry_mask
from rasterio.windows import Window

from esd_tasks.places import unwrap_longitudes
from stactools_esd import grid as tiles
from stactools_esd.errors import GridError, NothingFoundError

WGS84: Final = CRS.from_epsg(4326)
"""Longitude and latitude, in this order."""

MOST_PIXELS: Final = 1_000_000
"""Rows or columns of a grid; an area that asks for more is refused."""

_SEGMENT_DEGREES = 0.05
_DEGREES_AROUND = 0.001
_SNAP = 1e-4


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Pixels of a projected raster, north up."""

    crs: CRS
    """Projected CRS in metres."""

    transform: Affine
    """From (column, row) to (x, y)."""

    width: int
    """Columns."""

    height: int
    """Rows."""

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in the CRS."""
        west, north = self.transform.c, self.transform.f
        return west, north + self.height * self.transform.e, west + self.width * self.transform.a, north

    def transform_of(self, window: Window) -> Affine:
        """Return the transform of a window."""
        return self.transform * Affine.translation(window.col_off, window.row_off)

    def centres(self, window: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y of the middle of each pixel of a window, shape (h, w)."""
        transform = self.transform_of(window)
        x = transform.c + (np.arange(int(window.width)) + 0.5) * transform.a
        y = transform.f + (np.arange(int(window.height)) + 0.5) * transform.e
        across, down = np.meshgrid(x, y)
        return across, down

    def footprint(self, window: Window | None = None) -> shapely.Geometry:
        """Return the outline of a window, or of the grid, in WGS84."""
        window = window or Window(0, 0, self.width, self.height)
        part = Grid(
            crs=self.crs, transform=self.transform_of(window), width=int(window.width), height=int(window.height)
        )
        return shapely.geometry.shape(tiles.footprint(self.crs, part.bounds))


@dataclass(frozen=True, kw_only=True)
class Georeference(Grid):
    """Where the pixels of an item lie, and which area it owns."""

    square: tiles.Bounds
    """The area that the item owns, in the CRS."""

    def pixel(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and column of the pixels that hold projected points; -1, -1 outside."""
        row, column = (y - self.transform.f) / self.transform.e, (x - self.transform.c) / self.transform.a
        inside = (row >= 0) & (row < self.height) & (column >= 0) & (column < self.width)
        return np.where(inside, row, -1).astype(np.int64), np.where(inside, column, -1).astype(np.int64)

    def middle(
        self, row: NDArray[np.int64], column: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y of the middle of pixels."""
        return self.transform.c + (column + 0.5) * self.transform.a, self.transform.f + (row + 0.5) * self.transform.e

    def shares_pixels(self, grid: Grid) -> bool:
        """Tell whether the pixels of a grid are pixels of the item."""
        if self.crs != grid.crs or self.transform.a != grid.transform.a or self.transform.e != grid.transform.e:
            return False
        column, row = ~self.transform * (grid.transform.c, grid.transform.f)
        return math.isclose(column, round(column), abs_tol=_SNAP) and math.isclose(row, round(row), abs_tol=_SNAP)

    def same_pixels(self, grid: Grid, window: Window) -> Window | None:
        """Return the window of the item that has the pixels of a window of a grid; None where not all are its own."""
        if not self.shares_pixels(grid):
            return None
        column, row = ~self.transform * (grid.transform.c, grid.transform.f)
        left, top = round(column) + int(window.col_off), round(row) + int(window.row_off)
        width, height = int(window.width), int(window.height)
        inside = 0 <= left <= self.width - width and 0 <= top <= self.height - height
        return Window(left, top, width, height) if inside else None


def transformer(source: CRS, target: CRS) -> pyproj.Transformer:
    """Return the transformation between two CRSs, x or longitude first."""
    return _transformer(source.to_wkt(), target.to_wkt())


@lru_cache(maxsize=256)
def _transformer(source: str, target: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def projected(geometry: shapely.Geometry, crs: CRS) -> shapely.Geometry:
    """Project a geometry in WGS84, its edges first cut into short ones, for they are straight in WGS84."""
    change = transformer(WGS84, crs)
    return shapely.transform(
        shapely.segmentize(geometry, _SEGMENT_DEGREES),
        lambda points: np.column_stack(change.transform(points[:, 0], points[:, 1])),
    )


def grid_of(places: Sequence[Georeference], footprints: Sequence[shapely.Geometry], geometry: shapely.Geometry) -> Grid:
    """Return the grid of an area: pixels of the item that owns its centre, cut to the area and to the items.

    Args:
        places: Where items lie, in the order that breaks ties.
        footprints: Their outlines in WGS84.
        geometry: Area in WGS84.

    Raises:
        NothingFoundError: No item meets the area.
        GridError: The area is too wide for the projection.
    """
    base = _owner_of_centre(places, geometry)
    boxes = []
    for place, footprint in zip(places, footprints, strict=True):
        same = place.crs == base.crs
        around = shapely.buffer(footprint, _DEGREES_AROUND) if same else footprint
        shared = projected(shapely.intersection(geometry, around), base.crs)
        if shared.is_empty:
            continue
        west, south, east, north = shared.bounds
        if not math.isfinite(west + south + east + north):
            raise GridError("got an area too wide for the projection of its centre; ask for a smaller area")
        if same:
            bounds = place.bounds
            west, south = max(west, bounds[0]), max(south, bounds[1])
            east, north = min(east, bounds[2]), min(north, bounds[3])
        if west <= east and south <= north:
            boxes.append((west, south, east, north))
    if not boxes:
        raise NothingFoundError("got an area that no item meets, expected one inside the items; check the area")
    corners = np.array(boxes)
    (left, bottom), (right, top) = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
    first_column, first_row = ~base.transform * (left, top)
    last_column, last_row = ~base.transform * (right, bottom)
    column, row = math.floor(first_column + _SNAP), math.floor(first_row + _SNAP)
    width = max(math.ceil(last_column - _SNAP) - column, 1)
    height = max(math.ceil(last_row - _SNAP) - row, 1)
    if max(width, height) > MOST_PIXELS:
        raise GridError(
            f"got an area of {width} x {height} pixels, expected at most {MOST_PIXELS} a side; ask for a smaller area"
        )
    return Grid(crs=base.crs, transform=base.transform * Affine.translation(column, row), width=width, height=height)


def pixels_inside(
    grid: Grid, geometry: shapely.Geometry, window: Window | None = None, *, all_touched: bool = False
) -> NDArray[np.bool_]:
    """Tell which pixels of a window lie in a geometry: by their middle, or all that it touches.

    Args:
        grid: The pixels.
        geometry: Area in WGS84: the true polygon, not its box.
        window: Part of the grid; all of it if None.
        all_touched: Take every pixel that the geometry touches.

    Returns:
        Shape (h, w).
    """
    window = window or Window(0, 0, grid.width, grid.height)
    near = shapely.intersection(geometry, shapely.buffer(grid.footprint(window), _DEGREES_AROUND))
    shape = (int(window.height), int(window.width))
    if near.is_empty:
        return np.zeros(shape, dtype=np.bool_)
    inside: NDArray[np.bool_] = geometry_mask(
        [projected(near, grid.crs)], shape, grid.transform_of(window), invert=True, all_touched=all_touched
    )
    return inside


def _owner_of_centre(places: Sequence[Georeference], geometry: shapely.Geometry) -> Georeference:
    """Return the item whose own square is nearest to the middle of an area."""
    if shapely.is_empty(geometry):
        raise NothingFoundError("got an empty area, expected one inside the items; check the area")
    west, south, east, north = unwrap_longitudes(geometry).bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    distances = []
    for place in places:
        x, y = transformer(WGS84, place.crs).transform((lon + 180.0) % 360.0 - 180.0, lat)
        finite = math.isfinite(x) and math.isfinite(y)
        distances.append(float(tiles.owner_distance(place.square, x, y)) if finite else math.inf)
    return places[int(np.argmin(distances))]
