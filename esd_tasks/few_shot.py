"""From one to fifty labels a class to a finished class map: a small head, chosen by labels left out.

Vectors are centred and scaled by a sample of the area's pixels, which needs no labels; each label is one row, whether
point or polygon. The head is the one that does best on labels that it was not trained on.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pystac

from esd_tasks.class_files import OUTPUTS, class_layers, class_values, write_class_files
from esd_tasks.code_features import code_vectors
from esd_tasks.failures import Failures
from esd_tasks.few_shot_model import FewShotModel
from esd_tasks.head_choice import STATEMENT, HeadChoice, choose_head
from esd_tasks.heads import HEADS
from esd_tasks.label_table import POLYGON_CAP, LabelTable, label_table
from esd_tasks.map_blocks import fill_blocks
from esd_tasks.map_item import AssetFacts
from esd_tasks.map_run import (
    BLOCK_PIXELS,
    MapResult,
    OnProgress,
    already_done,
    finish,
    opened,
    packages,
    read_result,
)
from esd_tasks.model_facts import further_facts
from esd_tasks.model_file import MODEL_JSON
from esd_tasks.pixel_sample import sample_pixels
from esd_tasks.plan import ClassesPlan, plan_classes, samples_of_plan
from esd_tasks.report_few_shot import write_report
from esd_tasks.report_parts import Shown
from esd_tasks.request import ClassesRequest
from esd_tasks.run_record import RUN_JSON
from esd_tasks.samples import Samples
from esd_tasks.table_scale import scale_of
from esd_tasks.target import WGS84, transformer
from esd_tasks.training_pixels import TrainingPixels
from stactools_esd.blocks import plan_blocks
from stactools_esd.errors import UsageError
from stactools_esd.files import write_json

SAMPLE_PIXELS: Final = 20_000
"""Pixels of the area by which vectors are centred and scaled."""

MANY: Final = 50
"""Labels of a class beyond which `classify` is the better tool, and a note says so."""

HEADS_JSON: Final = "heads.json"
"""File of the scores."""

_ASSETS: Final[dict[str, AssetFacts]] = {
    "heads": (HEADS_JSON, "Heads tried on labels left out", str(pystac.MediaType.JSON), ["metadata"]),
    "model": (MODEL_JSON, "Labels as vectors, and their head", str(pystac.MediaType.JSON), ["model"]),
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class FewShotRequest(ClassesRequest):
    """Options of `few-shot`.

    Raises:
        UsageError: See `ClassesRequest`; the head is unknown or the buffer negative.
    """

    task: ClassVar[str] = "few-shot"

    head: str = "auto"
    """Key of `heads.HEADS`, or `auto` for the one that does best on labels left out."""

    buffer: float = 0.0
    """Metres around a label left out within which no other trains."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.head not in ("auto", *HEADS):
            raise UsageError(f"got --head {self.head}, expected auto or one of {', '.join(HEADS)}; choose one of them")
        if not 0 <= self.buffer < float("inf"):
            raise UsageError(f"got --buffer {self.buffer}, expected metres, 0 or more; correct it")


@dataclass(frozen=True, kw_only=True)
class FewShotPlan(ClassesPlan):
    """What is known before codes are read."""

    request: FewShotRequest
    """What was asked."""

    @property
    def task_facts(self) -> dict[str, Any]:
        """Labels, legend and parameters."""
        request = self.request
        return super().task_facts | {
            "parameters": {
                "task": request.task,
                "head": request.head,
                "buffer": request.buffer,
                "min_clear": request.min_clear,
                "polygon_rule": request.polygon_rule,
                "polygon_cap": POLYGON_CAP,
                "sample_pixels": SAMPLE_PIXELS,
                "seed": request.seed,
            },
        }


def make_plan(request: FewShotRequest) -> FewShotPlan:
    """Read labels and area, find items, year and grid.

    Raises:
        EsdError: See `plan.plan_classes`.
    """
    return plan_classes(request, FewShotPlan)


def few_shot(labels: str | Path, *, on_progress: OnProgress | None = None, **options: Any) -> MapResult:
    """Make a class map from few labels.

    Args:
        labels: File of labelled points or polygons.
        on_progress: Hears how far the run is.
        **options: Fields of `FewShotRequest`: catalog, geometry, year, head, output, ..

    Raises:
        EsdError: See `make_plan` and `run_plan`.
    """
    return run_plan(make_plan(FewShotRequest(labels=Path(labels), **options)), on_progress=on_progress)


