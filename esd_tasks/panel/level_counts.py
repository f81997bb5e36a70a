"""Statistics of the levels of many pixels, from how much of them has each level.

A channel (one of the 72 dimensions of the twelve steps) has eight levels at most, and its vector value is a straight
line of the level. So the weights by level are all that means, deviations and medians need: exact, in fixed memory, and
added up block by block.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.features import level_features
from stactools_esd.fsq import level_indices_to_vectors
from stactools_esd.product import CHANNELS, FSQ, STEPS

STATISTICS: Final = ("mean", "sd", "median")
"""Mean and standard deviation of vectors, median of level indices; each weighted by the share of the pixel."""

_MOST_LEVELS: Final = max(FSQ.levels)


def count_levels(codes: NDArray[np.uint16], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of each level of each channel.

    Args:
        codes: Pixels with data, shape (n, 12).
        weight: Of each, shape (n,).

    Returns:
        Shape (72, 8); levels that a channel does not have are 0.
    """
    place = level_features(codes).astype(np.int64) + _MOST_LEVELS * np.arange(CHANNELS)
    weights = np.broadcast_to(weight[:, None], place.shape)
    counts = np.bincount(place.ravel(), weights=weights.ravel(), minlength=CHANNELS * _MOST_LEVELS)
    return np.asarray(counts.reshape(CHANNELS, _MOST_LEVELS), dtype=np.float64)


def statistic(name: str, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one statistic of each channel.

    The standard deviation is that of the pixels themselves, `sqrt(sum w (v - mean)^2 / sum w)`. The median is the
    lowest level at which half of the weight is reached, so it is a level that pixels have.

    Args:
        name: One of `STATISTICS`.
        counts: Weights by level, shape (72, 8), not all 0.

    Returns:
        Shape (72,).
    """
    total = counts.sum(axis=1)
    if name == "median":
        reached = np.cumsum(counts, axis=1) >= total[:, None] * (0.5 - 1e-12)
        return np.asarray(np.argmax(reached, axis=1), dtype=np.float64)
    vectors = _vectors()
    mean = (counts * vectors).sum(axis=1) / total
    if name == "mean":
        return np.asarray(mean, dtype=np.float64)
    spread = (counts * (vectors - mean[:, None]) ** 2).sum(axis=1) / total
    return np.asarray(np.sqrt(spread), dtype=np.float64)


def weighted_median(values: NDArray[np.integer], weight: NDArray[np.float64]) -> float:
    """Return the lowest value at which half of the weight is reached."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, reached[-1] * (0.5 - 1e-12))])


def _vectors() -> NDArray[np.float64]:
    """Return the vector value of each level of each channel, shape (72, 8)."""
    levels = np.arange(_MOST_LEVELS)[:, None].repeat(FSQ.dimensions, axis=1)
    of_step = level_indices_to_vectors(levels).T.astype(np.float64)
    return np.tile(of_step, (STEPS, 1))
