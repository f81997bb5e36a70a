"""`change train`: a model of change from labelled pairs of years, with leakage-reduced accuracy."""

import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks import output_folder, run_record
from esd_tasks.change.area import digest_of
from esd_tasks.change.curve import draw_curve
from esd_tasks.change.model import ChangeModel, change_scores, grow
from esd_tasks.change.model_request import TrainRequest
from esd_tasks.change.pair_samples import PairSamples, pair_samples
from esd_tasks.change.reference import PairLabels, read_pairs
from esd_tasks.change.thresholds import average_precision
from esd_tasks.change.train_result import TrainResult, read_training
from esd_tasks.change.validation import (
    N_FOLDS,
    Validation,
    accuracy_lines,
    accuracy_report,
    validate_model,
)
from esd_tasks.classifier import TreeParameters
from esd_tasks.codes_item import CodesItem, one_identity, one_start
from esd_tasks.failures import Failures, missing_notes
from esd_tasks.folds import random_folds, spatial_folds
from esd_tasks.items import find_items
from esd_tasks.map_run import OnProgress, packages
from esd_tasks.model_facts import first_day
from esd_tasks.model_file import MODEL_JSON, MODEL_TEXT
from esd_tasks.report_change_train import write_report
from esd_tasks.report_page import REPORT
from esd_tasks.training_pixels import FILE as TRAINING_PIXELS
from stactools_esd.blocks import BlockStore, run_key
from stactools_esd.errors import LabelsError
from stactools_esd.files import write_json

INNER_FOLDS: Final = 3
"""Folds within the training blocks of a fold, which choose its threshold."""

FEW_CHANGES: Final = 30
"""Fewer changed pixels are named in the notes."""

