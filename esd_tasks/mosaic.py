"""Tiles of one year read as if they were one raster: only the windows that are needed, each pixel from its owner."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from rasterio.windows import Window

from esd_tasks.codes_item import CodesItem, grid_by_rule, one_identity, one_start
from esd_tasks.owner import Owners, cut_windows, find_owners, owners_of_window
from esd_tasks.pulled import PulledBlock, PulledPoints
from esd_tasks.target import WGS84, Georeference, Grid
from stactools_esd import grid as tiles
from stactools_esd.cog import CodesBlock, CodesFile
from stactools_esd.errors import CatalogError, EsdError, UsageError
from stactools_esd.names import is_tile
from stactools_esd.product import STEPS

MOST_OPEN: Final = 16
"""Files that a mosaic keeps open."""

MOST_PIXELS_AT_ONCE: Final = 1 << 20
"""Pixels of a window of a file; a coarse grid, whose pixels lie far apart, reads internal blocks instead."""

OnFailure = Callable[[CodesItem, EsdError], None]
"""Hears of an item that could not be opened or read; its pixels stay without data."""


class Mosaic:
    """Items of one year and encoder, read as if they were one raster; a context manager, for one thread.

    Args:
        items: Items of one year, each tile once, in any order.
        on_failure: Hears of items that cannot be read, and reading goes on; None raises their errors.
        most_open: Files that are kept open, at least one; `MOST_OPEN` if None.

    Raises:
        UsageError: There is no item, or there are several years.
        CatalogError: A tile comes twice.
        IncomparableError: Encoder, recipe or the first day of the year differ.
    """

    def __init__(
        self, items: Sequence[CodesItem], *, on_failure: OnFailure | None = None, most_open: int | None = None
    ) -> None:
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
        self._on_failure = on_failure
        self._most_open = max(MOST_OPEN if most_open is None else most_open, 1)
        self._unopened: dict[int, EsdError] = {}
        self._failed: set[int] = set()
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
        """Return where the pixels of an item lie: as it states, by its file, or by the rule of tiles."""
        if position not in self._georeferences:
            self._georeferences[position] = self._find_georeference(position)
        return self._georeferences[position]

    @property
    def failed(self) -> frozenset[int]:
        """Positions of items that could not be opened or read so far, where somebody hears of failures."""
        return frozenset(self._failed)

    def read(self, grid: Grid, window: Window | None = None) -> PulledBlock:
        """Read a window of a grid; only the parts of files that it needs.

        Args:
            grid: Where the pixels lie.
            window: Whole pixels of the grid; all of it if None. Memory grows with it.

        Raises:
            RasterError: A file is damaged, or not what its item says.
        """
        window = window or Window(0, 0, grid.width, grid.height)
        footprints = [item.footprint for item in self.items]
        return self.read_owned(owners_of_window(grid, window, self.georeference, footprints))

    def read_owned(self, owners: Owners) -> PulledBlock:
        """Read pixels whose owners are known.

        Args:
            owners: Owners of the pixels of a window, shape (h, w).

        Raises:
            RasterError: A file is damaged, or not what its item says.
        """
        shape = owners.owner.shape
        if owners.alone is not None and owners.owner.size <= MOST_PIXELS_AT_ONCE:
            return self._read_alone(*owners.alone, owners.owner)
        codes, clear_obs = np.zeros((STEPS, *shape), dtype=np.uint16), np.zeros(shape, dtype=np.uint16)
        valid = np.zeros(shape, dtype=np.bool_)
        failed = set()
        for k, chosen in owners.parts():
            places = np.flatnonzero(chosen)
            row, column = owners.row[chosen], owners.column[chosen]
            for part, together in cut_windows(row, column, MOST_PIXELS_AT_ONCE):
                if (read := self._read(k, part)) is None:
                    failed.add(k)
                    continue
                rows, columns = row[together] - part.row_off, column[together] - part.col_off
                there = places[together]
                codes.reshape(STEPS, -1)[:, there] = read.codes[:, rows, columns]
                clear_obs.reshape(-1)[there] = read.clear_obs[rows, columns]
                valid.reshape(-1)[there] = read.valid[rows, columns]
        return PulledBlock(codes=codes, clear_obs=clear_obs, valid=valid, owner=owners.owner, failed=frozenset(failed))

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
        positions = range(len(self.items))
        return self.read_owned_points(find_owners(positions, self.georeference, self._footprint, WGS84, lon, lat))

    def read_owned_points(self, owners: Owners) -> PulledPoints:
        """Read the pixels of points whose owners are known, shape (n,).

        Raises:
            RasterError: A file is damaged, or not what its item says.
        """
        n = len(owners.owner)
        codes, clear_obs = np.zeros((n, STEPS), dtype=np.uint16), np.zeros(n, dtype=np.uint16)
        valid = np.zeros(n, dtype=np.bool_)
        failed = set()
        for k, chosen in owners.parts():
            points = np.flatnonzero(chosen)
            row, column = owners.row[points], owners.column[points]
            for part, together in cut_windows(row, column, 0):
                if (read := self._read(k, part)) is None:
                    failed.add(k)
                    continue
                rows, columns = row[together] - part.row_off, column[together] - part.col_off
                codes[points[together]] = read.codes[:, rows, columns].T
                clear_obs[points[together]] = read.clear_obs[rows, columns]
                valid[points[together]] = read.valid[rows, columns]
        return PulledPoints(
            codes=codes,
            clear_obs=clear_obs,
            valid=valid,
            owner=owners.owner,
            row=owners.row,
            column=owners.column,
            failed=frozenset(failed),
        )

    def _read_alone(self, position: int, window: Window, owner: NDArray[np.int16]) -> PulledBlock:
        """Read a window of an item that owns all of it."""
        if (read := self._read(position, window)) is not None:
            return PulledBlock(codes=read.codes, clear_obs=read.clear_obs, valid=read.valid, owner=owner)
        return PulledBlock(
            codes=np.zeros((STEPS, *owner.shape), dtype=np.uint16),
            clear_obs=np.zeros(owner.shape, dtype=np.uint16),
            valid=np.zeros(owner.shape, dtype=np.bool_),
            owner=owner,
            failed=frozenset({position}),
        )

    def _footprint(self, position: int) -> shapely.Geometry:
        return self.items[position].footprint

    def _find_georeference(self, position: int) -> Georeference:
        item = self.items[position]
        try:
            place: Grid = item.grid or _grid_of(self._file(position))
        except EsdError as error:
            if self._on_failure is None or not is_tile(item.tile):
                raise
            self._fail(position, error)
            # Its pixels must not go to a neighbour: that would be another tile than in other years.
            place = grid_by_rule(item.tile)
        return Georeference(
            crs=place.crs,
            transform=place.transform,
            width=place.width,
            height=place.height,
            square=tiles.own_square(item.tile, place.crs, place.bounds),
        )

    def _read(self, position: int, window: Window) -> CodesBlock | None:
        """Read a window of a file; None where that failed and somebody heard of it."""
        if position in self._unopened:
            self._fail(position, self._unopened[position])
            return None
        try:
            return self._file(position).read(window)
        except EsdError as error:
            if self._on_failure is None:
                raise
            self._fail(position, error)
            return None

    def _fail(self, position: int, error: EsdError) -> None:
        """Tell of an item that failed; one that could not be opened is not tried again."""
        self._failed.add(position)
        if position not in self._open:
            self._unopened[position] = error
        if self._on_failure is not None:
            self._on_failure(self.items[position], error)

    def _file(self, position: int) -> CodesFile:
        """Return an open file, the one longest unused closed where there are too many."""
        if position not in self._open:
            if len(self._open) >= self._most_open:
                self._open.popitem(last=False)[1].close()
            self._open[position] = self.items[position].open()
        self._open.move_to_end(position)
        return self._open[position]


def _grid_of(codes: CodesFile) -> Grid:
    """Return the pixels of an open file."""
    return Grid(crs=codes.crs, transform=codes.transform, width=codes.width, height=codes.height)
