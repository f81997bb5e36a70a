"""`report.html` of `change pair`: map of change, scores, what the threshold rests on, and how well it does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.preview import read_small
from esd_tasks.report_change_accuracy import change_accuracy_sections
from esd_tasks.report_map import class_map_figure, value_map_figure
from esd_tasks.report_page import Html

if TYPE_CHECKING:
    from esd_tasks.change.pair import PairPlan, Rule
    from esd_tasks.legend import Legend

_SCORE_BAND = 3


def write_report(
    plan: "PairPlan",
    rule: "Rule",
    legend: "Legend",
    result: Mapping[str, Any],
    shown: parts.Shown,
) -> str:
    """Write the report of a comparison of two years.

    Args:
        plan: What was done; the maps lie in its output folder.
        rule: What makes a pixel changed.
        legend: Classes of the map.
        result: Figures, as `run.json` has them.
        shown: What any report of a map shows.

    Returns:
        File name.
    """
    folder, (first, last) = plan.request.output_or_default, plan.years
    counts = {int(key): count for key, count in result["mapped_pixels"].items()}
    share = result["mapped_share_changed"]
    changed = "nothing could be compared" if share is None else f"{share:.2%} of the compared pixels changed"
    accuracy = result["accuracy"]
    sections = [
        parts.caveats(shown.notes, shown.missing),
        class_map_figure(
            folder / "change.tif",
            legend,
            alt=f"Map of change from {first} to {last}: {changed}.",
            caption=f"Change from {first} to {last}. Pixels without codes in both years are blank.",
            listed=False,
            x=shown.x,
            y=shown.y,
            dots="reference places",
        ),
        page.section(
            "What changed",
            parts.legend_table(legend, counts),
            page.paragraph(f"Mapped change: {changed}. {parts.MAPPED}"),
        ),
        threshold_section(plan, result),
        score_section(plan, result),
    ]
    if accuracy is not None and rule.validation is not None:
        sections += change_accuracy_sections(accuracy, rule.validation)
    return page.write_page(
        folder,
        title=f"{folder.resolve().name}, {first} to {last}",
        lead=f"Change between {first} and {last}",
        parts=[
            *sections,
            parts.made_section(plan, years=plan.years),
            parts.next_section(
                f"Look at {folder / 'change.tif'} in QGIS; magnitude.tif has both distances and the score.",
                f"Judge the map by places that had no part in it: esd-tasks change assess {folder} --reference ..",
            ),
        ],
    )


def threshold_section(plan: "PairPlan", result: Mapping[str, Any]) -> Html:
    """Say what makes a pixel changed."""
    noise = result["noise"]
    rows = [
        [kind, page.number(median, 4), page.number(spread, 4)]
        for kind, (median, spread) in enumerate(zip(noise["median"], noise["spread"], strict=True), start=1)
    ]
    rate = plan.request.expected_rate
    return page.section(
        "The threshold",
        page.facts(
            {
                "Measure": result["measure"],
                "Threshold": page.number(result["threshold"]),
                "Expected rate of change": "not stated" if rate is None else f"{rate:.2%}",
                "Pixels that tell what is usual": f"{result['population_pixels']:,}",
                "Least patch, pixels": plan.request.min_patch,
            }
        ),
        page.details(
            "What is usual between these years, by what a pixel was in the first of them",
            page.table(["Kind of pixel", "Median distance", "Robust SD"], rows, caption="Usual distances"),
        ),
    )


def score_section(plan: "PairPlan", result: Mapping[str, Any]) -> Html:
    """Draw the score of which the threshold makes the map."""
    path = plan.request.output_or_default / "magnitude.tif"
    values = read_small(path, band=_SCORE_BAND)[0]
    known = values[~np.isnan(values)]
    if not known.size:
        return Html("")
    low, high = (float(one) for one in np.percentile(known, (2, 98)))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    what = "Probability of change" if result["measure"] == "probability" else "Score, robust standard deviations"
    return page.section(
        "Score",
        value_map_figure(
            path,
            low=low,
            high=high,
            name=what,
            alt=f"Map of the score of change: {low:.3g} to {high:.3g} in nearly all pixels.",
            caption=f"Pixels above {result['threshold']:.3g} are mapped as change, but for patches that are too small.",
            band=_SCORE_BAND,
        ),
    )
