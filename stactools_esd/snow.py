"""Days of snow: filled by straight lines between observations of snow, because a smooth process melts it away."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.product import BANDS, DAYS
from stactools_esd.screening import CLEAR, SNOW

HOLD: Final = 20
"""Days for which an observation of snow speaks towards land, or towards nothing."""

GAP: Final = 150
"""Days between two observations of snow over which a straight line is believed: a winter, not a summer."""

_ALWAYS: Final = 1 << 30


@compiled
def _lay(
    series: NDArray[np.float32],
    days: NDArray[np.int64],
    kind: NDArray[np.uint8],
    out: NDArray[np.float32],
    laid: NDArray[np.bool_],
) -> None:
    size = series.shape[1]
    for pixel in range(series.shape[0]):
        land = False
        for t in range(size):
            land = land or kind[pixel, t] == CLEAR
        # Where nothing but snow was ever seen there is nothing else to go by.
        hold, gap = (HOLD, GAP) if land else (_ALWAYS, _ALWAYS)
        left = -1
        for right in range(size + 1):
            if right < size and kind[pixel, right] != CLEAR and kind[pixel, right] != SNOW:
                continue
            # The days from one kept observation to the next; beyond the first and the last there is only one.
            before, after = left >= 0, right < size
            white_before = before and kind[pixel, left] == SNOW
            white_after = after and kind[pixel, right] == SNOW
            start = days[pixel, left] if before else 0
            stop = days[pixel, right] if after else DAYS - 1
            if white_before or white_after:
                for day in range(max(start, 0), min(stop, DAYS - 1) + 1):
                    if white_before and white_after and stop - start <= gap:
                        share = np.float32(day - start) / np.float32(max(stop - start, 1))
                    elif white_before and day - start <= hold and (not after or day - start <= stop - day):
                        share = np.float32(0.0)
                    elif white_after and stop - day <= hold and (not before or stop - day <= day - start):
                        share = np.float32(1.0)
                    else:
                        continue
                    laid[pixel, day] = True
                    for band in range(len(BANDS)):
                        first = series[pixel, left, band] if white_before else np.float32(np.nan)
                        last = series[pixel, right, band] if white_after else np.float32(np.nan)
                        if np.isnan(first):
                            first = last
                        if np.isnan(last):
                            last = first
                        if not np.isnan(first):
                            out[pixel, day, band] = first + share * (last - first)
            left = right


def lay_snow(
    series: NDArray[np.float32], days: NDArray[np.int64], kind: NDArray[np.uint8], filled: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Overwrite the days of snow of filled pixel-years.

    Days between two neighbouring observations of snow lie on the straight line between them, where they are no more
    than `GAP` days apart. Else, and between snow and land, days belong to the nearer of the two, and those within
    `HOLD` days of snow take its reflectance. A pixel of which only snow was seen is snow all year.

    Args:
        series: Reflectance (n, t, 6), NaN where missing.
        days: Days of the observations, 0 on the first day of the window, never decreasing (n, t).
        kind: What each observation shows, see `screening` (n, t).
        filled: Pixel-years (n, 365, 6), changed in place.

    Returns:
        The days that were overwritten (n, 365).
    """
    laid = np.zeros(filled.shape[:2], np.bool_)
    white = np.flatnonzero((kind == SNOW).any(axis=1))
    if white.size:
        part, days_laid = filled[white], laid[white]
        _lay(series[white], days[white], kind[white], part, days_laid)
        filled[white], laid[white] = part, days_laid
    return laid
