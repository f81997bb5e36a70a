"""From labels and codes to a land-cover map with honest accuracy: the main job.

A run reads the codes of the labels, cross-validates, trains on all samples, and predicts the area block by block.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks import accuracy, crossval, output_folder, run_record
from esd_tasks.applicability import FILE as APPLICABILITY_JSON
from esd_tasks.applicability import find_applicability
from esd_tasks.class_map import ClassMap
from esd_tasks.class_map_item import write_class_item
from esd_tasks.classifier import MODEL_JSON, MODEL_TEXT, Classifier
from esd_tasks.codes_item import by_year
from esd_tasks.covariates import beside_codes, covariate_facts, range_note, read_places
from esd_tasks.folds import spatial_folds
from esd_tasks.map_run import BLOCK_PIXELS, OnProgress, fill_blocks, opened, packages
from esd_tasks.model_facts import first_day, legend_facts
from esd_tasks.plan import ClassifyPlan, make_plan
from esd_tasks.request import ClassifyRequest
from esd_tasks.sample_choice import cap_classes
from esd_tasks.samples import Samples, extract
from esd_tasks.target import WGS84, transformer
from stactools_esd.blocks import Block, BlockStore, plan_blocks
from stactools_esd.errors import OutputError
from stactools_esd.files import read_json, write_json

FEW_SAMPLES: Final = 10
"""A class with fewer samples is named in the notes."""

ACCURACY_JSON: Final = "accuracy.json"
"""File of the cross-validation."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClassifyResult:
    """A finished map."""

    folder: Path
    """Where everything is."""

    paths: dict[str, Path]
    """Files by kind: map, quality, style, preview, accuracy, item, model, model_facts, run, .."""

    year: int
    """Year of the map."""

    accuracy: dict[str, Any]
    """Content of `accuracy.json`."""

    mapped_pixels: dict[int, int]
    """Pixels of each class, by class_id."""

    notes: tuple[str, ...]
    """What the user should know, a line each."""

    already_done: bool
    """True where an earlier run had made the same map and nothing was done."""

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON content."""
        return {
            "folder": self.folder.as_posix(),
            "year": self.year,
            "already_done": self.already_done,
            "paths": {kind: path.as_posix() for kind, path in self.paths.items()},
            "accuracy": self.accuracy,
            "mapped_pixels": {str(class_id): count for class_id, count in self.mapped_pixels.items()},
            "notes": list(self.notes),
        }


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
        RasterError: A codes COG is damaged.
    """
    folder = plan.request.output_or_default
    _log.info("year %d, items %s", plan.year, ", ".join(item.id for item in plan.items))
    report = on_progress or (lambda *_: None)
    if not plan.request.overwrite and output_folder.is_finished(folder, plan.run_key):
        return _result(folder, already_done=True)
    samples = extract(
        plan.labels,
        by_year(plan.label_items),
        polygon_rule=plan.request.polygon_rule,
        min_clear=plan.request.min_clear,
        polygon_cap=plan.request.polygon_cap,
        seed=plan.request.seed,
        year=plan.year if plan.labels.year is None else None,
    )
    samples = cap_classes(samples, plan.request.class_cap, seed=plan.request.seed)
    if plan.covariates:
        samples = replace(samples, covariates=read_places(plan.covariates, plan.grid, samples.lon, samples.lat))
    folds = spatial_folds(samples, block_size=plan.request.block_size, n_folds=crossval.N_FOLDS, seed=plan.request.seed)
    _log.info("%d samples of %d classes, %d spatial blocks", len(samples.class_id), len(samples.counts), folds.n_blocks)
    with opened(plan) as store:
        validated = _validate(plan, samples, folds, report)
        model = Classifier(plan.parameters, threads=plan.request.threads).fit(
            samples.codes, samples.class_id, covariates=samples.covariates, weight=samples.weight
        )
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        known = None
        if "applicability" in plan.request.band:
            known = find_applicability(model, samples.codes, folds, seed=plan.request.seed)
        work = ClassMap(plan=plan, legend=plan.legend, model=model, bands=plan.request.band, applicability=known)
        beside = beside_codes(plan.covariates, plan.grid)
        fill_blocks(plan, blocks, store, work.layers, work.of_codes, report, beside=beside)
        _write(plan, work, samples, validated, store, blocks)
    return _result(folder, already_done=False)


