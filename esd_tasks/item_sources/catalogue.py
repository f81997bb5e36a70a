"""Items of a static catalogue, on this machine or behind a URL: by the mirror of a collection, else by its links."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from esd_tasks.codes_item import CodesItem
from esd_tasks.item_sources.document import is_of_codes, item_of
from esd_tasks.item_sources.hrefs import links_of, resolve
from esd_tasks.item_sources.http import fetch_json
from esd_tasks.item_sources.mirror import mirrored
from esd_tasks.item_sources.wanted import Wanted
from stactools_esd import stac
from stactools_esd.errors import CatalogError
from stactools_esd.files import is_file, read_json
from stactools_esd.gdal import without_query

MOST_DEEP: Final = 50
"""Documents above one another; a catalogue of ours has four."""

NO_CATALOG: Final = (
    "name a catalogue, item, index, API, codes COG or folder of these with --catalog or ESD_CATALOG (default ./catalog)"
)
"""What to do where there is none."""


def walk(place: str, wanted: Wanted, seen: set[str] | None = None, depth: int = 0) -> Iterator[CodesItem]:
    """Yield the items below a catalogue, or the item that a document is; other collections' items are passed over.

    A collection whose mirror can be trusted is not walked.

    Args:
        place: Path or URL of the document.
        wanted: Years and zones that are not wanted are not opened; items still have to be tried.
        seen: Documents that were walked already.
        depth: Documents above this one.

    Raises:
        CatalogError: A document is no STAC, a link is broken, or an item is invalid.
    """
    seen = set() if seen is None else seen
    remote = stac.local_path(place) is None
    place = place if remote else str(Path(place).absolute())
    if place in seen:
        return
    seen.add(place)
    if depth > MOST_DEEP:
        raise CatalogError(
            f"got {without_query(place)} below {depth} documents, expected {MOST_DEEP} at most; mend the catalogue"
        )
    content = fetch_json(place) if remote else read_json(Path(place))
    kind = content.get("type") if isinstance(content, dict) else None
    if kind == "Feature":
        if is_of_codes(content):
            yield item_of(content, place)
        return
    if kind not in ("Catalog", "Collection"):
        raise CatalogError(f"got {without_query(place)}, which is no STAC catalogue, collection or item; {NO_CATALOG}")
    if (items := mirrored(content, place, wanted)) is not None:
        yield from items
        return
    for target, rel in _links(content, place):
        if rel == "item" or wanted.enters(content, _folder(place), _folder(target)):
            yield from walk(target, wanted, seen, depth + 1)


def _links(content: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    """Yield what lies below a catalogue."""
    for relation, href, _ in links_of(content, place):
        if relation not in ("child", "item"):
            continue
        target = resolve(href, place)
        if stac.local_path(target) is not None and not is_file(target):
            raise CatalogError(
                f"got a broken link in {without_query(place)} to {href[:200]}, expected a file; build it again"
            )
        yield target, relation


def _folder(place: str) -> str:
    """Return the name of the folder that a document lies in."""
    return (Path(place) if stac.local_path(place) else PurePosixPath(urlsplit(place).path)).parent.name
