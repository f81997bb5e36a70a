"""The plan of a class map: labels read, items and grid found, nothing written yet."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.area_plan import AreaPlan, around, asked_area, items_of_area, items_of_labels, see_comparable
from esd_tasks.classifier import TreeParameters
from esd_tasks.codes_item import by_year
from esd_tasks.covariates import Covariate, covariate_facts, open_covariates
from esd_tasks.crossval import N_FOLDS
from esd_tasks.failures import Failures
from esd_tasks.labels import Labels, read_labels
from esd_tasks.legend import Legend, legend_of, read_legend
from esd_tasks.model_facts import legend_facts
from esd_tasks.pull import grid_for
from esd_tasks.request import ClassesRequest, ClassifyRequest, LabelledRequest
from esd_tasks.samples import Samples, extract
from stactools_esd.errors import UsageError
from stactools_esd.files import sha256_file


@dataclass(frozen=True, kw_only=True)
class LabelledPlan(AreaPlan):
    """What is known of a map that is made from labels before codes are read."""

    request: LabelledRequest
    """What was asked."""

    labels: Labels
    """The labels."""


@dataclass(frozen=True, kw_only=True)
class ClassesPlan(LabelledPlan):
    """What is known of a map of classes before codes are read."""

    request: ClassesRequest
    """What was asked."""

    legend: Legend
    """Classes that may be mapped."""

    @property
    def task_facts(self) -> dict[str, Any]:
        """Labels and legend."""
        request = self.request
        return {
            "labels": {
                **places_facts(request.labels, request.layer, self.labels, self.labels.weight),
                "class_field": self.labels.class_field,
                "year_field": request.year_field,
            },
            "legend": legend_facts(self.legend),
        }

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and map, labels included."""
        return super().cost() | {"labels": len(self.labels.class_id), "classes": self.legend.by_id}


@dataclass(frozen=True, kw_only=True)
class ClassifyPlan(ClassesPlan):
    """Everything that `classify` knows before codes are read."""

    request: ClassifyRequest
    """What was asked."""

    parameters: TreeParameters = field(default_factory=TreeParameters)
    """How trees are grown."""

    covariates: tuple[Covariate, ...] = ()
    """What the trees see beside the codes."""

    @property
    def task_facts(self) -> dict[str, Any]:
        """Labels, legend and parameters."""
        request = self.request
        covariates = {"covariates": covariate_facts(self.covariates)} if self.covariates else {}
        return (
            super().task_facts
            | covariates
            | {
                "parameters": {
                    "min_clear": request.min_clear,
                    "polygon_rule": request.polygon_rule,
                    "polygon_cap": request.polygon_cap,
                    "class_cap": request.class_cap,
                    "block_size": request.block_size,
                    "buffer": request.buffer,
                    "search": request.search,
                    "curve": not request.no_curve,
                    "n_folds": N_FOLDS,
                    "seed": request.seed,
                    **request.band_facts,
                    "trees": {name: getattr(self.parameters, name) for name in self.parameters.__dataclass_fields__},
                },
            }
        )

    def cost(self) -> dict[str, Any]:
        """Return what a run would read, map and train."""
        from esd_tasks.fold_curve import N_MODELS
        from esd_tasks.search import n_models

        models = {
            "validation": 2 * N_FOLDS,
            "curve": 0 if self.request.no_curve else N_MODELS,
            "search": n_models(self.request.search),
            "map": 1,
        }
        return super().cost() | {"models": models}


P = TypeVar("P", bound=ClassesPlan)


def make_plan(request: ClassifyRequest) -> ClassifyPlan:
    """Read labels and area, find items, year and grid.

    Raises:
        EsdError: See `plan_classes`.
    """
    covariates = open_covariates(request.covariate)
    plan = plan_classes(request, ClassifyPlan)
    if "parent" in request.band and plan.legend.parents is None:
        raise UsageError("got --band parent without parent classes, expected a --legend with a column parent; add it")
    parameters = replace(TreeParameters(seed=request.seed), balance=request.balance)
    return replace(plan, parameters=parameters, covariates=covariates)


def plan_classes(request: ClassesRequest, plan: type[P]) -> P:
    """Read labels and area, find items, year and grid, of a task that maps classes.

    Args:
        request: What was asked, of the class that the plan takes.
        plan: Class of the plan.

    Raises:
        UsageError: Options are missing or wrong; several years are there and none is chosen.
        LabelsError: The labels cannot be used.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: Nothing lies in the area or in the year.
        IncomparableError: The items are of two encoders or recipes.
    """
    given = read_legend(request.legend) if request.legend else None
    labels = read_labels(request.labels, legend=given.by_id if given else None, **request.label_options)
    area = area_of(request, labels)
    year, items = items_of_area(request, area)
    label_years = {year} if labels.year is None else {int(one) for one in np.unique(labels.year)}
    label_items = items_of_labels(request, labels.envelope, label_years)
    see_comparable([*items, *label_items])
    return plan(
        request=request,
        labels=labels,
        legend=given.without(set(given.ids) - set(labels.names)) if given else legend_of(labels.names),
        area=area,
        year=year,
        items=items,
        label_items=label_items,
        grid=grid_for(items, area),
    )


def area_of(request: LabelledRequest, labels: Labels) -> shapely.Geometry:
    """Return the area to map: file, box, or the envelope of the labels."""
    return asked_area(request) or around(labels.envelope)


def samples_of_plan(
    plan: LabelledPlan, failures: Failures, *, polygon_cap: int | None, least_classes: int = 2
) -> Samples:
    """Read the codes of the labels of a plan, as its request has it.

    Args:
        plan: Labels and their items.
        failures: Hears of items that cannot be read.
        polygon_cap: Most pixels of one polygon.
        least_classes: Classes that must have samples.

    Raises:
        EsdError: See `samples.extract`.
    """
    request = plan.request
    return extract(
        plan.labels,
        by_year(plan.label_items),
        polygon_rule=request.polygon_rule,
        min_clear=request.min_clear,
        polygon_cap=polygon_cap,
        seed=request.seed,
        year=plan.year if plan.labels.year is None else None,
        failures=failures,
        least_classes=least_classes,
    )


def places_facts(
    path: Path, layer: str | tuple[str, ...] | None, places: Labels, values: NDArray[np.float64] | None = None
) -> dict[str, Any]:
    """Return what a run says of the places that it was given; the content decides, the rest tells."""
    return {
        "path": path.as_posix(),
        "layer": layer,
        "sha256": sha256_file(path) if path.is_file() else None,
        "content_sha256": labels_digest(places, values),
    }


def labels_digest(labels: Labels, values: NDArray[np.float64] | None = None) -> str:
    """Return the SHA-256 of places, classes, years and numbers: files of other bytes may hold the same labels."""
    digest = hashlib.sha256(json.dumps(labels.names, ensure_ascii=True).encode("ascii"))
    for place in shapely.to_wkb(labels.geometry).tolist():
        digest.update(place)
    digest.update(labels.class_id.astype("<i8").tobytes())
    digest.update(b"" if labels.year is None else labels.year.astype("<i8").tobytes())
    digest.update(b"" if values is None else values.astype("<f8").tobytes())
    return digest.hexdigest()
