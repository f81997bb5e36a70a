"""The section of a report that shows how accuracy grows with the labels that train."""

from collections.abc import Mapping
from typing import Any

from esd_tasks import report_page as page
from esd_tasks.report_axes import Axis
from esd_tasks.report_chart import Point, Series, curves
from esd_tasks.report_page import Html

_MEASURES = {"overall_accuracy": "Overall accuracy", "balanced_accuracy": "Balanced accuracy"}


def fold_curve_section(curve: Mapping[str, Any]) -> Html:
    """Return the curve as a picture, with mean and SD over folds, and its points as a table.

    Args:
        curve: Of `fold_curve`.
    """
    points = curve["points"]
    series = [
        Series(
            name=name, points=[_point(100 * row["share"], row[key]) for row in points if row[key]["mean"] is not None]
        )
        for key, name in _MEASURES.items()
    ]
    rows = [
        [
            f"{row['share']:.0%}",
            f"{row['n_labels']:g}",
            f"{row['n_train']:g}",
            *(_spread(row[key]) for key in _MEASURES),
        ]
        for row in points
    ]
    told = [f"{_spread(row['overall_accuracy'])} with {row['share']:.0%}" for row in (points[0], points[-1])]
    return page.section(
        "Learning curve",
        page.paragraph(curve["statement"]),
        curves(
            series,
            x=Axis(label="labels that train, % of those in other blocks", low=0, high=105),
            y=Axis(label="accuracy in blocks that trained nothing", low=0, high=1),
            alt=f"Accuracy over the share of the labels that train: overall {' and '.join(told)} of the labels.",
            caption=f"Mean of {curve['n_folds']} folds; bars are the SD over folds.",
        ),
        page.table(
            ["Share", "Labels a fold", "Samples a fold", *(f"{name}, mean ± SD" for name in _MEASURES.values())],
            rows,
            caption="Points of the curve",
        ),
    )


def _point(x: float, value: Mapping[str, Any]) -> Point:
    sd = value["sd"] or 0.0
    return Point(x=x, y=value["mean"], low=max(value["mean"] - sd, 0), high=min(value["mean"] + sd, 1))


def _spread(value: Mapping[str, Any]) -> str:
    return f"{page.number(value['mean'])} ± {page.number(value['sd'])}"
