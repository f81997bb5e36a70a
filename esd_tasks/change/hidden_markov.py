"""Yearly classes with a transition model: what a pixel was in each year, given all its years.

The hidden state is the class; what is seen of it is the probability that a classifier gives each year. A year's
likelihood is `(1 - error) p + error / k`: the classifier's own probabilities are too sure of themselves, so a stated
share of its yearly classes is taken to be wrong. Years of few clear observations say less: their likelihood is raised
to their weight. Baum and Welch's algorithm learns the transitions (Rabiner 1989, Proceedings of the IEEE 77), Viterbi's
finds the likeliest series.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.errors import UsageError

ROUNDS: Final = 30
"""Rounds of learning, at most."""

PRIOR_PIXELS: Final = 50.0
"""Pixel-years' worth of weight that the stated transitions keep while others are learnt, for each class."""

_SETTLED: Final = 1e-4


def stated_transitions(n_classes: int, rate: float) -> NDArray[np.float64]:
    """Return transitions under which a share of all pixels changes each year, to any other class alike.

    Args:
        n_classes: Classes, two or more.
        rate: Share that changes from one year to the next.

    Returns:
        Probabilities (from, to), rows sum to 1.
    """
    if n_classes < 2:
        raise UsageError(f"got {n_classes} class, expected two or more; classify with more classes")
    matrix = np.full((n_classes, n_classes), rate / (n_classes - 1))
    np.fill_diagonal(matrix, 1 - rate)
    return matrix


def log_likelihood(
    probability: NDArray[np.floating], weight: NDArray[np.floating], error: float
) -> NDArray[np.float64]:
    """Return the logarithm of what each year says of each class.

    Args:
        probability: Of each class, (n, years, classes).
        weight: Weight of each year 0..1 (n, years); 0 for years without codes.
        error: Share of yearly classes that are wrong, 0..1.
    """
    k = probability.shape[2]
    flat = (1 - error) * probability.astype(np.float64) + error / k
    return np.asarray(np.log(np.maximum(flat, 1e-12)) * weight[..., None])


def viterbi(
    likelihood: NDArray[np.float64], start: NDArray[np.float64], transitions: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return the likeliest series of classes, positions (n, years).

    Args:
        likelihood: As `log_likelihood` gives it, (n, years, classes).
        start: Probability of each class in the first year (classes,).
        transitions: Probabilities (from, to), or one table for each step (years - 1, from, to).
    """
    out = np.empty(likelihood.shape[:2], np.uint8)
    logs = np.log(np.maximum(_each_step(transitions, likelihood.shape[1]), 1e-300))
    _viterbi(np.ascontiguousarray(likelihood), np.log(np.maximum(start, 1e-300)), logs, out)
    return out


def learn(
    likelihood: NDArray[np.float64], prior: NDArray[np.float64], *, rounds: int = ROUNDS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Learn the shares of the first year and the transitions from a population of series.

    Args:
        likelihood: As `log_likelihood` gives it, (n, years, classes).
        prior: Stated transitions, where learning starts and to which it is drawn.
        rounds: At most.

    Returns:
        Start (classes,) and transitions (from, to).
    """
    k = len(prior)
    start, transitions = np.full(k, 1 / k), prior.copy()
    scaled = np.exp(likelihood - likelihood.max(axis=2, keepdims=True))
    for _ in range(rounds):
        first, steps = np.zeros(k), np.zeros((k, k))
        _expect(scaled, start, transitions, first, steps)
        steps += PRIOR_PIXELS * prior
        new = steps / steps.sum(axis=1, keepdims=True)
        moved = float(np.abs(new - transitions).max())
        start, transitions = (first + 1) / (first.sum() + k), new
        if moved < _SETTLED:
            break
    return start, transitions


def _each_step(transitions: NDArray[np.float64], years: int) -> NDArray[np.float64]:
    k = transitions.shape[-1]
    return np.ascontiguousarray(np.broadcast_to(transitions, (max(years - 1, 0), k, k)))


@compiled
def _viterbi(
    likelihood: NDArray[np.float64], start: NDArray[np.float64], logs: NDArray[np.float64], out: NDArray[np.uint8]
) -> None:
    n, years, k = likelihood.shape
    best, following, back = np.empty(k), np.empty(k), np.empty((years, k), np.int64)
    for pixel in range(n):
        for c in range(k):
            best[c] = start[c] + likelihood[pixel, 0, c]
        for year in range(1, years):
            for c in range(k):
                highest, found = best[c] + logs[year - 1, c, c], c  # on a tie a pixel stays what it was
                for a in range(k):
                    value = best[a] + logs[year - 1, a, c]
                    if value > highest:
                        highest, found = value, a
                following[c] = highest + likelihood[pixel, year, c]
                back[year, c] = found
            for c in range(k):
                best[c] = following[c]
        c = 0
        for a in range(1, k):
            if best[a] > best[c]:
                c = a
        for year in range(years - 1, -1, -1):
            out[pixel, year] = c
            if year > 0:
                c = back[year, c]


@compiled
def _expect(
    seen: NDArray[np.float64],
    start: NDArray[np.float64],
    transitions: NDArray[np.float64],
    first: NDArray[np.float64],
    steps: NDArray[np.float64],
) -> None:
    """Add up the expected first classes and transitions of all series (forward and backward, scaled)."""
    n, years, k = seen.shape
    forward, backward, scale = np.empty((years, k)), np.empty((years, k)), np.empty(years)
    for pixel in range(n):
        for year in range(years):
            scale[year] = 0.0
            for c in range(k):
                total = start[c]
                if year > 0:
                    total = 0.0
                    for a in range(k):
                        total += forward[year - 1, a] * transitions[a, c]
                forward[year, c] = total * seen[pixel, year, c]
                scale[year] += forward[year, c]
            for c in range(k):
                forward[year, c] /= scale[year]
        for c in range(k):
            backward[years - 1, c] = 1.0
        for year in range(years - 2, -1, -1):
            for a in range(k):
                total = 0.0
                for c in range(k):
                    total += transitions[a, c] * seen[pixel, year + 1, c] * backward[year + 1, c]
                backward[year, a] = total / scale[year + 1]
        for c in range(k):
            first[c] += forward[0, c] * backward[0, c]
        for year in range(years - 1):
            for a in range(k):
                for c in range(k):
                    steps[a, c] += (
                        forward[year, a] * transitions[a, c] * seen[pixel, year + 1, c] * backward[year + 1, c]
                    ) / scale[year + 1]