def run_plan(plan: FewShotPlan, *, on_progress: OnProgress | None = None) -> MapResult:
    """Make the map of a plan, or continue it; a finished one is returned as it is.

    Args:
        plan: What to do.
        on_progress: Hears how far the run is.

    Raises:
        LabelsError: Labels of fewer than two classes lie on usable pixels.
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: A codes COG is damaged, and no other gives a pixel.
    """
    if done := already_done(plan):
        return done
    request = plan.request
    report = on_progress or (lambda *_: None)
    failures = Failures()
    samples = samples_of_plan(plan, failures, polygon_cap=POLYGON_CAP)
    table = label_table(samples)
    _log.info("%d labels of %d classes, %d pixels", len(table), len(table.counts), len(table.pixels))
    with opened(plan, failures) as store:
        scale = scale_of(code_vectors(sample_pixels(plan, SAMPLE_PIXELS, report=report, failures=failures)))
        choice = choose_head(
            table,
            scale,
            asked=None if request.head == "auto" else request.head,
            buffer=request.buffer,
            seed=request.seed,
            on_split=lambda done, total: report("choose", done, total),
        )
        model = FewShotModel(head=choice.head, scale=scale, rows=table.rows, class_id=table.class_id)
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        fill_blocks(plan, blocks, store, class_layers(plan.legend), class_values(model.predict), report)
        names = plan.legend.by_id
        folder = request.output_or_default
        facts = further_facts(plan.items, samples.year, plan.legend) | {"software": packages()}
        model.save(folder, identity=plan.identity, names=names, further=facts)
        write_json(folder / HEADS_JSON, choice.as_dict())
        x, y = transformer(WGS84, plan.grid.crs).transform(table.lon, table.lat)
        counts, item = write_class_files(
            plan,
            store,
            blocks,
            legend=plan.legend,
            note=f"{choice_line(choice)}. {STATEMENT}",
            description=(
                f"Classes at 30 m for {plan.year}, from {len(table)} labels by the head {choice.head!r} on ESD codes "
                f"({plan.identity.encoder.label}). The scores of {HEADS_JSON} chose the head; they are not the "
                "accuracy of the map."
            ),
            x=x,
            y=y,
            assets=_ASSETS,
        )
        outputs = {**OUTPUTS, "heads": HEADS_JSON, "model": MODEL_JSON, "item": item, "run": RUN_JSON}
        outputs |= TrainingPixels.of(samples.lon, samples.lat, samples.year).save(folder)
        result = {
            "choice": choice.as_dict(),
            "classes": [
                {"class_id": one, "class_name": names[one], "labels": table.counts.get(one, 0), "mapped_pixels": n}
                for one, n in counts.items()
            ],
        }
        notes, missing = list(_notes(plan, samples, table, choice)), store.failures.missing
        outputs["report"] = write_report(plan, result, Shown(notes=notes, missing=missing, x=x, y=y))
        finish(plan, outputs, notes, result, missing)
    return read_result(folder)


def choice_line(choice: HeadChoice) -> str:
    """Say which head was chosen, by which score, of how many labels."""
    score = next(one for one in choice.scores if one.head == choice.head)
    if np.isnan(score.balanced):
        return f"Head {choice.head}, untested: no class has two labels"
    how = "left out one at a time" if choice.protocol == "leave-one-out" else "left out in folds, four times over"
    return (
        f"Head {choice.head}: {score.balanced:.2f} ± {score.error:.2f} (balanced score ± SE) on {choice.n_tested} "
        f"labels {how}"
    )


def _notes(plan: FewShotPlan, samples: Samples, table: LabelTable, choice: HeadChoice) -> Iterator[str]:
    """Say what a user should know of labels and scores."""
    yield from plan.labels.notes
    for reason, counts in samples.dropped.items():
        yield f"{sum(counts.values())} pixels or labels left out: {reason}"
    if choice.untested:
        yield f"one label, so never tested: {_listed(samples, choice.untested)}"
    if many := [class_id for class_id, n in table.counts.items() if n > MANY]:
        yield (
            f"more than {MANY} labels: {_listed(samples, many)}; with so many, esd-tasks classify is the better tool, "
            "and gives accuracy by spatial cross-validation"
        )
    if plan.labels.year is not None and plan.year not in plan.labels.year:
        yield f"no label is of {plan.year}: the model is transferred in time, which no score here tests"


def _listed(samples: Samples, class_ids: Sequence[int] | tuple[int, ...]) -> str:
    return ", ".join(samples.names[class_id] for class_id in class_ids)
