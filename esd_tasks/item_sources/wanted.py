"""What a search for items looks for."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import shapely

from esd_tasks.codes_item import CodesItem
from esd_tasks.places import near_zone, wrap_longitudes

Box = tuple[float, float, float, float]
"""(west, south, east, north) in degrees, west < east."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A place and years, either of which may be left open."""

    geometry: shapely.Geometry | None
    """Where, in WGS84 within -180..180 degrees; anywhere if None."""

    years: frozenset[int] | None
    """Which years; all if None."""

    @classmethod
    def of(cls, geometry: shapely.Geometry | None, years: Iterable[int] | None) -> "Wanted":
        """Look for a place, whose longitudes may lie beyond 180 degrees, and for years."""
        whole = None if geometry is None else wrap_longitudes(geometry)
        if whole is not None:
            shapely.prepare(whole)
        return cls(geometry=whole, years=None if years is None else frozenset(years))

    def takes(self, item: CodesItem) -> bool:
        """Tell whether an item is wanted."""
        return (self.years is None or item.year in self.years) and (
            self.geometry is None or bool(shapely.intersects(self.geometry, item.footprint))
        )

    def boxes(self) -> list[Box]:
        """Return the box of the place, or one on each side of the antimeridian; none for anywhere."""
        if self.geometry is None or shapely.is_empty(self.geometry):
            return []
        bounds = shapely.bounds(shapely.get_parts(self.geometry))
        eastern = bounds[:, 0] + bounds[:, 2] > 0
        halves = [bounds[eastern], bounds[~eastern]] if bounds[:, 2].max() - bounds[:, 0].min() > 180.0 else [bounds]
        return [(*half[:, :2].min(axis=0).tolist(), *half[:, 2:].max(axis=0).tolist()) for half in halves if len(half)]

    def enters(self, parent: Mapping[str, Any], folder: str, child: str) -> bool:
        """Tell whether a child catalogue may hold what is wanted, by the layout collection / year / zone.

        Args:
            parent: Content of the parent.
            folder: Name of the parent's folder.
            child: Name of the child's folder.
        """
        if parent.get("type") == "Collection" and re.fullmatch(r"\d{4}", child):
            return self.years is None or int(child) in self.years
        if re.fullmatch(r"\d{4}", folder) and re.fullmatch(r"0[1-9]|[1-5]\d|60", child):
            return self.geometry is None or near_zone(self.geometry, int(child))
        return True
