"""The plan of a migration of labels: labels read, items of all years found, no codes read yet."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from esd_tasks.area_plan import around, see_comparable
from esd_tasks.codes_item import CodesItem, available_years, years_in_words
from esd_tasks.items import items_of_years
from esd_tasks.items_cost import facts_of
from esd_tasks.labels import Labels, read_labels
from esd_tasks.legend import read_legend
from esd_tasks.migrate.ownership import see_apart
from esd_tasks.migrate.request import MigrateRequest
from esd_tasks.model_facts import first_day
from esd_tasks.plan import places_facts
from esd_tasks.series import Series
from stactools_esd import stac
from stactools_esd.blocks import run_key
from stactools_esd.errors import NothingFoundError
from stactools_esd.product import CodesIdentity

LEAST_YEARS: Final = 3
"""Years of a series, at least: with two nothing tells a change from noise."""

_DECIDING: Final = (
    "task", "label_year", "years", "error_rate", "min_probability", "min_clear", "polygon_rule", "polygon_cap", "seed",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MigratePlan:
    """Everything that is known before codes are read."""

    request: MigrateRequest
    """What was asked."""

    labels: Labels
    """What was where."""

    items: tuple[CodesItem, ...]
    """Items of tiles that exist in all years, by year and tile."""

    left_out: tuple[str, ...]
    """Tiles that lack a year, so that none uses them."""

    @property
    def years(self) -> tuple[int, ...]:
        """Years, ascending."""
        return tuple(available_years(self.items))

    @property
    def identity(self) -> CodesIdentity:
        """The one identity of all items."""
        return self.items[0].identity

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON content."""
        request = self.request
        return {
            "labels": {
                **places_facts(request.labels, request.layer, self.labels),
                "class_field": self.labels.class_field,
                "year_field": request.year_field,
            },
            "parameters": {name: getattr(request, name) for name in _DECIDING},
            "years": list(self.years),
            "first_day": first_day(self.items[0]),
            **facts_of(self.items),
        }

    @cached_property
    def run_key(self) -> str:
        """Hash of `facts`, of the labels only their content."""
        return run_key({**self.facts, "labels": self.facts["labels"]["content_sha256"]})

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of labels and tiles, a line each."""
        lines = list(self.labels.notes)
        if self.left_out:
            lines.append(f"tiles without all years answer in none: {', '.join(self.left_out)}")
        return tuple(lines)

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and write: for `--dry-run`. Of files only the blocks with labels are read."""
        paths = [stac.local_path(item.href) for item in self.items]
        return {
            "labels": len(self.labels.class_id),
            "classes": {str(class_id): name for class_id, name in self.labels.names.items()},
            "years": list(self.years),
            "items": [item.id for item in self.items],
            "bytes": sum(path.stat().st_size for path in paths if path is not None and path.is_file()),
            "output": str(self.request.output_or_default),
        }


def make_plan(request: MigrateRequest) -> MigratePlan:
    """Read labels and find the items of all years.

    Raises:
        UsageError: Options are missing or wrong, or the output is what is read.
        LabelsError: The labels cannot be used.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: A year is missing around the labels, labels are of other years, or years are too few.
        IncomparableError: The items are of two encoders or recipes.
    """
    see_apart(request.output_or_default, {"--labels": request.labels, "--legend": request.legend})
    given = read_legend(request.legend) if request.legend else None
    labels = read_labels(request.labels, legend=given.by_id if given else None, **request.label_options)
    items = items_of_years(request.catalog_or_default, geometry=around(labels.envelope), years=request.wanted_years)
    see_comparable(items)
    years = available_years(items)
    if len(years) < LEAST_YEARS:
        raise NothingFoundError(
            f"got codes of {years_in_words(years)} alone, expected {LEAST_YEARS} or more years: with fewer nothing "
            "tells a change from noise; add years"
        )
    of_labels = [request.label_year or 0] if labels.year is None else np.unique(labels.year).tolist()
    if missing := [year for year in of_labels if year not in years]:
        raise NothingFoundError(
            f"got labels of {years_in_words(missing)}, expected years among {years_in_words(years)}; add their "
            "years to --years, or leave these labels out"
        )
    with Series(items) as series:
        return MigratePlan(request=request, labels=labels, items=series.items, left_out=series.left_out)
