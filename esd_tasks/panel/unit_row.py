"""One unit in all years: which pixels count, how much of each, and what they say."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.windows import Window

from esd_tasks.chosen_grid import grid_in, grid_like, parse_crs
from esd_tasks.panel.coverage import shares
from esd_tasks.panel.level_counts import count_levels, statistic, weighted_median
from esd_tasks.panel.request import PanelRequest
from esd_tasks.series import Series
from esd_tasks.target import WGS84, Grid, projected, transformer
from stactools_esd import grid as tiles
from stactools_esd.blocks import plan_blocks
from stactools_esd.errors import NothingFoundError
from stactools_esd.product import CHANNELS

BLOCK_PIXELS: Final = 256
"""Rows and columns of a window: 25 years of one take 45 MB, whatever the size of the unit."""

STATUSES: Final = ("ok", "no data", "too few clear", "not in all years", "outside", "failed", "no place")
"""What a row may be: with values; without, for no pixel has data in this year; none has enough clear observations; none
is usable in all years; no tile exists in all years there; a tile could not be read; the polygon is empty."""

OK, NO_DATA, TOO_FEW, NOT_ALWAYS, OUTSIDE, FAILED, NO_PLACE = range(len(STATUSES))


@dataclass(frozen=True, kw_only=True)
class UnitRows:
    """The rows of a unit, one a year."""

    status: NDArray[np.uint8]
    """Shape (years,), position in `STATUSES`."""

    n_valid: NDArray[np.int64]
    """Shape (years,), pixels that count, in whole or in part."""

    share_valid: NDArray[np.float64]
    """Shape (years,), 0..1, of the unit's area that they cover."""

    clear_min: NDArray[np.float64]
    """Shape (years,), fewest clear observations of them; NaN without any."""

    clear_median: NDArray[np.float64]
    """Shape (years,), weighted by their shares; NaN without any."""

    values: NDArray[np.float64]
    """Shape (years, statistics, 72); NaN where the status is not `ok`."""


def grid_of_unit(request: PanelRequest, series: Series, polygon: shapely.Geometry) -> Grid | None:
    """Return the pixels of a unit: of the tile whose own square is nearest to its middle, or those that were chosen.

    The grid of a tile goes on beyond its edge, where neighbours answer.

    Args:
        request: May name a CRS or a raster.
        series: Tiles.
        polygon: In WGS84.

    Returns:
        None where no tile meets the unit, or where it lies outside the raster.
    """
    near = [k for k, footprint in enumerate(series.footprints) if shapely.intersects(footprint, polygon)]
    if not near:
        return None
    if request.like is not None:
        try:
            return grid_like(request.like, polygon)
        except NothingFoundError:
            return None
    if request.crs is not None:
        return grid_in(parse_crs(request.crs), request.resolution, polygon)
    middle = shapely.point_on_surface(polygon)
    places = [series.georeference(k) for k in near]
    distances = [
        tiles.owner_distance(place.square, *transformer(WGS84, place.crs).transform(middle.x, middle.y))
        for place in places
    ]
    place = places[int(np.argmin(distances))]
    west, south, east, north = projected(polygon, place.crs).bounds
    (left, top), (right, bottom) = ~place.transform * (west, north), ~place.transform * (east, south)
    column, row = int(np.floor(left)), int(np.floor(top))
    return Grid(
        crs=place.crs,
        transform=place.transform * Affine.translation(column, row),
        width=max(int(np.ceil(right)) - column, 1),
        height=max(int(np.ceil(bottom)) - row, 1),
    )


def rows_of_unit(request: PanelRequest, series: Series, polygon: shapely.Geometry) -> UnitRows:
    """Read a unit in all years.

    Args:
        request: Statistics, least clear observations, and which pixels count.
        series: All years; its failures are heard by whoever made it, and noted here as a status.
        polygon: In WGS84.
    """
    gathered = _Gathered(len(series.years))
    if polygon.is_empty:
        return gathered.rows(request, NO_PLACE)
    grid = grid_of_unit(request, series, polygon)
    if grid is None:
        return gathered.rows(request, OUTSIDE)
    outline = projected(polygon, grid.crs)
    shapely.prepare(outline)
    for block in plan_blocks(grid.height, grid.width, BLOCK_PIXELS):
        share = shares(outline, grid, block.window)
        if share.any():
            gathered.add(request, share, *_read(series, grid, block.window, share > 0))
    return gathered.rows(request, OUTSIDE)


