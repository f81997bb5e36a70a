"""`report.html` of `assess`: accuracy and area with intervals, strata, error matrix, how the reference was drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.report_accuracy import class_accuracy_table, count_matrix
from esd_tasks.report_chart import bar
from esd_tasks.report_page import Cell, Html


def write_report(
    folder: Path, content: Mapping[str, Any], counts: Sequence[Sequence[Sequence[int]]], *, command: str
) -> str:
    """Write the report of an assessment.

    Args:
        folder: Where.
        content: Content of `accuracy.json`.
        counts: Samples by stratum, map class and reference class, (H, k, k).
        command: What was run.

    Returns:
        File name.
    """
    valid, inputs, sampling = content["design_based"]["valid"], content["inputs"], content["protocol"]["sampling"]
    name = Path(inputs["map"]).name
    matrix = content["matrix"]
    sections = [parts.caveats([*([] if valid else [content["statement"]]), *content["notes"]])]
    if valid:
        sections += [page.note(content["statement"], calm=True), *weighted_sections(content)]
    sections += [
        page.section(
            "Samples",
            page.paragraph(content["plain"]["statement"]) if valid else "",
            page.facts({"Samples that agree with the map": page.number(content["plain"]["overall_accuracy"])}),
            class_accuracy_table(content["plain"]["classes"], caption="Plain shares of the samples, not weighted"),
            count_matrix(matrix, caption="Samples: rows map, columns reference; shaded by the share of the row"),
        ),
        strata_section(content, counts),
        page.section("Protocol", parts.fact_rows(content["protocol"]), left_out(content)),
        parts.facts_section(
            {
                "Command": command,
                "Map": inputs["map"],
                "Checksum of the map": inputs["map_checksum"],
                "Reference": inputs["reference"],
                "Strata": inputs["strata"] or "the map's classes",
                "Software": content["software"],
            }
        ),
        parts.next_section(
            "Cite estimated areas with their intervals, not mapped ones."
            if valid
            else f"For intervals draw a probability sample: esd-tasks design {inputs['map']}"
        ),
    ]
    lead = f"Assessment of {name} by {content['n']:,} reference samples, {sampling}"
    return page.write_page(folder, title=folder.resolve().name, lead=lead, parts=sections)


def weighted_sections(content: Mapping[str, Any]) -> list[Html]:
    """Return design-based accuracies and areas with their intervals, and the matrix of shares."""
    found, mapped = content["area_weighted"], content["mapped"]
    unit, total = found["area_unit"], mapped["total_area"]
    scored = any(one["users_accuracy"].get("score_interval_95") for one in found["classes"])
    score = ["Score interval"] if scored else []
    overall = found["overall_accuracy"]
    told = {"Overall accuracy, 95 %": _said(overall)}
    if scored and (one := _score(overall, score)[0]) != "–":
        told["Its score interval"] = str(one)
    rows: list[list[object]] = []
    areas, shares = [], []
    known = {one["class_id"]: one for one in mapped["classes"]}
    largest = max((one["share"]["estimate"] or 0.0 for one in found["classes"]), default=0.0) or 1.0
    for one in found["classes"]:
        name = one["class_name"]
        users, producers = one["users_accuracy"], one["producers_accuracy"]
        rows.append([name, *_with_bar(users), *_score(users, score), *_with_bar(producers, turn=1)])
        areas.append(
            [
                name,
                f"{known[one['class_id']]['pixels']:,}",
                page.number(known[one["class_id"]]["area"], 1),
                _said(one["area"], 1),
                _said(one["share"]),
                bar(
                    one["share"]["estimate"], *(one["share"]["interval_95"] or (None, None)), most=1.5 * largest, turn=2
                ),
            ]
        )
    for place, row in enumerate(found["matrix"]["shares"]):
        whole = sum(value or 0.0 for value in row)
        cells = [
            Cell(page.number(value, 4), (value or 0.0) / whole if whole else 0.0, place == other)
            for other, value in enumerate(row)
        ]
        shares.append([found["classes"][place]["class_name"], *cells])
    names = [one["class_name"] for one in found["classes"]]
    return [
        page.section(
            "Accuracy of the map",
            page.facts(told),
            page.table(
                ["Class", "User's, 95 %", "", *score, "Producer's, 95 %", ""],
                rows,
                caption="Estimates weighted by area, with intervals of 95 %",
            ),
            page.paragraph(found["score_interval_statement"]) if scored else "",
        ),
        page.section(
            "Area",
            page.table(
                ["Class", "Mapped pixels", f"Mapped {unit}", f"Estimated {unit}, 95 %", "Estimated share, 95 %", ""],
                areas,
                caption=f"Area of each class{'' if total is None else f', of {page.number(total, 1)} {unit}'}",
            ),
            page.paragraph(mapped["statement"]),
        ),
        page.section(
            "Shares of area",
            page.table(
                ["map \\ reference", *names],
                shares,
                caption="Estimated share of area: rows map, columns reference; shaded by the share of the row",
                heat=True,
            ),
        ),
    ]


def strata_section(content: Mapping[str, Any], counts: Sequence[Sequence[Sequence[int]]]) -> Html:
    """Return the strata with their sizes, weights and samples, and how many of these agree with the map."""
    if not content["strata"]:
        return Html("")
    rows = []
    for stratum, cube in zip(content["strata"], counts, strict=True):
        n, right = stratum["samples"], int(np.trace(np.asarray(cube)))
        agree = right / n if n else None
        rows.append(
            [
                stratum["name"],
                f"{stratum['pixels']:,}",
                page.number(stratum["weight"], 4),
                f"{n:,}",
                page.number(agree),
                bar(agree, turn=3),
            ]
        )
    head = ["Stratum", "Pixels", "Weight", "Samples", "Agree with the map", ""]
    return page.section("Strata", page.table(head, rows, caption="Strata from which samples were drawn"))


def left_out(content: Mapping[str, Any]) -> Html:
    """Say what was left out."""
    out = {f"Points left out: {reason}": n for reason, n in content["left_out"].items() if n}
    out |= {f"Pixels not in the population: {parts.words(key)}": f"{n:,}"
            for key, n in content["pixels_not_in_population"].items() if n}  # fmt: skip
    return page.facts(out) if out else Html("")


def _ends(figure: Mapping[str, Any]) -> tuple[float | None, float | None]:
    low, high = figure["interval_95"] or (None, None)
    return low, high


def _said(figure: Mapping[str, Any], digits: int = 3) -> str:
    return page.interval(figure["estimate"], *_ends(figure), digits)


def _score(figure: Mapping[str, Any], wanted: Sequence[str]) -> list[object]:
    """Return the score interval of a figure, where such are shown."""
    low, high = figure.get("score_interval_95") or (None, None)
    return ["–" if low is None else f"[{page.number(low)}, {page.number(high)}]"] if wanted else []


def _with_bar(figure: Mapping[str, Any], turn: int = 0) -> list[object]:
    return [_said(figure), bar(figure["estimate"], *_ends(figure), turn=turn)]
