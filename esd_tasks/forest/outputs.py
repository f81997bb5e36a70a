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

    Args:
        scores: Raw scores, (k, n).
        member: Position of the class whose probability in `float32` is largest, the first of several, (n,).
        confidence: That probability, (n,).
    """
    classes, n = scores.shape
    share = np.empty(classes, np.float64)
    for pixel in range(n):
        best, largest = 0, scores[0, pixel]
        for one in range(1, classes):
            if scores[one, pixel] > largest:
                best, largest = one, scores[one, pixel]
        total, near = 0.0, 0
        for one in range(classes):
            below = scores[one, pixel] - largest
            total += math.exp(below)
            near += below > _TELLS_APART
        most = np.float32(1.0 / total)
        if near != 1:
            _shares(scores, pixel, share)
            best, most = 0, np.float32(share[0])
            for one in range(1, classes):
                probability = np.float32(share[one])
                if probability > most:
                    best, most = one, probability
        member[pixel], confidence[pixel] = best, most


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
