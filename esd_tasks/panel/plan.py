"""The plan of a panel: units, items and years found, nothing read yet."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import shapely

from esd_tasks.items_cost import cost_of
from esd_tasks.panel.request import PanelRequest
from esd_tasks.panel.units import Units, read_units
from esd_tasks.pull_years import YearsPlan
from stactools_esd.blocks import run_key
from stactools_esd.errors import NothingFoundError
from stactools_esd.files import sha256_file


@dataclass(frozen=True, kw_only=True)
class PanelPlan(YearsPlan):
    """Everything that is known of units before codes are read."""

    counted: ClassVar[str] = "units"
    """What the result counts."""

    request: PanelRequest
    """What was asked."""

    units: Units
    """The units."""

    @property
    def own_facts(self) -> dict[str, Any]:
        """Units with their fields, and what is computed of them."""
        request = self.request
        places = hashlib.sha256(b"".join(shapely.to_wkb(self.units.geometry).tolist())).hexdigest()
        return {
            "units_sha256": places,
            "fields_sha256": run_key({"fields": str(self.units.fields.to_pydict())}),
            "unit_field": self.units.unit_field,
            "statistics": list(request.statistics),
            "pixels": request.pixels,
            "crs": request.crs,
            "resolution": request.resolution,
            "like_sha256": None if request.like is None else sha256_file(request.like),
            "format": request.format_or_default,
        }

    def notes(self) -> Iterator[str]:
        """Yield what the user should know before codes are read, a line each."""
        yield from self.units.notes
        yield from super().notes()
        contexts = sorted({item.temporal_context for item in self.items})
        if contexts != ["year"]:
            yield (
                f"gaps of these codes were filled in the context {' and '.join(contexts)}: a year leans to those that "
                "its gaps were filled from, which dampens changes between years"
            )

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
    """Read units, find items and years: those of all units, whatever the shard, so that shards make one panel.

    Raises:
        UsageError: The units cannot be used.
        LabelsError: A unit has no name, or a name comes twice.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: No item meets a unit, a year is missing, or no tile exists in all years.
        IncomparableError: The items are of two encoders or recipes.
    """
    units = read_units(request)
    if units.outline.is_empty:
        raise NothingFoundError(f"got no sound polygon in {request.units.name}, expected at least one")
    return PanelPlan.over(request, units.outline, units=units)
