"""The plan of a panel: units, items and years found, nothing read yet."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import shapely

from esd_tasks.codes_item import CodesItem, available_years
from esd_tasks.items import items_of_years
from esd_tasks.items_cost import cost_of, facts_of
from esd_tasks.panel.request import PanelRequest
from esd_tasks.panel.units import Units, outline, read_units
from esd_tasks.series import Series
from stactools_esd.blocks import run_key
from stactools_esd.errors import NothingFoundError
from stactools_esd.files import sha256_file


@dataclass(frozen=True, kw_only=True)
class PanelPlan:
    """Everything that is known before codes are read."""

    request: PanelRequest
    """What was asked."""

    units: Units
    """The units."""

    items: tuple[CodesItem, ...]
    """Items of tiles that exist in all years, by year and tile."""

    left_out: tuple[str, ...]
    """Tiles that some year lacks, so that none uses them."""

    @property
    def years(self) -> tuple[int, ...]:
        """Years, ascending."""
        return tuple(available_years(self.items))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Everything that decides the panel, as JSON content."""
        request = self.request
        places = hashlib.sha256(b"".join(shapely.to_wkb(self.units.geometry).tolist())).hexdigest()
        return {
            "units_sha256": places,
            "fields_sha256": run_key({"fields": str(self.units.fields.to_pydict())}),
            "unit_field": self.units.unit_field,
            "years": list(self.years),
            "statistics": list(request.statistics),
            "pixels": request.pixels,
            "min_clear": request.min_clear,
            "crs": request.crs,
            "resolution": request.resolution,
            "like_sha256": None if request.like is None else sha256_file(request.like),
            "format": request.format_or_default,
            **facts_of(self.items),
        }

    @cached_property
    def run_key(self) -> str:
        """Hash of `facts`; equal keys give equal panels."""
        return run_key(self.facts)

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and write: for `--dry-run`."""
        n = len(self.units.geometry)
        return {
            **cost_of(self.items, shapely.union_all(self.units.geometry)),
            "units": n,
            "rows": n * len(self.years),
            "output": str(self.request.output_or_default),
        }


def make_plan(request: PanelRequest) -> PanelPlan:
    """Read units, find items and years.

    Raises:
        LabelsError: The units cannot be used.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: No item meets a unit, a year is missing, or no tile exists in all years.
        IncomparableError: The items are of two encoders or recipes.
    """
    units = read_units(request)
    area = outline(units)
    if not len(shapely.get_parts(area)):
        raise NothingFoundError(f"got no sound polygon in {request.units.name}, expected at least one in this shard")
    items = items_of_years(request.catalog_or_default, geometry=area, years=request.wanted_years)
    with Series(items) as series:
        return PanelPlan(request=request, units=units, items=series.items, left_out=series.left_out)
