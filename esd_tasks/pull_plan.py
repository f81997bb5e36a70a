"""The plan of a pull: items, years and grid found, nothing read yet."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import shapely

from esd_tasks.area_plan import asked_area, geometry_digest
from esd_tasks.chosen_grid import grid_in, grid_like, is_metre_grid, parse_crs
from esd_tasks.codes_item import CodesItem, available_years
from esd_tasks.items import items_of_years
from esd_tasks.items_cost import cost_of, facts_of
from esd_tasks.owner import reaching
from esd_tasks.places import wrap_longitudes
from esd_tasks.pull_request import ALL_TILES, PullRequest
from esd_tasks.series import Series
from esd_tasks.shard import shard_of
from esd_tasks.target import Grid, grid_of
from stactools_esd.blocks import run_key
from stactools_esd.errors import NothingFoundError, UsageError
from stactools_esd.names import area_tile

_DEGREES_AROUND = 0.001


@dataclass(frozen=True, kw_only=True)
class PullPlan:
    """Everything that is known before codes are read."""

    request: PullRequest
    """What was asked, its output that of this plan."""

    area: shapely.Geometry
    """Where, in WGS84: pixels whose middle lies outside have no data."""

    items: tuple[CodesItem, ...]
    """Items of tiles that exist in all years, by year and tile."""

    left_out: tuple[str, ...]
    """Tiles that some year lacks, so that none uses them."""

    grid: Grid
    """Grid of the result."""

    tile: str | None = None
    """The tile whose pixels alone are wanted; None for those of all tiles."""

    @property
    def years(self) -> tuple[int, ...]:
        """Years, ascending."""
        return tuple(available_years(self.items))

    @property
    def name(self) -> str:
        """The tile that the result is called by: that of `tile`, or `x` and the name of the output folder."""
        if self.tile is not None:
            return self.tile
        plain = re.sub(r"[^a-z0-9]+", "_", self.request.output_or_default.resolve().name.casefold()).strip("_")
        return area_tile(plain or "pull")

    @property
    def command(self) -> str:
        """The command line that makes this result alone."""
        folder = self.request.output_or_default
        return (self.request if self.tile is None else replace(self.request, output=folder.parent)).command

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON content."""
        request = self.request
        return {
            "area_sha256": geometry_digest(self.area),
            "years": list(self.years),
            "grid": {
                "crs": self.grid.crs.to_string(),
                "transform": list(self.grid.transform)[:6],
                "width": self.grid.width,
                "height": self.grid.height,
            },
            "tile": self.tile,
            "name": self.name,
            "values": request.values,
            "format": request.format_or_default,
            "zarr_format": request.zarr_format,
            "min_clear": request.min_clear,
            **facts_of(self.items),
        }

    @cached_property
    def run_key(self) -> str:
        """Hash of `facts`; equal keys give equal results."""
        return run_key(self.facts)

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


def make_plan(request: PullRequest) -> PullPlan:
    """Find items, years and grid of an area.

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
    items = items_of_years(request.catalog_or_default, geometry=area, years=request.wanted_years)
    with Series(items) as series:
        grid = grid or _grid(request, series, area)
        plan = PullPlan(request=request, area=area, items=series.items, left_out=series.left_out, grid=grid)
    if request.values == "codes" and request.format_or_default == "geotiff" and not is_metre_grid(grid):
        raise UsageError(
            "got codes as GeoTIFF on a grid that is not of square metres, which no reader of codes takes; choose "
            "--levels, --decoded, --format zarr or a projected --crs"
        )
    return plan


def list_tiles(request: PullRequest) -> list[str]:
    """Return the tiles of the place that exist in all years, those of the shard, sorted.

    Raises:
        EsdError: See `make_plan`.
    """
    return shard_of(_series_of_place(request)[1].tiles, request.shard)


def plan_tiles(request: PullRequest) -> Iterator[PullPlan]:
    """Plan tile by tile: each on its own grid, in its own folder, with the pixels that it owns.

    So each pixel of a place is in the result of one tile, whichever jobs make them.

    Raises:
        UsageError: A file of names cannot be read.
        NothingFoundError: A tile that is named has no items in all years.
        EsdError: See `make_plan`.
    """
    area, series = _series_of_place(request)
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
                tile=name,
            )


def _grid(request: PullRequest, series: Series, area: shapely.Geometry) -> Grid:
    """Return the native grid, or that of the CRS and resolution that were chosen."""
    native = series.grid_for(area)
    if request.crs is None and request.resolution is None:
        return native
    crs = native.crs if request.crs is None else parse_crs(request.crs)
    covered = shapely.union_all([shapely.buffer(item.footprint, _DEGREES_AROUND) for item in series.items])
    return grid_in(crs, request.resolution, shapely.intersection(area, covered))


def _series_of_place(request: PullRequest) -> tuple[shapely.Geometry | None, Series]:
    area = asked_area(request)
    items = items_of_years(request.catalog_or_default, geometry=area, years=request.wanted_years)
    return area, Series(items)


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
            f"{', '.join(tiles[:10])}{', ..' if len(tiles) > 10 else ''}; --tiles list names them all"
        )
    return names


def _items_near(series: Series, area: shapely.Geometry) -> tuple[CodesItem, ...]:
    """Return the items that may own pixels of an area."""
    near = reaching(area, series.footprints)
    items = (mosaic.items[k] for mosaic in series.mosaics.values() for k in near)  # positions are those of the tiles
    return tuple(items)
