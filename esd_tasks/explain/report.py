"""`report.html` of `explain-labels`: what became what, in which months and bands, and one sentence a page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.explain.table import Row, Tally
from esd_tasks.explain.words import BAND_WORDS, months_of
from esd_tasks.report_page import Cell, Html
from stactools_esd.product import BANDS

if TYPE_CHECKING:
    from esd_tasks.explain.request import ExplainPlan

_MOST_LINES: Final = 200


def write_report(plan: "ExplainPlan", rows: Sequence[Row], counts: Sequence[Tally]) -> str:
    """Write the report of explained changes.

    Args:
        plan: What was done.
        rows: All changes.
        counts: The same, counted by what became what.

    Returns:
        File name.
    """
    folder, years = plan.request.output_or_default, plan.series.years
    samples = len({row.sample_id for row in rows})
    return page.write_page(
        folder,
        title=f"Why labels change, {years[0]} to {years[-1]}",
        lead=f"Changes: {len(rows)}, samples: {samples}; each is compared with the sample's own normal years",
        parts=[
            parts.caveats([plan.decoder.note] if plan.decoder.note else []),
            kinds_section(counts),
            months_section(counts, plan.origin.first_month),
            bands_section(counts) if plan.decoder.decode is not None else "",
            sentences_section(rows),
            parts.facts_section(
                {
                    "Command": plan.request.command,
                    "Samples": f"{len(plan.series.sample_id):,}",
                    "Years": parts.years_text(years.tolist()),
                    "Encoder": plan.decoder.identity.label if plan.decoder.identity else None,
                    "Run": plan.run_key,
                }
            ),
            parts.next_section(
                "Look at the pages of single changes: what deviates should fit what is said to have happened.",
                "Where whole classes change without cause, judge their migrated labels anew before they train a map.",
            ),
        ],
    )


def kinds_section(counts: Sequence[Tally]) -> Html:
    """Count changes by what became what."""
    most = max(one.changes for one in counts)
    lines = [[_kind(one), Cell(f"{one.changes:,}", one.changes / most), _usual_years(one)] for one in counts]
    return page.section(
        "What became what",
        page.table(["Change", "Changes", "Most frequent years"], lines, caption="Changes of labels", heat=True),
    )


def months_section(counts: Sequence[Tally], first_month: int) -> Html:
    """Say in what share of the changes each month deviates."""
    lines = [[_kind(one), *(Cell(f"{n / one.changes:.0%}", n / one.changes) for n in one.steps)] for one in counts]
    return page.section(
        "Which months deviate",
        page.table(
            ["Change", *months_of(first_month)], lines, caption="Share of changes in which a step deviates", heat=True
        ),
        page.paragraph(
            "Of the year beside the change that is explained: in a first year, months before the event are normal."
        ),
    )


def bands_section(counts: Sequence[Tally]) -> Html:
    """Say which bands are lower or higher in the months that deviate."""
    lines = []
    for one in counts:
        cells = [
            Cell(f"{middle:+.3f}, {low}↓ {high}↑", max(low, high) / one.changes, agrees=high >= low)
            for low, high, middle in zip(one.lower, one.higher, one.differences, strict=True)
        ]
        lines.append([_kind(one), *cells])
    return page.section(
        "Which bands deviate",
        page.table(
            ["Change", *(BAND_WORDS[band].capitalize() for band in BANDS)],
            lines,
            caption="Median difference of reflectance from normal, and in how many changes it is lower or higher",
            heat=True,
        ),
        page.paragraph("Blue where more changes raise a band, orange where more lower it, by 0.01 or more."),
    )


def sentences_section(rows: Sequence[Row]) -> Html:
    """List changes in words, those with a page first."""
    ordered = sorted(rows, key=lambda row: (not row.page, -row.anomaly))[:_MOST_LINES]
    lines = [[row.sentence, row.sample_id, row.page or "–"] for row in ordered]
    more = len(rows) - len(ordered)
    return page.section(
        "Changes in words",
        page.table(["Change", "Sample", "Page"], lines, caption="The most unusual years first"),
        page.paragraph(f"{more:,} more are in changes.csv.") if more else "",
    )


def _kind(one: Tally) -> str:
    return f"{one.before} → {one.after}"


def _usual_years(one: Tally) -> str:
    ordered = sorted(one.years.items(), key=lambda entry: (-entry[1], entry[0]))[:3]
    return ", ".join(f"{year} ({n})" for year, n in ordered)
