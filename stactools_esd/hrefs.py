"""Which addresses an item may name: what a listing or an item of others says is not believed blindly."""

import os
import re
from collections.abc import Collection, Set
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from stactools_esd.errors import CatalogError
from stactools_esd.stac import local_path

SCHEMES: Final = ("https", "s3", "gs")
"""Schemes that a catalogue takes without being told."""

LINK_SCHEMES: Final = ("http", "file")
"""Further schemes that links of an item may have: pages about it, and files it was made from."""

OUTSIDE: Final = "outside"
"""The word that allows files of this machine outside the catalogue."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9]+://[^/?#\s]+/", re.IGNORECASE)
_SECRETS = re.compile(
    r"[?&](?:[^=&]*(?:signature|token|credential|password|secret|accesskeyid)|sig)=|^[^/]*//[^/?]*@", re.IGNORECASE
)


def check_href(href: str, *, allowed: Collection[str] = (), root: Path | None = None) -> str:
    """Return an href of an asset that may stand in an item.

    Args:
        href: URL, or path of this machine; relative paths are counted from `root`.
        allowed: Further schemes, and `outside` for files outside `root`.
        root: Folder of the catalogue; files are not looked at where there is none.

    Raises:
        CatalogError: Its scheme is not expected, it leaves the catalogue, holds a signature, or is a GDAL path.
    """
    shown = href.split("?", 1)[0]
    if not href or any(not character.isprintable() for character in href) or href.startswith("/vsi"):
        raise CatalogError(f"got the address {shown!r}, expected a URL or the path of a file; correct it")
    scheme = _SCHEME.match(href)
    if scheme is not None:
        name = scheme[1].lower()
        if name not in SCHEMES and name not in allowed:
            raise CatalogError(
                f"got the address {shown} with the scheme {name}, expected one of {', '.join(SCHEMES)}; "
                f"say --allow {name} if it is meant"
            )
        check_no_secret(href)
        if name in SCHEMES and not _HOST.match(href):
            raise CatalogError(f"got the address {shown!r} without a host, expected {name}://HOST/...; correct it")
        return href
    path = local_path(href)
    if path is not None and root is not None and OUTSIDE not in allowed:
        # A browser reads `%2e` as a dot and a backslash as a slash.
        ways = (str(path), unquote(str(path)).replace("\\", "/"))
        if not all(Path(os.path.normpath(root / way)).is_relative_to(root) for way in ways):
            raise CatalogError(
                f"got the file {href}, expected one in the catalogue {root}; say --allow {OUTSIDE} if it is meant"
            )
    return href


def check_enclosed(href: str, folder: Path, roots: Set[Path]) -> None:
    """See that a local file that will be copied lies in one of some folders, wherever symbolic links lead.

    What an item of others names is published with the copy: a key beside the tiles is no part of them. So hidden files
    and folders of the roots are not in them.

    Args:
        href: URL, or absolute path of this machine.
        folder: That of the item.
        roots: Folders or files that the user named, their real paths.

    Raises:
        CatalogError: It lies elsewhere.
    """
    path = local_path(href)
    if path is None:
        return
    real, own = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    above = [real]  # and the folders over it, no further than one that is hidden
    while not above[-1].name.startswith(".") and above[-1] != above[-1].parent:
        above.append(above[-1].parent)
    if own not in above and roots.isdisjoint(above):
        lying = f" (which is {real})" if real != path else ""
        raise CatalogError(
            f"got the file {path}{lying} to copy, expected one in a SOURCE or in {own}, and none that is hidden "
            f"there; look at what the item names, and say --allow {OUTSIDE} if it is meant"
        )


def check_no_secret(href: str) -> None:
    """See that an href holds neither signature nor password: items are for everybody.

    Raises:
        CatalogError: It does.
    """
    if _SECRETS.search(href):
        shown = re.sub("//[^/]*@", "//", href.split("?", 1)[0])
        raise CatalogError(
            f"got the address {shown} with a signature or a password, expected one without: whoever reads the item "
            "could use it; hrefs are signed when they are read"
        )
