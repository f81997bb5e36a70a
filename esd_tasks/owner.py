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

from esd_tasks.target import WGS84, Georeference, transformer
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
        owned = self.owner >= 0
        return Owners(
            owner=self.owner,
            row=np.where(owned, self.row + rows[self.owner], -1),
            column=np.where(owned, self.column + columns[self.owner], -1),
        )


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


def _around(footprint: shapely.Geometry, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points may lie in a footprint, by the boxes of its parts."""
    inside = np.zeros(lon.shape, dtype=np.bool_)
    for west, south, east, north in shapely.bounds(shapely.get_parts(footprint)):
        beside = (lon >= west - _DEGREES_AROUND) & (lon <= east + _DEGREES_AROUND)
        inside |= beside & (lat >= south - _DEGREES_AROUND) & (lat <= north + _DEGREES_AROUND)
    return inside
