"""`report.html` of `similar`: map of similarity, the suggested threshold, and what it would find of the examples."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.report_axes import Axis
from esd_tasks.report_chart import Point, Series, curves
from esd_tasks.report_map import value_map_figure
from esd_tasks.report_page import Html
from esd_tasks.value_maps import value_range

if TYPE_CHECKING:
    from esd_tasks.area_plan import AreaPlan


def write_report(
    plan: "AreaPlan",
    figures: Mapping[str, Any],
    shown: parts.Shown,
) -> str:
    """Write the report of a map of similarity.

    Args:
        plan: What was done; the map lies in its output folder.
        figures: Content of `similarity.json`.
        shown: What any report of a map shows.

    Returns:
        File name.
    """
    folder = plan.request.output_or_default
    path = folder / "similarity.tif"
    low, high = value_range(path)
    title, n = f"{folder.resolve().name}, {plan.year}", figures["n_examples"]
    return page.write_page(
        folder,
        title=title,
        lead=f"Similarity to {n} example{'s' * (n > 1)}",
        parts=[
            parts.caveats([figures["statement"], *shown.notes], shown.missing),
            value_map_figure(
                path,
                low=low,
                high=high,
                name="Similarity, 0 to 1",
                alt=f"Map of similarity of {title}: {low:.3f} to {high:.3f} in nearly all pixels.",
                caption="Similarity; colours span the second to the 98th percentile.",
                x=shown.x,
                y=shown.y,
                dots="examples",
            ),
            threshold_section(figures),
            parts.made_section(plan, further={"Compared with": _WAYS[figures["compare"]], "Scale": figures["scale"]}),
            parts.next_section(
                f"Look at {path} in QGIS; places above the threshold that are none of what you look for are worth "
                "labelling, for esd-tasks few-shot or classify."
            ),
        ],
    )


_WAYS = {"prototype": "the mean of the examples", "nearest": "the most similar example"}


def threshold_section(figures: Mapping[str, Any]) -> Html:
    """Return the threshold, and the share of examples that each threshold would find.

    Args:
        figures: Content of `similarity.json`.
    """
    share = figures["share_above_threshold"]
    told = page.facts(
        {
            "Suggested threshold": page.number(figures["threshold"]),
            "Share of the map at or above it": "–" if share is None else f"{share:.2%}",
            "Examples": figures["n_examples"],
        }
    )
    left_out = sorted(figures["left_out"])
    if len(left_out) < 2:
        return page.section("Threshold", told)
    n = len(left_out)
    low, high = left_out[0] - 0.01, min(left_out[-1] + 0.01, 1.0)
    points = [Point(x=low, y=1.0), *(Point(x=one, y=(n - place - 1) / n) for place, one in enumerate(left_out))]
    chosen = [Point(x=figures["threshold"], y=sum(one >= figures["threshold"] for one in left_out) / n)]
    return page.section(
        "Threshold",
        told,
        curves(
            [
                Series(name="examples found", points=points, steps=True, marked=False),
                Series(name="suggested threshold", points=chosen, joined=False),
            ],
            x=Axis(label="threshold of similarity", low=low, high=high),
            y=Axis(label="share of examples found", low=0, high=1),
            alt=f"Share of the examples found over the threshold, each compared with the others; {n} examples.",
            caption="Each example compared with the others only. What else a threshold finds, examples cannot tell.",
        ),
    )
