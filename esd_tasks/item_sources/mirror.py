"""The mirror of a collection: its items in a parquet index that assets name, read instead of walking.

Decision 16 says how the index is laid out. Collections of others are read, too, where an asset with the role
`collection-mirror` is a parquet file, or on this machine a folder of such files; several assets are one index.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from esd_tasks.codes_item import CodesItem
from esd_tasks.extras import needed
from esd_tasks.item_sources import parquet_index
from esd_tasks.item_sources.hrefs import resolve
from esd_tasks.item_sources.parquet_index import NoCodesError, Part
from esd_tasks.item_sources.wanted import Wanted
from stactools_esd import stac
from stactools_esd.errors import CatalogError, MissingExtraError
from stactools_esd.gdal import without_query

ROLE: Final = "collection-mirror"
"""Role of the asset, by the stac-geoparquet specification."""

THREADS: Final = 4
"""Parts that are read beside each other: a server's answers are waited for together, cores share the rest."""

_log = logging.getLogger(__name__)


def mirrored(content: Mapping[str, Any], place: str, wanted: Wanted) -> list[CodesItem] | None:
    """Return the items of a collection's mirror, or None where there is none to trust, of which a line is logged.

    Args:
        content: Content of the collection.
        place: Its path or URL.
        wanted: Place and years; boxes and dates choose rows, so items still have to be tried.
    """
    assets = content.get("assets")
    named = [asset for asset in assets.values() if ROLE in _list(asset, "roles")] if isinstance(assets, dict) else []
    if not named:
        return None
    shown = without_query(place)
    try:
        parts = [part for asset in named for part in _parts(asset, place, wanted)]
        return _rows_of_all(parts, wanted)
    except NoCodesError:
        return []
    except MissingExtraError as error:
        _log.info("the index of %s is not used, its items are walked, which takes longer: %s", shown, error)
    except (CatalogError, KeyError, TypeError, ValueError) as error:
        _log.warning("the index of %s is not used, its items are walked, which takes longer: %s", shown, error)
    return None


def _rows_of_all(parts: Sequence[Part], wanted: Wanted) -> list[CodesItem]:
    """Return the items of parts in their order; parts are fetched and read beside each other."""
    if len(parts) < 2:
        return [item for part in parts for item in parquet_index.rows_of(part, wanted)]
    needed("pyarrow.parquet", "tasks")  # imported once, before threads
    with ThreadPoolExecutor(min(THREADS, len(parts))) as pool:
        found = pool.map(lambda part: list(parquet_index.rows_of(part, wanted)), parts)
        return [item for items in found for item in items]


def _parts(asset: Mapping[str, Any], place: str, wanted: Wanted) -> list[Part]:
    """Return the files of an asset of an index that may hold what is wanted."""
    target = resolve(str(asset["href"]), place)
    if not parquet_index.is_index(target):
        raise CatalogError(
            f"got the index {asset['href']}, expected a .parquet file, or a folder of such files on this machine"
        )
    path = stac.local_path(target)
    if path is not None and path.is_dir():
        return parquet_index.parts_of(target, wanted)
    if not parquet_index.may_hold_years(target, wanted):
        return []
    return [Part(place=target, item_count=asset.get("esd:item_count"), items_sha256=asset.get("esd:items_sha256"))]


def _list(content: Any, key: str) -> list[Any]:
    """Return a list that a content may hold."""
    found = content.get(key) if isinstance(content, Mapping) else None
    return found if isinstance(found, list) else []
