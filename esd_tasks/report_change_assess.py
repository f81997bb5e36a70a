"""`report.html` of `change assess`: how many mapped events happened, and how many that happened were mapped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.report_accuracy import class_accuracy_table, count_matrix
from esd_tasks.report_chart import bar
from esd_tasks.report_page import Html

_WORDS = {"0": "exact year", "1": "± 1 year", "2": "± 2 years", "footprint": "footprint, whatever the year"}


def write_report(folder: Path, content: Mapping[str, Any], record: Mapping[str, Any], *, command: str) -> str:
    """Write the report of an assessment of change.

    Args:
        folder: Where.
        content: Content of `accuracy.json`.
        record: `run.json` of the map.
        command: What was run.

    Returns:
        File name.
    """
    years = content["protocol"]["years"]
    inputs = content["inputs"]
    return page.write_page(
        folder,
        title=folder.resolve().name,
        lead=f"Change {years[0]} to {years[-1]} against {content['n']:,} reference places",
        parts=[
            parts.caveats([content["statement"], content["design_based"]["statement"], *content["notes"]]),
            events_section(content),
            page.section(
                "Places",
                count_matrix(content["matrix"], caption="Places: rows map, columns reference, whatever the year"),
                class_accuracy_table(content["classes"], caption="Accuracy of places, whatever the year"),
                page.facts(
                    {
                        "Share of places with an event, weighted": page.number(content["share_changed"]),
                        "Area under precision and recall of places": page.number(content["pr_auc_footprint"]),
                        **{f"Left out: {reason}": n for reason, n in content["left_out"].items()},
                    }
                ),
            ),
            page.section("Protocol", parts.fact_rows(content["protocol"])),
            parts.facts_section(
                {
                    "Command": command,
                    "Map": inputs["map"],
                    "Map made by": Html(f"<code>{page.text(record['command'])}</code>"),
                    "Reference": inputs["reference"],
                    "Years": parts.years_text(years),
                    "Items": page.details(
                        f"{len(record['items'])} items", ", ".join(item["id"] for item in record["items"])
                    ),
                    "Encoder": record.get("encoder"),
                    "Input recipe": record.get("input_recipe"),
                    "Run of the map": inputs["run_key"],
                }
            ),
            parts.next_section(
                "Places where map and reference disagree tell most: look at them first.",
                "For areas of change with intervals draw places at random within the map's classes: esd-tasks design.",
            ),
        ],
    )


def events_section(content: Mapping[str, Any]) -> Html:
    """Return user's and producer's accuracy of events at every tolerance, with intervals."""
    rows = []
    for key, words in _WORDS.items():
        if f"users_{key}" in content["events"]:
            row: list[object] = [words]
            for turn, side in enumerate(("users", "producers")):
                one = content["events"][f"{side}_{key}"]
                row += [
                    page.interval(one["value"], one["low"], one["high"]),
                    bar(one["value"], one["low"], one["high"], turn=turn),
                ]
            rows.append(row)
    return page.section(
        "Events",
        page.table(
            ["Tolerance", "User's, 95 %", "", "Producer's, 95 %", ""],
            rows,
            caption="User's: mapped events that happened; producer's: events that were mapped",
        ),
        page.facts(
            {"Mapped events": f"{content['mapped_events']:,}", "Reference events": f"{content['reference_events']:,}"}
        ),
    )
