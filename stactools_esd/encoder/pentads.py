"""Days to pentads and back: the fixed outermost layers of the encoder and of its decoder.

A pixel-year of 365 days is 73 pentads of five days. Means of pentads keep what slow land surfaces show, and let the
network run on a fifth of the steps.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.product import DAYS

PENTAD_DAYS: Final = 5
"""Days in a pentad."""

PENTADS: Final = DAYS // PENTAD_DAYS
"""Pentads in a pixel-year: 73."""

_POSITION = np.clip((np.arange(DAYS) - PENTAD_DAYS // 2) / PENTAD_DAYS, 0, PENTADS - 1)
_BEFORE = np.minimum(np.floor(_POSITION).astype(np.int64), PENTADS - 2)
_SHARE_AFTER = (_POSITION - _BEFORE).astype(np.float32)[None, :, None]


def to_pentads(reflectance: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Average the days that are there.

    Args:
        reflectance: Shape (n, 365, 6), NaN where missing.

    Returns:
        Means of shape (n, 73, 6), 0 where a pentad has no day; and the share of days present, 0..1, same shape.
    """
    n, _, bands = reflectance.shape
    days = np.ascontiguousarray(reflectance, np.float32).reshape(n, PENTADS, PENTAD_DAYS, bands)
    means, shares = np.empty((n, PENTADS, bands), np.float32), np.empty((n, PENTADS, bands), np.float32)
    _average(days, means, shares)
    return means, shares


@compiled
def _average(days: NDArray[np.float32], means: NDArray[np.float32], shares: NDArray[np.float32]) -> None:
    """Average days (n, 73, 5, bands), in float32 and in their order."""
    for pixel in range(days.shape[0]):
        for pentad in range(days.shape[1]):
            for band in range(days.shape[3]):
                total, count = np.float32(0), np.float32(0)
                for day in range(days.shape[2]):
                    value = days[pixel, pentad, day, band]
                    if not np.isnan(value):
                        total += value
                        count += np.float32(1)
                means[pixel, pentad, band] = total / max(count, np.float32(1))
                shares[pixel, pentad, band] = count / np.float32(PENTAD_DAYS)


def to_days(pentads: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolate linearly between the middle days of pentads; the two days beyond either end hold the last value.

    Args:
        pentads: Shape (n, 73, 6).

    Returns:
        Shape (n, 365, 6).
    """
    before = pentads[:, _BEFORE]
    days: NDArray[np.float32] = before + (pentads[:, _BEFORE + 1] - before) * _SHARE_AFTER
    return days
