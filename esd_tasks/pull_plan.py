"""The plan of a pull: items, years and grid found, nothing read yet."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import shapely

from esd_tasks.area_plan import asked_area, geometry_digest
from esd_tasks.chosen_grid import grid_in, grid_like, is_metre_grid, parse_crs
from esd_tasks.codes_item import CodesItem
from esd_tasks.items import items_of_years
from esd_tasks.items_cost import cost_of
from esd_tasks.owner import reaching
from esd_tasks.places import wrap_longitudes
from esd_tasks.pull_request import ALL_TILES, PullRequest
from esd_tasks.pull_threads import default_threads
from esd_tasks.pull_years import YearsPlan
from esd_tasks.series import Series
from esd_tasks.shard import shard_of
from esd_tasks.target import Grid, grid_of
from stactools_esd.errors import NothingFoundError, UsageError
from stactools_esd.names import area_tile

_DEGREES_AROUND = 0.001
_MOST_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class PullPlan(YearsPlan):
    """Everything that is known of an area before codes are read."""

    request: PullRequest
    """What was asked, its output that of this plan."""

    area: shapely.Geometry
    """Where, in WGS84: pixels whose middle lies outside have no data."""

    grid: Grid
    """Grid of the result."""

    moved: tuple[str, ...]
    """Tiles whose pixels are not those of the grid: their codes move to the nearest pixel."""

    tile: str | None = None
    """The tile whose pixels alone are wanted; None for those of all tiles."""

    @property
    def name(self) -> str:
        """The tile that the result is called by: that of `tile`, or `x` and the name of the output folder."""
        if self.tile is not None:
            return self.tile
        plain = re.sub(r"[^a-z0-9]+", "_", self.folder.resolve().name.casefold()).strip("_")
        return area_tile(plain or "pull")

    @property
    def command(self) -> str:
        """The command line that makes this result alone."""
        return (self.request if self.tile is None else replace(self.request, output=self.folder.parent)).command

    @property
    def threads(self) -> int:
        """Threads that read and write."""
        return self.request.threads or default_threads()

    @property
    def opens_as_codes(self) -> bool:
        """Whether the result is a codes COG a year: codes as GeoTIFF on square metres."""
        request = self.request
        return request.values == "codes" and request.format_or_default == "geotiff" and is_metre_grid(self.grid)

    @property
    def regridding(self) -> str | None:
        """What became of codes on their way to the grid, in words; None where every pixel is one of a tile."""
        if not self.moved:
            return None
        tiles = len({item.tile for item in self.items})
        which = ", ".join(self.moved) if len(self.moved) <= _MOST_NAMED else f"{len(self.moved)} of {tiles} tiles"
        which = "all tiles" if len(self.moved) == tiles else which
        unit = "degrees" if self.grid.crs.is_geographic else self.grid.crs.linear_units
        return (
            f"codes of {which} moved to the nearest pixel of {self.grid.crs.to_string()}, "
            f"{self.grid.transform.a:.10g} {unit}"
        )

    @property
    def own_facts(self) -> dict[str, Any]:
        """Area, grid, and what is written."""
        request = self.request
        return {
            "area_sha256": geometry_digest(self.area),
            "grid": {
                "crs": self.grid.crs.to_string(),
                "transform": list(self.grid.transform)[:6],
                "width": self.grid.width,
                "height": self.grid.height,
            },
            "regridding": self.regridding,
            "tile": self.tile,
            "name": self.name,
            "values": request.values,
            "format": request.format_or_default,
            "zarr_format": request.zarr_format_or_default,
        }

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and write: for `--dry-run`."""
        pixels = self.grid.width * self.grid.height
        return {
            **cost_of(self.items, self.area),
            "tile": self.tile,
            "crs": self.grid.crs.to_string(),
            "width": self.grid.width,
            "height": self.grid.height,
            "pixels": pixels,
            "values": pixels * len(self.years) * (12 if self.request.values == "codes" else 72),
            "output": str(self.request.output_or_default),
        }


