"""What items are, for the key of a run, and what reading them costs."""

from collections.abc import Sequence
from typing import Any

import shapely

from esd_tasks import run_record
from esd_tasks.codes_item import CodesItem, available_years
from stactools_esd import stac


def facts_of(items: Sequence[CodesItem]) -> dict[str, Any]:
    """Return what is known of items and software, as JSON content; a file without checksum stands by size and time."""
    return {
        **items[0].identity.as_dict(),
        "items": {item.id: item.checksum for item in items},
        "files": {item.id: _stamp(item) for item in items if item.checksum is None},
        "software": {"stactools-esd": run_record.software()["stactools-esd"]},
    }


def cost_of(items: Sequence[CodesItem], area: shapely.Geometry) -> dict[str, Any]:
    """Return years and items with their bytes, and the share of these that an area needs."""
    listed = []
    for item in items:
        path = stac.local_path(item.href)
        size = path.stat().st_size if path is not None and path.is_file() else item.size
        share = shapely.intersection(area, item.footprint).area / item.footprint.area
        needed = None if size is None else round(size * min(share, 1.0))
        listed.append({"id": item.id, "year": item.year, "href": item.href, "bytes": size, "bytes_to_read": needed})
    return {
        "years": available_years(items),
        "items": listed,
        "bytes": sum(item["bytes"] or 0 for item in listed),
        "bytes_to_read": sum(item["bytes_to_read"] or 0 for item in listed),
    }


def _stamp(item: CodesItem) -> str | None:
    path = stac.local_path(item.href)
    if path is None or not path.is_file():
        return None
    state = path.stat()
    return f"{state.st_size} bytes of {state.st_mtime_ns}"
