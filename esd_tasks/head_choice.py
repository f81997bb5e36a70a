"""Which head serves few labels best: each is tried on labels that it was not trained on.

With few labels these scores are noisy, and the best of several flatters: they choose a head, and are no accuracy of a
map.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from esd_tasks.accuracy import json_number
from esd_tasks.folds import Split, random_folds
from esd_tasks.heads import HEADS, LEAST_FOR_TREES, SIMPLEST_FIRST, TREES, train
from esd_tasks.label_table import LabelTable
from esd_tasks.table_scale import TableScale

MOST_LEFT_OUT: Final = 100
"""With more labels than these, or with trees among the heads, folds stand in for leaving out one label at a time."""

N_FOLDS, REPEATS = 5, 4
"""Folds of a repeat, and repeats."""

STATEMENT: Final = (
    "Scores of few labels are noisy, and the best of several heads flatters; labels near each other flatter more. They "
    "choose a head and are not the accuracy of the map, which needs reference data at places drawn at random from it."
)
"""Stands wherever these scores stand."""

Protocol = Literal["leave-one-out", "repeated folds", "none"]


@dataclass(frozen=True, kw_only=True)
class HeadScore:
    """How a head did on labels that it was not trained on."""

    head: str
    """Key of `heads.HEADS`."""

    balanced: float
    """Mean over classes of the share that is right; NaN where nothing could be tested."""

    error: float
    """Its standard error: binomial, a class with x of n right taken as (x + 1) / (n + 2), for 3 of 3 is not sure."""

    by_class: dict[int, float]
    """Share that is right, by class_id."""


@dataclass(frozen=True, kw_only=True)
class HeadChoice:
    """All scores, and the head that was chosen by them."""

    head: str
    """Key of `heads.HEADS`."""

    scores: tuple[HeadScore, ...]
    """Of every head that was tried."""

    protocol: Protocol
    """How labels were left out."""

    n_tested: int
    """Labels that were tested."""

    untested: tuple[int, ...]
    """Classes with one label: nothing like them can be trained while they are tested."""

    buffer: float
    """Metres around a tested label within which nothing trained."""

    asked: bool = False
    """True where the user named the head."""

    def as_dict(self) -> dict[str, Any]:
        """Return the choice as JSON content."""
        return {
            "head": self.head,
            "chosen_by": "user" if self.asked else "score" if self.protocol != "none" else "default",
            "protocol": self.protocol,
            "n_tested": self.n_tested,
            "buffer_m": self.buffer,
            "untested_classes": list(self.untested),
            "scores": [
                {
                    "head": score.head,
                    "balanced_accuracy": json_number(score.balanced),
                    "standard_error": json_number(score.error),
                    "classes": {str(class_id): json_number(share) for class_id, share in score.by_class.items()},
                }
                for score in self.scores
            ],
            "statement": STATEMENT,
        }


def heads_for(table: LabelTable) -> tuple[str, ...]:
    """Return the heads that so many labels allow: trees from ten labels of every class on."""
    least = min(table.counts.values())
    return tuple(name for name in HEADS if name != TREES or least >= LEAST_FOR_TREES)


def choose_head(
    table: LabelTable,
    scale: TableScale,
    *,
    heads: Sequence[str] | None = None,
    asked: str | None = None,
    buffer: float = 0.0,
    seed: int = 0,
    on_split: Callable[[int, int], Any] = lambda *_: None,
) -> HeadChoice:
    """Try heads on labels left out, and choose the best; among equals the simplest.

    One label is left out at a time; with more than `MOST_LEFT_OUT` labels, or where trees are tried, five folds with
    equal shares of the classes, four times over. Classes with one label are not tested, though they compete. Where no
    class has two labels nothing can be tested, and the nearest class mean is taken.

    Args:
        table: Labels of two classes at least.
        scale: How vectors are centred and scaled.
        heads: Keys of `heads.HEADS`; `heads_for` by default.
        asked: Take this head, whatever the scores; it is tried with the others.
        buffer: Labels within so many metres of a tested one do not train.
        seed: Deals the folds.
        on_split: Told how many splits are done, of how many.
    """
    tried = tuple(heads or heads_for(table))
    if asked is not None and asked not in tried:
        tried = (*tried, asked)
    counts = table.counts
    untested = tuple(class_id for class_id, n in counts.items() if n < 2)
    testable = ~np.isin(table.class_id, untested)
    protocol: Protocol = "none"
    if testable.any():
        folded = testable.sum() > MOST_LEFT_OUT or TREES in tried
        protocol = "repeated folds" if folded else "leave-one-out"
    splits = list(_splits(table, np.flatnonzero(testable), protocol, buffer, seed))
    shares = _shares(table, scale, tried, splits, on_split)
    scores = tuple(_score(name, share, table.class_id, testable) for name, share in zip(tried, shares, strict=True))
    return HeadChoice(
        head=asked or _best(scores),
        scores=scores,
        protocol=protocol,
        n_tested=int(testable.sum()),
        untested=untested,
        buffer=buffer,
        asked=asked is not None,
    )


def _splits(
    table: LabelTable, testable: NDArray[np.intp], protocol: Protocol, buffer: float, seed: int
) -> Iterator[Split]:
    """Yield labels that train and labels that are tested."""
    tree = cKDTree(np.column_stack([table.x, table.y]))
    everything = np.arange(len(table))
    tests: list[NDArray[np.intp]] = []
    if protocol == "leave-one-out":
        tests = [np.array([one]) for one in testable]
    elif protocol == "repeated folds":
        for repeat in range(REPEATS):
            folds = random_folds(table, n_folds=min(N_FOLDS, len(table)), seed=seed + repeat)
            tests += [np.intersect1d(test, testable) for _, test in folds.splits()]
    for test in tests:
        near = test
        if buffer > 0 and len(test):
            places = np.column_stack([table.x[test], table.y[test]])
            near = np.unique(np.concatenate([*tree.query_ball_point(places, buffer), test])).astype(np.intp)
        yield np.setdiff1d(everything, near), test


def _shares(
    table: LabelTable,
    scale: TableScale,
    heads: Sequence[str],
    splits: Sequence[Split],
    on_split: Callable[[int, int], Any],
) -> NDArray[np.float64]:
    """Return for each head and label the share of its pixels that were right, mean of the splits that tested it."""
    rows, pixels = scale.apply(table.rows), scale.apply(table.pixels)
    total, times = np.zeros((len(heads), len(table))), np.zeros(len(table))
    for done, (training, test) in enumerate(splits, start=1):
        tested = table.pixels_of(test)
        reference = table.class_id[table.label[tested]]
        size = np.bincount(table.label[tested], minlength=len(table))
        times[test] += 1
        for number, name in enumerate(heads):
            if len(training) == 0:  # the buffer left nothing: nothing is right
                continue
            found, _ = train(name, rows[training], table.class_id[training]).scores(pixels[tested])
            hits = np.bincount(table.label[tested], weights=found == reference, minlength=len(table))
            total[number] += np.divide(hits, size, out=np.zeros(len(table)), where=size > 0)
        on_split(done, len(splits))
    return np.asarray(total / np.maximum(times, 1))


def _score(
    name: str, share: NDArray[np.float64], class_id: NDArray[np.int64], testable: NDArray[np.bool_]
) -> HeadScore:
    """Average shares over labels, then over classes."""
    by_class, variance = {}, 0.0
    for one in np.unique(class_id[testable]).tolist():
        members = share[testable & (class_id == one)]
        by_class[one] = float(members.mean())
        careful = (members.sum() + 1) / (len(members) + 2)
        variance += careful * (1 - careful) / len(members)
    k = len(by_class)
    return HeadScore(
        head=name,
        balanced=float(np.mean(list(by_class.values()))) if k else float("nan"),
        error=float(np.sqrt(variance) / k) if k else float("nan"),
        by_class=by_class,
    )


def _best(scores: Sequence[HeadScore]) -> str:
    """Return the head of the best score, the simplest among equals."""
    ranked = sorted(scores, key=lambda score: SIMPLEST_FIRST.index(score.head))
    return max(ranked, key=lambda score: -1.0 if np.isnan(score.balanced) else round(score.balanced, 9)).head
