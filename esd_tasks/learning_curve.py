"""How many labels are enough: balanced accuracy with 1, 5, 10, 50 and all labels a class, by several heads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from esd_tasks.code_features import CodeFeatures
from esd_tasks.curve_files import write_plot, write_table
from esd_tasks.curve_points import Halves, Over, curve, halve, rows_of
from esd_tasks.failures import Failures, missing_notes
from esd_tasks.folds import choose_block_size
from esd_tasks.heads import HEADS, TREES
from esd_tasks.label_table import POLYGON_CAP, LabelTable, label_table
from esd_tasks.labels import read_labels
from esd_tasks.map_run import MapResult, OnProgress, already_done, finish, opened, read_result
from esd_tasks.plan import ClassesPlan, plan_classes, samples_of_plan
from esd_tasks.report_learning_curve import write_report
from esd_tasks.request import ClassesRequest, check_block_size
from esd_tasks.run_record import RUN_JSON
from esd_tasks.samples import Samples
from esd_tasks.shots import LEAST, REPEATS
from stactools_esd.errors import UsageError
from stactools_esd.files import write_json

KINDS: Final = ("vectors", "one-hot")
"""Kinds of features that distances and linear models may take."""

FILES: Final = {"curve": "curve.json", "table": "curve.csv", "plot": "curve.png"}
"""File names by kind."""

MOST_REPEATS: Final = 100
"""Draws that may be asked for."""

STATEMENT: Final = (
    "Balanced accuracy of labels in blocks that trained nothing: it tells how heads, and how more and fewer labels, "
    "compare, and is not the accuracy of a map."
)
"""Stands wherever these figures stand."""


@dataclass(frozen=True, kw_only=True)
class CurveRequest(ClassesRequest):
    """Options of `learning-curve`.

    Raises:
        UsageError: See `ClassesRequest`; heads, features, draws or block size are unknown or out of range.
    """

    task: ClassVar[str] = "learning-curve"

    head: tuple[str, ...] = tuple(HEADS)
    """Keys of `heads.HEADS`."""

    features: tuple[str, ...] = ("vectors",)
    """Of `KINDS`."""

    over: Over = "labels"
    """What grows: labels a class, or years whose labels all train."""

    draws: int = REPEATS
    """Draws of training labels for each number of them."""

    block_size: float | Literal["auto"] = "auto"
    """Side in metres of the blocks that are dealt to training or testing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_block_size(self.block_size)
        for option, values, known in (("--head", self.head, tuple(HEADS)), ("--features", self.features, KINDS)):
            if not values or not set(values) <= set(known):
                raise UsageError(f"got {option} {' '.join(values)}, expected some of {', '.join(known)}; correct it")
        if self.over not in get_args(Over):
            raise UsageError(f"got --over {self.over}, expected {' or '.join(get_args(Over))}; choose one")
        if self.over == "years" and self.year_field is None:
            raise UsageError("got --over years without --year-field, expected the field of each label's year; name it")
        if not 2 <= self.draws <= MOST_REPEATS:
            raise UsageError(f"got --draws {self.draws}, expected 2..{MOST_REPEATS}; correct it")


@dataclass(frozen=True, kw_only=True)
class CurvePlan(ClassesPlan):
    """What is known before codes are read; the area is that of the labels, and nothing is mapped."""

    request: CurveRequest
    """What was asked."""

    @property
    def task_facts(self) -> dict[str, Any]:
        """Labels, legend and parameters."""
        request = self.request
        names = ("task", "draws", "block_size", "min_clear", "polygon_rule", "seed")
        return super().task_facts | {
            "parameters": {name: getattr(request, name) for name in names}
            | {"heads": list(request.head), "features": list(request.features), "polygon_cap": POLYGON_CAP}
            | ({} if request.over == "labels" else {"over": request.over}),
        }

    def cost(self) -> dict[str, Any]:
        """Return what a run would read: only the pieces of files that hold labels, so less than stands there."""
        return {name: value for name, value in super().cost().items() if name not in ("width", "height", "pixels")}


def make_plan(request: CurveRequest) -> CurvePlan:
    """Read labels and find their items.

    Raises:
        EsdError: See `plan.plan_classes`.
    """
    if request.year is None and request.year_field is not None:
        years = read_labels(
            request.labels, layer=request.layer, class_field=request.class_field, year_field=request.year_field
        ).year
        year = int(np.min(years)) if years is not None else None
        return replace(plan_classes(replace(request, year=year), CurvePlan), request=request)
    return plan_classes(request, CurvePlan)


