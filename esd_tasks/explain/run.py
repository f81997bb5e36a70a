"""From migrated labels to explanations: rows of all changes, pages of the most unusual ones, counts and a report."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from esd_tasks import output_folder
from esd_tasks.class_colours import colours_of
from esd_tasks.explain.attribution import Attribution, attribute
from esd_tasks.explain.changes import Changes
from esd_tasks.explain.page import Page, write_page
from esd_tasks.explain.report import write_report
from esd_tasks.explain.request import ExplainPlan
from esd_tasks.explain.table import UNCERTAIN_NAME, Row, tallies, write_rows
from esd_tasks.explain.words import change_sentence
from esd_tasks.migrate.series_file import STATUSES, MigratedSeries
from esd_tasks.run_record import RUN_JSON, run_record
from stactools_esd.blocks import BlockStore
from stactools_esd.errors import OutputError
from stactools_esd.files import read_json, write_json

TABLE: Final = "changes.csv"
"""File of all explained changes."""

SUMMARY: Final = "summary.json"
"""File of their counts."""

_CHUNK: Final = 64

OnProgress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class ExplainResult:
    """A finished run, as its folder tells."""

    folder: Path
    """Where everything is."""

    record: dict[str, Any]
    """Content of `run.json`."""

    already_done: bool
    """True where an earlier run had made the same and nothing was done."""

    @property
    def paths(self) -> dict[str, Path]:
        """Files by kind."""
        return {kind: self.folder / name for kind, name in self.record["outputs"].items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON content."""
        return {
            "folder": self.folder.as_posix(),
            "already_done": self.already_done,
            "paths": {kind: path.as_posix() for kind, path in self.paths.items()},
            "result": self.record["result"],
            "notes": self.record["notes"],
        }


def run_plan(plan: ExplainPlan, *, on_progress: OnProgress | None = None) -> ExplainResult:
    """Explain the changes of a plan; a finished result is returned as it is.

    Raises:
        OutputError: The output folder belongs to another run, or another run is writing it.
    """
    request, folder = plan.request, plan.request.output_or_default
    if not request.overwrite and output_folder.is_finished(folder, plan.run_key):
        return ExplainResult(folder=folder, record=_record(folder), already_done=True)
    report = on_progress or (lambda *_: None)
    with output_folder.locked(folder):
        output_folder.clear(folder)
        store = BlockStore(folder / output_folder.PARTIAL, plan.run_key)  # says whose unfinished pages these are
        rows = list(_explained(plan, report))
        counts = tallies(rows)
        write_rows(folder / TABLE, rows)
        month = plan.origin.first_month
        result = {
            "samples": len(plan.series.sample_id),
            "changed_samples": len({row.sample_id for row in rows}),
            "changes": len(rows),
            "pages": sum(bool(row.page) for row in rows),
            "bands_and_days": plan.decoder.decode is not None,
            "kinds": [one.as_dict(month) for one in counts],
        }
        write_json(folder / SUMMARY, {"schema_version": "1", **result, "notes": _notes(plan)})
        outputs = {"report": write_report(plan, rows, counts), "table": TABLE, "summary": SUMMARY}
        outputs |= {row.page.removesuffix(".png"): row.page for row in rows if row.page} | {"run": RUN_JSON}
        record = run_record(
            run_key=plan.run_key,
            command=request.command,
            facts=plan.facts,
            items=(),
            folder=folder,
            outputs=outputs,
            notes=_notes(plan),
            result={name: value for name, value in result.items() if name != "kinds"},
        )
        write_json(folder / RUN_JSON, record)
        store.discard()
    return ExplainResult(folder=folder, record=record, already_done=False)


def _record(folder: Path) -> dict[str, Any]:
    return dict(read_json(folder / RUN_JSON, error=OutputError))


def _notes(plan: ExplainPlan) -> list[str]:
    return [plan.decoder.note] if plan.decoder.note else []


