"""Items of a STAC API, searched by box and year, page by page."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from esd_tasks.codes_item import CodesItem
from esd_tasks.item_sources.document import is_of_codes, item_of
from esd_tasks.item_sources.hrefs import links_of, resolve
from esd_tasks.item_sources.http import fetch_json
from esd_tasks.item_sources.wanted import Wanted
from stactools_esd import stac
from stactools_esd.errors import CatalogError
from stactools_esd.gdal import without_query

PAGE_ITEMS: Final = 250
"""Items asked for on one page."""

_COLLECTION = re.compile(r"(?P<root>.*)/collections/(?P<id>[^/?]+)/?")


def is_api(content: Any) -> bool:
    """Tell whether a document is the landing page of a STAC API that can be searched."""
    conforms = content.get("conformsTo") if isinstance(content, dict) else None
    return isinstance(conforms, list) and any(re.search(r"stac.*/item-search", str(entry)) for entry in conforms)


def root_of(url: str) -> str:
    """Return the landing page of an API where a URL names one of its collections, else the URL."""
    match = _COLLECTION.fullmatch(url)
    return match["root"] if match else url


def search(url: str, landing: Mapping[str, Any], wanted: Wanted) -> Iterator[CodesItem]:
    """Yield items of codes of an API.

    Args:
        url: The API, or one of its collections: `https://host/collections/esd-esdnet-small-v1`.
        landing: Its landing page.
        wanted: Place and years; the server chooses by boxes and dates, so items still have to be tried.

    Raises:
        CatalogError: The API has no collection of codes, does not answer, or answers something else.
    """
    root = root_of(url)
    match = _COLLECTION.fullmatch(url)
    collections = [match["id"]] if match else list(_collections_of_codes(root, landing))
    if not collections:
        raise CatalogError(
            f"got the API {without_query(root)} without a collection of codes, expected one whose id begins with "
            "esd-; choose another, or name its collection as URL/collections/ID"
        )
    asked = {"limit": str(PAGE_ITEMS), "collections": ",".join(collections)}
    if wanted.years:
        asked["datetime"] = f"{min(wanted.years)}-01-01T00:00:00Z/{max(wanted.years)}-12-31T23:59:59Z"
    where = _href(landing, "search", root) or f"{root.rstrip('/')}/search"
    boxes = [{"bbox": ",".join(f"{value:.7f}" for value in box)} for box in wanted.boxes()]
    for query in [asked | box for box in boxes] or [asked]:
        for page, place in _pages(where, query):
            for content in _list(page, "features", place):
                if is_of_codes(content):
                    yield item_of(content, _place(content, place))


def _collections_of_codes(root: str, landing: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of collections that are called like ours or declare our extension."""
    where = _href(landing, "data", root) or f"{root.rstrip('/')}/collections"
    for page, place in _pages(where, {}):
        for collection in _list(page, "collections", place):
            id, extensions = str(collection.get("id")), collection.get("stac_extensions")
            if id.startswith("esd-") or (isinstance(extensions, list) and stac.ESD_EXTENSION in extensions):
                yield id


def _pages(url: str, query: Mapping[str, str]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield each page of an answer with its URL, following links to the next one."""
    asked: tuple[str, Mapping[str, str] | None, Any] | None = (url, query, None)
    seen = []
    while asked is not None:
        if asked in seen:
            raise CatalogError(f"got a page of {without_query(asked[0])} that leads back to itself; tell its operator")
        seen.append(asked)
        place, parameters, body = asked
        page = fetch_json(place, query=parameters, body=body)
        if not isinstance(page, dict):
            raise CatalogError(f"got no page of STAC from {without_query(place)}, expected a JSON object")
        yield page, place
        asked = _next(page, place, body)


def _next(page: Mapping[str, Any], place: str, body: Any) -> tuple[str, None, Any] | None:
    """Return the request of the next page, or None after the last."""
    for relation, href, link in links_of(page, place):
        if relation == "next":
            further = None
            if str(link.get("method", "GET")).upper() == "POST":
                asked = link.get("body")
                further = asked if isinstance(asked, dict) else {}
                if link.get("merge"):
                    further = {**(body or {}), **further}
            return resolve(href, place), None, further
    return None


def _href(content: Mapping[str, Any], relation: str, place: str) -> str | None:
    """Return the target of a link of a document that can be fetched by GET."""
    for found, href, link in links_of(content, place):
        if found == relation and str(link.get("method", "GET")).upper() == "GET":
            return resolve(href, place)
    return None


def _list(page: Mapping[str, Any], key: str, place: str) -> list[Mapping[str, Any]]:
    """Return the objects that a page lists.

    Raises:
        CatalogError: They are none.
    """
    found = page.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise CatalogError(
            f"got {key} of {without_query(place)} that are no list of objects, expected a page; tell its operator"
        )
    return found


def _place(content: Mapping[str, Any], page: str) -> str:
    """Return the URL of an item, from which its hrefs are counted."""
    return _href(content, "self", page) or page
