"""Leaf area through a year: cycles of growth and decay, mowing, and when seasons start and end."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.product import DAYS

CYCLE: Final = ("start", "end", "rise", "fall", "amplitude", "residue", "linger", "clearing")
"""Columns of a growth cycle.

Days of half growth and half decay, their rates a day, the leaf area gained, the share of it that stays standing
brown, for how many days after the end, and the rate at which it then goes (large for a harvest).
"""

CYCLES: Final = 4
"""Growth cycles that a pixel may have in a year; unused ones have amplitude 0."""

MOWINGS: Final = 3
"""Cuts that a meadow may have in a year; unused ones lie at NaN."""

PHENOLOGY: Final = (
    "start_of_season",
    "peak_of_season",
    "end_of_season",
    "peak_lai",
    "ndvi_amplitude",
    "ndvi_mean",
)
"""Columns of the phenology truth, of the season with the highest peak where a year has several.

- start_of_season, peak_of_season, end_of_season: days of the window, 0..364, counted from its first day in both
  hemispheres; start and end are where green leaf area crosses half of its amplitude before and after the peak. The
  year is circular: in the south a season starts at, say, 270 and ends at 90. NaN where the amplitude is below 0.3.
- peak_lai: largest green leaf area in m²/m², of the plants alone, not thinned by bare ground between them.
- ndvi_amplitude, ndvi_mean: 95th less 5th percentile, and mean, of the NDVI of the clean series, with snow, floods and
  mixed pixels in it.

Leaf area is that of the pixel's own class; a second class beside it changes the NDVI columns only.
"""

_SEASONAL_AMPLITUDE: Final = 0.3


@compiled
def _logistic(x: float) -> float:
    if x > 30.0:
        return 1.0
    if x < -30.0:
        return 0.0
    return 1.0 / (1.0 + math.exp(-x))


@compiled
def _leaf_area(
    days: NDArray[np.float32],
    cycles: NDArray[np.float32],
    evergreen: NDArray[np.float32],
    wood: NDArray[np.float32],
    mowings: NDArray[np.float32],
    green: NDArray[np.float32],
    brown: NDArray[np.float32],
) -> None:
    for i in range(cycles.shape[0]):
        for t in range(days.shape[0]):
            alive, dead = evergreen[i], 0.0
            for k in range(cycles.shape[1]):
                start, end, rise, fall, amplitude, residue, linger, clearing = cycles[i, k]
                if amplitude <= 0.0:
                    continue
                middle = 0.5 * (start + end + linger)
                day = (days[t] - middle + 182.5) % 365.0 - 182.5 + middle
                falling = _logistic(fall * (day - end))
                alive += amplitude * max(_logistic(rise * (day - start)) - falling, 0.0)
                dead += residue * amplitude * max(falling - _logistic(clearing * (day - end - linger)), 0.0)
            dead += wood[i] * math.exp(-0.5 * alive)  # leaves hide the stems
            for k in range(mowings.shape[1]):
                since = days[t] - mowings[i, k]
                if since >= 0.0:  # never true for NaN
                    kept = 1.0 - 0.75 * math.exp(-since / 16.0)
                    alive *= kept
                    dead *= kept
            green[i, t] = alive
            brown[i, t] = dead


def leaf_area(
    days: NDArray[np.float32],
    *,
    cycles: NDArray[np.float32],
    evergreen: NDArray[np.float32],
    wood: NDArray[np.float32],
    mowings: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Green and brown area of many pixels on given days: a sum of double logistics on a circular year.

    Double logistic: Beck et al. (2006), Remote Sensing of Environment 100, 321-334.

    Args:
        days: Days of the year from 0 (t,).
        cycles: Growth cycles (n, k, 8), columns `CYCLE`.
        evergreen: Green area that never goes (n,).
        wood: Stem area that is always brown (n,).
        mowings: Days of cuts (n, m), NaN for none.

    Returns:
        Green area (n, t) and brown area (n, t).
    """
    shape = (len(cycles), len(days))
    green, brown = np.empty(shape, np.float32), np.empty(shape, np.float32)
    _leaf_area(days, cycles, evergreen, wood, mowings, green, brown)
    return green, brown


def season_truth(green: NDArray[np.float32], clean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Phenology of whole years.

    Args:
        green: Green leaf area (n, 365).
        clean: Reflectance without noise (n, 365, 6).

    Returns:
        Truth (n, 6), columns `PHENOLOGY`.
    """
    n = len(green)
    low, high = green.min(axis=1), green.max(axis=1)
    peak = green.argmax(axis=1)
    half = 0.5 * (low + high)
    from_peak = (peak[:, None] + np.arange(DAYS)) % DAYS
    below = np.take_along_axis(green, from_peak, axis=1) < half[:, None]
    end = (peak + below.argmax(axis=1)) % DAYS
    start = (peak - below[:, ::-1].argmax(axis=1)) % DAYS
    red, nir = clean[:, :, 2], clean[:, :, 3]
    ndvi = (nir - red) / np.maximum(nir + red, 1e-3)
    ordered = np.partition(ndvi, (18, 346), axis=1)
    truth = np.empty((n, len(PHENOLOGY)), np.float32)
    truth[:, 0], truth[:, 1], truth[:, 2] = start, peak, end
    truth[high - low < _SEASONAL_AMPLITUDE, :3] = np.nan
    truth[:, 3] = high
    truth[:, 4] = ordered[:, 346] - ordered[:, 18]
    truth[:, 5] = ndvi.mean(axis=1)
    return truth
