"""Hrefs that are counted from where they stand, of expected schemes; only documents here name files of this machine."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urljoin

from stactools_esd import stac
from stactools_esd.errors import CatalogError
from stactools_esd.gdal import without_query

SCHEMES: Final = ("https", "http", "s3", "gs")
"""Schemes that a document may name without being allowed to."""

ALLOW_VARIABLE: Final = "ESD_ALLOW"
"""Environment variable with further schemes, separated by commas, such as `file`; `vsi` for paths of GDAL."""

LONGEST_NAME: Final = 255
"""Bytes of the name of a file or folder, on every file system in use."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_FILE_URL = re.compile(r"file:(?://(?:localhost)?)?(?=/)", re.IGNORECASE)


def resolve(href: str, place: str) -> str:
    """Return an href as an absolute path or URL, relative ones counted from the document that holds it.

    A document on this machine is its user's own, and may name any file of it, as a path or a `file:` URL: by default a
    catalogue leaves the codes where they are, beside its folder. One behind a URL is somebody else's. Other schemes and
    paths of GDAL are for neither.

    Raises:
        CatalogError: A document behind a URL names a file of this machine, or has a scheme that is not expected.
    """
    try:
        if stac.local_path(place) is None:
            whole = href if href.startswith("/vsi") else urljoin(place, href)
            _check(whole, place)
            return whole
        file_url = _FILE_URL.match(href)
        path = Path(unquote(href[file_url.end() :])) if file_url else stac.local_path(href)
        if path is None or (file_url is None and _SCHEME.match(href)):
            _check(href, place)
        if path is None:
            return href
        if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
            raise ValueError(href)
        return str((Path(place).parent / path).resolve())
    except (ValueError, OSError, RuntimeError) as error:  # brackets without an address, NUL, circles of links
        raise CatalogError(
            f"got the address {without_query(href)[:200]!r} in {without_query(place)}, expected a URL or a path; mend "
            "the document"
        ) from error


def links_of(content: Mapping[str, Any], place: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield relation, href and all of each link of a document; hrefs as they stand there.

    Raises:
        CatalogError: The links are none.
    """
    links = content.get("links")
    for link in links if isinstance(links, list) else [links] if links else []:
        relation, href = (link.get(key) if isinstance(link, dict) else None for key in ("rel", "href"))
        if not isinstance(relation, str) or not isinstance(href, str):
            raise CatalogError(
                f"got the link {str(link)[:80]!r} in {without_query(place)}, expected one with the texts rel and href; "
                "mend the document"
            )
        yield relation, href, link


def _check(href: str, place: str) -> None:
    """See that a URL is one that a document may name."""
    scheme = _SCHEME.match(href)
    name = scheme[1].lower() if scheme else "vsi"
    if name in SCHEMES:
        return
    if name not in [word.strip().lower() for word in os.environ.get(ALLOW_VARIABLE, "").split(",")]:
        remote = stac.local_path(place) is None
        schemes = ", ".join(SCHEMES)
        expected = (
            f"one of the schemes {schemes}: a catalogue elsewhere names no files of this machine"
            if remote
            else f"a path or one of the schemes {schemes}"
        )
        raise CatalogError(
            f"got the address {without_query(href)} in {without_query(place)}, expected {expected}; set "
            f"{ALLOW_VARIABLE}={name} if it is meant"
        )