def _explained(plan: ExplainPlan, report: OnProgress) -> Iterator[Row]:
    """Compare changes with normal years some at a time, so that memory has a bound; draw pages on the way."""
    series, changes = plan.series, plan.changes
    unusual = np.nan_to_num(series.anomaly[changes.sample, changes.column])
    drawn = set(np.argsort(-unusual, kind="stable")[: plan.request.pages].tolist())
    names = class_names(series)
    colours = dict(zip(names, colours_of([(name, None) for name in names.values()]), strict=True))
    for first in range(0, len(changes), _CHUNK):
        part = changes.taken(np.arange(first, min(first + _CHUNK, len(changes))))
        found = attribute(series, part, plan.decoder.decode, seed=plan.request.seed)
        for k in range(len(part)):
            row = _row(series, part, found, k, names, plan.origin.first_month)
            if first + k in drawn:
                row = replace(row, page=f"sample_{row.sample_id}_{row.year}.png")
                write_page(plan.request.output_or_default / row.page, _page(plan, part, found, k, row, names, colours))
            yield row
            report("explain changes", first + k + 1, len(changes))


def class_names(series: MigratedSeries) -> dict[int, str]:
    """Return the name of each class_id."""
    return dict(zip(series.class_ids.tolist(), map(str, series.class_names.tolist()), strict=True))


def _row(
    series: MigratedSeries, changes: Changes, found: Attribution, k: int, names: dict[int, str], first_month: int
) -> Row:
    sample, column = int(changes.sample[k]), int(changes.column[k])
    before = names.get(int(changes.before[k]), UNCERTAIN_NAME)
    after = names.get(int(changes.after[k]), UNCERTAIN_NAME)
    explained, year, normal = int(series.years[column]), int(changes.year[k]), names[int(changes.normal[k])]
    differences, deviates = found.differences[k], found.deviates[k]
    return Row(
        sample_id=int(series.sample_id[sample]),
        year=year,
        before=before,
        after=after,
        explained=explained,
        normal=normal,
        status=STATUSES[series.status[sample, column]],
        probability=float(series.probability[sample, column]),
        anomaly=float(series.anomaly[sample, column]),
        step=found.step[k],
        deviates=deviates,
        differences=differences,
        sentence=change_sentence(
            year=year, before=before, after=after, explained=explained, normal=normal, deviates=deviates,
            differences=differences, first_month=first_month,
        ),
    )  # fmt: skip


def _page(
    plan: ExplainPlan,
    changes: Changes,
    found: Attribution,
    k: int,
    row: Row,
    names: dict[int, str],
    colours: dict[int, str],
) -> Page:
    series, sample = plan.series, int(changes.sample[k])
    classes: Sequence[int] = series.label[sample].tolist()
    label_year, label = int(series.label_year[sample]), names[int(series.class_id[sample])]
    place = f"{_degrees(series.lon[sample], 'EW')}, {_degrees(series.lat[sample], 'NS')}"
    return Page(
        sentence=row.sentence,
        place=f"Sample {row.sample_id}, labelled {label} in {label_year}; {place}; "
        f"{row.explained} is {row.status}, likeliest class with probability {row.probability:.2f}",
        years=series.years,
        anomaly=series.anomaly[sample],
        status=series.status[sample],
        names=[names.get(one, "") for one in classes],
        colours=[colours.get(one, "#ffffff") for one in classes],
        label_year=label_year,
        explained=row.explained,
        level=found.level[k],
        step=row.step,
        deviates=row.deviates,
        observed=None if found.observed is None else found.observed[k],
        normal=None if found.normal is None else found.normal[k],
        normal_name=row.normal,
        note=plan.decoder.note,
        first_month=plan.origin.first_month,
    )


def _degrees(value: float, sides: str) -> str:
    return f"{abs(value):.4f}° {sides[0] if value >= 0 else sides[1]}"
