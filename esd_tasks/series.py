"""Several years of a place on one grid: in every year each pixel comes from the same tile.

A tile that is missing in some year answers in none: its pixels come from the nearest tile that exists in all years, so
that no year differs from another because another tile was read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from rasterio import Affine
from rasterio.windows import Window

from esd_tasks.codes_item import CodesItem, by_year, one_identity, one_start, years_in_words
from esd_tasks.mosaic import MOST_OPEN, Mosaic, OnFailure
from esd_tasks.owner import Owners, find_owners, owners_of_window
from esd_tasks.pulled import PulledBlock, PulledPoints
from esd_tasks.target import WGS84, Georeference, Grid, grid_of
from stactools_esd import grid as tiles
from stactools_esd.errors import GridError, NothingFoundError, UsageError
from stactools_esd.product import STEPS

LEAST_OPEN: Final = 2
"""Files that each year may keep open however many years there are: two tiles beside each other."""


@dataclass(frozen=True, kw_only=True)
class SeriesBlock:
    """Codes of several years on the pixels of a window; `years` of them, ascending."""

    codes: NDArray[np.uint16]
    """Shape (years, 12, h, w), each 0..63999; all twelve 0 where a year has no data."""

    clear_obs: NDArray[np.uint16]
    """Shape (years, h, w), cloud-free observations of each year."""

    valid: NDArray[np.bool_]
    """Shape (years, h, w), True where usable."""

    owner: NDArray[np.int16]
    """Shape (h, w), position of the tile in `Series.tiles`; -1 where no tile exists in all years."""


class Series:
    """Items of several years and one encoder, read as if each year were one raster; a context manager, for one thread.

    Args:
        items: Items of one or more years, each tile once a year, in any order.
        on_failure: Hears of items that cannot be read, and reading goes on; None raises their errors.
        most_open: Files that are kept open, of all years together, but at least `LEAST_OPEN` of each; each year as
            many as a mosaic by default.

    Raises:
        UsageError: There is no item.
        NothingFoundError: No tile exists in all years.
        CatalogError: A tile comes twice in a year.
        IncomparableError: Encoder, recipe or the first day of the year differ.
    """

    def __init__(
        self, items: Iterable[CodesItem], *, on_failure: OnFailure | None = None, most_open: int | None = None
    ) -> None:
        years = by_year(items)
        if not years:
            raise UsageError("got no items to read, expected at least one")
        one_identity([item for of_year in years.values() for item in of_year])
        one_start([item for of_year in years.values() for item in of_year])
        tiles_of = [{item.tile for item in of_year} for of_year in years.values()]
        common, anywhere = set.intersection(*tiles_of), set.union(*tiles_of)
        if not common:
            raise NothingFoundError(
                f"got no tile that exists in all of the years {years_in_words(years)}, expected at least one; "
                "choose fewer years or another area"
            )
        self.tiles = tuple(sorted(common))
        self.left_out = tuple(sorted(anywhere - common))
        of_mosaic = None if most_open is None else min(max(most_open // len(years), LEAST_OPEN), MOST_OPEN)
        mosaics = {
            year: Mosaic([item for item in of_year if item.tile in common], on_failure=on_failure, most_open=of_mosaic)
            for year, of_year in years.items()
        }
        self.mosaics: Mapping[int, Mosaic] = MappingProxyType(mosaics)
        self.footprints = tuple(item.footprint for item in next(iter(mosaics.values())).items)
        self._georeferences: dict[int, Georeference] = {}
        shape = (len(mosaics), len(self.tiles))
        self._rows, self._columns = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every file."""
        for mosaic in self.mosaics.values():
            mosaic.close()

    @property
    def years(self) -> tuple[int, ...]:
        """Years, ascending."""
        return tuple(self.mosaics)

    @property
    def items(self) -> tuple[CodesItem, ...]:
        """Items that may be read, by year and tile: those of tiles that exist in all years."""
        return tuple(item for mosaic in self.mosaics.values() for item in mosaic.items)

    def georeference(self, position: int) -> Georeference:
        """Return where the pixels of a tile lie that it has in all years.

        Raises:
            GridError: They lie on other pixels in one year than in another.
        """
        if position not in self._georeferences:
            self._georeferences[position] = self._find_georeference(position)
        return self._georeferences[position]

    def grid_for(self, geometry: shapely.Geometry) -> Grid:
        """Return the grid on which a geometry in WGS84 is mapped, as `pull.grid_for` does, the same in every year.

        Raises:
            NothingFoundError: No tile that exists in all years meets the geometry.
            GridError: The area is too wide for one projection.
        """
        places = [self.georeference(k) for k in range(len(self.tiles))]
        return grid_of(places, self.footprints, geometry)

    def read(self, grid: Grid, window: Window | None = None) -> SeriesBlock:
        """Read a window of a grid in all years; memory grows with the window and the years.

        Args:
            grid: Where the pixels lie.
            window: Whole pixels of the grid; all of it if None.

        Raises:
            RasterError: A file is damaged, or not what its item says.
        """
        owners = self.locate(grid, window)
        shape = (len(self.years), *owners.owner.shape)
        codes = np.empty((shape[0], STEPS, *shape[1:]), dtype=np.uint16)
        clear_obs, valid = np.empty(shape, dtype=np.uint16), np.empty(shape, dtype=np.bool_)
        for position, year in enumerate(self.years):
            block = self.read_year(year, owners)
            codes[position], clear_obs[position], valid[position] = block.codes, block.clear_obs, block.valid
        return SeriesBlock(codes=codes, clear_obs=clear_obs, valid=valid, owner=owners.owner)

    def each_year(self, grid: Grid, window: Window | None = None) -> Iterator[tuple[int, PulledBlock]]:
        """Yield each year with its codes of a window, in the memory of one year."""
        owners = self.locate(grid, window)
        for year in self.years:
            yield year, self.read_year(year, owners)

    def locate(self, grid: Grid, window: Window | None = None) -> Owners:
        """Find the owners of the pixels of a window, the same in every year; nothing is read."""
        window = window or Window(0, 0, grid.width, grid.height)
        return owners_of_window(grid, window, self.georeference, self.footprints)

    def read_year(self, year: int, owners: Owners) -> PulledBlock:
        """Read one year of the pixels of `locate`."""
        return self.mosaics[year].read_owned(self._moved(year, owners))

    def locate_points(self, lon: ArrayLike, lat: ArrayLike) -> Owners:
        """Find the owners of points, the same in every year; nothing is read.

        Args:
            lon: Degrees in WGS84, shape (n,).
            lat: Degrees in WGS84, shape (n,).
        """
        lon = (np.asarray(lon, dtype=np.float64) + 180.0) % 360.0 - 180.0
        lat = np.asarray(lat, dtype=np.float64)
        positions = range(len(self.tiles))
        return find_owners(positions, self.georeference, self.footprints.__getitem__, WGS84, lon, lat)

    def read_points(self, lon: ArrayLike, lat: ArrayLike) -> Iterator[tuple[int, PulledPoints]]:
        """Yield each year with the codes of the pixels that hold points, each block of a file read at most once."""
        owners = self.locate_points(lon, lat)
        for year in self.years:
            yield year, self.read_year_of_points(year, owners)

    def read_year_of_points(self, year: int, owners: Owners) -> PulledPoints:
        """Read one year of the points of `locate_points`."""
        return self.mosaics[year].read_owned_points(self._moved(year, owners))

    def _moved(self, year: int, owners: Owners) -> Owners:
        """Return owners with the rows and columns that their pixels have in the files of a year."""
        position = self.years.index(year)
        return owners.moved(self._rows[position], self._columns[position])

    def _find_georeference(self, position: int) -> Georeference:
        """Return the pixels that a tile has in all years, and note where they begin in each year's file."""
        places = [mosaic.georeference(position) for mosaic in self.mosaics.values()]
        first = places[0]
        if all(place == first for place in places):
            return first
        self._same_pixels(position, places)
        corners = [~first.transform * (place.transform.c, place.transform.f) for place in places]
        columns = np.array([round(column) for column, _ in corners])
        rows = np.array([round(row) for _, row in corners])
        top, left = rows.max(), columns.max()
        height = min(row + place.height for row, place in zip(rows, places, strict=True)) - top
        width = min(column + place.width for column, place in zip(columns, places, strict=True)) - left
        self._rows[:, position], self._columns[:, position] = top - rows, left - columns
        common = Grid(
            crs=first.crs,
            transform=first.transform * Affine.translation(left, top),
            width=max(int(width), 0),
            height=max(int(height), 0),
        )
        square = tiles.own_square(self.tiles[position], common.crs, common.bounds)
        return Georeference(
            crs=common.crs, transform=common.transform, width=common.width, height=common.height, square=square
        )

    def _same_pixels(self, position: int, places: Sequence[Georeference]) -> None:
        """See that a tile lies on the same pixels in every year."""
        for year, place in zip(self.years, places, strict=True):
            if not places[0].shares_pixels(place):
                raise GridError(
                    f"got tile {self.tiles[position]} on other pixels in {year} than in {self.years[0]}, expected the "
                    "same in all years; make one of them again on the grid of the other, or take years one by one"
                )
