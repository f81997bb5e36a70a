"""One tile of one year, where its codes are, and what several of them share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import shapely
from rasterio.crs import CRS

from esd_tasks.target import Grid
from stactools_esd import grid as tiles
from stactools_esd import stac
from stactools_esd.cog import CodesFile, open_codes
from stactools_esd.errors import CatalogError, EsdError, IncomparableError, NothingFoundError, UsageError
from stactools_esd.gdal import without_query
from stactools_esd.names import is_tile
from stactools_esd.product import DATA_LICENCE, CodesIdentity, require_comparable


@dataclass(frozen=True, kw_only=True)
class CodesItem:
    """One tile of one year, and where its codes are."""

    id: str
    """`<collection>-<tile>-<year>`."""

    href: str
    """Absolute path or URL of the codes COG."""

    identity: CodesIdentity
    """Encoder, recipe and format version."""

    tile: str
    """MGRS tile, or `x` and the name of a custom area."""

    year: int
    """Calendar year, or the year in which the window starts."""

    footprint: shapely.Geometry
    """Outline in WGS84, cut at the antimeridian."""

    window_start: date | None = None
    """First day of the 365 days where it is not 1 January."""

    checksum: str | None = None
    """Multihash of the codes COG as the item states it."""

    size: int | None = None
    """Bytes of the codes COG as the item states them."""

    item_href: str | None = None
    """Path or URL of the item's JSON, or None for a plain COG."""

    temporal_context: str = "year"
    """Which years gap filling looked at: `year`, `past` or `both`."""

    licence: str = DATA_LICENCE
    """SPDX identifier or words."""

    grid: Grid | None = None
    """Where its pixels lie, as the item states it: known without opening the codes COG."""

    def open(self) -> CodesFile:
        """Open the codes COG, and see that it is what the item says.

        Raises:
            RasterError: The file is no codes COG, or of another encoder, tile or year.
            IncomparableError: Its weights, recipe or format version are others, or its year starts on another day.
            CatalogError: Its size is not the one that the item states, so it was changed since.
        """
        codes = open_codes(self.href, encoder=self.identity.encoder.label, tile=self.tile, year=self.year)
        try:
            self._check(codes)
        except EsdError:
            codes.close()
            raise
        return codes

    def by_rule(self) -> "CodesItem":
        """Return the item with the pixels of its tile where it states none: for estimates, for the file's own win."""
        return replace(self, grid=grid_by_rule(self.tile)) if self.grid is None and is_tile(self.tile) else self

    def _check(self, codes: CodesFile) -> None:
        differences = self.identity.differences(codes.identity)
        if codes.tags.window_start != self.window_start:
            differences.append(f"first day {self.window_start or '1 January'} against {codes.tags.window_start}")
        if differences:
            raise IncomparableError(
                f"got an item {self.id} that disagrees with its file {Path(self.href).name}: "
                f"{'; '.join(differences)}; make the item again"
            )
        path = stac.local_path(self.href)
        if self.size is not None and path is not None and path.is_file() and path.stat().st_size != self.size:
            raise CatalogError(
                f"got {path.name} of {path.stat().st_size:,} bytes, expected {self.size:,} by the item {self.id}; "
                "the file was changed: make the item and the catalogue again"
            )
        if self.grid is not None and not _same_place(self.grid, codes):
            raise CatalogError(
                f"got an item {self.id} whose pixels lie elsewhere than those of its file {Path(self.href).name}, "
                "expected the same CRS, transform and shape; make the item again"
            )


def grid_by_rule(tile: str) -> Grid:
    """Return the pixels of a whole tile by the rule of tiles, which no file was asked for."""
    place = tiles.tile(tile)
    crs = CRS.from_epsg(place.epsg)
    return Grid(crs=crs, transform=place.transform, width=place.width, height=place.height)


def _same_place(grid: Grid, codes: CodesFile) -> bool:
    """Tell whether a file has the pixels that were stated."""
    epsg = codes.crs.to_epsg()
    return (
        (grid.height, grid.width) == (codes.height, codes.width)
        and (grid.crs == codes.crs or (epsg is not None and grid.crs.to_epsg() == epsg))
        and grid.transform.almost_equals(codes.transform, precision=1e-6)
    )


def available_years(items: Iterable[CodesItem]) -> list[int]:
    """Return the years of items, ascending."""
    return sorted({item.year for item in items})


def choose_year(items: Sequence[CodesItem], year: int | None) -> int:
    """Return the year to work on: the one asked for, or the only one there is.

    Raises:
        UsageError: There are several and none is asked for; the message lists them.
        NothingFoundError: No item has the year asked for; the message lists the others.
    """
    years = available_years(items)
    if year is None and len(years) > 1:
        raise UsageError(f"got no --year and items of {years_in_words(years)}; choose one with --year")
    if not years or (year is not None and year not in years):
        raise NothingFoundError(
            f"got year {year}, expected one of {years_in_words(years) or 'none'}; choose with --year"
        )
    return years[0] if year is None else year


def by_year(items: Iterable[CodesItem]) -> dict[int, list[CodesItem]]:
    """Part items by their year, ascending."""
    kept = list(items)
    return {year: [item for item in kept if item.year == year] for year in available_years(kept)}


def one_identity(items: Sequence[CodesItem]) -> CodesIdentity:
    """Return the identity that all items share.

    Raises:
        IncomparableError: They are of several encoders or input recipes; the message names collections to choose from.
    """
    try:
        return require_comparable({item.id: item.identity for item in items})
    except IncomparableError as error:
        collections = sorted({_collection_of(item) for item in items})
        if len(collections) < 2:
            raise
        raise IncomparableError(f"{error}: --catalog {' or '.join(collections)}") from error


def _collection_of(item: CodesItem) -> str:
    """Return the collection that an item lies in as `--catalog` takes it, or its id where nobody knows its place."""
    id = item.identity.encoder.collection_id
    place = without_query(item.item_href or "")
    above, found, _ = place.partition(f"/{id}/")
    if not found:
        return id
    return f"{above}/{id}" if stac.local_path(place) else f"{above}/{id}/collection.json"


def one_start(items: Iterable[CodesItem]) -> None:
    """See that the years of all items start on the same day of the calendar.

    Raises:
        IncomparableError: They do not: codes of July to June say other things than codes of January to December.
    """
    starts = {(item.window_start.month, item.window_start.day) if item.window_start else (1, 1) for item in items}
    if len(starts) > 1:
        days = ", ".join(f"{day} {date(2000, month, 1):%B}" for month, day in sorted(starts))
        raise IncomparableError(
            f"got items whose 365 days start on {len(starts)} different days ({days}), expected one; "
            "choose items that start alike"
        )


def years_in_words(years: Iterable[int]) -> str:
    """Return years ascending, for messages."""
    return ", ".join(str(year) for year in sorted(years))
