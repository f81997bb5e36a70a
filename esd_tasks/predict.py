"""A saved model on the codes of any place and year: a class map without labels.

The model says which encoder and input recipe it was trained on, and is used on no others. Nothing here measures how
good the map is: the cross-validation beside the model is of its own place and years.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import shapely

from esd_tasks.applicability import Applicability
from esd_tasks.area_plan import AreaPlan, asked_area, items_of_area, see_comparable
from esd_tasks.class_map import ClassMap
from esd_tasks.class_map_item import made_of, write_class_item
from esd_tasks.classifier import MODEL_JSON, MODEL_TEXT, Classifier
from esd_tasks.clean_map import see_sievable
from esd_tasks.codes_item import by_year, choose_year
from esd_tasks.covariates import Covariate, beside_codes, covariate_facts, open_covariates, see_same_names
from esd_tasks.failures import missing_notes
from esd_tasks.items import find_items
from esd_tasks.legend import Legend
from esd_tasks.map_blocks import fill_blocks
from esd_tasks.map_run import (
    BLOCK_PIXELS,
    MapResult,
    OnProgress,
    already_done,
    finish,
    opened,
    read_result,
)
from esd_tasks.model_facts import legend_of_model, model_folder, see_usable
from esd_tasks.pull import grid_for
from esd_tasks.report import write_report
from esd_tasks.request import MapBandsRequest
from esd_tasks.run_record import RUN_JSON
from stactools_esd import stac
from stactools_esd.blocks import plan_blocks
from stactools_esd.errors import UsageError
from stactools_esd.files import sha256_file

STATEMENT: Final = (
    "No label was used, so nothing here says how right the map is; the accuracy beside the model is of the place and "
    "the years that it was trained on."
)
"""Stands wherever a predicted map stands."""


@dataclass(frozen=True, kw_only=True)
class PredictRequest(MapBandsRequest):
    """Options of `predict`.

    Raises:
        UsageError: See `MapRequest`.
    """

    task: ClassVar[str] = "predict"
    positional: ClassVar[tuple[str, ...]] = ("model",)

    model: Path
    """Folder that `classify` wrote, or `model.json` in it."""


@dataclass(frozen=True, kw_only=True)
class PredictPlan(AreaPlan):
    """What is known before codes are read."""

    request: PredictRequest
    """What was asked."""

    folder: Path
    """Where the model is."""

    model: Classifier
    """The model."""

    legend: Legend
    """Its classes."""

    model_facts: dict[str, Any]
    """Content of `model.json`."""

    covariates: tuple[Covariate, ...]
    """What the model sees beside the codes, in its order."""

    applicability: Applicability | None = None
    """What the band `applicability` compares pixels with."""

    @cached_property
    def task_facts(self) -> dict[str, Any]:
        """The model by its checksums, and what else decides the map."""
        sums = [sha256_file(self.folder / name) for name in (MODEL_TEXT, MODEL_JSON)]
        covariates = {"covariates": covariate_facts(self.covariates)} if self.covariates else {}
        return covariates | {
            "model": {"path": self.folder.as_posix(), "content_sha256": "-".join(sums)},
            "parameters": {"min_clear": self.request.min_clear, **self.request.band_facts},
        }

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and map."""
        return super().cost() | {"classes": self.legend.by_id}


def predict(model: str | Path, *, on_progress: OnProgress | None = None, **options: Any) -> MapResult:
    """Make a class map with a saved model.

    Args:
        model: Folder that `classify` wrote.
        on_progress: Hears how far the run is.
        **options: Fields of `PredictRequest`: catalog, geometry, bbox, year, output, ..

    Raises:
        EsdError: See `make_plan` and `run_plan`.
    """
    return run_plan(make_plan(PredictRequest(model=Path(model), **options)), on_progress=on_progress)


def make_plan(request: PredictRequest) -> PredictPlan:
    """Read the model, find items, year and grid.

    Raises:
        OutputError: There is no model, or it cannot be read.
        UsageError: Several years are there and none is chosen.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: Nothing lies in the area or in the year.
        IncomparableError: The items are of another encoder or recipe than the model, or of several.
    """
    folder = model_folder(request.model)
    model, facts = Classifier.load(folder, threads=request.threads)
    covariates = see_same_names(open_covariates(request.covariate), model.covariates)
    legend = legend_of_model(facts)
    if "parent" in request.band and legend.parents is None:
        raise UsageError("got --band parent for a model without parent classes; leave it out")
    area = asked_area(request)
    if area is None:
        found = find_items(request.catalog_or_default)
        year = choose_year(found, request.year)
        items = tuple(by_year(found)[year])
        area = shapely.union_all([item.footprint for item in items])
    else:
        year, items = items_of_area(request, area)
    see_comparable(items)
    see_usable(facts, items, folder)
    plan = PredictPlan(
        request=request,
        area=area,
        year=year,
        items=items,
        grid=grid_for(items, area),
        folder=folder,
        model=model,
        legend=legend,
        model_facts=facts,
        covariates=covariates,
        applicability=Applicability.load(folder) if "applicability" in request.band else None,
    )
    if request.mmu:
        see_sievable((plan.grid.height, plan.grid.width))
    return plan


def run_plan(plan: PredictPlan, *, on_progress: OnProgress | None = None) -> MapResult:
    """Make the map of a plan, or continue it; a finished one is returned as it is.

    Raises:
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: A codes COG is damaged, and no other gives a pixel.
    """
    if done := already_done(plan):
        return done
    report = on_progress or (lambda *_: None)
    work = ClassMap(
        plan=plan, legend=plan.legend, model=plan.model, bands=plan.request.band, applicability=plan.applicability
    )
    nowhere = np.empty(0)
    with opened(plan) as store:
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        beside = beside_codes(plan.covariates, plan.grid)
        fill_blocks(plan, blocks, store, work.layers, work.of_codes, report, beside=beside)
        missing = store.failures.missing
        counts, outputs = work.write_rasters(store, blocks, note=STATEMENT, x=nowhere, y=nowhere)
        outputs["report"] = write_report(
            plan.request.output_or_default,
            title=f"{plan.request.output_or_default.resolve().name}, {plan.year}",
            legend=plan.legend,
            counts=counts,
            caveats=[*missing_notes(missing), *_notes(plan)],
            facts={"Model": plan.folder.as_posix(), **made_of(plan)},
        )
        link = stac.relative_href(str((plan.folder / MODEL_JSON).resolve()), plan.request.output_or_default)
        outputs["item"] = write_class_item(
            work, counts, caveat=STATEMENT, model=link, missing=tuple(store.failures.lines)
        )
        outputs["run"] = RUN_JSON
        classes = [
            {"class_id": class_id, "class_name": name, "mapped_pixels": counts[class_id]}
            for class_id, name in plan.legend.by_id.items()
        ]
        finish(plan, outputs, list(_notes(plan)), {"statement": STATEMENT, "classes": classes}, missing)
    return read_result(plan.request.output_or_default)


def _notes(plan: PredictPlan) -> Iterator[str]:
    """Say what a user should know of the model."""
    yield STATEMENT
    years = plan.model_facts.get("years", [])
    if years and plan.year not in years:
        listed = ", ".join(map(str, years))
        yield f"the model was trained on {listed}: it is transferred in time to {plan.year}, which nothing here tests"
