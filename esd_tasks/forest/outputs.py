"""From raw scores to what `Booster.predict` returns: the same operations in the same order, so the same bits."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.forest.model_text import UnfitModelError
from stactools_esd.compiled import compiled

_AS_THEY_ARE = ("", "regression", "regression_l1", "huber", "fair", "quantile", "mape")
"""Objectives whose raw score is the prediction; without a name it is one that LightGBM does not know."""

_TELLS_APART = -1e-6
"""Raw scores that differ by more give probabilities that differ in `float32`, which has 24 bits."""

_SMALL = -40.0
"""Where e to the power of a score less the largest is nothing beside 1."""

_EXPONENTIAL_OFF = 2e-12
"""More than `_exponential` is off, with what adding and dividing round."""

_TAYLOR = tuple(math.exp(-0.3125) / math.factorial(power) for power in range(12))
"""Coefficients of e to the power of `x - 0.3125`, for x up to 0.3125 from 0: the rest is below 2e-15."""


def check_objective(objective: tuple[str, ...]) -> None:
    """See that predictions of an objective can be made here.

    Raises:
        UnfitModelError: They cannot.
    """
    name, *options = objective or ("",)
    if (name in _AS_THEY_ARE and "sqrt" not in options) or name in ("multiclass", "multiclassova", "binary"):
        return
    raise UnfitModelError(f"the objective {' '.join(objective)}")


def convert(scores: NDArray[np.float64], objective: tuple[str, ...], out: NDArray[np.floating[Any]]) -> None:
    """Turn raw scores into predictions.

    Args:
        scores: Shape (k, n).
        objective: Words of the objective of the model.
        out: Predictions (n, k), filled here.
    """
    name, *options = objective or ("",)
    if name == "multiclass":
        _softmax(scores, out)
    elif name in _AS_THEY_ARE:
        out[:] = scores.T
    else:
        slope = next((float(word.partition(":")[2]) for word in options if word.startswith("sigmoid:")), 1.0)
        _sigmoid(scores, slope, out)


@compiled
def _softmax(scores: NDArray[np.float64], out: NDArray[np.floating[Any]]) -> None:
    """Exponentiate the distance from the largest score, and divide by the sum (LightGBM, Common::Softmax)."""
    classes, n = scores.shape
    share = np.empty(classes, np.float64)
    for pixel in range(n):
        _shares(scores, pixel, share)
        for member in range(classes):
            out[pixel, member] = share[member]


@compiled
def best_of_softmax(scores: NDArray[np.float64], member: NDArray[np.uint16], confidence: NDArray[np.float32]) -> None:
    """Find the most probable class without keeping the probabilities of the others.

    The sum of exponentials is bounded first, in vector code; where both bounds give the same `float32`, as they do but
    for one pixel in thousands, that is the probability. The others, and near ties, are worked out as `_softmax` does.

    Args:
        scores: Raw scores, (k, n).
        member: Position of the class whose probability in `float32` is largest, the first of several, (n,).
        confidence: That probability, (n,).
    """
    classes, n = scores.shape
    largest, total, near = scores[0].copy(), np.zeros(n), np.zeros(n)
    member[:] = 0
    for one in range(1, classes):
        for pixel in range(n):
            score = scores[one, pixel]
            higher = score > largest[pixel]
            member[pixel] = one if higher else member[pixel]
            largest[pixel] = score if higher else largest[pixel]
    for one in range(classes):
        for pixel in range(n):
            below = scores[one, pixel] - largest[pixel]
            total[pixel] += _exponential(below)
            near[pixel] += 1.0 if below > _TELLS_APART else 0.0
    off = classes * _EXPONENTIAL_OFF
    share = np.empty(classes, np.float64)
    for pixel in range(n):
        most = np.float32((1.0 - off) / total[pixel])
        if near[pixel] != 1.0 or most != np.float32((1.0 + off) / total[pixel]):
            _shares(scores, pixel, share)
            best, most = 0, np.float32(share[0])
            for one in range(1, classes):
                probability = np.float32(share[one])
                if probability > most:
                    best, most = one, probability
            member[pixel] = best
        confidence[pixel] = most


@compiled
def _exponential(below: float) -> float:
    """Return e to the power of a number up to 0, within 1e-12: the 64th power of a Taylor polynomial about -0.3125."""
    x = (below if below > _SMALL else _SMALL) / 64.0 + 0.3125
    power = _TAYLOR[11]
    power = power * x + _TAYLOR[10]
    power = power * x + _TAYLOR[9]
    power = power * x + _TAYLOR[8]
    power = power * x + _TAYLOR[7]
    power = power * x + _TAYLOR[6]
    power = power * x + _TAYLOR[5]
    power = power * x + _TAYLOR[4]
    power = power * x + _TAYLOR[3]
    power = power * x + _TAYLOR[2]
    power = power * x + _TAYLOR[1]
    power = power * x + _TAYLOR[0]
    power *= power
    power *= power
    power *= power
    power *= power
    power *= power
    return power * power


@compiled
def _shares(scores: NDArray[np.float64], pixel: int, share: NDArray[np.float64]) -> None:
    largest = scores[0, pixel]
    for member in range(1, len(share)):
        largest = max(scores[member, pixel], largest)
    total = 0.0
    for member in range(len(share)):
        share[member] = math.exp(scores[member, pixel] - largest)
        total += share[member]
    for member in range(len(share)):
        share[member] /= total


@compiled
def _sigmoid(scores: NDArray[np.float64], slope: float, out: NDArray[np.floating[Any]]) -> None:
    """Turn each score into `1 / (1 + exp(-slope score))` (LightGBM, BinaryLogloss::ConvertOutput)."""
    classes, n = scores.shape
    for member in range(classes):
        for pixel in range(n):
            out[pixel, member] = 1.0 / (1.0 + math.exp(-slope * scores[member, pixel]))
