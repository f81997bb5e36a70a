"""Validating what documents name: addresses of expected schemes, files that are there and are what is said of them."""

import os
from pathlib import Path

from stactools_esd.errors import CatalogError
from stactools_esd.files import is_file, multihash_file
from stactools_esd.hrefs import LINK_SCHEMES, check_href
from stactools_esd.stac import local_path
from stactools_esd.validate_report import Json, Report

READABLE = ("http",)
"""Schemes that assets may have beside those that `create-catalog` takes unasked: everything here reads them."""


def linked(path: Path, link: Json) -> Path | None:
    """Return the file that a link or an asset of a document names, or None for a URL."""
    below = local_path(link["href"])
    return None if below is None else Path(os.path.normpath(Path(os.path.abspath(path)).parent / below))  # noqa: PTH100


def check_address(path: Path, what: str, href: str, report: Report, schemes: tuple[str, ...]) -> bool:
    """Tell whether an address has an expected scheme and no secret; note it where not."""
    try:
        check_href(href, allowed=(*schemes, *report.allowed))
    except CatalogError as error:
        report.add(path, f"{what}: {error}")
        return False
    return True


def check_link_address(path: Path, link: Json, report: Report) -> bool:
    """Tell whether a link has an address that links may have; note it where not."""
    return check_address(path, f"link rel={link['rel']}", link["href"], report, LINK_SCHEMES)


def check_assets(path: Path, document: Json, report: Report) -> None:
    """Check the assets of an item or a collection; files outside the folder that is checked are noted, no problems."""
    for key, asset in document.get("assets", {}).items():
        if not check_address(path, f"asset {key}", asset["href"], report, READABLE):
            continue
        file = linked(path, asset)
        if file is None:
            continue
        if not is_file(file):
            report.add(path, f"got asset {key} at {asset['href']}, which does not exist")
            continue
        if report.root is not None and not Path(os.path.realpath(file)).is_relative_to(report.root):
            report.outside.append(file)
        if asset.get("file:size", size := file.stat().st_size) != size:
            report.add(path, f"got file:size {asset['file:size']} of asset {key}, but the file has {size} bytes")
        elif "file:checksum" in asset and asset["file:checksum"] != multihash_file(file):
            report.add(path, f"got file:checksum of asset {key}, which the file does not have; it was changed")
