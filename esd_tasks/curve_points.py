"""How accuracy grows with labels: draws of k labels a class train, a fixed part in other blocks is tested.

The same draws serve every head and every kind of features; a label is right by the share of its pixels that are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from esd_tasks.accuracy import json_number, mean_and_sd
from esd_tasks.encoder_tasks.bootstrap import estimate
from esd_tasks.folds import BUFFER_SHARE, spatial_blocks
from esd_tasks.heads import LEAST_FOR_TREES, TREES
from esd_tasks.label_table import LabelTable
from esd_tasks.shots import LEAST, SHOTS, Deal, balanced_accuracy, deal, draw, draw_years, redrawn, right
from esd_tasks.table_scale import scale_of
from stactools_esd.errors import LabelsError

ALL: Final = 0
"""Stands for all labels of the pool, where k stands."""

YEARS: Final = (1, 2, 5, 10)
"""Years whose labels train, before all that there are."""

Over = Literal["labels", "years"]
"""What grows: labels a class, or years whose labels all train."""

REFERENCE_HEAD: Final = "prototype"
"""Head with which the others are compared, pair by pair."""


@dataclass(frozen=True, kw_only=True)
class Halves:
    """What may train, what is tested, and which classes take part."""

    dealt: Deal
    """Pool and test labels, classes as positions among `class_ids`."""

    block: NDArray[np.int64]
    """Block of each label, (m,)."""

    block_size: float
    """Side of a block in metres."""

    class_ids: tuple[int, ...]
    """All classes of the labels, ascending."""

    @property
    def kept(self) -> tuple[int, ...]:
        """Classes that take part."""
        return tuple(self.class_ids[position] for position in self.dealt.classes.tolist())

    @property
    def left_out(self) -> tuple[int, ...]:
        """Classes with too few labels in one half."""
        return tuple(one for one in self.class_ids if one not in self.kept)


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One kind of features and one head, trained on k labels a class."""

    features: str
    """Kind of features."""

    head: str
    """Key of `heads.HEADS`."""

    k: int
    """Labels a class or years, or `ALL`."""

    n_train: float
    """Labels that trained, mean of the draws."""

    right: NDArray[np.float64]
    """Share of the pixels of each tested label that were right after each draw, (draws, n)."""


