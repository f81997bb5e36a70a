"""Draws of few labels, and what heads make of them: one protocol for encoders and for a user's labels.

A fixed part is tested; k labels a class are drawn from the rest, without replacement and from as many different blocks
as there are. Draws depend on places and classes alone, so every head and every table gets the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.encoder_tasks.bootstrap import DRAWS, cluster_draws, numbered
from esd_tasks.heads import train

SHOTS: Final = (1, 5, 10, 50)
"""Labels a class that train, before all that there are."""

REPEATS: Final = 10
"""Draws of training places for each number of them."""

LEAST: Final = 5
"""Places that a class must have among those that may train, and among those that are tested."""

_CANDIDATES: Final = 200


@dataclass(frozen=True, kw_only=True)
class Deal:
    """Places that may train, and places that are tested whatever is drawn."""

    pool: NDArray[np.intp]
    """Positions of places that may train."""

    test: NDArray[np.intp]
    """Positions of places that are tested."""

    classes: NDArray[np.intp]
    """Classes that take part, as positions 0..n_classes-1."""

    buffer: float
    """Least distance between the two."""


def deal(
    cell: NDArray[np.integer],
    class_id: NDArray[np.integer],
    distance: Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float64]],
    *,
    n_classes: int,
    buffers: Sequence[float],
    seed: int = 0,
) -> Deal | None:
    """Deal cells to a pool and a test half so that as many classes as can be have `LEAST` places in both.

    Of 200 random deals the one is taken that gives most classes enough, and among these the one whose rarest class has
    most in its poorer half; what describes the places has no say. Pool places nearer than a buffer to a test place are
    dropped; the first buffer is taken that leaves half of the classes, two at least.

    Args:
        cell: Cells 0..n-1 of the places, (n,).
        class_id: Classes 0..n_classes-1 of the places, (n,).
        distance: Returns for each of some places how far the nearest of others is.
        n_classes: Number of classes.
        buffers: Least distances between the halves, the wished one first.
        seed: The same seed gives the same deal.

    Returns:
        The deal, or None where every buffer leaves too few classes.
    """
    n_cells = int(cell.max()) + 1
    generator = np.random.default_rng(seed)
    deals = [generator.permutation(n_cells)[: n_cells // 2] for _ in range(_CANDIDATES)] if n_cells > 1 else []
    for buffer in buffers:
        best = (0, 0)
        for dealt in deals:
            testing = np.isin(cell, dealt)
            test, rest = np.flatnonzero(testing), np.flatnonzero(~testing)
            pool = rest[distance(rest, test) >= buffer]
            poorer = np.minimum(*(np.bincount(class_id[half], minlength=n_classes) for half in (pool, test)))
            enough = poorer >= LEAST
            if enough.any() and (score := (int(enough.sum()), int(poorer[enough].min()))) > best:
                best, classes = score, np.flatnonzero(enough)
                kept = [half[np.isin(class_id[half], classes)] for half in (pool, test)]
        if best[0] >= max(2, n_classes / 2):
            return Deal(pool=kept[0], test=kept[1], classes=classes, buffer=buffer)
    return None


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


def draw_years(year: NDArray[np.integer], pool: NDArray[np.intp], years: int, seed: int) -> NDArray[np.intp]:
    """Draw years without replacement, and return all places of these that may train.

    Args:
        year: Years of all places.
        pool: Positions that may be drawn.
        years: How many.
        seed: The same seed gives the same years; of more years fewer are a part.
    """
    kept = np.random.default_rng([seed, 7]).permutation(np.unique(year[pool]))[:years]
    return pool[np.isin(year[pool], kept)]


def right(
    head: str,
    rows: NDArray[np.floating],
    class_id: NDArray[np.integer],
    draws: Sequence[NDArray[np.intp]],
    tested: NDArray[np.floating],
    reference: NDArray[np.integer],
) -> NDArray[np.bool_]:
    """Tell which tested rows a head gets right after each draw, (draws, n).

    Args:
        head: Key of `heads.HEADS`.
        rows: Rows that may train, centred and scaled.
        class_id: Their classes.
        draws: Positions of the rows that train, for each draw.
        tested: Rows that are tested, (n, k).
        reference: Their classes, (n,).
    """
    found = [train(head, rows[chosen], class_id[chosen]).scores(tested)[0] for chosen in draws]
    return np.asarray(np.stack(found) == reference)


def balanced_accuracy(right: NDArray[np.floating] | NDArray[np.bool_], class_id: NDArray[np.integer]) -> float:
    """Return the mean over classes of the share that is right, and over draws: (draws, n) to one number."""
    return float(np.mean([right[:, class_id == number].mean() for number in np.unique(class_id)]))


def redrawn(
    right: NDArray[np.floating] | NDArray[np.bool_], class_id: NDArray[np.integer], block: ArrayLike, *, seed: int = 0
) -> NDArray[np.float64]:
    """Return the balanced accuracy of each bootstrap draw, which draws both again: blocks tested, and draws.

    The same seed draws the same, so what is computed of two heads or tables may be subtracted: it is paired.

    Args:
        right: Share of each tested place that is right after each draw, or a difference of two, (draws, n).
        class_id: Classes of the tested places, (n,).
        block: Their blocks, (n,).
        seed: The same seed gives the same draws.
    """
    member, n_blocks = numbered(block)
    classes, class_row = np.unique(class_id, return_inverse=True)
    place = class_row * n_blocks + member
    size = len(classes) * n_blocks
    counts = np.bincount(place, minlength=size).reshape(len(classes), n_blocks)
    sums = np.stack([np.bincount(place, weights=row, minlength=size) for row in right.astype(np.float64)])
    blocks = cluster_draws(n_blocks, seed=seed)
    draws = cluster_draws(len(right), seed=seed + 1_000) / len(right)
    per_class = np.einsum("br,rcn,bn->bc", draws, sums.reshape(len(right), *counts.shape), blocks, optimize=True)
    present = blocks @ counts.T
    # A class that no drawn block holds is left out of that bootstrap draw.
    shares = np.divide(per_class, present, out=np.full((DRAWS, len(classes)), np.nan), where=present > 0)
    return np.asarray(np.nanmean(shares, axis=1))
