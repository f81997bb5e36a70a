"""`change assess`: a map of change against reference places that had no part in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from esd_tasks.accuracy import json_number
from esd_tasks.accuracy_content import accuracy_content, see_free
from esd_tasks.change.area import digest_of
from esd_tasks.change.assess_picture import draw_assessment
from esd_tasks.change.event_reference import EventPlaces, read_events
from esd_tasks.change.mapped_events import Mapped, read_mapped
from esd_tasks.change.matching import TOLERANCES, event_accuracy, match_events
from esd_tasks.change.reference import CHANGE_NAMES, changed_summary
from esd_tasks.change.thresholds import average_precision
from esd_tasks.command_line import command_line
from esd_tasks.folds import spatial_blocks
from esd_tasks.report_change_assess import write_report
from esd_tasks.run_record import read_run
from esd_tasks.training_pixels import UNKNOWN_TRAINING, is_untold
from stactools_esd.errors import LabelsError, NothingFoundError, UsageError
from stactools_esd.files import make_folder, write_json

ACCURACY, PICTURE = "accuracy.json", "accuracy.png"
"""File names."""

STATEMENT: Final = (
    "Figures of these reference places. They are the accuracy of the map only where the places were drawn at random "
    "from it, with their weights where strata were sampled unequally."
)


@dataclass(frozen=True, kw_only=True)
class AssessRequest:
    """Options of `change assess`.

    Raises:
        UsageError: A value out of range.
    """

    folder: Path
    """Folder of `change pair` or `change series`."""

    reference: Path
    """Points with event years, or with change and no change."""

    layer: str | None = None
    """Layer of the reference where the file has several."""

    event_field: str | None = None
    """Field of the event years."""

    weight_field: str | None = None
    """Field of what each place stands for."""

    block_size: float | None = None
    """Side in metres of the blocks that are drawn together for intervals; each pixel alone if None."""

    seed: int = 0
    """Decides the draws."""

    overwrite: bool = False
    """Replace another assessment in the output folder."""

    output: Path | None = None
    """Output folder; `<folder>-assessment` if None."""

    def __post_init__(self) -> None:
        if self.block_size is not None and not self.block_size >= 1:
            raise UsageError(f"got --block-size {self.block_size}, expected 1 metre or more; correct it")

    @property
    def command(self) -> str:
        """The command line that asks the same."""
        return command_line(("esd-tasks", "change", "assess"), self, positional=("folder",))

    @property
    def output_or_default(self) -> Path:
        """The output folder to use."""
        return self.output or self.folder.with_name(f"{self.folder.resolve().name}-assessment")


def assess(request: AssessRequest, *, dry_run: bool = False) -> dict[str, Any]:
    """Compare a map with reference places, write what was found and return it.

    Args:
        request: What was asked.
        dry_run: Write nothing.

    Raises:
        OutputError: The folder holds no finished map of change; that of the output another assessment.
        LabelsError: The reference cannot be used, or the map was made with it.
        NothingFoundError: No place lies where the map says anything.
    """
    record = read_run(request.folder, makers=("change pair", "change series"))
    if request.reference.is_file() and digest_of(request.reference) == record.get("reference", {}).get(
        "content_sha256"
    ):
        raise _seen(request)
    places = read_events(
        request.reference, layer=request.layer, event_field=request.event_field, weight_field=request.weight_field
    )
    mapped = read_mapped(request.folder, record, places)
    if (mapped.valid & mapped.trained).any() and not (mapped.valid & ~mapped.trained).any():
        raise _seen(request)
    if mapped.dated and not places.dated:
        raise LabelsError(
            "got reference places that say change and no change, expected years of events for a map of break years; "
            "add a field such as event_years"
        )
    report = _report(request, record, places, mapped)
    if dry_run:
        return report
    folder = request.output_or_default
    see_free(folder / ACCURACY, report, overwrite=request.overwrite)
    make_folder(folder)
    write_json(folder / ACCURACY, report)
    draw_assessment(folder / PICTURE, report)
    write_report(folder, report, record, command=request.command)
    return report


def _seen(request: AssessRequest) -> LabelsError:
    return LabelsError(
        f"got {request.reference.name}, with which the map was made, expected places that had no part in it; the "
        "cross-validated figures stand in accuracy.json, and other places judge the map"
    )


def _report(request: AssessRequest, record: Mapping[str, Any], places: EventPlaces, mapped: Mapped) -> dict[str, Any]:
    """Return the content of `accuracy.json`; its matrix is of places: whether anything happened, whatever the year."""
    valid = mapped.valid & ~mapped.trained
    if not valid.any():
        raise NothingFoundError(
            f"got {len(mapped.valid)} reference places, none where the map says anything, expected some; check places "
            "and area"
        )
    span = mapped.years[0] + 1, mapped.years[-1]
    _, first, member = np.unique(mapped.pixel, return_index=True, return_inverse=True)
    member = member.reshape(-1)
    reference: list[set[int]] = [set() for _ in first]
    changed = np.zeros(len(first), np.bool_)
    outside = 0
    for place in np.flatnonzero(valid).tolist():
        years = {year for year in places.years[place] if span[0] <= year <= span[1]}
        outside += len(places.years[place]) - len(years)
        reference[member[place]] |= years
        changed[member[place]] |= bool(years) if places.dated else bool(places.changed[place])
    kept = np.flatnonzero(valid[first])
    maps = [mapped.events[first[k]] for k in kept.tolist()]
    if mapped.dated:
        truth: list[Sequence[int]] = [sorted(reference[k]) for k in kept.tolist()]
    else:
        truth = [(span[1],) if changed[k] else () for k in kept.tolist()]
    at = first[kept]
    cluster = None if request.block_size is None else spatial_blocks(mapped.x[at], mapped.y[at], request.block_size)
    matched = match_events(maps, truth)
    weight = places.weight[at]
    shares = event_accuracy(matched, weight=weight, cluster=cluster, seed=request.seed)
    happened, score = matched.reference > 0, mapped.score[at]
    both = bool(happened.any() and not happened.all())
    pr_auc = average_precision(score, happened, weight) if both else float("nan")
    names = [name for name in shares if mapped.dated or name.endswith("footprint")]
    return accuracy_content(
        changed_summary(matched.mapped > 0, happened, weight).as_dict(CHANGE_NAMES),
        kind="assessment of change with reference places",
        statement=STATEMENT,
        protocol={
            "years": list(mapped.years),
            "tolerances": list(TOLERANCES) if mapped.dated else [],
            "weight_field": request.weight_field,
            "block_size_m": request.block_size,
            "confidence": 0.95,
            "seed": request.seed,
        },
        further={
            "n_changed": int(happened.sum()),
            "share_changed": json_number(float(np.average(happened, weights=weight))),
            "mapped_events": int(matched.mapped.sum()),
            "reference_events": int(matched.reference.sum()),
            "events": {name: shares[name].as_dict() for name in names},
            "pr_auc_footprint": json_number(pr_auc),
            "left_out": {
                **places.dropped,
                "outside the map or without data": int((~mapped.valid).sum()),
                "on a pixel that chose the threshold or trained the model": int((mapped.valid & mapped.trained).sum()),
                "same pixel as another place": int(valid.sum()) - len(kept),
                "events outside the years of the map": outside,
            },
            "notes": [UNKNOWN_TRAINING] if is_untold(request.folder) else [],
            "inputs": {
                "map": request.folder.as_posix(),
                "run_key": record["run_key"],
                "reference": request.reference.as_posix(),
                "reference_sha256": digest_of(request.reference),
            },
        },
    )


def lines_of(report: Mapping[str, Any]) -> Iterator[str]:
    """Say a report in lines: a table of user's and producer's accuracy."""
    yield (
        f"{report['n']:,} places, {report['n_changed']:,} with an event; {report['mapped_events']:,} mapped "
        f"and {report['reference_events']:,} reference events"
    )
    yield f"{'':12}  {'user':>22}  {'producer':>22}"
    words = {"0": "exact year", "1": "+-1 year", "2": "+-2 years", "footprint": "footprint"}
    for key, name in words.items():
        if f"users_{key}" in report["events"]:
            pair = [_words(report["events"][f"{side}_{key}"]) for side in ("users", "producers")]
            yield f"{name:12}  {pair[0]:>22}  {pair[1]:>22}"
    value, share = report["pr_auc_footprint"], report["share_changed"]
    yield f"PR-AUC of footprints: {'-' if value is None else f'{value:.3f}'}; a coin's is {share:.3f}"
    yield from (f"note: {note}" for note in (report["statement"], *report["notes"]))
    yield from (f"note: left out, {reason}: {n}" for reason, n in report["left_out"].items() if n)


def _words(share: Mapping[str, Any]) -> str:
    if share["value"] is None:
        return "-"
    return f"{share['value']:.3f} [{share['low']:.3f}, {share['high']:.3f}]"
