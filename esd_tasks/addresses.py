"""Addresses of files on a server, where a path of this machine may stand too."""

import re
from pathlib import Path

from stactools_esd.gdal import without_query


def address_of(path: Path) -> str | None:
    """Return the `http` or `https` address that a path was made of, else None: pathlib drops one of its slashes."""
    match = re.fullmatch(r"(https?):/+(.+)", path.as_posix(), flags=re.IGNORECASE)
    return match and f"{match[1].lower()}://{match[2]}"


def shown(path: Path) -> str:
    """Return a path or an address as messages and records say it: without a signature."""
    address = address_of(path)
    return str(path) if address is None else without_query(address)


def beside(path: Path, task: str) -> Path:
    """Return `<name of a file>-<task>` beside it; of a file on a server, in the working directory."""
    if (address := address_of(path)) is not None:
        path = Path(Path(without_query(address)).name)
    return path.with_name(f"{path.stem}-{task}")
