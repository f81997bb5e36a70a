"""The report of migrated labels: what stayed, what changed when, and what nobody can tell."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from esd_tasks import report_page as page
from esd_tasks import report_parts as parts
from esd_tasks.migrate.outputs import report_path
from esd_tasks.migrate.series_file import NODATA, NONE, STATUSES, UNCERTAIN
from esd_tasks.report_axes import Axis
from esd_tasks.report_chart import stack
from esd_tasks.report_page import Html

if TYPE_CHECKING:
    from esd_tasks.migrate.migration import Migration
    from esd_tasks.migrate.plan import MigratePlan
    from esd_tasks.migrate.series import LabelSeries

COLOURS: Final = {"stable": "#009e73", "relabelled": "#0072b2", "uncertain": "#e69f00", "nodata": "#bbbbbb"}
"""Of each status."""

EXAMPLES: Final = 12
"""Changed samples that are told."""

STATEMENT: Final = (
    "Migrated labels are no observations: they carry the errors of the samples, of the codes and of the classifier. "
    "Accuracy that is measured with them is agreement with them; keep reference places that somebody looked at."
)
"""Stands wherever migrated labels are counted."""

_OF_CLASSES: Final = (
    "Samples by the class of their label. Stable are those taken for unchanged at the error rate, changed those with a "
    "year of another class; the others kept their class but may have changed"
)
"""Caption of the table of classes, whose columns do not add up to all samples."""


def write_report(
    plan: "MigratePlan",
    series: "LabelSeries",
    found: "Migration",
    content: Mapping[str, Any],
    *,
    notes: Sequence[str],
) -> None:
    """Write the report beside the samples.

    Args:
        plan: What was done.
        series: The samples.
        found: What was found of them.
        content: Figures, as `outputs.summary` gives them.
        notes: What a reader must know, a line each.
    """
    path = report_path(plan.request.output_or_default)
    request = plan.request
    page.write_page(
        path.parent,
        name=path.name,
        title=request.output_or_default.stem,
        lead=f"Labels of {content['samples']:,} samples carried to {parts.years_text(series.years)}",
        parts=[
            parts.caveats([STATEMENT, *notes]),
            _years_section(content["years"]),
            _classes_section(content["classes"]),
            page.section(
                "Some that changed",
                page.table(
                    ["Sample", "Label", "Years and classes"],
                    list(_examples(series, found)),
                    caption="Samples with the most unusual years; a question mark is a year without a label",
                ),
            ),
            parts.made_section_of(
                request.command,
                plan.items,
                plan.identity,
                years=series.years,
                run_key=plan.run_key,
                further={
                    "Stable samples that may have changed": f"{request.error_rate:.1%}",
                    "Least probability of a label": request.min_probability,
                    "Chance a year that land of a class changes": content["leaving"],
                },
            ),
            parts.next_section(*next_steps(plan)),
        ],
    )


def next_steps(plan: "MigratePlan") -> tuple[str, ...]:
    """Return what may be done with the samples, a line each."""
    path = shlex.quote(str(plan.request.output_or_default))
    where = f" --catalog {shlex.quote(plan.request.catalog)}" if plan.request.catalog else ""
    fields = f"--class-field label --year-field year --year {plan.years[-1]}"
    return (
        f"esd-tasks explain-labels {path} says why labels change",
        f"esd-tasks classify --labels {path}{where} {fields} trains on all years; rows without a label are left out",
    )


def _years_section(years: Sequence[Mapping[str, Any]]) -> Html:
    """Show the statuses of each year."""
    total = max(sum(years[0][name] for name in STATUSES), 1)
    places = [one["year"] for one in years]
    keys = page.join([page.swatch(COLOURS[name], name) for name in STATUSES], " ")
    rows = [[one["year"], *(f"{one[name]:,}" for name in STATUSES)] for one in years]
    return page.section(
        "Status by year",
        stack(
            places,
            [(COLOURS[name], [one[name] / total for one in years]) for name in STATUSES],
            x=Axis(
                label="year",
                low=places[0],
                high=places[-1],
                ticks=[(year, str(year)) for year in places[:: max(len(places) // 6, 1)]],
            ),
            y=Axis(label="share of the samples", low=0, high=1),
            alt=f"Share of the samples of each status, {places[0]} to {places[-1]}.",
            caption="Status of the samples in each year, from the bottom: stable, relabelled, uncertain, nodata.",
        ),
        page.paragraph(keys),
        page.details("Counts", page.table(["Year", *STATUSES], rows, caption="Samples of each status by year")),
    )


def _classes_section(classes: Sequence[Mapping[str, Any]]) -> Html:
    """Count samples of each class."""
    rows = [
        [
            one["class_name"],
            f"{one['samples']:,}",
            f"{one['stable']:,}",
            f"{one['changed']:,}",
            f"{one['with_uncertain_years']:,}",
            f"{one['labels']:,}",
        ]
        for one in classes
    ]
    head = ["Class of the label", "Samples", "Stable", "Changed", "With uncertain years", "Labels of all years"]
    return page.section("Classes", page.table(head, rows, caption=_OF_CLASSES))


def _examples(series: "LabelSeries", found: "Migration") -> Iterator[list[object]]:
    """Yield changed samples, the most unusual first, a class at most a third of them."""
    changed = np.flatnonzero((found.change_year != NONE).any(axis=1))
    unusual = np.nanmax(found.anomaly[changed], axis=1) + np.nanmean(found.anomaly[changed], axis=1)
    told: dict[int, int] = {}
    for i in changed[np.argsort(-unusual, kind="stable")].tolist():
        class_id = int(series.class_id[i])
        if told.get(class_id, 0) * 3 >= EXAMPLES or sum(told.values()) >= EXAMPLES:
            continue
        told[class_id] = told.get(class_id, 0) + 1
        yield [
            int(series.sample_id[i]),
            f"{series.names[class_id]}, {series.label_year[i]}",
            told_years(series, found, i),
        ]


def told_years(series: "LabelSeries", found: "Migration", sample: int) -> str:
    """Return the classes of a sample with their years: `forest 2000-2007, shrub 2008-2024`."""
    words = []
    for k, year in enumerate(series.years):
        if found.status[sample, k] != NODATA:
            lost = found.status[sample, k] == UNCERTAIN
            words.append((year, "?" if lost else series.names[int(found.label[sample, k])]))
    stretches = []
    for name, group in groupby(words, key=lambda one: one[1]):
        years = [year for year, _ in group]
        stretches.append(f"{name} {years[0]}" if len(years) == 1 else f"{name} {years[0]}–{years[-1]}")
    return ", ".join(stretches)