def run_plan(plan: CurvePlan, *, on_progress: OnProgress | None = None) -> MapResult:
    """Draw the curve of a plan; a finished one is returned as it is.

    Raises:
        LabelsError: Labels are too few or too close together to be tested in other blocks.
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: Every codes COG with labels is damaged.
    """
    if done := already_done(plan):
        return done
    request, folder = plan.request, plan.request.output_or_default
    report = on_progress or (lambda *_: None)
    failures = Failures()
    samples = samples_of_plan(plan, failures, polygon_cap=POLYGON_CAP)
    table = label_table(samples)
    size = choose_block_size(table) if request.block_size == "auto" else float(request.block_size)
    halves = halve(table, size, seed=request.seed)
    with opened(plan, failures):
        points = curve(
            table,
            halves,
            _pixels(samples, table, request.features),
            request.head,
            repeats=request.draws,
            seed=request.seed,
            over=request.over,
            on_point=lambda done, total: report("train", done, total),
        )
        rows = rows_of(points, table, halves)
        content: dict[str, Any] = {
            "statement": STATEMENT,
            "protocol": _protocol(plan, table, halves),
            "classes": list(_classes(plan, table, halves)),
            "points": rows,
        }
        write_json(folder / FILES["curve"], content)
        write_table(folder / FILES["table"], rows)
        write_plot(
            folder / FILES["plot"],
            rows,
            chance=1 / len(halves.kept),
            over=request.over,
            title=folder.resolve().name,
            note=f"{protocol_line(content['protocol'])}. {STATEMENT}",
        )
        notes = list(_notes(plan, samples, table, halves))
        outputs = FILES | {
            "report": write_report(plan, content, notes=[*missing_notes(failures.missing), *notes]),
            "run": RUN_JSON,
        }
        finish(plan, outputs, notes, content, failures.missing)
    return read_result(folder)


def protocol_line(protocol: Mapping[str, Any]) -> str:
    """Say what trained, what was tested and how far apart."""
    return (
        f"{protocol['n_pool']} labels may train, {protocol['n_test']} are tested, in blocks of "
        f"{protocol['block_size_m']:g} m, {protocol['buffer_m']:g} m apart; "
        f"{protocol['draws']} draws without replacement"
    )


def _pixels(samples: Samples, table: LabelTable, kinds: tuple[str, ...]) -> dict[str, NDArray[np.floating]]:
    """Return the features of the pixels of labels by their kind."""
    found: dict[str, NDArray[np.floating]] = {}
    for kind in kinds:
        if kind == "vectors":
            found[kind] = table.pixels
        else:
            found[kind] = CodeFeatures(kind="one-hot").fit_transform(samples.codes).toarray()
    return found


def _protocol(plan: CurvePlan, table: LabelTable, halves: Halves) -> dict[str, Any]:
    return {
        "n_labels": len(table),
        "n_pool": len(halves.dealt.pool),
        "n_test": len(halves.dealt.test),
        "n_blocks": int(halves.block.max()) + 1,
        "block_size_m": halves.block_size,
        "block_size_automatic": plan.request.block_size == "auto",
        "buffer_m": halves.dealt.buffer,
        "draws": plan.request.draws,
        "over": plan.request.over,
        "seed": plan.request.seed,
        "least_labels_in_each_half": LEAST,
    }


def _classes(plan: CurvePlan, table: LabelTable, halves: Halves) -> Iterator[dict[str, Any]]:
    """Yield each class with its labels in pool and test."""
    for class_id in halves.class_ids:
        n_pool, n_test = (
            int((table.class_id[half] == class_id).sum()) for half in (halves.dealt.pool, halves.dealt.test)
        )
        yield {
            "class_id": class_id,
            "class_name": plan.labels.names[class_id],
            "labels": table.counts[class_id],
            "pool": n_pool,
            "test": n_test,
            "left_out": class_id in halves.left_out,
        }


def _notes(plan: CurvePlan, samples: Samples, table: LabelTable, halves: Halves) -> Iterator[str]:
    """Say what a user should know of the labels."""
    yield from plan.labels.notes
    for reason, counts in samples.dropped.items():
        yield f"{sum(counts.values())} pixels or labels left out: {reason}"
    if halves.left_out:
        names = ", ".join(f"{plan.labels.names[one]} ({table.counts[one]})" for one in halves.left_out)
        yield f"too few labels in one half, left out: {names}"
    pool = table.class_id[halves.dealt.pool]
    small = {one: int((pool == one).sum()) for one in halves.kept}
    if len(set(small.values())) > 1 and plan.request.over == "labels":
        listed = ", ".join(f"{plan.labels.names[one]} {n}" for one, n in small.items() if n < max(small.values()))
        yield f"a class with fewer labels than k gives all that it has: {listed}"
    if TREES in plan.request.head and plan.request.over == "labels":
        yield "trees are tried from ten labels a class on"
