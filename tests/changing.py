"""Series of codes whose changes are known, for tests of change."""

import numpy as np
from numpy.typing import NDArray

from stactools_esd import fsq
from stactools_esd.product import FSQ, STEPS

LEVELS = np.array(FSQ.levels)
"""Number of levels of each dimension."""


def series(
    n: int,
    years: int,
    *,
    breaks: NDArray[np.integer] | None = None,
    odd: NDArray[np.integer] | None = None,
    noise: float = 0.9,
    seed: int = 0,
) -> NDArray[np.uint16]:
    """Return codes (years, n, 12) of pixels with noise of their own.

    Args:
        n: Pixels.
        years: Years.
        breaks: Position of the year from which each pixel is of another state; `years` or more for never.
        odd: Position of the one year in which each pixel is of a third state; `years` or more for never.
        noise: Mean standard deviation of the levels.
        seed: Decides everything.
    """
    generator = np.random.default_rng(seed)
    states = generator.random((3, n, STEPS, FSQ.dimensions)) * (LEVELS - 1)
    spread = generator.uniform(0.6, 1.4, (n, 1, 1)) * noise
    out = np.empty((years, n, STEPS), np.uint16)
    for year in range(years):
        levels = states[0]
        if breaks is not None:
            levels = np.where((year >= breaks)[:, None, None], states[1], levels)
        if odd is not None:
            levels = np.where((year == odd)[:, None, None], states[2], levels)
        noisy = np.rint(levels + generator.normal(0, spread, levels.shape))
        out[year] = fsq.level_indices_to_codes(np.clip(noisy, 0, LEVELS - 1).astype(np.int64))
    return out