def make_plan(request: PullRequest, *, dry_run: bool = False) -> PullPlan:
    """Find items, years and grid of an area.

    Args:
        request: What is asked.
        dry_run: Open no codes: items that state no pixels have those of their tiles, so that the plan is an estimate.

    Raises:
        UsageError: Options are wrong.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: Nothing lies in the area, a year is missing there, or no tile exists in all years.
        IncomparableError: The items are of two encoders or recipes.
        GridError: The area is too wide for the grid.
    """
    asked = asked_area(request)
    grid = None if request.like is None else grid_like(request.like, asked)
    if asked is not None:
        area = asked
    elif grid is not None:
        area = wrap_longitudes(grid.footprint())
    else:
        raise UsageError("got no area to pull, expected --geometry, --bbox or --like; name one")
    with Series(_items(request, area, dry_run)) as series:
        grid = grid or _grid(request, series, area)
        return PullPlan(
            request=request,
            area=area,
            items=series.items,
            left_out=series.left_out,
            grid=grid,
            moved=_moved(series, grid),
        )


def list_tiles(request: PullRequest) -> list[str]:
    """Return the tiles of the place that exist in all years, those of the shard, sorted.

    Raises:
        EsdError: See `make_plan`.
    """
    return shard_of(_series_of_place(request)[1].tiles, request.shard)


def plan_tiles(request: PullRequest, *, dry_run: bool = False) -> Iterator[PullPlan]:
    """Plan tile by tile: each on its own grid, in its own folder, with the pixels that it owns.

    So each pixel of a place is in the result of one tile, whichever jobs make them.

    Args:
        request: What is asked.
        dry_run: See `make_plan`.

    Raises:
        UsageError: A file of names cannot be read.
        NothingFoundError: A tile that is named has no items in all years.
        EsdError: See `make_plan`.
    """
    area, series = _series_of_place(request, dry_run)
    with series:
        names = shard_of(_named_tiles(request, series.tiles), request.shard)
        for name in names:
            position = series.tiles.index(name)
            place = series.georeference(position)
            outline = wrap_longitudes(place.footprint())
            inside = outline if area is None else shapely.intersection(area, outline)
            if shapely.area(inside) == 0:
                continue  # it meets the area in a line: a neighbour owns that
            yield PullPlan(
                request=replace(request, output=request.output_or_default / name, shard=None, tiles=name),
                area=inside,
                items=_items_near(series, inside),
                left_out=series.left_out,
                grid=grid_of([place], [outline], inside),
                moved=(),
                tile=name,
            )


def _moved(series: Series, grid: Grid) -> tuple[str, ...]:
    """Return the tiles whose pixels are not those of a grid."""
    return tuple(tile for k, tile in enumerate(series.tiles) if not series.georeference(k).shares_pixels(grid))


def _grid(request: PullRequest, series: Series, area: shapely.Geometry) -> Grid:
    """Return the native grid, or that of the CRS and resolution that were chosen."""
    native = series.grid_for(area)
    if request.crs is None and request.resolution is None:
        return native
    crs = native.crs if request.crs is None else parse_crs(request.crs)
    covered = shapely.union_all([shapely.buffer(item.footprint, _DEGREES_AROUND) for item in series.items])
    return grid_in(crs, request.resolution, shapely.intersection(area, covered))


def _series_of_place(request: PullRequest, dry_run: bool = False) -> tuple[shapely.Geometry | None, Series]:
    area = asked_area(request)
    return area, Series(_items(request, area, dry_run))


def _items(request: PullRequest, area: shapely.Geometry | None, dry_run: bool) -> list[CodesItem]:
    items = items_of_years(request.catalog_or_default, geometry=area, years=request.wanted_years)
    return [item.by_rule() for item in items] if dry_run else items


def _named_tiles(request: PullRequest, tiles: Sequence[str]) -> Sequence[str]:
    """Return the tiles that are asked for, all of which exist."""
    text = request.tiles or ALL_TILES
    if text == ALL_TILES:
        return tiles
    if (path := Path(text)).is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"got --tiles {path}, expected a text file of tile names, one a line") from error
    names = [name for name in re.split(r"[\s,]+", text) if name]
    if missing := sorted(set(names) - set(tiles)):
        raise NothingFoundError(
            f"got --tiles {', '.join(missing[:5])}, expected tiles that exist in all years here: "
            f"{', '.join(tiles[:10])}{', ..' if len(tiles) > 10 else ''}, or a file of such names; --tiles list names "
            "them all"
        )
    return names


def _items_near(series: Series, area: shapely.Geometry) -> tuple[CodesItem, ...]:
    """Return the items that may own pixels of an area."""
    near = reaching(area, series.footprints)
    items = (mosaic.items[k] for mosaic in series.mosaics.values() for k in near)  # positions are those of the tiles
    return tuple(items)
