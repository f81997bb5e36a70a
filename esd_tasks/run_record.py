"""`run.json`: what a map was made from, with what, and how; and the key that tells one run from another."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from esd_tasks.codes_item import CodesItem
from stactools_esd import stac
from stactools_esd.errors import EsdError, OutputError, UsageError
from stactools_esd.files import multihash_file, read_json

SCHEMA_VERSION: Final = "1"
"""Version of the layout of `run.json`."""

RUN_JSON: Final = "run.json"
"""File name; it is written last, so that a folder with it is finished."""

_PACKAGES: Final = ("stactools-esd", "lightgbm", "numpy", "rasterio", "scikit-learn", "shapely", "pyproj")
_DECIDING_PACKAGES: Final = ("stactools-esd", "lightgbm", "scikit-learn")


def software() -> dict[str, str]:
    """Return the versions of Python and of the packages that make a map."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def deciding_software() -> dict[str, str]:
    """Return the versions that may change a map; a run of other versions is another run."""
    return {name: _version(name) for name in _DECIDING_PACKAGES}


def moment() -> datetime:
    """Return the time now; where `SOURCE_DATE_EPOCH` says a time, that one, so that a run can be repeated to the byte.

    Raises:
        UsageError: The variable is not a number of seconds since 1970.
    """
    said = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return datetime.now(UTC) if said is None else datetime.fromtimestamp(int(said), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"got SOURCE_DATE_EPOCH={said!r}, expected seconds since 1970; correct or unset the variable"
        ) from error


def checksum_of(item: CodesItem) -> str | None:
    """Return the multihash of an item's codes: as the item states it, else of the file; None for remote plain COGs."""
    if item.checksum is not None:
        return item.checksum
    path = stac.local_path(item.href)
    return multihash_file(path) if path is not None and path.is_file() else None


def run_record(
    *,
    run_key: str,
    command: str,
    facts: Mapping[str, Any],
    items: Sequence[CodesItem],
    folder: Path,
    outputs: Mapping[str, str],
    **further: Any,
) -> dict[str, Any]:
    """Return the content of `run.json`.

    Args:
        run_key: Key of the run.
        command: Command line that makes the same map.
        facts: What decides the result, as the key was made of.
        items: Items that were read.
        folder: Output folder; local hrefs are relative to it.
        outputs: File name of each output, by kind.
        **further: Results worth keeping.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "run_key": run_key,
        "finished": moment().isoformat(timespec="seconds"),
        "command": command,
        **{key: value for key, value in facts.items() if key not in ("items", "software")},
        "items": [
            {
                "id": item.id,
                "tile": item.tile,
                "year": item.year,
                "href": stac.relative_href(item.href, folder),
                "checksum": facts["items"][item.id],
            }
            for item in items
        ],
        "software": software(),
        "outputs": dict(outputs),
        **further,
    }


def content_of(path: Path) -> dict[str, Any]:
    """Return a JSON object that a run left, or nothing where there is none that can be read."""
    try:
        content = read_json(path, error=OutputError)
    except EsdError:
        return {}
    return content if isinstance(content, dict) else {}


def read_run(folder: Path, *, makers: Iterable[str]) -> dict[str, Any]:
    """Read the record of a finished folder that somebody named.

    Args:
        folder: The folder.
        makers: Commands that write such folders, for messages.

    Raises:
        UsageError: Nothing of this name is there.
        OutputError: It is no finished folder.
    """
    expected = f"expected the folder of a finished esd-tasks {' or '.join(makers)}; name that folder"
    if not folder.exists():
        raise UsageError(f"got {folder}, which does not exist, {expected}")
    if not (folder / RUN_JSON).is_file():
        raise OutputError(f"got {folder} without {RUN_JSON}, {expected}")
    return dict(read_json(folder / RUN_JSON, error=OutputError))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
