"""Where a score becomes a change: from a stated rate, or from reference samples, never by a number of ours.

Change is rare, 1-2 % a year, so curves of precision and recall say what curves of true and false positives hide
(Saito & Rehmsmeier 2015, PLOS ONE 10). Precision depends on how rare change is: where a rate is stated, samples are
weighted so that they hold it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stactools_esd.errors import LabelsError, UsageError


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What a threshold does to samples."""

    users: float
    """Share of alarms that are changes; NaN without alarms."""

    producers: float
    """Share of changes that raise an alarm."""

    f1: float
    """Harmonic mean of both; 0 without alarms."""

    balanced: float
    """Mean of the shares of changes and of others that are told."""


def check_rate(rate: float) -> float:
    """Return an expected change rate after checking it.

    Raises:
        UsageError: It is not between 0 and 0.5.
    """
    if not 0 < rate < 0.5:
        raise UsageError(f"got --expected-rate {rate}, expected a share between 0 and 0.5, such as 0.02; correct it")
    return rate


def threshold_for_rate(scores: ArrayLike, rate: float) -> float:
    """Return the score that a stated share of a population exceeds.

    Args:
        scores: Scores of the population.
        rate: Share that is expected to have changed.
    """
    return float(np.quantile(np.asarray(scores, dtype=np.float64), 1 - rate, method="higher"))


def prevalence_weights(changed: NDArray[np.bool_], rate: float | None) -> NDArray[np.float64]:
    """Return weights under which changes are a stated share of the samples; equal ones where none is stated."""
    if rate is None:
        return np.ones(len(changed))
    n, hits = len(changed), int(changed.sum())
    return np.where(changed, rate * n / max(hits, 1), (1 - rate) * n / max(n - hits, 1))


def best_threshold(scores: ArrayLike, changed: NDArray[np.bool_], weight: ArrayLike) -> float:
    """Return the threshold of the highest F1 of change, half way between two scores.

    Args:
        scores: Higher means change, (n,).
        changed: The reference, (n,).
        weight: What each sample counts, (n,).

    Raises:
        LabelsError: The samples are all changed or all unchanged.
    """
    _see_both(changed)
    score, hits, alarms, total = _cumulated(scores, changed, weight)
    f1 = 2 * hits / (alarms + total)
    last = np.append(score[1:] != score[:-1], True)  # a threshold cannot part equal scores
    place = int(np.argmax(np.where(last, f1, -1)))
    following = score[place + 1] if place + 1 < len(score) else score[place] - 1.0
    return float((score[place] + following) / 2)


def rates_at(scores: ArrayLike, changed: NDArray[np.bool_], threshold: ArrayLike, weight: ArrayLike) -> Rates:
    """Return what a threshold does.

    Args:
        scores: Higher means change, (n,).
        changed: The reference, (n,).
        threshold: One, or one a sample.
        weight: What each sample counts, (n,).
    """
    weights, alarm = np.asarray(weight, np.float64), np.asarray(scores) > threshold
    hits, alarms = float(weights[changed & alarm].sum()), float(weights[alarm].sum())
    changes, others = float(weights[changed].sum()), float(weights[~changed].sum())
    quiet = float(weights[~changed & ~alarm].sum())
    producers = hits / changes if changes else float("nan")
    return Rates(
        users=hits / alarms if alarms else float("nan"),
        producers=producers,
        f1=2 * hits / (alarms + changes) if alarms + changes else float("nan"),
        balanced=(producers + quiet / others) / 2 if others and changes else float("nan"),
    )


def average_precision(scores: ArrayLike, changed: NDArray[np.bool_], weight: ArrayLike | None = None) -> float:
    """Return the area under the curve of precision over recall, by steps (Davis & Goadrich 2006).

    The score of a coin is the share of changes among the samples.

    Args:
        scores: Higher means change, (n,).
        changed: The reference, (n,).
        weight: What each sample counts, (n,); equal if None.

    Raises:
        LabelsError: The samples are all changed or all unchanged.
    """
    _see_both(changed)
    weights = np.ones(len(changed)) if weight is None else weight
    score, hits, alarms, total = _cumulated(scores, changed, weights)
    last = np.append(score[1:] != score[:-1], True)
    recall, precision = hits[last] / total, hits[last] / alarms[last]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def _cumulated(
    scores: ArrayLike, changed: NDArray[np.bool_], weight: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return scores from the highest, the weight of changes and of all down to each, and of all changes."""
    values, weights = np.asarray(scores, np.float64), np.asarray(weight, np.float64)
    order = np.argsort(-values, kind="stable")
    hits = np.cumsum(np.where(changed, weights, 0.0)[order])
    return values[order], hits, np.cumsum(weights[order]), float(hits[-1])


def _see_both(changed: NDArray[np.bool_]) -> None:
    if changed.all() or not changed.any():
        got = "changed" if len(changed) and changed.all() else "unchanged"
        raise LabelsError(f"got {len(changed)} samples, all {got}; expected both kinds, add samples of the other")
