"""Figures and tables of the protocol: a figure carries its key, value, interval, number, unit and split."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from esd_tasks.encoder_tasks import fewshot, landcover
from esd_tasks.encoder_tasks.bootstrap import Estimate, Wins, auc_gain
from esd_tasks.encoder_tasks.class_f1 import ClassScores
from esd_tasks.encoder_tasks.fewshot import FewShot
from esd_tasks.encoder_tasks.landcover import LandCover


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number of the protocol."""

    key: str
    """Name in docs/figures.json."""

    estimate: Estimate
    """Value and interval of 95 %."""

    unit: str
    """What is counted."""

    n: int
    """Places, pixels or pairs behind it."""

    split: str
    """Role of the set: `train`, `dev` or `test`."""

    def as_dict(self) -> dict[str, Any]:
        """Return what a line of figures holds."""
        return {
            "key": self.key,
            "value": round(self.estimate.value, 5),
            "unit": self.unit,
            "n": self.n,
            "spread": [round(self.estimate.low, 5), round(self.estimate.high, 5)],
            "split": self.split,
        }


@dataclass(frozen=True, kw_only=True)
class Section:
    """What a task says: lines for people, figures for the record."""

    lines: tuple[str, ...]
    """A table."""

    figures: tuple[Figure, ...]
    """The numbers that are kept."""


def landcover_section(prefix: str, sets: Sequence[LandCover]) -> Section:
    """Report overall accuracies of each set, and of all sets of one role together."""
    lines, figures = (
        [f"{'land cover':18} {'role':5} {'n':>5}  {'buffer':>6} {'kept':>5}  {'raw':>6} {'codes':>6}  gain"],
        [],
    )
    for name, group in _pooled(sets):
        gain = landcover.gain(group)
        raw, codes = (landcover.accuracy(group, raw=raw) for raw in (True, False))
        n, role = sum(one.n for one in group), group[0].role
        seeds = [f"{100 * (seed.mean() - one.raw.mean()):+.2f}" for one in group for seed in one.codes]
        buffer, kept = min(one.plan.buffer for one in group), min(one.plan.kept for one in group)
        lines.append(
            f"{name:18} {role:5} {n:>5}  {buffer:6.2f} {kept:5.0%}  {raw.value:6.4f} {codes.value:6.4f}  {gain}"
            + (f"  seeds {' '.join(seeds)} points" if len(group) == 1 else "")
        )
        common = {"unit": "overall accuracy", "n": n, "split": role}
        figures += [
            Figure(key=f"{prefix}.oa_gain.{name}", estimate=gain, **common),
            Figure(key=f"{prefix}.oa.{name}", estimate=codes, **common),
            Figure(key=f"{prefix}.oa.{name}_raw", estimate=raw, **common),
        ]
    return Section(lines=tuple(lines), figures=tuple(figures))


def deforestation_section(prefix: str, sets: Sequence[ClassScores]) -> Section:
    """Report F1 of the class Deforestation, set by set: clearings within the year, which show in few dates."""
    lines = [f"{'deforestation, F1':18} {'role':5} {'n':>5}  {'raw':>6} {'codes':>6}  gain"]
    figures = []
    for one in sets:
        lines.append(f"{one.name:18} {one.role:5} {one.n:>5}  {one.raw.value:6.4f} {one.codes.value:6.4f}  {one.gain}")
        figures += [
            Figure(
                key=f"{prefix}.deforestation_f1.{one.name}.{score}", estimate=found, unit=unit, n=one.n, split=one.role
            )
            for score, found, unit in (
                ("codes", one.codes, "F1"),
                ("raw", one.raw, "F1"),
                ("gain", one.gain, "codes minus raw, F1"),
            )
        ]
    return Section(lines=tuple(lines), figures=tuple(figures))


def fewshot_section(prefix: str, sets: Sequence[FewShot]) -> Section:
    """Report balanced accuracies of all heads; the gain of the logistic head is the figure."""
    lines = [f"{'few-shot':18} {'role':5} {'n':>5} {'k':>3}  {'head':9} {'raw':>6} {'codes':>6}  gain"]
    figures: list[Figure] = []
    for name, group in _pooled(sets):
        n, role = sum(len(one.class_id) for one in group), group[0].role
        for head, k in group[0].raw:
            gain = fewshot.gain(group, head, k)
            raw, codes = (
                sum(fewshot.balanced_accuracy(table[head, k], one.class_id) for one, table in tables) / len(group)
                for tables in ([(one, one.raw) for one in group], [(one, one.codes) for one in group])
            )
            lines.append(f"{name:18} {role:5} {n:>5} {k:>3}  {head:9} {raw:6.4f} {codes:6.4f}  {gain}")
            if head == "logistic":
                unit = "balanced accuracy"
                key = f"{prefix}.fewshot_gain.{name}.{k}"
                figures.append(Figure(key=key, estimate=gain, unit=unit, n=n, split=role))
        if len(group) == 1:
            lines += _fewshot_notes(group[0])
    return Section(lines=tuple(lines), figures=tuple(figures))


def _fewshot_notes(one: FewShot) -> Iterator[str]:
    """Say how a set was halved and which classes are small."""
    halves = one.halves
    yield (
        f"  {one.name}: {len(halves.pool)} places may train, {len(halves.test)} are tested, squares of {halves.cell:g} "
        f"degrees, {halves.buffer:g} degrees between them"
    )
    if one.left_out:
        yield f"  {one.name}: too few places in one half, left out: {', '.join(one.left_out)}"
    for k, names in one.short.items():
        if names:
            yield f"  {one.name}, k = {k}: all that the pool has of {', '.join(names)}"


def auc_section(
    task: str, key: str, scores: Mapping[str, Wins], *, n: int, split: str, notes: Sequence[str] = ()
) -> Section:
    """Report AUC of codes beside other scores of the same pairs.

    Args:
        task: Title of the table.
        key: Key of the figure of codes; those of other scores add `_raw` and so on.
        scores: Score name to its comparisons; `codes` and `raw` are among them.
        n: Number of positives.
        split: Role of the set.
        notes: Lines below the table.
    """
    lines, figures = [f"{task:18} {'role':5} {'n':>5}  AUC"], []
    for name, compared in scores.items():
        estimate = compared.estimate()
        lines.append(f"{name:18} {split:5} {n:>5}  {estimate}")
        figure_key = key if name == "codes" else f"{key}_{name}"
        figures.append(Figure(key=figure_key, estimate=estimate, unit="AUC", n=n, split=split))
    gain = auc_gain(scores["codes"], scores["raw"])
    lines += [f"{'codes - raw':18} {split:5} {n:>5}  {gain}", *(f"  {note}" for note in notes)]
    figures.append(Figure(key=f"{key}_gain", estimate=gain, unit="AUC", n=n, split=split))
    return Section(lines=tuple(lines), figures=tuple(figures))


def _pooled(sets: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield each set by its name, then all of a role as `pooled`, or `pooled_dev` where they are no test sets."""
    for one in sets:
        yield one.name, [one]
    for role in dict.fromkeys(one.role for one in sets):
        group = [one for one in sets if one.role == role]
        if len(group) > 1:
            yield "pooled" if role == "test" else f"pooled_{role}", group
