"""When a satellite passes over a landscape, and the clouds it meets."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.product import DAYS
from stactools_esd.simulation.noise import generator, smooth_noise

REVISIT: Final = 8
"""Days between passes, as of two Landsats."""

_LOST: Final = 0.9
_SHADOW_OFFSET: Final = 6

_DEVIATES: Final = np.linspace(-3, 3, 61)
_SHARES: Final = 1 / (1 + np.exp(1.702 * _DEVIATES))
"""Share of a standard normal above each deviate; the logistic approximation is near enough."""


def draw_passes(*key: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw the passes of a year that were not all cloud.

    Args:
        key: Seed of the year.

    Returns:
        Days of the year 0..364 (t,), and the share of sky that clouds take on each (t,).
    """
    rng = generator(*key)
    days = np.arange(int(rng.integers(0, REVISIT)), DAYS, REVISIT)
    season = 0.08 * np.cos(2 * np.pi * (days - 10) / DAYS)
    cover = np.clip(rng.beta(0.8, 0.9, len(days)) + season, 0.0, 1.0)
    return days[cover < _LOST], cover[cover < _LOST]


def draw_clouds(
    key: list[int], shape: tuple[int, int], share: float, rows: slice
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw the clouds of a date and the shadows they cast to the north-west, as in the morning of the north.

    Args:
        key: Seed of the date.
        shape: Rows and columns of the whole landscape.
        share: Share of the sky that clouds take, about.
        rows: Rows wanted, start and stop given.

    Returns:
        Opacity of clouds and depth of shadows, 0..1, of those rows (rows, columns).
    """
    threshold = float(np.interp(share, _SHARES[::-1], _DEVIATES[::-1]))
    # The field is drawn larger by the way from a cloud to its shadow, and read twice.
    larger = (shape[0] + _SHADOW_OFFSET, shape[1] + _SHADOW_OFFSET)
    size = max(12.0, min(shape) / 3)
    field = smooth_noise(key, larger, size, rows=slice(rows.start, rows.stop + _SHADOW_OFFSET), octaves=4)
    opacity = np.clip((field - threshold) * 2.5, 0, 1)
    cloud = opacity[: rows.stop - rows.start, : shape[1]]
    return cloud, np.clip(opacity[_SHADOW_OFFSET:, _SHADOW_OFFSET:] - cloud, 0, 1)