def halve(table: LabelTable, block_size: float, *, seed: int) -> Halves:
    """Deal blocks to a pool and a test half.

    Pool labels within a tenth of the block size of a test label are dropped; where that leaves too few, within half of
    that, or none.

    Raises:
        LabelsError: The labels lie too close together, or are too few, for two classes in both halves.
    """
    block = spatial_blocks(table.x, table.y, block_size)
    class_ids = np.unique(table.class_id)
    places = np.column_stack([table.x, table.y])

    def distance(some: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(cKDTree(places[others]).query(places[some])[0], dtype=np.float64)

    buffer = BUFFER_SHARE * block_size
    dealt = deal(
        block,
        np.searchsorted(class_ids, table.class_id),
        distance,
        n_classes=len(class_ids),
        buffers=(buffer, buffer / 2, 0.0),
        seed=seed,
    )
    if dealt is None:
        raise LabelsError(
            f"got labels of which half of the classes cannot have {LEAST} in each of two halves of the blocks of "
            f"{block_size:g} m, expected that of two classes at least; give more labels, or a smaller --block-size"
        )
    return Halves(dealt=dealt, block=block, block_size=block_size, class_ids=tuple(class_ids.tolist()))


def shots_of(table: LabelTable, halves: Halves, shots: Sequence[int] = SHOTS) -> tuple[int, ...]:
    """Return the numbers of labels that make a difference: those that some class has more of, then `ALL`."""
    most = int(np.unique(table.class_id[halves.dealt.pool], return_counts=True)[1].max())
    return (*(k for k in shots if k < most), ALL)


def years_of(table: LabelTable, halves: Halves) -> tuple[int, ...]:
    """Return the numbers of years that make a difference: fewer than the pool has, then `ALL`.

    Raises:
        LabelsError: The labels that may train are of one year.
    """
    there = 0 if table.year is None else len(np.unique(table.year[halves.dealt.pool]))
    if there < 2:
        raise LabelsError(
            "got labels of one year, expected two years or more for a curve over years; name the field of the year "
            "with --year-field, or leave --over out"
        )
    return (*(k for k in YEARS if k < there), ALL)


def curve(
    table: LabelTable,
    halves: Halves,
    pixels: Mapping[str, NDArray[np.floating]],
    heads: Sequence[str],
    *,
    repeats: int,
    seed: int,
    over: Over = "labels",
    on_point: Callable[[int, int], Any] = lambda *_: None,
) -> list[CurvePoint]:
    """Train heads on draws of labels and test them.

    Columns are centred and scaled by the pixels of the pool, which needs no labels. All labels are one draw.

    Args:
        table: Labels.
        halves: Of `halve`.
        pixels: Kind of features to the features of the pixels of the labels, (n, k).
        heads: Keys of `heads.HEADS`; trees are left out below ten labels a class.
        repeats: Draws for each number of labels or years.
        seed: The same seed gives the same draws.
        over: What grows; over years all labels of the years that are drawn train.
        on_point: Told how many points are done, of how many.
    """
    pool, test = halves.dealt.pool, halves.dealt.test
    of_test, of_pool = table.pixels_of(test), table.pixels_of(pool)
    tested_label = np.searchsorted(np.sort(test), table.label[of_test])
    reference = table.class_id[table.label[of_test]]
    size = np.bincount(tested_label)
    tables = {}
    for kind, values in pixels.items():
        scaled = scale_of(values[of_pool]).apply(values)
        rows = np.zeros((len(table), scaled.shape[1]))
        np.add.at(rows, table.label, scaled)
        tables[kind] = (rows / np.bincount(table.label)[:, None], scaled[of_test])
    numbers = shots_of(table, halves) if over == "labels" else years_of(table, halves)
    steps = [
        (k, kind, head)
        for k in numbers
        for kind in tables
        for head in heads
        if head != TREES or k == ALL or k >= LEAST_FOR_TREES or over == "years"
    ]
    draws = {
        k: [
            draw(table.class_id, halves.block, pool, len(pool) if k == ALL else k, seed + repeat)
            if table.year is None or over == "labels" or k == ALL
            else draw_years(table.year, pool, k, seed + repeat)
            for repeat in range(1 if k == ALL else repeats)
        ]
        for k in numbers
    }
    points = []
    for done, (k, kind, head) in enumerate(steps, start=1):
        rows, tested = tables[kind]
        hits = right(head, rows, table.class_id, draws[k], tested, reference)
        shares = np.stack([np.bincount(tested_label, weights=one) / size for one in hits])
        n_train = float(np.mean([len(chosen) for chosen in draws[k]]))
        points.append(CurvePoint(features=kind, head=head, k=k, n_train=n_train, right=shares))
        on_point(done, len(steps))
    return points


def rows_of(points: Sequence[CurvePoint], table: LabelTable, halves: Halves) -> list[dict[str, Any]]:
    """Return balanced accuracy of each point: mean, SD over draws, interval, and paired difference to the reference.

    The interval of 95 % draws both again: blocks of tested labels, and draws of training labels. The reference is the
    first kind of features with the head `REFERENCE_HEAD`, or the first head.
    """
    test = np.sort(halves.dealt.test)
    class_id, block = table.class_id[test], halves.block[test]
    heads = {point.head for point in points}
    head = REFERENCE_HEAD if REFERENCE_HEAD in heads else points[0].head
    base = {point.k: point for point in points if (point.features, point.head) == (points[0].features, head)}
    rows = []
    for point in points:
        values = [balanced_accuracy(one[None], class_id) for one in point.right]
        mean, sd = mean_and_sd(values)
        whole = estimate(mean, redrawn(point.right, class_id, block))
        row: dict[str, Any] = {
            "features": point.features,
            "head": point.head,
            "k": "max" if point.k == ALL else point.k,
            "n_train": round(point.n_train, 2),
            "draws": len(point.right),
            "mean": json_number(mean),
            "sd": json_number(sd),
            "low": json_number(whole.low),
            "high": json_number(whole.high),
            "difference": None,
            "difference_low": None,
            "difference_high": None,
            "values": [json_number(value) for value in values],
        }
        if point.k in base and base[point.k] is not point:
            apart = point.right - base[point.k].right
            gain = estimate(balanced_accuracy(apart, class_id), redrawn(apart, class_id, block))
            row |= {
                "difference": json_number(gain.value),
                "difference_low": json_number(gain.low),
                "difference_high": json_number(gain.high),
            }
        rows.append(row)
    return rows
