"""`report.html` of `change land-cover`: classes of the first and last year, shares by year, what became what."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.preview import share_text
from esd_tasks.report_axes import Axis
from esd_tasks.report_chart import stack
from esd_tasks.report_map import class_map_figure
from esd_tasks.report_page import Cell, Html

if TYPE_CHECKING:
    from esd_tasks.change.land_cover import LandCoverPlan

_TALLIES = {
    "pixels": "Pixels with classes",
    "steps": "Steps between two usable years",
    "flips_single": "Steps in which the class changed, before smoothing",
    "flips_smoothed": "Steps in which the class changed, after smoothing",
    "years_filled": "Pixel-years without codes that other years filled",
}


def write_report(
    plan: "LandCoverPlan",
    result: Mapping[str, Any],
    whole: NDArray[np.int64],
    *,
    notes: Sequence[str],
    missing: Sequence[str],
) -> str:
    """Write the report of yearly classes.

    Args:
        plan: What was done; the maps lie in its output folder.
        result: Figures, as `run.json` has them.
        whole: Pixels by class of the first year (rows) and of the last, in the order of the legend.
        notes: What a reader must know, a line each.
        missing: What could not be read, a line each.

    Returns:
        File name.
    """
    folder, legend = plan.request.output_or_default, plan.legend
    first, last = plan.years[0], plan.years[-1]
    mapped = np.array([result["mapped_pixels"][str(year)] for year in plan.years])
    figures = []
    for year, counts in ((first, mapped[0]), (last, mapped[-1])):
        by_id = dict(zip(legend.ids, counts.tolist(), strict=True))
        figures.append(
            class_map_figure(
                folder / f"classes_{year}.tif",
                legend,
                alt=f"Class map of {year}. {parts.top_classes(legend, by_id)}",
                caption=f"Classes of {year}.",
                listed=year == last,
            )
        )
    return page.write_page(
        folder,
        title=f"{folder.resolve().name}, {first} to {last}",
        lead=f"Classes of every year from {first} to {last}, made consistent by a transition model",
        parts=[
            parts.caveats(notes, missing),
            page.section("Maps", page.side_by_side(*figures)),
            shares_section(plan, mapped),
            from_to_section(plan, whole),
            model_section(plan, result),
            parts.made_section(plan, years=plan.years, further={"Model": plan.request.model.as_posix()}),
            parts.next_section(
                f"Look at {folder / f'classes_{last}.tif'} and changes.tif in QGIS; from_to.csv has every step.",
                f"For the areas of kinds of change: esd-tasks design {folder / 'from_to.tif'}, then esd-tasks assess.",
                f"For areas with intervals: esd-tasks design {folder / f'classes_{last}.tif'}, then esd-tasks assess.",
            ),
        ],
    )


def shares_section(plan: "LandCoverPlan", mapped: NDArray[np.int64]) -> Html:
    """Return the mapped share of each class in every year, as a picture and a table."""
    years, classes = plan.years, plan.legend.classes
    shares = 100 * mapped / np.maximum(mapped.sum(axis=1, keepdims=True), 1)
    order = [k for k in np.argsort(-shares.mean(axis=0)).tolist() if shares[:, k].any()]
    rows = [
        [page.swatch(classes[k].colour, classes[k].name), *(f"{one:.1f}" for one in shares[:, k].tolist())]
        for k in order
    ]
    ticks = [(float(year), str(year)) for year in sorted({years[0], years[len(years) // 2], years[-1]})]
    return page.section(
        "Mapped share by year",
        stack(
            [float(year) for year in years],
            [(classes[k].colour, shares[:, k].tolist()) for k in order],
            x=Axis(label="year", low=years[0], high=years[-1], ticks=ticks),
            y=Axis(label="% of the mapped pixels", low=0, high=100),
            alt=f"Mapped share of each class from {years[0]} to {years[-1]}; the table below has the figures.",
            caption="From the bottom up in the order of the table.",
        ),
        page.table(["Class", *years], rows, caption="Mapped share, %"),
        page.paragraph(parts.MAPPED),
    )


def from_to_section(plan: "LandCoverPlan", whole: NDArray[np.int64]) -> Html:
    """Return what became what from the first year to the last."""
    used = np.flatnonzero(whole.sum(axis=0) + whole.sum(axis=1))
    counts = whole[np.ix_(used, used)]
    first, last = plan.years[0], plan.years[-1]
    return page.section(
        "What became what",
        parts.matrix_table(
            [plan.legend.classes[k].name for k in used.tolist()],
            counts.tolist(),
            corner=f"{first} \\ {last}",
            numbers=[plan.legend.ids[k] for k in used.tolist()],
            caption=f"Pixels by class of {first} (rows) and of {last}; shaded by the share of the row",
        ),
    )


def model_section(plan: "LandCoverPlan", result: Mapping[str, Any]) -> Html:
    """Say how the years were made consistent."""
    names = [plan.legend.by_id[one] for one in result["transition_classes"]]
    rows = [
        [name, *(Cell(page.number(one, 4), one, place == other) for other, one in enumerate(row))]
        for place, (name, row) in enumerate(zip(names, result["transitions"], strict=True))
    ]
    tallies = result["tallies"]
    counted = [
        [words, f"{tallies[key]:,}", share_text(tallies[key], tallies["steps"]) if key.startswith("flips") else ""]
        for key, words in _TALLIES.items()
    ]
    stated = f"{plan.request.expected_rate:.2%}, as stated"
    return page.section(
        "The transition model",
        page.table(["", "Number", "Of all steps"], counted, caption="What smoothing did"),
        page.facts(
            {
                "Rate of change a year": "learnt from the series" if result["transitions_learnt"] else stated,
                "Error of the model's classes": page.number(result["class_error"]),
                "Clear observations of a full year": page.number(result["full_clear"], 1),
            }
        ),
        page.table(
            ["from \\ to", *names], rows, caption="Probability of a class from one year (rows) to the next", heat=True
        ),
    )
