"""From labels and codes to a land-cover map with honest accuracy: the main job.

A run reads the codes of the labels, cross-validates, trains on all samples, and predicts the area block by block.
"""

import logging
import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from esd_tasks import crossval
from esd_tasks.applicability import find_applicability
from esd_tasks.class_map import ClassMap
from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.classify_outputs import write_outputs
from esd_tasks.covariates import beside_codes, read_places
from esd_tasks.failures import Failures
from esd_tasks.fold_curve import N_MODELS, fold_curve
from esd_tasks.folds import Folds, spatial_folds
from esd_tasks.label_range import label_range, range_facts, with_buffer
from esd_tasks.map_blocks import fill_blocks
from esd_tasks.map_run import BLOCK_PIXELS, MapResult, OnProgress, already_done, opened, read_result
from esd_tasks.plan import ClassifyPlan, make_plan, samples_of_plan
from esd_tasks.request import ClassifyRequest
from esd_tasks.sample_choice import cap_classes
from esd_tasks.samples import Samples
from esd_tasks.search import STATEMENT, Searched, n_models, search_parameters
from stactools_esd.blocks import plan_blocks
from stactools_esd.errors import OutputError
from stactools_esd.files import read_json

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClassifyResult(MapResult):
    """A finished map with its accuracy."""

    @cached_property
    def accuracy(self) -> dict[str, Any]:
        """Content of `accuracy.json`."""
        return dict(read_json(self.paths["accuracy"], error=OutputError))

    @property
    def mapped_pixels(self) -> dict[int, int]:
        """Pixels of each class, by class_id."""
        return {int(class_id): count for class_id, count in self.record["mapped_pixels"].items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON content."""
        return super().as_dict() | {"accuracy": self.accuracy, "mapped_pixels": self.record["mapped_pixels"]}


def classify(labels: str | Path, *, on_progress: OnProgress | None = None, **options: Any) -> ClassifyResult:
    """Make a class map from labels.

    Args:
        labels: File of labelled points or polygons.
        on_progress: Hears how far the run is.
        **options: Fields of `ClassifyRequest`: catalog, geometry, year, output, ..

    Raises:
        EsdError: See `make_plan` and `run_plan`.
    """
    return run_plan(make_plan(ClassifyRequest(labels=Path(labels), **options)), on_progress=on_progress)


def run_plan(plan: ClassifyPlan, *, on_progress: OnProgress | None = None) -> ClassifyResult:
    """Make the map of a plan, or continue it; a finished one is returned as it is.

    Args:
        plan: What to do.
        on_progress: Hears how far the run is.

    Raises:
        LabelsError: Too few samples, classes or spatial blocks.
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: A codes COG is damaged, and no other gives a pixel.
    """
    _log.info("year %d, items %s", plan.year, ", ".join(item.id for item in plan.items))
    report = on_progress or (lambda *_: None)
    if done := already_done(plan):
        return ClassifyResult(**vars(done))
    failures = Failures()
    samples = samples_of_plan(plan, failures, polygon_cap=plan.request.polygon_cap)
    samples = cap_classes(samples, plan.request.class_cap, seed=plan.request.seed)
    if plan.covariates:
        samples = replace(samples, covariates=read_places(plan.covariates, plan.grid, samples.lon, samples.lat))
    folds, reach = _folds(plan, samples)
    _log.info("%d samples of %d classes, %d spatial blocks", len(samples.class_id), len(samples.counts), folds.n_blocks)
    with opened(plan, failures) as store:
        searched = _search(plan, samples, folds, report)
        grown = plan.parameters if searched is None else searched.parameters
        validated, curve = _validate(plan, grown, searched, samples, folds, report)
        validated["protocol"] |= range_facts(reach, folds.buffer) | ({"search": STATEMENT} if searched else {})
        model = Classifier(grown).fit(
            samples.codes, samples.class_id, covariates=samples.covariates, weight=samples.weight
        )
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        known = None
        if "applicability" in plan.request.band:
            known = find_applicability(
                model, samples.codes, folds, covariates=samples.covariates, seed=plan.request.seed
            )
        work = ClassMap(plan=plan, legend=plan.legend, model=model, bands=plan.request.band, applicability=known)
        beside = beside_codes(plan.covariates, plan.grid)
        fill_blocks(plan, blocks, store, work.layers, work.of_codes, report, beside=beside)
        tried = {} if searched is None else searched.content
        write_outputs(plan, work, samples, validated, store, blocks, searched=tried, curve=curve)
    return ClassifyResult(**vars(read_result(plan.request.output_or_default)))


def _search(plan: ClassifyPlan, samples: Samples, folds: Folds, report: OnProgress) -> Searched | None:
    """Return the parameters that a search chose, or None where none was asked for."""
    n, seed = plan.request.search, plan.request.seed
    if not n:
        return None
    _log.info("a search of %d draws trains %d models", n, n_models(n))
    return search_parameters(
        samples, folds, plan.parameters, n, seed=seed, on_trial=lambda done, total: report("search", done, total)
    )


def _folds(plan: ClassifyPlan, samples: Samples) -> tuple[Folds, float | None]:
    """Return the spatial folds with their buffer, and the range over which labels resemble each other."""
    request = plan.request
    folds = spatial_folds(samples, block_size=request.block_size, n_folds=crossval.N_FOLDS, seed=request.seed)
    reach = label_range(samples, seed=request.seed)
    buffer: float | str = request.buffer
    if buffer == "range" and reach is not None:
        buffer = float(math.ceil(reach))
    return folds if isinstance(buffer, str) else with_buffer(folds, samples, buffer), reach


def _validate(
    plan: ClassifyPlan,
    grown: TreeParameters,
    searched: Searched | None,
    samples: Samples,
    folds: Folds,
    report: OnProgress,
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the content of `accuracy.json`, and the curve where it is wanted."""
    curved = not plan.request.no_curve
    total, done = 2 * crossval.N_FOLDS + (N_MODELS if curved else 0), 0

    def on_fold() -> None:
        nonlocal done
        done += 1
        report("validate", done, total)

    report("validate", done, total)
    by_fold = grown if searched is None else searched.by_fold
    validation = crossval.cross_validate(samples, folds, by_fold, on_fold=on_fold)
    random = crossval.random_overall(samples, grown, seed=plan.request.seed, on_fold=on_fold)
    curve = fold_curve(samples, folds, by_fold, validation, on_fold=on_fold) if curved else None
    return crossval.accuracy_report(validation, random, samples, plan.legend), curve
