"""`report.html` of `classify` and `predict`: map, classes, spatial cross-validation, and how the map was made."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.legend import Legend
from esd_tasks.report_accuracy import class_accuracy_table, count_matrix
from esd_tasks.report_axes import Axis
from esd_tasks.report_chart import Point, Series, bar, curves
from esd_tasks.report_fold_curve import fold_curve_section
from esd_tasks.report_map import class_map_figure
from esd_tasks.report_page import Cell, Html


def write_report(
    folder: Path,
    *,
    title: str,
    legend: Legend,
    counts: Mapping[int, int],
    caveats: Sequence[str],
    facts: Mapping[str, Any],
    next_steps: Sequence[str] = (),
    accuracy: Mapping[str, Any] | None = None,
    importance: Mapping[str, Any] | None = None,
    searched: Mapping[str, Any] | None = None,
    curve: Mapping[str, Any] | None = None,
    x: NDArray[np.float64] | None = None,
    y: NDArray[np.float64] | None = None,
) -> str:
    """Write the report of a class map.

    Args:
        folder: Where `map.tif` is.
        title: Heading.
        legend: Classes.
        counts: Mapped pixels by class_id.
        caveats: What a reader must know, a line each.
        facts: What the map was made of and how; `Command` stands first.
        next_steps: What comes next, a line each.
        accuracy: Content of `accuracy.json`, where there is one.
        importance: Content of `importance.json`, where there is one.
        searched: Content of `search.json`, where parameters were searched.
        curve: How accuracy grows with labels (`fold_curve`), where it is known.
        x: Places of samples in the CRS of the map.
        y: The same, northing.

    Returns:
        File name.
    """
    sections = [
        parts.caveats(caveats),
        class_map_figure(
            folder / "map.tif",
            legend,
            alt=f"Class map of {title}. {parts.top_classes(legend, counts)}",
            caption="Class map; pixels without a class are blank.",
            listed=False,
            x=x,
            y=y,
            dots="samples",
        ),
        page.section("Classes", parts.legend_table(legend, counts), page.paragraph(parts.MAPPED)),
    ]
    if accuracy is not None:
        sections += accuracy_sections(accuracy)
    if curve:
        sections.append(fold_curve_section(curve))
    if importance:
        sections.append(importance_section(importance))
    if searched:
        sections.append(search_section(searched))
    sections += [parts.facts_section(facts), parts.next_section(*next_steps)]
    return page.write_page(folder, title=title, lead="Class map from ESD codes", parts=sections)


def accuracy_sections(accuracy: Mapping[str, Any]) -> list[Html]:
    """Return figures, classes, matrices, curves and protocol of a cross-validation.

    Args:
        accuracy: Content of `accuracy.json`.
    """
    folds, random = accuracy["overall_accuracy_folds"], accuracy["random_split"]
    spread = f"{page.number(folds['mean'])} ± {page.number(folds['sd'])}"
    figures = {
        "Overall accuracy, leakage-reduced": page.number(accuracy["overall_accuracy"]),
        "Mean ± SD over folds": spread,
        "Each fold": ", ".join(map(page.number, folds["values"])),
        "Balanced accuracy": page.number(accuracy["balanced_accuracy"]),
        "Random split, flattering": f"{page.number(random['overall_accuracy'])} (gap {page.number(random['gap'])})",
    }
    sections = [
        page.section(
            "Spatial cross-validation",
            page.paragraph(f"{accuracy['statement']} {accuracy['design_based']['statement']}"),
            page.facts(figures),
            class_accuracy_table(
                accuracy["classes"], caption="Accuracy of each class, tested in blocks that did not train"
            ),
        ),
        page.section(
            "Matrix",
            count_matrix(
                accuracy["matrix"], caption="Samples: rows map, columns reference; shaded by the share of the row"
            ),
        ),
    ]
    if "parents" in accuracy:
        sections.append(
            page.section(
                "Matrix of parent classes",
                page.facts({"Overall accuracy": page.number(accuracy["parents"]["overall_accuracy"])}),
                count_matrix(accuracy["parents"]["matrix"], caption="The same samples by parent class"),
            )
        )
    if accuracy.get("reliability"):
        sections.append(reliability_section(accuracy["reliability"]))
    return [*sections, page.section("Protocol", parts.fact_rows(accuracy["protocol"]))]


def reliability_section(reliability: Mapping[str, Any]) -> Html:
    """Return the curve of accuracy over confidence.

    Args:
        reliability: Content of `reliability` in `accuracy.json`.
    """
    points = [
        Point(x=one["confidence"], y=one["accuracy"], low=one["low"], high=one["high"]) for one in reliability["bins"]
    ]
    rows = [
        [f"{one['confidence']:.3f}", one["n"], page.interval(one["accuracy"], one["low"], one["high"])]
        for one in reliability["bins"]
    ]
    return page.section(
        "Is the confidence right?",
        curves(
            [Series(name="tested samples", points=points)],
            x=Axis(label="mean confidence", low=0, high=1),
            y=Axis(label="share that is right", low=0, high=1),
            alt=f"Accuracy over confidence in {len(points)} groups of samples; on the dotted line both are equal.",
            caption=reliability["statement"],
            diagonal="equal",
        ),
        page.facts({"Mean gap between confidence and accuracy": page.number(reliability["calibration_error"])}),
        page.table(["Mean confidence", "Samples", "Right, 95 %"], rows, caption="The points of the curve"),
    )


def importance_section(importance: Mapping[str, Any]) -> Html:
    """Return the share of the gain of each step and dimension.

    Args:
        importance: Content of `importance.json`.
    """
    dimensions, levels = list(importance["dimensions"]), list(importance["levels"].values())
    most = max(levels, default=0.0) or 1.0
    rows = []
    for place, (step, share) in enumerate(importance["steps"].items()):
        row = levels[place * len(dimensions) : (place + 1) * len(dimensions)]
        rows.append([step, *(Cell(f"{100 * one:.1f}", one / most) for one in row), f"{100 * share:.1f}"])
    covariates = {name: f"{share:.1%}" for name, share in importance["covariates"].items()}
    return page.section(
        "What the trees look at",
        page.paragraph(importance["statement"]),
        page.table(["Step", *dimensions, "all"], rows, caption="Share of the gain, %", heat=True),
        page.facts(covariates) if covariates else "",
    )


def search_section(searched: Mapping[str, Any]) -> Html:
    """Return the trials of a search of parameters, the chosen one named.

    Args:
        searched: Content of `search.json`.
    """
    rows = [
        [
            f"{place}, chosen" if place == searched["chosen"] else place,
            page.number(trial["balanced_accuracy"]),
            bar(trial["balanced_accuracy"], turn=0 if place == searched["chosen"] else 7),
            parts.plain(trial["parameters"]),
        ]
        for place, trial in enumerate(searched["trials"])
    ]
    head = ["Trial", "Balanced accuracy", "", "Parameters"]
    return page.section("Search of parameters", page.table(head, rows, caption="Parameters that were tried"))
