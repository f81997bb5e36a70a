"""Score intervals of simple proportions, for small samples and shares near 0 or 1."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.estimates import Z_95

SOURCE: Final = (
    "Wilson 1927: of simple proportions only, so of a user's accuracy whose samples all come from one stratum, and of "
    "overall accuracy of a sample of one stratum; null elsewhere. Wald intervals (interval_95) are those of Olofsson "
    "et al. 2014 and Stehman 2014."
)
"""Stands beside score intervals in `accuracy.json`."""


def wilson(hits: ArrayLike, samples: ArrayLike, z: float = Z_95) -> NDArray[np.float64]:
    """Return score intervals, (.., 2), of proportions of simple random samples; NaN without samples.

    `(p + z^2/2n -+ z sqrt(p(1 - p)/n + z^2/4n^2)) / (1 + z^2/n)` (Wilson 1927, Journal of the American Statistical
    Association 22, 209-212, advised for small samples by Brown, Cai and DasGupta 2001, Statistical Science 16,
    101-133). Unlike `p -+ z sqrt(p(1 - p)/n)` it never leaves 0..1, and has a width where all samples agree.

    Args:
        hits: Samples that are right, (..).
        samples: All samples, (..).
        z: Half-width in standard errors.
    """
    n = np.asarray(samples, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.asarray(hits, dtype=np.float64) / n
        middle = p + z**2 / (2 * n)
        half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        ends = np.stack([middle - half, middle + half], axis=-1) / (1 + z**2 / n)[..., None]
        return np.where(p[..., None] == [0, 1], [0.0, 1.0], np.clip(ends, 0, 1))  # exactly, where rounding would not
