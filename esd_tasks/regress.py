"""From places with a measured quantity to a map of it, with honest figures: biomass, yield, cover, anything numeric.

Trees are trained on level indices, as `classify` trains them; each label counts once, whether point or polygon.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pystac

from esd_tasks import regress_validation as validate
from esd_tasks.accuracy import TRANSFER_STATEMENT, json_number
from esd_tasks.failures import Failures
from esd_tasks.folds import spatial_folds
from esd_tasks.label_table import POLYGON_CAP
from esd_tasks.map_blocks import fill_blocks
from esd_tasks.map_item import AssetFacts
from esd_tasks.map_run import (
    BLOCK_PIXELS,
    Layer,
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
from esd_tasks.plan import samples_of_plan
from esd_tasks.regress_plan import RegressPlan
from esd_tasks.regress_plot import write_scatter
from esd_tasks.regression import TREES, train_regression
from esd_tasks.report_parts import Shown
from esd_tasks.report_regress import write_report
from esd_tasks.run_record import RUN_JSON
from esd_tasks.samples import Samples
from esd_tasks.target import WGS84, transformer
from esd_tasks.value_files import write_value_files
from esd_tasks.value_maps import DTYPE, NODATA
from esd_tasks.value_samples import value_samples
from stactools_esd.blocks import plan_blocks
from stactools_esd.files import write_json

ACCURACY_JSON, SCATTER = "accuracy.json", "scatter.png"
"""File names."""

_JSON: Final = str(pystac.MediaType.JSON)
_ASSETS: Final[dict[str, AssetFacts]] = {
    "accuracy": (ACCURACY_JSON, "Cross-validated errors", _JSON, ["metadata"]),
    "scatter": (SCATTER, "Predicted against measured, left out", str(pystac.MediaType.PNG), ["overview"]),
    "model": (TREES["prediction"], "LightGBM model", str(pystac.MediaType.TEXT), ["model"]),
    "model_facts": (MODEL_JSON, "What the model was trained on", _JSON, ["metadata"]),
}

_log = logging.getLogger(__name__)


def run_plan(plan: RegressPlan, *, on_progress: OnProgress | None = None) -> MapResult:
    """Make the map of a plan, or continue it; a finished one is returned as it is.

    Raises:
        LabelsError: Too few labels or spatial blocks, or all labels have the same number.
        OutputError: The output folder belongs to another run, or another run is writing it.
        RasterError: A codes COG is damaged, and no other gives a pixel.
    """
    if done := already_done(plan):
        return done
    request, folder = plan.request, plan.request.output_or_default
    report = on_progress or (lambda *_: None)
    failures = Failures()
    pixels = samples_of_plan(plan, failures, polygon_cap=POLYGON_CAP, least_classes=1)
    samples = value_samples(pixels, plan.values)
    folds = spatial_folds(samples, block_size=request.block_size, n_folds=validate.N_FOLDS, seed=request.seed)
    with opened(plan, failures) as store:
        done_folds = iter(range(1, 2 * validate.N_FOLDS + 1))

        def on_fold() -> None:
            report("validate", next(done_folds), 2 * validate.N_FOLDS)

        validation = validate.cross_validate(
            samples, folds, plan.parameters, quantiles=request.quantiles, on_fold=on_fold
        )
        random = validate.random_r2(samples, plan.parameters, seed=request.seed, on_fold=on_fold)
        offset = 0.0 if request.interval is None else validate.interval_offset(validation, request.interval)
        accuracy = validate.accuracy_report(
            validation,
            random,
            folds,
            samples,
            interval=None if request.interval is None else {
                "level": request.interval, "offset": json_number(offset), "statement": validate.INTERVAL_STATEMENT,
            },
            further={"target_field": request.target_field, "unit": request.units, "min_clear": request.min_clear},
        )  # fmt: skip
        model = train_regression(samples, plan.parameters, quantiles=request.quantiles or (), offset=offset)
        blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
        layers = [Layer(name=name, dtype=DTYPE, nodata=NODATA) for name in model.bands]
        fill_blocks(plan, blocks, store, layers, model.predict, report)
        reference = accuracy["reference"]
        facts = {
            "target_field": request.target_field,
            "unit": request.units,
            "interval": request.interval,
            "label_range": [reference["min"], reference["max"]],
            **further_facts(plan.items, pixels.year),
        }
        models = model.save(
            folder,
            identity=plan.identity,
            facts={**facts, "parameters": asdict(plan.parameters), "software": packages()},
        )
        write_json(folder / ACCURACY_JSON, accuracy)
        write_scatter(folder / SCATTER, validation, name=request.quantity, note=accuracy_line(accuracy))
        first = np.unique(pixels.group, return_index=True)[1]
        x, y = transformer(WGS84, plan.grid.crs).transform(pixels.lon[first], pixels.lat[first])
        names = write_value_files(
            plan,
            store,
            blocks,
            kind="prediction",
            bands=model.bands,
            unit=request.units,
            title="Prediction",
            legend=request.quantity,
            note=f"{accuracy_line(accuracy)}. {TRANSFER_STATEMENT}",
            description=(
                f"{request.quantity} at 30 m for {plan.year}, predicted by LightGBM from ESD codes "
                f"({plan.identity.encoder.label}). The figures of {ACCURACY_JSON} estimate transfer to unsampled "
                "blocks, not the accuracy of the map."
            ),
            x=x,
            y=y,
            dots="samples",
            assets=_ASSETS,
            tags={"TARGET": request.target_field},
        )
        outputs = names | models | {"accuracy": ACCURACY_JSON, "scatter": SCATTER, "run": RUN_JSON}
        notes, missing = list(_notes(plan, pixels, accuracy)), store.failures.missing
        outputs["report"] = write_report(plan, accuracy, validation, Shown(notes=notes, missing=missing, x=x, y=y))
        finish(plan, outputs, notes, {"accuracy": accuracy}, missing)
    return read_result(folder)


def accuracy_line(report: Mapping[str, Any]) -> str:
    """Return the errors with their spread and protocol in one line."""
    protocol, unit = report["protocol"], f" {report['protocol']['unit']}".rstrip()
    sd = {name: report["folds"][name]["sd"] for name in validate.MEASURES}
    told = [f"R2 {report['r2']:.3f}" if report["r2"] is not None else "R2 undefined"]
    told += [f"{name.upper() if name != 'bias' else name} {report[name]:.4g}{unit}" for name in ("rmse", "mae", "bias")]
    spread = "" if sd["rmse"] is None else f" (SD of RMSE over {protocol['n_folds']} folds {sd['rmse']:.3g})"
    random = report["random_split"]["r2"]
    return (
        f"{', '.join(told)}{spread} by spatial cross-validation of {protocol['n_samples']} labels in "
        f"{protocol['n_blocks']} blocks of {protocol['block_size_m']:g} m"
        + ("" if random is None else f"; a random split gives R2 {random:.3f}")
    )


def _notes(plan: RegressPlan, pixels: Samples, accuracy: Mapping[str, Any]) -> Iterator[str]:
    """Say what a user should know of labels and predictions."""
    yield from plan.labels.notes
    for reason, counts in pixels.dropped.items():
        yield f"{sum(counts.values())} pixels or labels left out: {reason.removesuffix(' and class as another label')}"
    reference = accuracy["reference"]
    yield (
        f"trees never predict beyond the labels ({reference['min']:g} to {reference['max']:g}): the highest and the "
        "lowest places of the map are drawn towards the middle"
    )
    if plan.labels.year is not None and plan.year not in plan.labels.year:
        yield f"no label is of {plan.year}: the model is transferred in time, which cross-validation does not test"
