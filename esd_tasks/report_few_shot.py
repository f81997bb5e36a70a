"""`report.html` of `few-shot`: map, classes with their labels, which head was chosen and by which scores."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.report_chart import bar
from esd_tasks.report_map import class_map_figure
from esd_tasks.report_page import Cell, Html

if TYPE_CHECKING:
    from esd_tasks.plan import ClassesPlan

_Z_95: Final = 1.96


def write_report(
    plan: "ClassesPlan",
    result: Mapping[str, Any],
    shown: parts.Shown,
) -> str:
    """Write the report of a map of few labels.

    Args:
        plan: What was done; the map lies in its output folder.
        result: `choice` and `classes`, as `run.json` has them.
        shown: What any report of a map shows.

    Returns:
        File name.
    """
    folder, legend, choice = plan.request.output_or_default, plan.legend, result["choice"]
    counts = {one["class_id"]: one["mapped_pixels"] for one in result["classes"]}
    labels: dict[int, object] = {one["class_id"]: one["labels"] for one in result["classes"]}
    title = f"{folder.resolve().name}, {plan.year}"
    return page.write_page(
        folder,
        title=title,
        lead=f"Class map from {sum(one['labels'] for one in result['classes'])} labels, head {choice['head']}",
        parts=[
            parts.caveats([choice["statement"], *shown.notes], shown.missing),
            class_map_figure(
                folder / "map.tif",
                legend,
                alt=f"Class map of {title}. {parts.top_classes(legend, counts)}",
                caption="Class map; pixels without a class are blank.",
                listed=False,
                x=shown.x,
                y=shown.y,
                dots="labels",
            ),
            page.section(
                "Classes",
                parts.legend_table(legend, counts, further={"Labels": labels}),
                page.paragraph(parts.MAPPED),
            ),
            choice_section(choice, legend.by_id),
            parts.made_section(plan),
            parts.next_section(
                f"Look at {folder / 'map.tif'} in QGIS; quality.tif has the margin by which each class won.",
                "More labels where classes are confused help most; from about fifty a class on use esd-tasks classify.",
                f"For the accuracy of the map: esd-tasks design {folder}, then esd-tasks assess.",
            ),
        ],
    )


def choice_section(choice: Mapping[str, Any], names: Mapping[int, str]) -> Html:
    """Return the scores of all heads that were tried, together and by class.

    Args:
        choice: The choice as JSON content.
        names: Class names by class_id.
    """
    rows, shares = [], []
    for score in choice["scores"]:
        chosen = score["head"] == choice["head"]
        value, error = score["balanced_accuracy"], score["standard_error"]
        low, high = (None, None) if value is None or error is None else (value - _Z_95 * error, value + _Z_95 * error)
        rows.append(
            [
                f"{score['head']}, chosen" if chosen else score["head"],
                page.number(value),
                page.number(error),
                bar(value, low, high, turn=0 if chosen else 7),
            ]
        )
        by_class = [score["classes"].get(str(class_id)) for class_id in names]
        shares.append([score["head"], *(Cell(page.number(one, 2), one or 0.0) for one in by_class)])
    how = {
        "leave-one-out": "each label left out in turn, the others training",
        "repeated folds": "labels left out in five folds, four times over",
        "none": "nothing could be tested: no class has two labels",
    }[choice["protocol"]]
    protocol = {
        "Protocol": f"{choice['protocol']}: {how}",
        "Labels tested": choice["n_tested"],
        "Buffer around a tested label, m": choice["buffer_m"],
        "Never tested": parts.plain([names.get(one, one) for one in choice["untested_classes"]]),
        "Chosen by": choice["chosen_by"],
    }
    return page.section(
        "Which head",
        page.table(
            ["Head", "Balanced score", "SE", ""],
            rows,
            caption="Mean over classes of the share of labels left out that was right; bars have ± 1.96 SE",
        ),
        page.table(["Head", *names.values()], shares, caption="Share of the left-out labels that was right", heat=True),
        page.facts(protocol),
    )