_OUTPUTS: Final = {
    "model": MODEL_TEXT,
    "model_facts": MODEL_JSON,
    "accuracy": "accuracy.json",
    "training_pixels": TRAINING_PIXELS,
    "curve": "curve.png",
    "report": REPORT,
    "run": run_record.RUN_JSON,
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TrainPlan:
    """Everything that is known before codes are read."""

    request: TrainRequest
    """What was asked."""

    pairs: PairLabels
    """The labels."""

    items: tuple[CodesItem, ...]
    """Items of all their years around them."""

    parameters: TreeParameters = field(default_factory=TreeParameters)
    """How trees are grown."""

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Everything that decides the model, as JSON content."""
        request = self.request
        named = ("class_field", "year1_field", "year2_field", "expected_rate", "block_size", "min_clear", "seed")
        return {
            "labels": {"path": request.labels.as_posix(), "content_sha256": digest_of(request.labels)},
            "parameters": {
                "task": request.task,
                **{name: getattr(request, name) for name in named},
                "n_folds": N_FOLDS,
                "inner_folds": INNER_FOLDS,
                "trees": {name: getattr(self.parameters, name) for name in self.parameters.__dataclass_fields__},
            },
            **self.items[0].identity.as_dict(),
            "items": {item.id: run_record.checksum_of(item) for item in self.items},
            "software": run_record.deciding_software(),
        }

    @cached_property
    def run_key(self) -> str:
        """Hash of `facts`, of the labels only their content."""
        return run_key({**self.facts, "labels": self.facts["labels"]["content_sha256"]})

    def cost(self) -> dict[str, Any]:
        """Return what a run would learn from: for `--dry-run`."""
        return {
            "labels": len(self.pairs.before),
            "kinds": list(self.pairs.labels.names.values()),
            "pairs": [list(pair) for pair in self.pairs.pairs],
            "items": [item.id for item in self.items],
            "output": str(self.request.output_or_default),
        }


def plan_training(request: TrainRequest) -> TrainPlan:
    """Read labels and find items.

    Raises:
        EsdError: See `reference.read_pairs` and `items.find_items`.
    """
    pairs = read_pairs(
        request.labels,
        layer=request.layer,
        class_field=request.class_field,
        year_fields=(request.year1_field, request.year2_field),
    )
    items = find_items(request.catalog_or_default, geometry=pairs.labels.envelope, years=pairs.years)
    one_identity(items)
    one_start(items)
    return TrainPlan(request=request, pairs=pairs, items=tuple(items), parameters=TreeParameters(seed=request.seed))


def run_training(plan: TrainPlan, *, on_progress: OnProgress | None = None) -> TrainResult:
    """Validate and train; a finished model is returned as it is.

    Raises:
        LabelsError: Too few places, blocks or kinds of change.
        OutputError: The output folder belongs to another run, or another run is writing it.
    """
    folder, request = plan.request.output_or_default, plan.request
    anew = output_folder.starts_anew(folder, plan.run_key, request.command, overwrite=request.overwrite)
    if not anew and output_folder.is_finished(folder, plan.run_key):
        return read_training(folder, already_done=True)
    report = on_progress or (lambda *_: None)
    failures = Failures()
    samples = pair_samples(plan.pairs, plan.items, min_clear=request.min_clear, seed=request.seed, failures=failures)
    try:
        validation, random = _validate(plan, samples, report)
    except LabelsError as error:  # too little may be left of labels in tiles that cannot be read
        raise failures.first or error from error
    booster, columns = grow(samples.before, samples.samples.codes, samples.samples.class_id, plan.parameters)
    accuracy = accuracy_report(validation, kind="spatial cross-validation of a model of change", random_pr_auc=random)
    model = ChangeModel(
        booster=booster,
        classes={int(number): samples.samples.names[int(number)] for number in columns},
        threshold=validation.final_threshold(),
        identity=plan.items[0].identity,
        facts={
            "first_day": first_day(plan.items[0]),
            "trained_on_years": [list(pair) for pair in plan.pairs.pairs],
            "expected_rate": request.expected_rate,
            "parameters": plan.facts["parameters"]["trees"],
        },
    )
    with output_folder.locked(folder):
        if anew:
            output_folder.clear(folder)
        # Says whose the files are, should the run be killed.
        unfinished = BlockStore(folder / output_folder.PARTIAL, plan.run_key)
        model.save(folder, software=packages())
        write_json(folder / _OUTPUTS["accuracy"], accuracy)
        samples.training_pixels.save(folder)
        draw_curve(folder / _OUTPUTS["curve"], validation)
        notes = [*missing_notes(failures.missing), *_notes(plan, samples, accuracy)]
        write_report(plan, samples, accuracy, validation, notes=notes)
        record = run_record.run_record(
            run_key=plan.run_key,
            command=request.command,
            facts=plan.facts,
            items=plan.items,
            folder=folder,
            outputs=_OUTPUTS,
            missing=list(failures.missing),
            notes=notes,
        )
        write_json(folder / run_record.RUN_JSON, record)
        unfinished.discard()
    return read_training(folder, already_done=False)


def _validate(plan: TrainPlan, samples: PairSamples, report: OnProgress) -> tuple[Validation, float]:
    """Return the validation in spatial blocks, and the PR-AUC of a random split, for the gap."""
    request, places = plan.request, samples.samples
    folds = spatial_folds(places, block_size=request.block_size, n_folds=N_FOLDS, seed=request.seed)
    _log.info("%d pixels, %d changed, %d blocks", len(samples.clear), int(samples.changed.sum()), folds.n_blocks)
    done = 0

    def on_fold() -> None:
        nonlocal done
        done += 1
        report("validate", done, 2 * N_FOLDS)

    def score(train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.float64]:
        booster, columns = grow(samples.before[train], places.codes[train], places.class_id[train], plan.parameters)
        return change_scores(booster, columns, samples.before[test], places.codes[test])

    report("validate", 0, 2 * N_FOLDS)
    validation = validate_model(
        samples.changed, score, rate=request.expected_rate, folds=folds, inner_folds=INNER_FOLDS, on_fold=on_fold
    )
    scores = np.full(len(samples.clear), np.nan)
    for train, test in random_folds(places, n_folds=N_FOLDS, seed=request.seed).splits():
        scores[test] = score(train, test)
        on_fold()
    return validation, average_precision(scores, samples.changed)


def _notes(plan: TrainPlan, samples: PairSamples, accuracy: dict[str, Any]) -> list[str]:
    """Say what a user should know."""
    notes = [*plan.pairs.labels.notes]
    for reason, dropped in samples.samples.dropped.items():
        notes.append(f"{sum(dropped.values())} pixels or labels left out: {reason}")
    if (n := int(samples.changed.sum())) < FEW_CHANGES:
        notes.append(f"only {n} pixels that changed: the figures are uncertain")
    if plan.request.expected_rate is None:
        notes.append(
            f"the threshold fits samples of which {samples.changed.mean():.0%} changed; where change is rarer it "
            "alarms too often: state --expected-rate"
        )
    return notes + accuracy_lines(accuracy)
