"""Items of codes: found by place and year in any source there is.

A source is a static catalogue, one of its documents, a STAC API, a parquet index, a codes COG, or a folder of these; on
this machine or behind a URL.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import shapely

from esd_tasks.codes_item import CodesItem, available_years, years_in_words
from esd_tasks.item_sources import api, parquet_index
from esd_tasks.item_sources.catalogue import NO_CATALOG, walk
from esd_tasks.item_sources.document import CODES_ASSET
from esd_tasks.item_sources.files import from_file, from_folder
from esd_tasks.item_sources.http import fetch_json
from esd_tasks.item_sources.wanted import Wanted
from stactools_esd import stac
from stactools_esd.errors import NothingFoundError, UsageError

__all__ = ["CODES_ASSET", "find_items", "items_of_years"]


def find_items(
    catalog: str | Path | Sequence[str | Path],
    *,
    geometry: shapely.Geometry | None = None,
    years: Iterable[int] | None = None,
) -> list[CodesItem]:
    """Find the items of a place and of years.

    Args:
        catalog: catalog.json, collection.json, an item, a STAC API or one of its collections, a parquet index, a codes
            COG, a folder of these, or several of them; each a path or a URL.
        geometry: Where, in WGS84; may cross the antimeridian in two parts or by longitudes beyond 180 degrees.
            Anywhere if None.
        years: Which years; all if None.

    Returns:
        Items by year, tile and id; they may be of several encoders (see `one_identity`).

    Raises:
        UsageError: There is no catalogue at a path of this machine.
        CatalogError: A link is broken, an item is invalid, or a server does not answer.
        NothingFoundError: The catalogue has nothing there, or not in these years.
    """
    sources = [catalog] if isinstance(catalog, str | Path) else list(catalog)
    wanted = Wanted.of(geometry, years)
    if found := _sorted(_all(sources, wanted)):
        return found
    said = ", ".join(str(source) for source in sources)
    if wanted.years is not None and (others := _sorted(_all(sources, Wanted.of(geometry, None)))):
        raise NothingFoundError(
            f"got year {years_in_words(wanted.years)}, expected one of {years_in_words(available_years(others))}, the "
            f"years that {said} has here; choose among them"
        )
    if wanted.geometry is None:
        raise NothingFoundError(f"got no item of codes in {said}, expected at least one; {NO_CATALOG}")
    bounds = ", ".join(f"{value:.5g}" for value in wanted.geometry.bounds)
    raise NothingFoundError(
        f"got no item of {said} that meets the area {bounds} (west, south, east, north), expected at least one; "
        "check the area or choose another catalogue"
    )


def items_of_years(
    catalog: str | Path | Sequence[str | Path],
    *,
    geometry: shapely.Geometry | None = None,
    years: Iterable[int] | None = None,
) -> list[CodesItem]:
    """Find the items of a place in every one of some years; as `find_items`, but no year may be missing.

    Raises:
        CatalogError: See `find_items`.
        NothingFoundError: A year has no item there.
    """
    wanted = None if years is None else set(years)
    found = find_items(catalog, geometry=geometry, years=wanted)
    if wanted and (missing := wanted - set(available_years(found))):
        there = available_years(find_items(catalog, geometry=geometry))
        raise NothingFoundError(
            f"got no item of {years_in_words(missing)}, expected every year that was asked for; here are "
            f"{years_in_words(there)}: choose among them"
        )
    return found


def _all(sources: Iterable[str | Path], wanted: Wanted) -> Iterator[CodesItem]:
    for source in sources:
        yield from (item for item in _items(str(source), wanted) if wanted.takes(item))


def _sorted(items: Iterable[CodesItem]) -> list[CodesItem]:
    unique = {(item.id, item.href): item for item in items}
    return sorted(unique.values(), key=lambda item: (item.year, item.tile, item.id, item.href))


def _items(source: str, wanted: Wanted) -> Iterable[CodesItem]:
    """Return the items of one source, all those that are wanted among them."""
    path = stac.local_path(source)
    if path is None:
        return _remote(source, wanted)
    if path.is_dir():
        roots = [path / name for name in ("catalog.json", "collection.json") if (path / name).is_file()]
        if roots:
            return walk(str(roots[0]), wanted)
        return (
            parquet_index.search(source, wanted) if parquet_index.is_index(source) else from_folder(path, wanted.years)
        )
    if not path.exists():
        raise UsageError(f"got no catalogue at {path}, expected one; {NO_CATALOG}")
    if parquet_index.is_index(source):
        return parquet_index.search(source, wanted)
    return walk(source, wanted) if path.suffix.lower() == ".json" else [from_file(str(path.absolute()))]


def _remote(source: str, wanted: Wanted) -> Iterable[CodesItem]:
    """Return the items behind a URL: what its end says, else what its document is."""
    plain = source.split("?", 1)[0].lower()
    if not plain.startswith(("http://", "https://")) or plain.endswith((".tif", ".tiff")):
        return [from_file(source)]
    if parquet_index.is_index(source):
        return parquet_index.search(source, wanted)
    if plain.endswith(".json"):
        return walk(source, wanted)
    landing = fetch_json(api.root_of(source))
    return api.search(source, landing, wanted) if api.is_api(landing) else walk(source, wanted)
