"""What is known of a pixel's reflectance in time before it was observed: its mean, its covariance, its noise."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

MEAN: Final = np.array((0.043, 0.064, 0.060, 0.280, 0.184, 0.108))
"""Reflectance of each band that is expected before anything was observed."""

NOISE_SCALE: Final = np.array((0.0101, 0.0102, 0.0110, 0.0287, 0.0233, 0.0176))
"""Reflectance of each band that makes one unit of the standardised series."""

NOISE_VARIANCE: Final = 0.9
"""Variance of an observation's own error, in squared units."""

OFFSET_VARIANCE: Final = 6.0
"""Variance of the constant of a series, in squared units."""

SEASONAL_DECAY: Final = 7305.0
"""Days over which one year's seasonal shape resembles another's less: e-folding, twenty years."""


def covariance(
    days: NDArray[np.floating] | NDArray[np.integer], seasonal_decay: float = SEASONAL_DECAY
) -> NDArray[np.float64]:
    """Covariance of two days of one pixel, without the constant of the series and without noise.

    The sum of what lasts for days, a Matérn process of 40 days, a yearly season that slowly changes its shape, and
    what lasts for years; amplitudes and lengths were fitted to real series by leaving observations out.

    Args:
        days: Days between the two, of any shape and sign.
        seasonal_decay: Days over which the seasonal shape is forgotten.

    Returns:
        Covariance in squared units of `NOISE_SCALE`, of the same shape.
    """
    lag = np.abs(np.asarray(days, np.float64))
    reach = np.sqrt(3.0) * lag / 40.0
    season = np.exp(-2.0 * (np.sin(np.pi * lag / 365.25) / 0.6) ** 2 - lag / seasonal_decay)
    total: NDArray[np.float64] = (
        0.65 * np.exp(-lag / 2.0) + 0.5 * (1.0 + reach) * np.exp(-reach) + 3.3 * season + 0.8 * np.exp(-lag / 1500.0)
    )
    return total
