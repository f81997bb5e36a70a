"""Few labels: k places a class train, and a fixed set of distant places is tested, for codes and raw alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from esd_tasks.encoder_tasks.apart import BUFFERS, degree_blocks, distances
from esd_tasks.encoder_tasks.bootstrap import DRAWS, Estimate, cluster_draws, estimate, numbered
from esd_tasks.encoder_tasks.samples import LabelledYears, standardised, vectors
from stactools_esd.errors import LabelsError

SHOTS: Final = (5, 10, 50)
"""Places a class that train."""

REPEATS: Final = 10
"""Draws of training places for each number of them."""


class Prototypes:
    """The class whose mean is nearest, in Euclidean distance."""

    def fit(self, table: NDArray[np.float64], class_id: NDArray[np.int64]) -> "Prototypes":
        """Average the samples of each class."""
        self._classes = np.unique(class_id)
        self._means = np.stack([table[class_id == number].mean(axis=0) for number in self._classes])
        return self

    def predict(self, table: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the class of the nearest mean, (n,)."""
        squares = (self._means**2).sum(axis=1) - 2 * table @ self._means.T
        nearest: NDArray[np.int64] = self._classes[squares.argmin(axis=1)]
        return nearest


HEADS: Final[Mapping[str, Callable[[], Any]]] = {
    "prototype": Prototypes,
    "1-NN": lambda: KNeighborsClassifier(n_neighbors=1),
    "3-NN": lambda: KNeighborsClassifier(n_neighbors=3),
    "logistic": lambda: LogisticRegression(C=1.0, max_iter=1000),
}
"""Classifiers, the same for every table."""

_CELLS: Final = (4.0, 2.0, 1.0, 0.5)
_ENOUGH_CELLS: Final = 12
_CANDIDATES: Final = 200
_LEAST: Final = 5


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
    cell, n_classes = cells[chosen], len(years.class_names)
    n_cells = int(cell.max()) + 1
    generator = np.random.default_rng(seed)
    deals = [generator.permutation(n_cells)[: n_cells // 2] for _ in range(_CANDIDATES)] if n_cells > 1 else []
    for buffer in BUFFERS:
        best = (0, 0)
        for deal in deals:
            testing = np.isin(cell, deal)
            test, rest = np.flatnonzero(testing), np.flatnonzero(~testing)
            pool = rest[distances(years.lon, years.lat, rest, test) >= buffer]
            poorer = np.minimum(*(np.bincount(years.class_id[half], minlength=n_classes) for half in (pool, test)))
            enough = poorer >= _LEAST
            if enough.any() and (score := (int(enough.sum()), int(poorer[enough].min()))) > best:
                best, classes = score, np.flatnonzero(enough)
                kept = [half[np.isin(years.class_id[half], classes)] for half in (pool, test)]
        if best[0] >= max(2, n_classes / 2):
            return Halves(pool=kept[0], test=kept[1], classes=classes, cell=_CELLS[chosen], buffer=buffer)
    raise LabelsError(
        f"got the set {years.name}, whose places lie too close together to test two classes or more away from where "
        "they train, expected places that are spread wider; leave the set out"
    )


def draw(
    class_id: NDArray[np.integer], block: NDArray[np.integer], pool: NDArray[np.intp], shots: int, seed: int
) -> NDArray[np.intp]:
    """Draw up to `shots` places a class without replacement, from as many different blocks as there are.

    Args:
        class_id: Classes of all places.
        block: Blocks of all places.
        pool: Positions that may be drawn.
        shots: Places a class; a class with fewer gives all.
        seed: The same seed gives the same places, whatever they are described by.
    """
    generator = np.random.default_rng([seed, shots])
    drawn = []
    for number in np.unique(class_id[pool]):
        places = generator.permutation(pool[class_id[pool] == number])
        # The turn of a place is how many of its block come before it: first one of each block, then seconds.
        turn = np.array([np.count_nonzero(block[places[:n]] == block[place]) for n, place in enumerate(places)])
        drawn.append(places[np.argsort(turn, kind="stable")[:shots]])
    return np.concatenate(drawn)


def judge(years: LabelledYears, *, heads: Sequence[str] = tuple(HEADS), shots: Sequence[int] = SHOTS) -> FewShot:
    """Train heads on the same draws of codes and of raw reflectance, and test them on the same places.

    Every table is standardised by the mean and deviation of the pool, which needs no labels.

    Args:
        years: Labelled pixel-years.
        heads: Keys of `HEADS`.
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
        draws = [draw(years.class_id, block, halves.pool, k, seed) for seed in range(REPEATS)]
        for head in heads:
            right = [_right(table, years.class_id, draws, halves.test, head) for table in tables]
            raw[head, k], codes[head, k] = right[0], np.mean(right[1:], axis=0)
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


def _right(
    table: NDArray[np.float64],
    class_id: NDArray[np.int64],
    draws: Sequence[NDArray[np.intp]],
    test: NDArray[np.intp],
    head: str,
) -> NDArray[np.bool_]:
    """Tell which test places a head gets right after each draw, (draws, n)."""
    predicted = [HEADS[head]().fit(table[train], class_id[train]).predict(table[test]) for train in draws]
    return np.asarray(np.stack(predicted) == class_id[test])


def balanced_accuracy(right: NDArray[np.floating] | NDArray[np.bool_], class_id: NDArray[np.integer]) -> float:
    """Return the mean over classes of the share that is right, and over draws: (draws, n) to one number."""
    return float(np.mean([right[:, class_id == number].mean() for number in np.unique(class_id)]))


def gain(sets: Sequence[FewShot], head: str, k: int) -> Estimate:
    """Estimate balanced accuracy of codes minus raw, as the mean of sets.

    The bootstrap draws both again: blocks of tested places, and draws of training places.
    """
    differences = [one.codes[head, k] - one.raw[head, k] for one in sets]
    value = np.mean([balanced_accuracy(d, one.class_id) for d, one in zip(differences, sets, strict=True)])
    redrawn = [_redrawn(d, one, number) for number, (d, one) in enumerate(zip(differences, sets, strict=True))]
    return estimate(float(value), np.mean(redrawn, axis=0))


def _redrawn(difference: NDArray[np.float64], one: FewShot, seed: int) -> NDArray[np.float64]:
    """Return the mean gain of each bootstrap draw, (DRAWS,)."""
    member, n_blocks = numbered(one.block)
    classes, class_row = np.unique(one.class_id, return_inverse=True)
    place = class_row * n_blocks + member
    size = len(classes) * n_blocks
    counts = np.bincount(place, minlength=size).reshape(len(classes), n_blocks)
    sums = np.stack([np.bincount(place, weights=row, minlength=size) for row in difference])
    blocks = cluster_draws(n_blocks, seed=seed)
    draws = cluster_draws(len(difference), seed=seed + 1_000) / len(difference)
    per_class = np.einsum("br,rcn,bn->bc", draws, sums.reshape(len(difference), *counts.shape), blocks, optimize=True)
    present = blocks @ counts.T
    # A class that no drawn block holds is left out of that bootstrap draw.
    shares = np.divide(per_class, present, out=np.full((DRAWS, len(classes)), np.nan), where=present > 0)
    return np.asarray(np.nanmean(shares, axis=1))
