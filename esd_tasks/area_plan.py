"""What is known of every map before codes are read: where, of which year, from which items, on which grid."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import shapely

from esd_tasks import run_record
from esd_tasks.area import parse_bbox, read_area
from esd_tasks.codes_item import CodesItem, by_year, choose_year, one_identity, one_start
from esd_tasks.items import find_items
from esd_tasks.places import wrap_longitudes
from esd_tasks.pull import Grid
from esd_tasks.request import MapRequest
from stactools_esd import stac
from stactools_esd.blocks import run_key
from stactools_esd.errors import NothingFoundError
from stactools_esd.product import CodesIdentity

_ENVELOPE_MARGIN: Final = 0.0003
"""Degrees of the equator around the envelope of places, about a pixel, so that the outermost are on the map."""


@dataclass(frozen=True, kw_only=True)
class AreaPlan:
    """Where a map is made, and of what; tasks add what they know besides."""

    request: MapRequest
    """What was asked."""

    area: shapely.Geometry
    """Area to map, in WGS84."""

    year: int
    """Year to map."""

    items: tuple[CodesItem, ...]
    """Items to map, of that year."""

    label_items: tuple[CodesItem, ...] = ()
    """Items that hold labels, of the labels' years."""

    grid: Grid
    """Grid of the map."""

    @property
    def identity(self) -> CodesIdentity:
        """The one identity of all items."""
        return self.items[0].identity

    @property
    def all_items(self) -> tuple[CodesItem, ...]:
        """Items of map and labels, each once, by year and tile."""
        return tuple(sorted({item.href: item for item in (*self.items, *self.label_items)}.values(), key=_order))

    @property
    def task_facts(self) -> dict[str, Any]:
        """What decides the map beside place and items, as JSON content; of files, `content_sha256` is what counts."""
        return {}

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Everything that decides the map, as JSON content."""
        return {
            **self.task_facts,
            "area_sha256": geometry_digest(self.area),
            "year": self.year,
            "grid": {
                "crs": self.grid.crs.to_string(),
                "transform": list(self.grid.transform)[:6],
                "width": self.grid.width,
                "height": self.grid.height,
            },
            **self.identity.as_dict(),
            "items": {item.id: run_record.checksum_of(item) for item in self.all_items},
            "software": run_record.deciding_software(),
        }

    @cached_property
    def run_key(self) -> str:
        """Hash of `facts`, of files only their content; equal keys give equal maps."""
        return run_key({key: _content(fact) for key, fact in self.facts.items()})

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and map: for `--dry-run`.

        Bytes are the size of the items' files on this machine, and the share of them that the area needs.
        """
        items = []
        for item in self.all_items:
            path = stac.local_path(item.href)
            size = path.stat().st_size if path is not None and path.is_file() else None
            share = shapely.intersection(self.area, item.footprint).area / item.footprint.area
            items.append(
                {
                    "id": item.id,
                    "year": item.year,
                    "href": item.href,
                    "bytes": size,
                    "bytes_to_read": None if size is None else round(size * share) if item in self.items else 0,
                }
            )
        return {
            "year": self.year,
            "items": items,
            "bytes": sum(item["bytes"] or 0 for item in items),
            "bytes_to_read": sum(item["bytes_to_read"] or 0 for item in items),
            "width": self.grid.width,
            "height": self.grid.height,
            "pixels": self.grid.width * self.grid.height,
            "output": str(self.request.output_or_default),
        }


def asked_area(request: MapRequest) -> shapely.Geometry | None:
    """Return the area of a file or a box, or None where neither was asked for."""
    if request.geometry is not None:
        return wrap_longitudes(read_area(request.geometry))
    return None if request.bbox is None else parse_bbox(request.bbox)


def around(envelope: shapely.Geometry) -> shapely.Geometry:
    """Return an envelope of places with a margin of about a pixel."""
    _, south, _, north = envelope.bounds
    # A degree of longitude shrinks towards the poles: a margin that is a pixel at the equator is less than half of one
    # in the north of Norway.
    shrink = np.cos(np.deg2rad(min(max(abs(south), abs(north)), 85.0)))
    return wrap_longitudes(shapely.buffer(envelope, _ENVELOPE_MARGIN / shrink, join_style="mitre"))


def items_of_area(request: MapRequest, area: shapely.Geometry) -> tuple[int, tuple[CodesItem, ...]]:
    """Return the year to map, and its items.

    Raises:
        UsageError: Several years are there and none is chosen.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: Nothing lies in the area or in the year.
    """
    found = find_items(request.catalog_or_default, geometry=area)
    year = choose_year(found, request.year)
    return year, tuple(by_year(found)[year])


def items_of_labels(request: MapRequest, envelope: shapely.Geometry, years: Iterable[int]) -> tuple[CodesItem, ...]:
    """Return the items around labels, of the labels' years.

    Raises:
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: A year has no items there.
    """
    wanted = set(years)
    found = tuple(find_items(request.catalog_or_default, geometry=envelope, years=wanted))
    if missing := sorted(wanted - {item.year for item in found}):
        there = by_year(find_items(request.catalog_or_default, geometry=envelope))
        raise NothingFoundError(
            f"got labels of {', '.join(map(str, missing))}, expected years of the items around them: "
            f"{', '.join(map(str, there))}; leave these labels out or add items of their years"
        )
    return found


def see_comparable(items: Iterable[CodesItem]) -> None:
    """See that items may be used together.

    Raises:
        IncomparableError: They are of two encoders or recipes, or their years start on different days.
    """
    kept = list(items)
    one_identity(kept)
    one_start(kept)


def geometry_digest(geometry: shapely.Geometry) -> str:
    """Return the SHA-256 of a geometry, whatever the order of its parts."""
    return hashlib.sha256(shapely.to_wkb(shapely.normalize(geometry))).hexdigest()


def _content(fact: Any) -> Any:
    """Return of a file only what is in it."""
    return fact["content_sha256"] if isinstance(fact, dict) and "content_sha256" in fact else fact


def _order(item: CodesItem) -> tuple[int, str, str, str]:
    return item.year, item.tile, item.id, item.href
