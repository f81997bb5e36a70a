"""Whether a model's confidence can be taken at its word: confidence against accuracy of samples that did not train it.

Samples are sorted by confidence and cut into groups of equal numbers; the gap between mean confidence and accuracy,
averaged over the samples, is the expected calibration error (Naeini et al. 2015, AAAI 29).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.accuracy import json_number

MOST_BINS: Final = 10
"""Groups at most."""

LEAST_SAMPLES: Final = 20
"""Samples of a group at least; fewer samples make fewer groups."""

DRAWS: Final = 1000
"""Times that blocks are drawn for intervals."""

STATEMENT: Final = (
    "Out-of-fold: each sample was judged by a model that saw no sample of its spatial block. Below the dotted line the "
    "model is surer than it is right. Intervals of 95 % draw the blocks again; samples that were not drawn at random "
    "tell of samples like them."
)
"""Stands beside the curve."""


def reliability(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], block: NDArray[np.integer], *, seed: int
) -> dict[str, Any] | None:
    """Return confidence and accuracy of groups of samples as JSON content; None without samples.

    Args:
        confidence: Probability of the class that was predicted, 0..1, (n,).
        right: Whether that was the reference, (n,).
        block: Spatial block of each sample, (n,).
        seed: Decides the draws of blocks.
    """
    n = len(confidence)
    if not n:
        return None
    n_bins = min(MOST_BINS, max(1, n // LEAST_SAMPLES))
    group = np.empty(n, np.int64)
    group[np.argsort(confidence, kind="stable")] = np.arange(n) * n_bins // n
    blocks, position = np.unique(block, return_inverse=True)
    hits, totals = np.zeros((2, n_bins, len(blocks)))
    np.add.at(hits, (group, position), right)
    np.add.at(totals, (group, position), 1)
    low, high = _intervals(hits, totals, seed)
    size = totals.sum(axis=1)
    mean = np.bincount(group, weights=confidence, minlength=n_bins) / size
    share = hits.sum(axis=1) / size
    return {
        "statement": STATEMENT,
        "calibration_error": json_number(float(np.average(np.abs(mean - share), weights=size))),
        "n_blocks": len(blocks),
        "bins": [
            {
                "confidence": json_number(float(mean[k])),
                "accuracy": json_number(float(share[k])),
                "low": json_number(float(low[k])),
                "high": json_number(float(high[k])),
                "n": int(size[k]),
            }
            for k in range(n_bins)
        ],
    }


def _intervals(
    hits: NDArray[np.float64], totals: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return percentiles 2.5 and 97.5 of the accuracy of each group over draws of blocks; NaN of a single block."""
    n_bins, n_blocks = hits.shape
    low, high = np.full((2, n_bins), np.nan)
    if n_blocks < 2:
        return low, high
    times = np.random.default_rng(seed).multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=DRAWS)
    drawn, drawn_hits = times @ totals.T, times @ hits.T
    for k in range(n_bins):
        there = drawn[:, k] > 0
        if (totals[k] > 0).sum() > 1:
            low[k], high[k] = np.percentile(drawn_hits[there, k] / drawn[there, k], (2.5, 97.5))
    return low, high
