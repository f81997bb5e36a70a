"""The files of a run of `classify`, and what its user should know."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks import accuracy, crossval, run_record
from esd_tasks.applicability import FILE as APPLICABILITY_JSON
from esd_tasks.class_map import ClassMap
from esd_tasks.class_map_item import made_of, write_class_item
from esd_tasks.covariates import covariate_facts, range_note
from esd_tasks.failures import missing_notes
from esd_tasks.importance import IMPORTANCE_JSON, IMPORTANCE_PNG, importance_facts, write_importance_picture
from esd_tasks.map_run import finish, packages
from esd_tasks.map_store import MapStore
from esd_tasks.model_facts import further_facts
from esd_tasks.model_file import MODEL_JSON, MODEL_TEXT
from esd_tasks.plan import ClassifyPlan
from esd_tasks.report import write_report
from esd_tasks.samples import Samples
from esd_tasks.target import WGS84, transformer
from esd_tasks.training_pixels import TrainingPixels
from stactools_esd.blocks import Block
from stactools_esd.files import write_json

FEW_SAMPLES: Final = 10
"""A class with fewer samples is named in the notes."""

ACCURACY_JSON: Final = "accuracy.json"
"""File of the cross-validation."""

SEARCH_JSON: Final = "search.json"
"""File of a search of parameters."""


def write_outputs(
    plan: ClassifyPlan,
    work: ClassMap,
    samples: Samples,
    validated: Mapping[str, Any],
    store: MapStore,
    blocks: Sequence[Block],
    *,
    searched: Mapping[str, Any],
    curve: Mapping[str, Any] | None,
) -> None:
    """Assemble every output; `run.json` last, for it says that the folder is finished.

    Args:
        plan: What was done.
        work: The model and its bands.
        samples: What it was trained on.
        validated: Content of `accuracy.json`.
        store: Finished blocks.
        blocks: All blocks.
        searched: Content of `search.json`, empty where nothing was searched.
        curve: Of `fold_curve`, where it was wanted.
    """
    folder = plan.request.output_or_default
    x, y = _places(samples, plan)
    note = f"{crossval.accuracy_line(validated)}. {accuracy.TRANSFER_STATEMENT}"
    counts, outputs = work.write_rasters(store, blocks, note=note, x=x, y=y)
    outputs |= {"accuracy": ACCURACY_JSON, "model": MODEL_TEXT, "model_facts": MODEL_JSON, "run": run_record.RUN_JSON}
    facts = {
        **further_facts(plan.items, validated["protocol"]["years"], plan.legend),
        "covariates": covariate_facts(plan.covariates),
        "accuracy": {"overall_accuracy": validated["overall_accuracy"], "statement": validated["statement"]},
    }
    work.model.save(folder, identity=plan.identity, names=plan.legend.by_id, software=packages(), further=facts)
    write_json(folder / ACCURACY_JSON, validated)
    outputs |= TrainingPixels.of(samples.lon, samples.lat, samples.year).save(folder)
    if work.applicability is not None:
        work.applicability.save(folder)
        outputs["applicability_facts"] = APPLICABILITY_JSON
    if searched:
        write_json(folder / SEARCH_JSON, searched)
        outputs["search"] = SEARCH_JSON
    shares = importance_facts(work.model)
    write_json(folder / IMPORTANCE_JSON, shares)
    write_importance_picture(folder / IMPORTANCE_PNG, shares)
    outputs |= {"importance": IMPORTANCE_JSON, "importance_picture": IMPORTANCE_PNG}
    missing = store.failures.missing
    notes = list(_notes(plan, samples, validated))
    outputs["report"] = write_report(
        folder,
        title=f"{folder.resolve().name}, {plan.year}",
        legend=plan.legend,
        counts=counts,
        caveats=[
            accuracy.TRANSFER_STATEMENT,
            validated["protocol"]["buffer_statement"],
            *missing_notes(missing),
            *notes,
        ],
        facts={**made_of(plan), "Trees": asdict(work.model.parameters)},
        accuracy=validated,
        importance=shares,
        searched=searched,
        curve=curve,
        next_steps=tuple(_next_steps(plan)),
        x=x,
        y=y,
    )
    outputs["item"] = write_class_item(work, counts, missing=tuple(store.failures.lines))
    mapped = {str(class_id): count for class_id, count in counts.items()}
    finish(plan, outputs, notes, {"learning_curve": curve} if curve else {}, missing, mapped_pixels=mapped)


def _places(samples: Samples, plan: ClassifyPlan) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return one place for each label that gave samples, in the CRS of the map: the middle of its pixels."""
    places = transformer(WGS84, plan.grid.crs).transform(samples.lon, samples.lat)
    _, member, counts = np.unique(samples.group, return_inverse=True, return_counts=True)
    x, y = (np.bincount(member, weights=values) / counts for values in places)
    return x, y


def _next_steps(plan: ClassifyPlan) -> Iterator[str]:
    """Say what to do with the map."""
    folder = plan.request.output_or_default
    yield f"Look at {folder / 'map.tif'} in QGIS; its style lies beside it."
    yield f"For the accuracy of the map and areas with intervals: esd-tasks design {folder}, then esd-tasks assess."
    yield f"Other places and years: esd-tasks predict {folder}."


def _notes(plan: ClassifyPlan, samples: Samples, validated: Mapping[str, Any]) -> Iterator[str]:
    """Say what a user should know of labels and protocol."""
    yield from plan.labels.notes
    for reason, counts in samples.dropped.items():
        yield f"{sum(counts.values())} pixels or labels left out: {reason}"
    few = {class_id: n for class_id, n in samples.counts.items() if n < FEW_SAMPLES}
    if few:
        listed = ", ".join(f"{samples.names[class_id]} {n}" for class_id, n in few.items())
        yield f"few samples: {listed}; their accuracy is uncertain"
    for name, values in samples.covariates.items():
        if note := range_note(name, values):
            yield note
    if single := validated["protocol"]["classes_in_one_block"]:
        listed = ", ".join(samples.names[class_id] for class_id in single)
        yield f"all samples in one spatial block, so never trained when tested: {listed}"
    if cleaned := [
        f"--{name} {size}" for name, size in (("smooth", plan.request.smooth), ("mmu", plan.request.mmu)) if size
    ]:
        yield f"the map was cleaned ({', '.join(cleaned)}); cross-validation is of the model before that"
    if plan.labels.year is not None and plan.year not in plan.labels.year:
        yield f"no label is of {plan.year}: the model is transferred in time, which cross-validation does not test"
