"""Whose pixel a place is, among tiles that overlap.

Every pixel and every point has one owner among the tiles that cover it: the tile whose own 100 km square holds it or
lies nearest, ties to the tile that comes first.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.windows import Window

from esd_tasks.target import WGS84, Georeference, Grid, transformer
from stactools_esd import grid as tiles
from stactools_esd.cog import BLOCK_SIZE

_DEGREES_AROUND = 0.01


@dataclass(frozen=True, kw_only=True)
class Owners:
    """The owners of places, of any shape."""

    owner: NDArray[np.int16]
    """Position of the owner among the tiles; -1 where none reaches."""

    row: NDArray[np.int64]
    """Row of the pixel in its owner; -1 without one."""

    column: NDArray[np.int64]
    """Column of the pixel in its owner; -1 without one."""

    alone: tuple[int, Window] | None = None
    """Where one tile owns all places, and they are a window of it, pixel for pixel: its position, and the window."""

    @classmethod
    def of_one(cls, position: int, window: Window) -> "Owners":
        """Return the owners of the pixels of a window of a tile that owns all of them."""
        shape = (int(window.height), int(window.width))
        row = np.arange(window.row_off, window.row_off + shape[0], dtype=np.int64)
        column = np.arange(window.col_off, window.col_off + shape[1], dtype=np.int64)
        return cls(
            owner=np.full(shape, position, dtype=np.int16),
            row=np.broadcast_to(row[:, None], shape),
            column=np.broadcast_to(column, shape),
            alone=(position, window),
        )

    def parts(self) -> Iterator[tuple[int, NDArray[np.bool_]]]:
        """Yield each owner with its places."""
        for k in np.unique(self.owner[self.owner >= 0]):
            yield int(k), self.owner == k

    def moved(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> "Owners":
        """Return the same owners, the pixels of each counted from another corner.

        Args:
            rows: What to add to the rows of each tile, by its position.
            columns: What to add to its columns.
        """
        if not (rows.any() or columns.any()):
            return self
        if self.alone is not None:
            k, window = self.alone
            left, top = window.col_off + int(columns[k]), window.row_off + int(rows[k])
            return Owners.of_one(k, Window(left, top, window.width, window.height))
        owned = self.owner >= 0
        return Owners(
            owner=self.owner,
            row=np.where(owned, self.row + rows[self.owner], -1),
            column=np.where(owned, self.column + columns[self.owner], -1),
        )


def owners_of_window(
    grid: Grid, window: Window, georeference: Callable[[int], Georeference], footprints: Sequence[shapely.Geometry]
) -> Owners:
    """Find the owner of each pixel of a window of a grid.

    Args:
        grid: Where the pixels lie.
        window: Whole pixels of the grid.
        georeference: Says where the pixels of a tile lie; asked only for tiles that may own one.
        footprints: Outlines of the tiles in WGS84.
    """
    near = reaching(grid.footprint(window), footprints)
    if len(near) == 1 and (part := georeference(near[0]).same_pixels(grid, window)) is not None:
        return Owners.of_one(near[0], part)
    x, y = grid.centres(window)
    return find_owners(near, georeference, footprints.__getitem__, grid.crs, x, y)


def find_owners(
    candidates: Iterable[int],
    georeference: Callable[[int], Georeference],
    footprint: Callable[[int], shapely.Geometry],
    crs: CRS,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> Owners:
    """Find the owner of each place.

    Args:
        candidates: Positions of tiles that may own one, in the order that breaks ties.
        georeference: Says where the pixels of a tile lie; asked only for tiles that may own a place.
        footprint: Says the outline of a tile in WGS84.
        crs: CRS of the places; in WGS84 they may lie far apart.
        x: Eastings, or longitudes within -180..180.
        y: Northings, or latitudes.
    """
    nearest = np.full(x.shape, np.inf)
    owner = np.full(x.shape, -1, dtype=np.int16)
    row, column = np.full(x.shape, -1, dtype=np.int64), np.full(x.shape, -1, dtype=np.int64)
    for k in candidates:
        asked = _around(footprint(k), x, y) if crs == WGS84 else np.ones(x.shape, dtype=np.bool_)
        if not asked.any():
            continue
        place = georeference(k)
        there_x, there_y = transformer(crs, place.crs).transform(x[asked], y[asked])
        its_row, its_column = place.pixel(there_x, there_y)
        # The middle of the pixel decides, not the point in it: a pixel has one owner, whoever asks.
        middle = place.middle(its_row, its_column)
        distance = np.where(its_row >= 0, tiles.owner_distance(place.square, *middle), np.inf)
        nearer = distance < nearest[asked]
        taken = np.zeros(x.shape, dtype=np.bool_)
        taken[asked] = nearer
        nearest[taken], owner[taken] = distance[nearer], k
        row[taken], column[taken] = its_row[nearer], its_column[nearer]
    if (alone := _alone(owner, row, column)) is not None:
        return Owners.of_one(*alone)
    return Owners(owner=owner, row=row, column=column)


def reaching(place: shapely.Geometry, outlines: Sequence[shapely.Geometry]) -> list[int]:
    """Return the positions of outlines that may hold pixels of a place, both in WGS84."""
    around = shapely.buffer(place, _DEGREES_AROUND)
    shapely.prepare(around)
    meeting = shapely.intersects(around, np.array(outlines, dtype=object))
    return [int(k) for k in np.flatnonzero(meeting)]


def cut_windows(
    row: NDArray[np.int64], column: NDArray[np.int64], most_pixels: int
) -> Iterator[tuple[Window, NDArray[np.intp]]]:
    """Yield windows of a file that hold some pixels: one if it is small enough, else one an internal block.

    Args:
        row: Rows of the pixels, shape (n,).
        column: Their columns.
        most_pixels: Of one window that holds all.

    Yields:
        A window, and the positions of the pixels in it.
    """
    whole = _window_around(row, column)
    if whole.width * whole.height <= most_pixels:
        yield whole, np.arange(len(row))
        return
    blocks = (row // BLOCK_SIZE << 32) | column // BLOCK_SIZE
    order = np.argsort(blocks, kind="stable")
    for together in np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1):
        yield _window_around(row[together], column[together]), together


def _window_around(row: NDArray[np.int64], column: NDArray[np.int64]) -> Window:
    """Return the smallest window that holds some pixels."""
    top, left = int(row.min()), int(column.min())
    return Window(left, top, int(column.max()) - left + 1, int(row.max()) - top + 1)


def _alone(owner: NDArray[np.int16], row: NDArray[np.int64], column: NDArray[np.int64]) -> tuple[int, Window] | None:
    """Return the only owner and the window of it that places (h, w) are, pixel for pixel; None where that is not so."""
    if owner.ndim != 2 or not owner.size or owner[0, 0] < 0 or (owner != owner[0, 0]).any():
        return None
    (height, width), top, left = owner.shape, int(row[0, 0]), int(column[0, 0])
    beside = (row == np.arange(top, top + height)[:, None]).all() and (column == np.arange(left, left + width)).all()
    return (int(owner[0, 0]), Window(left, top, width, height)) if beside else None


def _around(footprint: shapely.Geometry, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points may lie in a footprint, by the boxes of its parts."""
    inside = np.zeros(lon.shape, dtype=np.bool_)
    for west, south, east, north in shapely.bounds(shapely.get_parts(footprint)):
        beside = (lon >= west - _DEGREES_AROUND) & (lon <= east + _DEGREES_AROUND)
        inside |= beside & (lat >= south - _DEGREES_AROUND) & (lat <= north + _DEGREES_AROUND)
    return inside
