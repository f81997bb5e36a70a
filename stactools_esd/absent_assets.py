"""Files that items name and nobody has: a catalogue of them is valid, and of no use."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stactools_esd.errors import MissingFileWarning
from stactools_esd.files import is_file
from stactools_esd.stac import local_path


def warn_of_absent(hrefs: Iterable[str], root: Path) -> None:
    """Warn in one line of local files that do not exist; files behind URLs are not looked for.

    Args:
        hrefs: URLs, or paths of this machine.
        root: Folder from which relative paths are counted.

    Warns:
        MissingFileWarning: One does not; the line names the first, and how many there are.
    """
    local = (root / path for href in hrefs if (path := local_path(href)) is not None)
    if absent := [path for path in local if not is_file(path)]:
        count = "1 asset whose file does" if len(absent) == 1 else f"{len(absent):,} assets whose files do"
        warnings.warn(
            f"got {count} not exist, such as {absent[0]}: the catalogue names what nobody can read; put the files "
            "there, or correct the SOURCEs and run again",
            MissingFileWarning,
            stacklevel=2,
        )


def hrefs_of(items: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Yield the hrefs of all assets of items."""
    return (asset["href"] for item in items for asset in item["assets"].values())
