"""Addresses, and questions to a portal: JSON in bounded time, asked again with growing pauses, failures as one line."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from stactools_esd.errors import CatalogError, UsageError
from stactools_esd.gdal import without_query

TIMEOUT_SECONDS: Final = (10.0, 120.0)
"""Longest wait for a connection, and for the next bytes: the portal stalls."""

TRIES: Final = 5
"""How often a question is asked before it counts as failed."""

BACKOFF_SECONDS: Final = 1.0
"""Pause after the second try; each further one is twice as long."""

_PASSING = (429, 500, 502, 503, 504)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def split_address(url: str) -> SplitResult:
    """Split an address into its parts.

    Raises:
        CatalogError: It is none, such as one with a bracket that nothing closes.
    """
    try:
        return urlsplit(url)
    except ValueError as error:
        raise CatalogError(f"got {without_query(url)[:200]}, which is no address ({error}); correct it") from None


def check_server(url: str) -> str:
    """Return the address of a server without its last slash.

    Raises:
        UsageError: It would be asked in the clear, though it is not this machine.
    """
    parts = split_address(url)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise UsageError(f"got the portal {without_query(url)}, expected https://HOST; correct the address")
    return url.rstrip("/")


def post_json(url: str, body: Any, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """Post a question and return the status with the answer, None where that is no JSON.

    Nothing of the body or the headers comes into a message: they may hold credentials.

    Raises:
        CatalogError: The server cannot be reached.
    """
    import requests

    try:
        answer = _session(BACKOFF_SECONDS).post(
            url, json=body, headers=dict(headers or {}), timeout=TIMEOUT_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        reason = type(error).__name__
        raise CatalogError(
            f"cannot reach {without_query(url)} after {TRIES} tries ({reason}), expected an answer; check the network "
            "and try again later"
        ) from None
    try:
        return answer.status_code, answer.json()
    except ValueError:
        return answer.status_code, None


@cache
def _session(backoff: float) -> Any:
    """Return the one session, which keeps connections open."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retry = Retry(
        total=TRIES - 1,
        backoff_factor=backoff,
        status_forcelist=_PASSING,
        allowed_methods=("POST",),  # these questions change nothing
        raise_on_status=False,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session
