"""What a catalogue that is browsed names but its server cannot give: files outside its folder, and absent ones."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from stactools_esd.errors import EsdError
from stactools_esd.files import read_json
from stactools_esd.stac import local_path

MOST_ITEMS: Final = 1000
"""Items that are looked at: a large catalogue is as its beginning."""

_MOST_DOCUMENTS: Final = 4 * MOST_ITEMS


def look(document: Path) -> str | None:
    """Return in one line what of a catalogue will not be shown; None where all is there.

    Args:
        document: Its `catalog.json` or `collection.json`; the folder of it is served.
    """
    folder = Path(os.path.abspath(document.parent))  # noqa: PTH100  (as the server, links are not followed here)
    items, outside, missing = 0, 0, 0
    first = ""
    for place, content in _documents(folder / document.name, folder):
        items += content.get("type") == "Feature"
        for path in _local_assets(content, place):
            away = not path.is_relative_to(folder)
            if away or not path.is_file():
                outside, missing = outside + away, missing + (not away)
                first = first or str(path)
    if not first:
        return None
    found = " and ".join(
        f"{count} {kind}" for count, kind in ((outside, "outside its folder"), (missing, "missing")) if count
    )
    looked = f"{items:,} item{'s' * (items != 1)}"
    return (
        f"got assets that will not be shown, {found}, by a look at {looked}, such as {first}; make it "
        f"whole: stac esd create-catalog {document.parent} NEW --copy-assets{' --allow outside' if outside else ''}"
    )


def _documents(root: Path, folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield documents below a catalogue with their paths, depth first, not too many; broken ones are passed by."""
    waiting, seen, items = [root], {root}, 0
    while waiting and items < MOST_ITEMS and len(seen) < _MOST_DOCUMENTS:
        place = waiting.pop()
        try:
            content = read_json(place)
        except (EsdError, OSError):
            continue
        if not isinstance(content, dict):
            continue
        items += content.get("type") == "Feature"
        yield place, content
        for link in reversed(_dicts(content.get("links"))):
            path = local_path(str(link.get("href"))) if link.get("rel") in ("child", "item") else None
            below = None if path is None else Path(os.path.normpath(place.parent / path))
            if below is not None and below not in seen and below.is_relative_to(folder):
                seen.add(below)
                waiting.append(below)


def _local_assets(content: dict[str, Any], place: Path) -> Iterator[Path]:
    """Yield the files of this machine that assets of a document name."""
    assets = content.get("assets")
    for asset in _dicts(list(assets.values()) if isinstance(assets, dict) else []):
        path = local_path(str(asset.get("href", "")).removeprefix("file://"))
        if path is not None:
            yield Path(os.path.normpath(place.parent / path))


def _dicts(content: Any) -> list[dict[str, Any]]:
    """Return those of a list that are objects."""
    return [entry for entry in content if isinstance(entry, dict)] if isinstance(content, list) else []
