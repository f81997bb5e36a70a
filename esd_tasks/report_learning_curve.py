"""`report.html` of `learning-curve`: accuracy over the number of labels, by head, with intervals."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.curve_files import WHAT_GROWS
from esd_tasks.report_axes import Axis
from esd_tasks.report_chart import Point, Series, curves
from esd_tasks.report_page import Html

if TYPE_CHECKING:
    from esd_tasks.plan import ClassesPlan

_ASIDE = 0.3


def write_report(plan: "ClassesPlan", content: Mapping[str, Any], *, notes: Sequence[str]) -> str:
    """Write the report of a learning curve.

    Args:
        plan: What was done.
        content: Content of `curve.json`.
        notes: What a reader must know, a line each.

    Returns:
        File name.
    """
    folder = plan.request.output_or_default
    classes = [
        [one["class_name"], one["labels"], one["pool"], one["test"], "left out" if one["left_out"] else ""]
        for one in content["classes"]
    ]
    grown = content["protocol"]["over"]
    kept = sum(not one["left_out"] for one in content["classes"])
    return page.write_page(
        folder,
        title=folder.resolve().name,
        lead=f"Learning curve: how many {WHAT_GROWS[grown]} are enough",
        parts=[
            parts.caveats([content["statement"], *notes]),
            curve_section(content["points"], chance=1 / max(kept, 1), grows=WHAT_GROWS[grown]),
            page.section(
                "Classes",
                page.table(["Class", "Labels", "May train", "Tested", ""], classes, caption="Labels of each class"),
            ),
            page.section("Protocol", parts.fact_rows(content["protocol"])),
            parts.made_section(plan, mapped=False),
            parts.next_section(
                f"Where the curve still rises, more {WHAT_GROWS[grown]} help; where it is flat, esd-tasks few-shot or "
                "classify does with what there is."
            ),
        ],
    )


def curve_section(
    rows: Sequence[Mapping[str, Any]],
    *,
    chance: float,
    title: str = "Learning curve",
    grows: str = WHAT_GROWS["labels"],
) -> Html:
    """Return balanced accuracy over the number of labels a class: a picture, and its points as a table.

    Args:
        rows: Points: `features`, `head`, `k`, `n_train`, `draws`, `mean`, `sd`, `low`, `high` and, where the first
            head is another, `difference` with its `difference_low` and `difference_high`.
        chance: Balanced accuracy of guessing.
        title: Heading.
        grows: What stands along the curve, in words.
    """
    numbers = list(dict.fromkeys(row["k"] for row in rows))
    kinds = list(dict.fromkeys(row["features"] for row in rows))
    lines = list(dict.fromkeys((row["features"], row["head"]) for row in rows))
    series = []
    for turn, (kind, head) in enumerate(lines):
        aside = _ASIDE * ((turn + 0.5) / len(lines) - 0.5)  # so that intervals do not hide each other
        points = [
            Point(x=numbers.index(row["k"]) + aside, y=row["mean"], low=row["low"], high=row["high"])
            for row in rows
            if (row["features"], row["head"]) == (kind, head) and row["mean"] is not None
        ]
        name = head if len(kinds) == 1 else f"{head}, {kind}"
        series.append(Series(name=name, points=points, dashed=kind != kinds[0]))
    table = [
        [
            row["head"] if len(kinds) == 1 else f"{row['head']}, {row['features']}",
            row["k"],
            f"{row['n_train']:,.0f}",
            row["draws"],
            page.interval(row["mean"], row["low"], row["high"]),
            page.number(row["sd"]),
            page.interval(row.get("difference"), row.get("difference_low"), row.get("difference_high")),
        ]
        for row in rows
    ]
    return page.section(
        title,
        curves(
            series,
            x=Axis(
                label=f"{grows} that trained",
                low=-0.4,
                high=len(numbers) - 0.6,
                ticks=[(place, str(k)) for place, k in enumerate(numbers)],
            ),
            y=Axis(label="balanced accuracy in other blocks", low=0, high=1),
            alt=f"Balanced accuracy over {grows}, {len(lines)} heads, up to {numbers[-1]}.",
            caption="Labels in blocks that trained nothing. Intervals of 95 % draw tested blocks and training labels.",
            level=(chance, "chance"),
        ),
        page.table(
            ["Head", grows.capitalize(), "Labels", "Draws", "Balanced accuracy, 95 %", "SD of draws", "Gain, 95 %"],
            table,
            caption="Points of the curve; the gain is over the prototype, or the first head, draw by draw",
        ),
    )
