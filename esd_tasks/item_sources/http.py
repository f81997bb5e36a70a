"""Documents behind URLs: fetched with a time limit, tried again with growing pauses, failures as one line."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from stactools_esd.errors import CatalogError
from stactools_esd.gdal import without_query

TIMEOUT_SECONDS: Final = (10.0, 60.0)
"""Longest wait for a connection, and for the next bytes of an answer."""

MOST_BYTES: Final = 1 << 28
"""Bytes of an answer, unpacked: more than the index of all tiles on Earth takes, less than a computer has."""

TRIES: Final = 5
"""How often a request is made before it counts as failed."""

BACKOFF_SECONDS: Final = 0.5
"""Pause after the second try; each further one is twice as long. What a server asks for (Retry-After) is kept."""

_PIECE_BYTES = 1 << 20
_PASSING = (429, 500, 502, 503, 504)


def fetch_json(url: str, *, query: Mapping[str, str] | None = None, body: Any = None) -> Any:
    """Fetch a JSON document.

    Args:
        url: Where.
        query: Query parameters to add.
        body: JSON to post; a GET where there is none.

    Raises:
        CatalogError: The server cannot be reached, refuses, or answers something else.
    """
    content = fetch_bytes(url, query=query, body=body)
    try:
        import json

        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CatalogError(
            f"got no valid JSON from {without_query(url)}, expected a STAC document; check the URL"
        ) from error


def fetch_bytes(url: str, *, query: Mapping[str, str] | None = None, body: Any = None) -> bytes:
    """Fetch a document as it is.

    Raises:
        CatalogError: The server cannot be reached or refuses.
    """
    import requests

    shown = without_query(url)
    content = bytearray()
    try:
        with _session().request(
            "GET" if body is None else "POST", url, params=query, json=body, timeout=TIMEOUT_SECONDS, stream=True
        ) as answer:
            for piece in answer.iter_content(1 << 20) if answer.ok else ():
                content += piece
                if len(content) > MOST_BYTES:
                    raise CatalogError(
                        f"got more than {MOST_BYTES >> 20} MB from {shown}, expected a document or an index of a year; "
                        "check the URL"
                    )
    except ValueError as error:  # whose words may hold the query, and so a secret
        raise CatalogError(f"got {shown[:200]}, which is no address; correct it") from error
    except requests.RequestException as error:
        reason = type(error).__name__ if not isinstance(error, requests.ConnectionError) else "no connection"
        raise CatalogError(
            f"cannot reach {shown} after {TRIES} tries ({reason}), expected an answer; check the URL and the network"
        ) from error
    if not answer.ok:
        raise CatalogError(f"got status {answer.status_code} from {shown}, expected the document; check the URL")
    return bytes(content)


def sha256_of(url: str) -> str:
    """Fetch a file piece by piece and return its SHA-256, 64 hexadecimal digits.

    Raises:
        CatalogError: The server cannot be reached, refuses, or ends too early.
    """
    import hashlib

    import requests

    shown, digest, count = without_query(url), hashlib.sha256(), 0
    plain = {"Accept-Encoding": "identity"}
    try:
        with _session().get(url, timeout=TIMEOUT_SECONDS, stream=True, headers=plain) as answer:
            if not answer.ok:
                raise CatalogError(f"got status {answer.status_code} from {shown}, expected the file; check the URL")
            for piece in answer.iter_content(_PIECE_BYTES):
                digest.update(piece)
                count += len(piece)
            expected = int(answer.headers.get("Content-Length", count))
    except (requests.RequestException, ValueError) as error:
        raise CatalogError(
            f"cannot fetch {shown} ({type(error).__name__}), expected the whole file; check the URL and the network"
        ) from error
    if count != expected:
        raise CatalogError(f"got {count:,} bytes of {shown}, expected {expected:,}; run the same command again")
    return digest.hexdigest()


@cache
def _session() -> Any:
    """Return the one session, which keeps connections open."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retry = Retry(
        total=TRIES - 1,
        backoff_factor=BACKOFF_SECONDS,
        status_forcelist=_PASSING,
        allowed_methods=("GET", "POST"),  # searching changes nothing, so it may be posted again
        raise_on_status=False,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session