def _read(
    series: Series, grid: Grid, window: Window, inside: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], list[tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.bool_]]], list[bool]]:
    """Return the pixels of a window that lie in a unit: whether any tile has them, their years, and which failed."""
    owners = series.locate(grid, window)
    reached = owners.owner[inside] >= 0
    years, failed = [], []
    for year in series.years:
        block = series.read_year(year, owners)
        years.append((block.codes[:, inside].T, block.clear_obs[inside], block.valid[inside]))
        lost = np.isin(owners.owner[inside], list(block.failed)) & ~block.valid[inside]
        failed.append(bool(lost.any()))
    return reached, years, failed


class _Gathered:
    """What the blocks of a unit add up to."""

    def __init__(self, years: int) -> None:
        self.area = 0.0
        self.reached = False
        self.failed = np.zeros(years, dtype=np.bool_)
        self.with_data = np.zeros(years, dtype=np.bool_)
        self.seen = np.zeros(years, dtype=np.bool_)
        self.n = np.zeros(years, dtype=np.int64)
        self.weight = np.zeros(years)
        self.counts = np.zeros((years, CHANNELS, 8))
        self.clear: list[dict[int, float]] = [{} for _ in range(years)]

    def add(
        self,
        request: PanelRequest,
        share: NDArray[np.float64],
        reached: NDArray[np.bool_],
        years: list[tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.bool_]]],
        failed: list[bool],
    ) -> None:
        """Add a block."""
        weight = share[share > 0]
        self.area += weight.sum()
        self.reached |= bool(reached.any())
        self.failed |= failed
        usable = np.stack([valid & (clear >= request.min_clear) for _, clear, valid in years])
        counted = np.broadcast_to(usable.all(axis=0), usable.shape) if request.pixels == "all-years" else usable
        for position, (codes, clear, valid) in enumerate(years):
            self.with_data[position] |= valid.any()
            self.seen[position] |= usable[position].any()
            there = counted[position]
            self.n[position] += there.sum()
            self.weight[position] += weight[there].sum()
            if there.any():
                self.counts[position] += count_levels(codes[there], weight[there])
                for value, of_value in _sums(clear[there], weight[there]):
                    self.clear[position][value] = self.clear[position].get(value, 0.0) + of_value

    def rows(self, request: PanelRequest, unreached: int) -> UnitRows:
        """Return the rows; those of a unit that no tile reaches have the status that is given."""
        years = len(self.n)
        status = np.full(years, OK, dtype=np.uint8)
        status[self.n == 0] = NOT_ALWAYS
        status[~self.seen] = TOO_FEW
        status[~self.with_data] = NO_DATA
        status[self.failed.any() if request.pixels == "all-years" else self.failed] = FAILED
        if not self.reached:
            status[:] = unreached
        ok = status == OK
        values = np.full((years, len(request.statistics), CHANNELS), np.nan)
        clear = np.full((2, years), np.nan)
        for position in np.flatnonzero(ok):
            values[position] = [statistic(name, self.counts[position]) for name in request.statistics]
            seen, weight = (np.array(numbers) for numbers in zip(*self.clear[position].items(), strict=True))
            clear[:, position] = seen.min(), weighted_median(seen, weight)
        return UnitRows(
            status=status,
            n_valid=np.where(ok, self.n, 0),
            share_valid=np.where(ok, self.weight, 0.0) / max(self.area, 1e-300),
            clear_min=clear[0],
            clear_median=clear[1],
            values=values,
        )


def _sums(values: NDArray[np.uint16], weight: NDArray[np.float64]) -> Iterator[tuple[int, float]]:
    """Yield each value with the weight that has it."""
    found, member = np.unique(values, return_inverse=True)
    yield from zip(found.tolist(), np.bincount(member, weights=weight).tolist(), strict=True)
