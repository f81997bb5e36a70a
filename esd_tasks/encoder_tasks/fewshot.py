"""Few labels: k places a class train, and a fixed set of distant places is tested, for codes and raw alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.encoder_tasks.apart import BUFFERS, degree_blocks, distances
from esd_tasks.encoder_tasks.bootstrap import Estimate, estimate
from esd_tasks.encoder_tasks.samples import LabelledYears, standardised, vectors
from esd_tasks.heads import HEADS, TREES
from esd_tasks.shots import REPEATS, balanced_accuracy, deal, draw, redrawn, right
from stactools_esd.errors import LabelsError

__all__ = [
    "PROTOCOL_HEADS",
    "SHOTS",
    "FewShot",
    "Halves",
    "accuracy",
    "balanced_accuracy",
    "draw",
    "gain",
    "halve",
    "judge",
]

SHOTS: Final = (5, 10, 50)
"""Places a class that train."""

PROTOCOL_HEADS: Final = tuple(name for name in HEADS if name != TREES)
"""Heads by which encoders are judged; trees are grown for land cover."""

_CELLS: Final = (4.0, 2.0, 1.0, 0.5)
_ENOUGH_CELLS: Final = 12


@dataclass(frozen=True, kw_only=True)
class Halves:
    """Places that may train, and places that are tested whatever is drawn."""

    pool: NDArray[np.intp]
    """Positions of places that may train."""

    test: NDArray[np.intp]
    """Positions of places that are tested."""

    classes: NDArray[np.intp]
    """Classes that take part."""

    cell: float
    """Side in degrees of the squares that were dealt to one half or the other."""

    buffer: float
    """Least distance in degrees between the halves."""


@dataclass(frozen=True, kw_only=True)
class FewShot:
    """Which tested places were right."""

    name: str
    """Name of the set."""

    role: str
    """Role of the set."""

    class_id: NDArray[np.int64]
    """Classes of the tested places, (n,)."""

    block: NDArray[np.int64]
    """Blocks of half a degree of the tested places, (n,)."""

    halves: Halves
    """Pool and test."""

    left_out: tuple[str, ...]
    """Classes with too few places in one half."""

    short: Mapping[int, tuple[str, ...]]
    """For each k, classes with fewer places in the pool than k: all they have train in every draw."""

    raw: Mapping[tuple[str, int], NDArray[np.bool_]]
    """By head and k, whether raw reflectance and terrain were right, (draws, n)."""

    codes: Mapping[tuple[str, int], NDArray[np.float64]]
    """By head and k, the share of seeds of the encoder that were right, (draws, n)."""


def halve(years: LabelledYears, *, seed: int = 0) -> Halves:
    """Deal squares to a pool and a test half so that as many classes as can be have places enough in both.

    Squares are of the largest size that gives twelve or more. Of 200 random deals the one is taken that gives most
    classes five places in both halves, and among these the one whose rarest class has most in its poorer half; no
    reflectance and no code has a say. Classes with fewer than five places in a half are left out. Pool places within
    half a degree of a test place are dropped; where that leaves fewer than half of the classes, the set is too small
    for it and gets the largest of `apart.BUFFERS` that does not.

    Raises:
        LabelsError: Fewer than two classes would be left.
    """
    cells = [degree_blocks(years.lon, years.lat, size) for size in _CELLS]
    chosen = next((n for n, cell in enumerate(cells) if cell.max() + 1 >= _ENOUGH_CELLS), len(cells) - 1)
    dealt = deal(
        cells[chosen],
        years.class_id,
        lambda places, others: distances(years.lon, years.lat, places, others),
        n_classes=len(years.class_names),
        buffers=BUFFERS,
        seed=seed,
    )
    if dealt is not None:
        return Halves(pool=dealt.pool, test=dealt.test, classes=dealt.classes, cell=_CELLS[chosen], buffer=dealt.buffer)
    raise LabelsError(
        f"got the set {years.name}, whose places lie too close together to test two classes or more away from where "
        "they train, expected places that are spread wider; leave the set out"
    )


def judge(years: LabelledYears, *, heads: Sequence[str] = PROTOCOL_HEADS, shots: Sequence[int] = SHOTS) -> FewShot:
    """Train heads on the same draws of codes and of raw reflectance, and test them on the same places.

    Every table is standardised by the mean and deviation of the pool, which needs no labels.

    Args:
        years: Labelled pixel-years.
        heads: Keys of `heads.HEADS`.
        shots: Places a class.

    Raises:
        LabelsError: The set cannot be halved.
    """
    halves = halve(years)
    block = degree_blocks(years.lon, years.lat)
    names = np.array(years.class_names)
    available = np.bincount(years.class_id[halves.pool], minlength=len(names))[halves.classes]
    tables = [standardised(t, t[halves.pool]) for t in (years.raw, *(vectors(codes) for codes in years.codes))]
    raw, codes = {}, {}
    for k in shots:
        repeats = REPEATS if k < available.max() else 1  # all that there are is one draw
        draws = [draw(years.class_id, block, halves.pool, k, seed) for seed in range(repeats)]
        for head in heads:
            found = [
                right(head, table, years.class_id, draws, table[halves.test], years.class_id[halves.test])
                for table in tables
            ]
            raw[head, k], codes[head, k] = found[0], np.mean(found[1:], axis=0)
    return FewShot(
        name=years.name,
        role=years.role,
        class_id=years.class_id[halves.test],
        block=block[halves.test],
        halves=halves,
        left_out=tuple(np.delete(names, halves.classes).tolist()),
        short={k: tuple(names[halves.classes][available < k].tolist()) for k in shots},
        raw=raw,
        codes=codes,
    )


def accuracy(sets: Sequence[FewShot], head: str, k: int, *, raw: bool) -> Estimate:
    """Estimate balanced accuracy of raw reflectance, or of codes as the mean of seeds, as the mean of sets."""
    return _mean([(one.raw if raw else one.codes)[head, k] for one in sets], sets)


def gain(sets: Sequence[FewShot], head: str, k: int) -> Estimate:
    """Estimate balanced accuracy of codes minus raw, as the mean of sets.

    The bootstrap draws both again: blocks of tested places, and draws of training places.
    """
    return _mean([one.codes[head, k] - one.raw[head, k] for one in sets], sets)


def _mean(tables: Sequence[NDArray[np.floating] | NDArray[np.bool_]], sets: Sequence[FewShot]) -> Estimate:
    """Estimate the mean of sets of a balanced accuracy, or of a difference of two."""
    pairs = list(zip(tables, sets, strict=True))
    value = np.mean([balanced_accuracy(table, one.class_id) for table, one in pairs])
    draws = [redrawn(table, one.class_id, one.block, seed=number) for number, (table, one) in enumerate(pairs)]
    return estimate(float(value), np.mean(draws, axis=0))
