"""Codes of a place: windows and points read from tiles that overlap, onto one grid, without a seam.

Every pixel and every point has one owner among the tiles that cover it: the tile whose own 100 km square holds it or
lies nearest, ties to the tile id that sorts first. Where the owner has no data the result has none, although a
neighbour may: the same tile answers in every year. Codes are labels, so they only ever move to the nearest pixel.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from rasterio.crs import CRS
from rasterio.windows import Window

from esd_tasks.codes_item import CodesItem, one_identity, one_start
from esd_tasks.target import WGS84, Georeference, Grid, grid_of, pixels_inside, transformer
from stactools_esd import grid as tiles
from stactools_esd.cog import BLOCK_SIZE, CodesBlock, CodesFile
from stactools_esd.errors import CatalogError, UsageError
from stactools_esd.product import STEPS

__all__ = ["Grid", "Mosaic", "PulledBlock", "PulledPoints", "grid_for", "pixels_inside", "read_points", "read_window"]

MOST_OPEN: Final = 16
"""Files that a mosaic keeps open."""

_DEGREES_AROUND = 0.01


@dataclass(frozen=True, kw_only=True)
class PulledBlock(CodesBlock):
    """Codes on the pixels of a window, and whose they are."""

    owner: NDArray[np.int16]
    """Shape (h, w), position of the owner in the items of the mosaic; -1 where no item reaches."""


@dataclass(frozen=True, kw_only=True)
class PulledPoints:
    """Codes of the pixels that hold points."""

    codes: NDArray[np.uint16]
    """Shape (n, 12); all 0 where there is no data."""

    clear_obs: NDArray[np.uint16]
    """Shape (n,), cloud-free observations of the year."""

    valid: NDArray[np.bool_]
    """Shape (n,), True where usable."""

    owner: NDArray[np.int16]
    """Shape (n,), position of the owner in the items of the mosaic; -1 where no item reaches."""

    row: NDArray[np.int64]
    """Shape (n,), row of the pixel in its owner; -1 without one."""

    column: NDArray[np.int64]
    """Shape (n,), column of the pixel in its owner; -1 without one."""


class Mosaic:
    """Items of one year and encoder, read as if they were one raster; a context manager, for one thread.

    Raises:
        UsageError: There is no item, or there are several years.
        CatalogError: A tile comes twice.
        IncomparableError: Encoder, recipe or the first day of the year differ.
    """

    def __init__(self, items: Sequence[CodesItem]) -> None:
        if not items:
            raise UsageError("got no items to read, expected at least one")
        one_identity(items)
        self.items = tuple(sorted(items, key=lambda item: (item.tile, item.id)))
        if len(years := sorted({item.year for item in items})) > 1:
            raise UsageError(f"got items of the years {', '.join(map(str, years))}, expected one year; choose one")
        for first, second in zip(self.items, self.items[1:], strict=False):
            if first.tile == second.tile:
                raise CatalogError(
                    f"got tile {first.tile} of {first.year} twice, in {first.href} and {second.href}, expected once; "
                    "leave one of them out"
                )
        one_start(items)
        self._georeferences: dict[int, Georeference] = {}
        self._open: OrderedDict[int, CodesFile] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every file."""
        while self._open:
            self._open.popitem()[1].close()

    def georeference(self, position: int) -> Georeference:
        """Return where the pixels of an item lie, by its file."""
        if position not in self._georeferences:
            codes = self._file(position)
            self._georeferences[position] = Georeference(
                crs=codes.crs,
                transform=codes.transform,
                width=codes.width,
                height=codes.height,
                square=tiles.own_square(self.items[position].tile, codes.crs, codes.bounds),
            )
        return self._georeferences[position]

    def read(self, grid: Grid, window: Window | None = None) -> PulledBlock:
        """Read a window of a grid; only the parts of files that it needs.

        Args:
            grid: Where the pixels lie.
            window: Whole pixels of the grid; all of it if None. Memory grows with it.

        Raises:
            RasterError: A file is damaged, or not what its item says.
        """
        window = window or Window(0, 0, grid.width, grid.height)
        height, width = int(window.height), int(window.width)
        x, y = grid.centres(window)
        around = grid.footprint(window).buffer(_DEGREES_AROUND)
        near = [k for k, item in enumerate(self.items) if shapely.intersects(around, item.footprint)]
        owner, row, column = self._owned(near, grid.crs, x, y)
        block = _nothing((height, width), owner)
        for k, chosen in _parts(owner):
            read = self._file(k).read(part := _window_around(row[chosen], column[chosen]))
            if chosen.all() and self.georeference(k).shares_pixels(grid):
                return PulledBlock(codes=read.codes, clear_obs=read.clear_obs, valid=read.valid, owner=owner)
            rows, columns = row[chosen] - part.row_off, column[chosen] - part.col_off
            block.codes[:, chosen] = read.codes[:, rows, columns]
            block.clear_obs[chosen] = read.clear_obs[rows, columns]
            block.valid[chosen] = read.valid[rows, columns]
        return block

    def read_points(self, lon: ArrayLike, lat: ArrayLike) -> PulledPoints:
        """Read the pixels that hold points; each internal block of a file at most once.

        Args:
            lon: Degrees in WGS84, shape (n,).
            lat: Degrees in WGS84, shape (n,).

        Raises:
            RasterError: A file is damaged, or not what its item says.
        """
        lon = (np.asarray(lon, dtype=np.float64) + 180.0) % 360.0 - 180.0
        lat = np.asarray(lat, dtype=np.float64)
        owner, row, column = self._owned(range(len(self.items)), WGS84, lon, lat)
        codes = np.zeros((len(lon), STEPS), dtype=np.uint16)
        clear_obs, valid = np.zeros(len(lon), dtype=np.uint16), np.zeros(len(lon), dtype=np.bool_)
        for k, chosen in _parts(owner):
            points = np.flatnonzero(chosen)
            blocks = (row[points] // BLOCK_SIZE << 32) | column[points] // BLOCK_SIZE
            order = np.argsort(blocks, kind="stable")
            for together in np.split(points[order], np.flatnonzero(np.diff(blocks[order])) + 1):
                read = self._file(k).read(part := _window_around(row[together], column[together]))
                rows, columns = row[together] - part.row_off, column[together] - part.col_off
                codes[together] = read.codes[:, rows, columns].T
                clear_obs[together] = read.clear_obs[rows, columns]
                valid[together] = read.valid[rows, columns]
        return PulledPoints(codes=codes, clear_obs=clear_obs, valid=valid, owner=owner, row=row, column=column)

    def _file(self, position: int) -> CodesFile:
        """Return an open file, the one longest unused closed where there are too many."""
        if position not in self._open:
            if len(self._open) >= MOST_OPEN:
                self._open.popitem(last=False)[1].close()
            self._open[position] = self.items[position].open()
        self._open.move_to_end(position)
        return self._open[position]

    def _owned(
        self, candidates: Sequence[int], crs: CRS, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.int16], NDArray[np.int64], NDArray[np.int64]]:
        """Return owner, row and column of places; -1 where no candidate has a pixel."""
        nearest = np.full(x.shape, np.inf)
        owner = np.full(x.shape, -1, dtype=np.int16)
        row, column = np.full(x.shape, -1, dtype=np.int64), np.full(x.shape, -1, dtype=np.int64)
        for k in candidates:  # in the order of tile ids, so that the first of equals stays
            asked = _around(self.items[k].footprint, x, y) if crs == WGS84 else np.ones(x.shape, dtype=np.bool_)
            if not asked.any():
                continue
            place = self.georeference(k)
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
        return owner, row, column


def grid_for(items: Sequence[CodesItem], geometry: shapely.Geometry) -> Grid:
    """Return the grid on which a geometry is mapped: that of the item which owns its centre, cut to what there is.

    Args:
        items: Items of one year.
        geometry: Area in WGS84.

    Raises:
        NothingFoundError: No item meets the geometry.
        GridError: The area is too wide for one projection.
    """
    with Mosaic(items) as mosaic:
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


def _nothing(shape: tuple[int, int], owner: NDArray[np.int16]) -> PulledBlock:
    """Return a window without data."""
    return PulledBlock(
        codes=np.zeros((STEPS, *shape), dtype=np.uint16),
        clear_obs=np.zeros(shape, dtype=np.uint16),
        valid=np.zeros(shape, dtype=np.bool_),
        owner=owner,
    )


def _parts(owner: NDArray[np.int16]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield each owner with its places."""
    for k in np.unique(owner[owner >= 0]):
        yield int(k), owner == k


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
