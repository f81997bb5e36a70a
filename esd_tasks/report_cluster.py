"""`report.html` of `cluster`: map, clusters with their colours and sizes, how much they explain."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.legend import Legend
from esd_tasks.report_map import class_map_figure

if TYPE_CHECKING:
    from esd_tasks.area_plan import AreaPlan


def write_report(plan: "AreaPlan", legend: Legend, result: Mapping[str, Any], *, missing: Sequence[str]) -> str:
    """Write the report of a map of clusters.

    Args:
        plan: What was done; the map lies in its output folder.
        legend: Clusters with their colours.
        result: Figures, as `run.json` has them.
        missing: What could not be read, a line each.

    Returns:
        File name.
    """
    folder = plan.request.output_or_default
    counts = {one["class_id"]: one["mapped_pixels"] for one in result["clusters"]}
    title = f"{folder.resolve().name}, {plan.year}"
    figures = {
        "Variance explained, of pixels not fitted to": page.number(result["explained_variance"]),
        "Pixels that clusters were fitted to": f"{result['n_fitted']:,}",
    }
    return page.write_page(
        folder,
        title=title,
        lead=f"{result['n_clusters']} clusters of pixels whose year looks alike",
        parts=[
            parts.caveats([result["statement"]], missing),
            class_map_figure(
                folder / "map.tif",
                legend,
                alt=f"Map of clusters of {title}. {parts.top_classes(legend, counts)}",
                caption="Clusters; like colours are like clusters. Pixels without data are blank.",
                listed=False,
            ),
            page.section(
                "Clusters",
                parts.legend_table(legend, counts, caption="Clusters of the map"),
                page.paragraph("Mapped share counts pixels of the map."),
                page.facts(figures),
            ),
            parts.made_section(plan),
            parts.next_section(
                f"Look at {folder / 'map.tif'} in QGIS and name the clusters; points of named ones are labels for "
                "esd-tasks few-shot or classify."
            ),
        ],
    )
