"""The plan of a map of a quantity: what is asked, labels with their numbers, items and grid; nothing written yet."""

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from esd_tasks.area_plan import around, asked_area, items_of_area, items_of_labels, see_comparable
from esd_tasks.classifier import TreeParameters
from esd_tasks.label_table import POLYGON_CAP
from esd_tasks.plan import LabelledPlan, places_facts
from esd_tasks.pull import grid_for
from esd_tasks.regress_validation import N_FOLDS
from esd_tasks.request import LabelledRequest, check_block_size
from esd_tasks.unclassed import read_unclassed
from stactools_esd.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class RegressRequest(LabelledRequest):
    """Options of `regress`.

    Raises:
        UsageError: See `LabelledRequest`; block size or interval is out of range.
    """

    task: ClassVar[str] = "regress"

    target_field: str
    """Field of the quantity."""

    units: str = ""
    """Unit of the quantity, as it shall stand in the raster and the picture."""

    interval: float | None = None
    """Share of places that an interval around the prediction shall hold, 0.5..0.99; no interval if None."""

    block_size: float | Literal["auto"] = "auto"
    """Side of the blocks of the cross-validation in metres."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_block_size(self.block_size)
        if self.interval is not None and not 0.5 <= self.interval <= 0.99:
            raise UsageError(f"got --interval {self.interval}, expected 0.5..0.99; correct it, e.g. 0.9")

    @property
    def quantiles(self) -> tuple[float, float] | None:
        """Ends of the interval."""
        return None if self.interval is None else ((1 - self.interval) / 2, (1 + self.interval) / 2)

    @property
    def quantity(self) -> str:
        """The field with its unit, for people."""
        return f"{self.target_field} ({self.units})" if self.units else self.target_field

    @property
    def made(self) -> str:
        """The quantity."""
        return re.sub(r"[^\w]+", "-", self.target_field).strip("-_") or self.task


@dataclass(frozen=True, kw_only=True)
class RegressPlan(LabelledPlan):
    """What is known before codes are read."""

    request: RegressRequest
    """What was asked."""

    values: NDArray[np.float64]
    """Their numbers, (m,)."""

    parameters: TreeParameters = field(default_factory=TreeParameters)
    """How trees are grown."""

    @property
    def task_facts(self) -> dict[str, Any]:
        """Labels and parameters."""
        request = self.request
        names = ("task", "target_field", "units", "interval", "min_clear", "polygon_rule", "block_size", "seed")
        return {
            "labels": {
                **places_facts(request.labels, request.layer, self.labels, self.values),
                "year_field": request.year_field,
            },
            "parameters": {
                **{name: getattr(request, name) for name in names},
                "polygon_cap": POLYGON_CAP,
                "n_folds": N_FOLDS,
                "trees": asdict(self.parameters),
            },
        }

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and map, labels included."""
        return super().cost() | {"labels": len(self.values)}


def make_plan(request: RegressRequest) -> RegressPlan:
    """Read labels and area, find items, year and grid.

    Raises:
        EsdError: See `unclassed.read_unclassed`, `area_plan.items_of_area` and `area_plan.see_comparable`.
    """
    labels, values = read_unclassed(
        request.labels,
        name=request.target_field,
        layer=request.layer,
        value_field=request.target_field,
        year_field=request.year_field,
    )
    area = asked_area(request) or around(labels.envelope)
    year, items = items_of_area(request, area)
    years = {year} if labels.year is None else {int(one) for one in np.unique(labels.year)}
    label_items = items_of_labels(request, labels.envelope, years)
    see_comparable([*items, *label_items])
    plan = RegressPlan(
        request=request,
        area=area,
        year=year,
        items=items,
        label_items=label_items,
        grid=grid_for(items, area),
        labels=labels,
        values=values,
    )
    return replace(plan, parameters=TreeParameters(seed=request.seed))
