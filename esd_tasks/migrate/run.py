"""`migrate-labels`: from labels of one year to labels of all years, in files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from esd_tasks import run_record
from esd_tasks.failures import Failures, missing_notes, see_whole
from esd_tasks.migrate.migration import Migration, migrate
from esd_tasks.migrate.outputs import paths_of, record_path, summary, write_found, write_samples
from esd_tasks.migrate.ownership import claim, is_finished, locked, release
from esd_tasks.migrate.plan import MigratePlan
from esd_tasks.migrate.report import next_steps, write_report
from esd_tasks.migrate.series import LabelSeries, read_label_series
from esd_tasks.migrate.stable import LEAST_SAMPLES
from stactools_esd.errors import EsdError, OutputError
from stactools_esd.files import read_json, write_json

FEW: Final = 20
"""Samples of a class below which it is named in the notes."""

OnProgress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class MigrateResult:
    """A finished run, as its record tells."""

    paths: dict[str, Path]
    """Files by kind."""

    record: dict[str, Any]
    """Content of the record."""

    next_steps: tuple[str, ...]
    """What may be done with them."""

    already_done: bool
    """True where an earlier run had made the same and nothing was done."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, a line each."""
        return tuple(self.record["notes"])

    def see_whole(self) -> None:
        """See that nothing is missing.

        Raises:
            PartlyDoneError: A tile could not be read; the message lists it.
        """
        see_whole(self.record["missing"])

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON content."""
        return {
            "already_done": self.already_done,
            "paths": {kind: path.as_posix() for kind, path in self.paths.items()},
            "result": self.record["result"],
            "missing": self.record["missing"],
            "notes": self.record["notes"],
        }


def run_plan(plan: MigratePlan, *, on_progress: OnProgress | None = None) -> MigrateResult:
    """Carry the labels of a plan to all years; a finished result is returned as it is.

    Raises:
        InUseError: Another run writes files of these names.
        LabelsError: Too few samples or classes are left.
        OutputError: Files of another run, or somebody's, have these names.
        RasterError: A codes COG is damaged, and nothing is left without it.
    """
    if _is_done(plan):
        return _result(plan, already_done=True)
    with locked(plan.request.output_or_default):
        if done := _is_done(plan):  # by a run that ended meanwhile
            return _result(plan, already_done=done)
        _write(plan, on_progress or (lambda *_: None))
        return _result(plan, already_done=False)


def _write(plan: MigratePlan, report: OnProgress) -> None:
    """Carry the labels, and write every file; the record is the last."""
    request, output = plan.request, plan.request.output_or_default
    failures = Failures()
    report("read codes", 0, 1)
    try:
        series = read_label_series(
            plan.labels,
            plan.items,
            label_year=request.label_year,
            min_clear=request.min_clear,
            polygon_rule=request.polygon_rule,
            polygon_cap=request.polygon_cap,
            seed=request.seed,
            failures=failures,
        )
    except EsdError as error:  # too little may be left of labels in tiles that cannot be read
        raise failures.first or error from error
    report("read codes", 1, 1)
    found = migrate(
        series,
        error_rate=request.error_rate,
        min_probability=request.min_probability,
        seed=request.seed,
        on_stage=report,
    )
    content = summary(series, found)
    notes = [*missing_notes(failures.missing), *plan.notes, *_notes(series, found)]
    claim(output, plan.run_key)
    write_samples(output, series, found)
    write_found(output, series, found)
    write_report(plan, series, found, content, notes=notes)
    record = run_record.run_record(
        run_key=plan.run_key,
        command=request.command,
        facts=plan.facts,
        items=plan.items,
        folder=output.parent,
        outputs={kind: path.name for kind, path in paths_of(output).items()},
        result=content,
        missing=list(failures.missing),
        notes=notes,
    )
    write_json(record_path(output), record)
    release(output)


def _is_done(plan: MigratePlan) -> bool:
    """Tell whether there is nothing to do."""
    request = plan.request
    return not request.overwrite and is_finished(request.output_or_default, plan.run_key, request.command)


def _result(plan: MigratePlan, *, already_done: bool) -> MigrateResult:
    output = plan.request.output_or_default
    record = dict(read_json(record_path(output), error=OutputError))
    return MigrateResult(paths=paths_of(output), record=record, next_steps=next_steps(plan), already_done=already_done)


def _notes(series: LabelSeries, found: Migration) -> Iterator[str]:
    """Say what a user should know of the samples."""
    for reason, count in series.dropped.items():
        yield f"{count} pixels or labels left out: {reason}"
    few = [(name, int((series.class_id == one).sum())) for one, name in series.names.items() if one in series.class_ids]
    if listed := ", ".join(f"{name} ({n})" for name, n in few if n < FEW):
        yield f"few samples, so that changes to and from these classes are badly told: {listed}"
    if listed := ", ".join(series.names[one] for one in found.restless):
        yield (
            f"classes that look otherwise in other years than in those of their labels, so that other years get none "
            f"of them: {listed}; where they follow one another, as crops do, give them one class"
        )
    if not found.selected.any():
        few_of_them = f", for which {LEAST_SAMPLES} are needed" if len(series) < LEAST_SAMPLES else ""
        yield (
            f"no sample could be taken for stable at this --error-rate{few_of_them}: each keeps its label only where "
            "it is sure"
        )