def _validate(plan: ClassifyPlan, samples: Samples, folds: Any, report: OnProgress) -> dict[str, Any]:
    """Return the content of `accuracy.json`."""
    total, done = 2 * crossval.N_FOLDS, 0

    def on_fold() -> None:
        nonlocal done
        done += 1
        report("validate", done, total)

    report("validate", done, total)
    validation = crossval.cross_validate(samples, folds, plan.parameters, on_fold=on_fold)
    random = crossval.random_overall(samples, plan.parameters, seed=plan.request.seed, on_fold=on_fold)
    return crossval.accuracy_report(validation, random, samples, plan.legend)


def _write(
    plan: ClassifyPlan,
    work: ClassMap,
    samples: Samples,
    validated: Mapping[str, Any],
    store: BlockStore,
    blocks: Sequence[Block],
) -> None:
    """Assemble every output; `run.json` last, for it says that the folder is finished."""
    folder = plan.request.output_or_default
    x, y = _places(samples, plan)
    note = f"{crossval.accuracy_line(validated)}. {accuracy.TRANSFER_STATEMENT}"
    counts, outputs = work.write_rasters(store, blocks, note=note, x=x, y=y)
    outputs |= {"accuracy": ACCURACY_JSON, "model": MODEL_TEXT, "model_facts": MODEL_JSON, "run": run_record.RUN_JSON}
    facts = {
        "legend": legend_facts(plan.legend),
        "first_day": first_day(plan.items[0]),
        "years": validated["protocol"]["years"],
        "covariates": covariate_facts(plan.covariates),
        "accuracy": {"overall_accuracy": validated["overall_accuracy"], "statement": validated["statement"]},
    }
    work.model.save(folder, identity=plan.identity, names=plan.legend.by_id, software=packages(), further=facts)
    write_json(folder / ACCURACY_JSON, validated)
    if work.applicability is not None:
        work.applicability.save(folder)
        outputs["applicability_facts"] = APPLICABILITY_JSON
    outputs["item"] = write_class_item(work, counts)
    record = run_record.run_record(
        run_key=plan.run_key,
        command=plan.request.command,
        facts=plan.facts,
        items=plan.all_items,
        folder=folder,
        outputs=outputs,
        mapped_pixels={str(class_id): count for class_id, count in counts.items()},
        notes=list(_notes(plan, samples, validated)),
    )
    write_json(folder / run_record.RUN_JSON, record)


def _places(samples: Samples, plan: ClassifyPlan) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return one place for each label that gave samples, in the CRS of the map: the middle of its pixels."""
    places = transformer(WGS84, plan.grid.crs).transform(samples.lon, samples.lat)
    _, member, counts = np.unique(samples.group, return_inverse=True, return_counts=True)
    x, y = (np.bincount(member, weights=values) / counts for values in places)
    return x, y


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


def _result(folder: Path, *, already_done: bool) -> ClassifyResult:
    """Read a finished folder."""
    record = read_json(folder / run_record.RUN_JSON, error=OutputError)
    paths = {kind: folder / name for kind, name in record["outputs"].items()}
    return ClassifyResult(
        folder=folder,
        paths=paths,
        year=record["year"],
        accuracy=read_json(paths["accuracy"], error=OutputError),
        mapped_pixels={int(class_id): count for class_id, count in record["mapped_pixels"].items()},
        notes=tuple(record["notes"]),
        already_done=already_done,
    )
