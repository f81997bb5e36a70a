"""`report.html` of `regress`: map, errors by spatial cross-validation, predicted against measured, errors by fold."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.regress_validation import MEASURES, Validation
from esd_tasks.report_axes import Axis
from esd_tasks.report_chart import Point, Series, curves, scatter
from esd_tasks.report_map import value_map_figure
from esd_tasks.report_page import Html
from esd_tasks.value_maps import value_range

if TYPE_CHECKING:
    from esd_tasks.regress_plan import RegressPlan

_WORDS = {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "bias": "Bias"}
_MIDDLE = (5, 95)


def write_report(
    plan: "RegressPlan",
    accuracy: Mapping[str, Any],
    validation: Validation,
    shown: parts.Shown,
) -> str:
    """Write the report of a map of a quantity.

    Args:
        plan: What was done; the map lies in its output folder.
        accuracy: Content of `accuracy.json`.
        validation: Predictions of labels left out.
        shown: What any report of a map shows.

    Returns:
        File name.
    """
    folder, quantity = plan.request.output_or_default, plan.request.quantity
    path = folder / "prediction.tif"
    low, high = value_range(path)
    title = f"{folder.resolve().name}, {plan.year}"
    return page.write_page(
        folder,
        title=title,
        lead=f"Map of {quantity}",
        parts=[
            parts.caveats([accuracy["statement"], *shown.notes], shown.missing),
            value_map_figure(
                path,
                low=low,
                high=high,
                name=quantity,
                alt=f"Map of {quantity} of {title}: {low:.4g} to {high:.4g} in nearly all pixels.",
                caption="Prediction; colours span the second to the 98th percentile. Pixels without data are blank.",
                x=shown.x,
                y=shown.y,
                dots="labels",
            ),
            accuracy_section(accuracy),
            scatter_section(validation, quantity),
            residual_section(validation, accuracy, quantity),
            page.section("Protocol", parts.fact_rows(accuracy["protocol"])),
            parts.made_section(plan),
            parts.next_section(
                f"Look at {path} in QGIS; its style lies beside it.",
                f"Other places and years: esd-tasks predict {folder}.",
            ),
        ],
    )


def accuracy_section(accuracy: Mapping[str, Any]) -> Html:
    """Return the errors of labels in blocks that did not train.

    Args:
        accuracy: Content of `accuracy.json`.
    """
    rows = [
        [_WORDS[name], page.number(accuracy[name]), page.number(fold["mean"]), page.number(fold["sd"])]
        for name in MEASURES
        for fold in (accuracy["folds"][name],)
    ]
    random, reference = accuracy["random_split"], accuracy["reference"]
    told = {
        "R² under a random split, flattering": f"{page.number(random['r2'])} (gap {page.number(random['gap'])})",
        "Labels": f"{reference['min']:.4g} to {reference['max']:.4g}, mean {reference['mean']:.4g}",
    }
    if "interval" in accuracy:
        one = accuracy["interval"]
        told["Interval"] = f"of {one['level']:.0%}, moved by {page.number(one['offset'])}. {one['statement']}"
    return page.section(
        "Spatial cross-validation",
        page.paragraph(f"{accuracy['statement']} {accuracy['design_based']['statement']}"),
        page.table(
            ["Measure", "All labels", "Mean of folds", "SD of folds"], rows, caption="Labels in blocks left out"
        ),
        page.facts(told),
    )


def scatter_section(validation: Validation, quantity: str) -> Html:
    """Return predicted against measured, out of fold."""
    there = ~np.isnan(validation.predicted)
    both = np.concatenate([validation.reference[there], validation.predicted[there]])
    if not both.size:
        return Html("")
    margin = 0.04 * (float(np.ptp(both)) or 1.0)
    low, high = float(both.min()) - margin, float(both.max()) + margin
    groups = {}
    for number, fold in enumerate(np.unique(validation.fold).tolist(), start=1):
        chosen = there & (validation.fold == fold)
        measured, predicted = validation.reference[chosen].tolist(), validation.predicted[chosen].tolist()
        groups[f"fold {number}"] = list(zip(measured, predicted, strict=True))
    n = int(there.sum())
    return page.section(
        "Predicted against measured",
        scatter(
            groups,
            x=Axis(label=f"measured: {quantity}", low=low, high=high),
            y=Axis(label="predicted, block left out", low=low, high=high),
            alt=f"Predicted against measured {quantity} of {n} labels, each predicted by a model of other blocks.",
            caption=f"{n} labels, each predicted by a model that saw none of its block.",
        ),
    )


def residual_section(validation: Validation, accuracy: Mapping[str, Any], quantity: str) -> Html:
    """Return how far off each fold is."""
    residual = validation.predicted - validation.reference
    points, rows = [], []
    folds = accuracy["folds"]
    for number, fold in enumerate(np.unique(validation.fold).tolist()):
        off = residual[(validation.fold == fold) & ~np.isnan(residual)]
        rows.append([number + 1, len(off), *(page.number(folds[name]["values"][number]) for name in MEASURES)])
        if len(off):
            low, high = np.percentile(off, _MIDDLE)
            points.append(Point(x=number + 1, y=float(off.mean()), low=float(low), high=float(high)))
    if not points:
        return Html("")
    most = 1.1 * max(max(abs(one.low or 0.0), abs(one.high or 0.0), abs(one.y)) for one in points) or 1.0
    return page.section(
        "Errors by fold",
        curves(
            [Series(name="mean", points=points, joined=False)],
            x=Axis(label="fold", low=0.5, high=len(rows) + 0.5, ticks=[(k + 1, str(k + 1)) for k in range(len(rows))]),
            y=Axis(label="predicted - measured", low=-most, high=most),
            alt=f"Mean error of {quantity} in each of {len(rows)} folds, with the middle nine in ten errors.",
            caption="Mean error of each fold; the lines hold the middle nine in ten errors.",
            level=(0.0, ""),
        ),
        page.table(["Fold", "Labels", *_WORDS.values()], rows, caption="Errors of each fold"),
    )
