"""Files of codes held against the checksums that their items state, byte for byte."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from esd_tasks.codes_item import CodesItem
from esd_tasks.item_sources.http import sha256_of
from stactools_esd import stac
from stactools_esd.errors import CatalogError
from stactools_esd.files import multihash_file
from stactools_esd.gdal import without_query

_SHA256: Final = "1220"
"""How a multihash begins that is a SHA-256 of 32 bytes."""


def see_checksums(items: Iterable[CodesItem]) -> None:
    """See that every file of codes has the bytes that its item was made for; each is read whole, also behind a URL.

    Args:
        items: Any; a file that several share is read once.

    Raises:
        CatalogError: A file has other bytes or cannot be read, or an item states no checksum.
    """
    for item in {item.href: item for item in items}.values():
        shown = without_query(item.href)
        if item.checksum is None or not item.checksum.startswith(_SHA256):
            raise CatalogError(
                f"got {shown} of the item {item.id}, which states no SHA-256 (file:checksum), expected one to verify; "
                "make the item again, or leave out --verify"
            )
        if (got := _multihash(item.href)) != item.checksum:
            raise CatalogError(
                f"got {shown} with the checksum {got}, expected {item.checksum} by the item {item.id}; fetch the file "
                "again, or make the item and the catalogue again"
            )


def _multihash(href: str) -> str:
    """Return the multihash of a file here or behind a URL."""
    path = stac.local_path(href)
    if path is None:
        return _SHA256 + sha256_of(href)
    try:
        return multihash_file(Path(path))
    except OSError as error:
        raise CatalogError(
            f"cannot read {path} ({error.strerror}), expected a file of codes; check the path"
        ) from error
