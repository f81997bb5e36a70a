"""The static catalogue of a listing: hundreds of thousands of items without opening a raster."""

import os
from collections.abc import Collection
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from stactools_esd.absent_assets import warn_of_absent
from stactools_esd.catalog import Layout, check_destination, write_catalog
from stactools_esd.errors import CatalogError
from stactools_esd.files import read_json
from stactools_esd.inventory import is_esd_item
from stactools_esd.listed_items import ListedYear, official_tags
from stactools_esd.listing import read_listing
from stactools_esd.names import CodesTags
from stactools_esd.stac import tags_of


def catalog_of_listing(
    listing: str | Path,
    destination: str | Path,
    *,
    layout: Layout | None = None,
    like: str | Path | None = None,
    allowed: Collection[str] = (),
) -> Path:
    """Write the static catalogue of a listing; see `listing` for its columns.

    Place, pixels and outline of an item come from the name of its tile, so it says `esd:geometry_source: derived`: a
    file's own georeference wins once somebody opens it. Relative hrefs are counted from the catalogue.

    Args:
        listing: CSV, Parquet or JSON lines.
        destination: Folder of the catalogue.
        layout: How it is written.
        like: Item whose encoder, weights, recipe and licence all tiles have; those of the official archive if None.
        allowed: Further schemes of hrefs, and `outside` for files outside the catalogue.

    Returns:
        Path of the root `catalog.json`.

    Raises:
        CatalogError: A line is impossible, or the destination is something else or holds other items.
        NothingFoundError: The listing is empty.
        MissingExtraError: An index shall be written, and pyarrow is not installed.

    Warns:
        MissingFileWarning: A local file does not exist.
    """
    destination = Path(os.path.abspath(destination))  # noqa: PTH100  (as `create_catalog`)
    check_destination(destination)
    years = listed_years(listing, destination, like=like, allowed=allowed)
    warn_of_absent((entry.href for year in years for entry in year.entries), destination)
    ids = {id for year in years for id in year.ids()}
    return write_catalog(years, ids, destination, layout or Layout())


def listed_years(
    listing: str | Path, root: Path, *, like: str | Path | None = None, allowed: Collection[str] = ()
) -> list[ListedYear]:
    """Return the years of a listing, whose items are made when they are asked for; see `catalog_of_listing`."""
    tags = official_tags() if like is None else _tags_like(Path(like))
    entries = read_listing(Path(listing), encoder=tags.identity.encoder, allowed=allowed, root=root)
    return [
        ListedYear(year=year, entries=list(of_year), root=root, tags=tags)
        for year, of_year in groupby(entries, key=lambda entry: entry.year)
    ]


def _tags_like(path: Path) -> CodesTags:
    content = read_json(path)
    if not is_esd_item(content):
        raise CatalogError(f"got {path}, expected an item of the esd extension; give one that the tiles are like")
    return replace(tags_of(content), window_start=None, skipped_images=0, engine=None)


def usual_workers() -> int:
    """Return how many processes write a listing where nobody says: one a core, at most eight."""
    return min(8, os.cpu_count() or 1)
