"""Copies of an item's local files beside it: a catalogue that can be published as one folder."""

import filecmp
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stactools_esd.errors import CatalogError, OutputError
from stactools_esd.files import atomic_path, multihash_file
from stactools_esd.stac import local_path


def copy_assets(item: Mapping[str, Any], folder: Path, root: Path) -> dict[str, Any]:
    """Copy the local assets of an item into a folder, and return the item as it names them there.

    Links to local files that are not copied, such as the images that codes were made from, become `file:` URLs: where
    the copies go next, a relative link would lead elsewhere. STAC's best practices want relative links within a
    catalogue of its own files only.

    Args:
        item: Item as JSON; hrefs of local assets and links are absolute.
        folder: Where the copies go, under their own names; a copy that is there already and agrees is left alone.
        root: Folder that will be moved as one; links to files in it stay paths.

    Raises:
        OutputError: A file is missing or cannot be written.
        CatalogError: A file is not the one whose size and checksum the item states; no copy of it is left.
    """
    assets = {}
    for key, asset in item["assets"].items():
        path = local_path(asset["href"])
        assets[key] = asset if path is None else asset | {"href": str(_copied(path, folder / path.name, asset))}
    links = [link | {"href": _lasting(link["href"], root)} for link in item.get("links", [])]
    return {**item, "links": links, "assets": assets}


def _lasting(href: str, root: Path) -> str:
    """Return an href that stays true when a folder is moved away from a local file outside it."""
    path = local_path(href)
    return href if path is None or path.is_relative_to(root.resolve()) else path.absolute().as_uri()


def _copied(path: Path, target: Path, asset: Mapping[str, Any]) -> Path:
    """Copy a file, unless its copy is there; it gets its name only if it is what the item says."""
    try:
        if target.is_file() and _differs(target, asset) is None and ("file:checksum" in asset or _same(path, target)):
            return target
        with atomic_path(target) as temporary:
            shutil.copyfile(path, temporary)
            if (differs := _differs(temporary, asset)) is not None:
                raise CatalogError(
                    f"got {path} of {differs} that its item states; restore the file, or make the item again of it"
                )
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot copy {path} to {target} ({reason}); mend the file or the folder") from error
    return target


def _same(path: Path, target: Path) -> bool:
    return target.samefile(path) or filecmp.cmp(path, target, shallow=False)


def _differs(path: Path, asset: Mapping[str, Any]) -> str | None:
    """Say in what a file is not the one whose size and checksum an asset states, or None where it is."""
    size, said = path.stat().st_size, asset.get("file:size")
    if said is not None and size != said:
        return f"{size} bytes, expected the {said}"
    said = asset.get("file:checksum")
    if said is not None and (found := multihash_file(path)) != said:
        return f"checksum {found[:16]}..., expected the {str(said)[:16]}..."
    return None
