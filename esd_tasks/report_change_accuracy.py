"""How well change is told in blocks that chose neither threshold nor model, for the reports of `change`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.change.curve import precision_recall
from esd_tasks.report_accuracy import count_matrix
from esd_tasks.report_axes import Axis
from esd_tasks.report_chart import Point, Series, bar, curves
from esd_tasks.report_page import Html

if TYPE_CHECKING:
    from esd_tasks.change.validation import Validation

_MOST_POINTS: Final = 400
"""Points of a curve that are drawn at most."""

_FIGURES: Final = {
    "users_accuracy": "User's accuracy (precision)",
    "producers_accuracy": "Producer's accuracy (recall)",
    "f1": "F1",
    "balanced_accuracy": "Balanced accuracy",
    "pr_auc": "Area under precision and recall",
}


def change_accuracy_sections(accuracy: Mapping[str, Any], validation: "Validation") -> list[Html]:
    """Return figures, curve, matrix and protocol of a cross-validation of change.

    Args:
        accuracy: Content of `accuracy.json`.
        validation: What it was made of.
    """
    kinds = {"as_sampled": "samples as they are", "at_expected_rate": "at the expected rate"}
    there = {key: name for key, name in kinds.items() if key in accuracy}
    head = ["Of change", *(one for name in there.values() for one in (name.capitalize(), ""))]
    rows: list[list[object]] = [["Share that changed"]]
    for key in there:
        rows[0] += [f"{accuracy[key]['share_changed']:.2%}", ""]
    for figure, name in _FIGURES.items():
        row: list[object] = [name]
        for turn, key in enumerate(there):
            row += [page.number(accuracy[key][figure]), bar(accuracy[key][figure], turn=turn)]
        rows.append(row)
    threshold = accuracy["threshold"]
    spread = f"{page.number(threshold['folds_mean'])} ± {page.number(threshold['folds_sd'])}"
    told = {"Threshold of the map": page.number(threshold["map"]), "Thresholds of folds, mean ± SD": spread}
    if "random_split" in accuracy:
        random = accuracy["random_split"]
        told["Area under a random split, flattering"] = (
            f"{page.number(random['pr_auc'])} (gap {page.number(random['gap'])})"
        )
    return [
        page.section(
            "Spatial cross-validation",
            page.paragraph(f"{accuracy['statement']} {accuracy['design_based']['statement']}"),
            page.table(head, rows, caption="Pixels in blocks that did not train"),
            page.facts(told),
        ),
        curve_section(validation, there),
        page.section("Matrix", count_matrix(accuracy["matrix"], caption="Pixels: rows map, columns reference")),
        page.section("Protocol", parts.fact_rows(accuracy["protocol"])),
    ]


def curve_section(validation: "Validation", kinds: Mapping[str, str]) -> Html:
    """Return user's over producer's accuracy at every threshold, with the thresholds that were chosen.

    Args:
        validation: Out-of-fold scores.
        kinds: Names of `as_sampled` and `at_expected_rate`, those that are wanted.
    """
    changed = validation.changed[validation.tested]
    if not changed.any() or changed.all():
        return Html("")
    series = []
    for turn, (key, name) in enumerate(kinds.items()):
        rate = None if key == "as_sampled" else validation.rate
        recall, precision = precision_recall(validation, rate)
        every = -(-len(recall) // _MOST_POINTS)
        points = [Point(x=float(x), y=float(y)) for x, y in zip(recall[::every], precision[::every], strict=True)]
        series.append(Series(name=name, points=points, marked=False, dashed=turn > 0, turn=turn))
        rates = validation.rates(rate)
        chosen = [Point(x=rates.producers, y=rates.users)]
        series.append(Series(name=f"{name}, threshold of the folds", points=chosen, joined=False, turn=turn))
    return page.section(
        "Precision and recall",
        curves(
            series,
            x=Axis(label="producer's accuracy of change (recall)", low=0, high=1),
            y=Axis(label="user's accuracy of change (precision)", low=0, high=1),
            alt="User's over producer's accuracy of change at every threshold, in blocks that did not train.",
            caption="Markers: the threshold that training blocks chose, on the blocks that they did not see.",
        ),
    )
