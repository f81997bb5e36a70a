"""Days of snow: filled by straight lines between observations of snow, because a smooth process melts it away."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.product import BANDS, DAYS
from stactools_esd.screening import CLEAR, SNOW

FADE: Final = 40
"""Days over which snow gives way to land, at most: the share of snow falls evenly from its last observation."""

HOLD: Final = 75
"""Days for which snow lasts where no observation follows it, or none was before it."""

GAP: Final = 150
"""Days between two observations of snow over which a straight line is believed: a winter, not a summer."""

_ALWAYS: Final = 1 << 30


@compiled
def _share(distance: int, gap: int, hold: int) -> float:
    """Share of snow some days from its observation, in a gap towards land, or where it is negative towards nothing."""
    if gap < 0:
        return 1.0 if distance <= hold else 0.0
    return max(0.0, 1.0 - distance / max(min(gap, FADE), 1))


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
        hold, longest = (HOLD, GAP) if land else (_ALWAYS, _ALWAYS)
        left = -1
        for right in range(size + 1):
            if right < size and kind[pixel, right] != CLEAR and kind[pixel, right] != SNOW:
                continue
            # The days from one kept observation to the next; before the first and after the last there is one only.
            before, after = left >= 0, right < size
            white_before = before and kind[pixel, left] == SNOW
            white_after = after and kind[pixel, right] == SNOW
            if white_before or white_after:
                start = days[pixel, left] if before else 0
                stop = days[pixel, right] if after else DAYS - 1
                gap = stop - start if before and after else -1
                joined = white_before and white_after and gap <= longest
                for day in range(max(start, 0), min(stop, DAYS - 1) + 1):
                    early = _share(day - start, gap, hold) if white_before else 0.0
                    late = _share(stop - day, gap, hold) if white_after else 0.0
                    share = np.float32(1.0 if joined else max(early, late))
                    towards = np.float32(0.0 if early >= late else 1.0)
                    if joined:
                        towards = np.float32(day - start) / np.float32(max(gap, 1))
                    laid[pixel, day] = laid[pixel, day] or share > 0.5
                    for band in range(len(BANDS)):
                        first = series[pixel, left, band] if white_before else np.float32(np.nan)
                        last = series[pixel, right, band] if white_after else np.float32(np.nan)
                        if np.isnan(first):
                            first = last
                        if np.isnan(last):
                            last = first
                        if share > 0.0 and not np.isnan(first):
                            snow = first + towards * (last - first)
                            below = out[pixel, day, band]
                            out[pixel, day, band] = snow if np.isnan(below) else below + share * (snow - below)
            left = right


def lay_snow(
    series: NDArray[np.float32], days: NDArray[np.int64], kind: NDArray[np.uint8], filled: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Overwrite the days of snow of filled pixel-years.

    Days between two neighbouring observations of snow lie on the straight line between them, where they are no more
    than `GAP` days apart. Towards land snow fades within `FADE` days, or within the gap where that is shorter; beyond
    the first and the last observation it lasts for `HOLD` days. A pixel of which only snow was seen is snow all year.

    Args:
        series: Reflectance (n, t, 6), NaN where missing.
        days: Days of the observations, 0 on the first day of the window, never decreasing (n, t).
        kind: What each observation shows, see `screening` (n, t).
        filled: Pixel-years (n, 365, 6), changed in place.

    Returns:
        The days that are more than half snow (n, 365).
    """
    laid = np.zeros(filled.shape[:2], np.bool_)
    white = np.flatnonzero((kind == SNOW).any(axis=1))
    if white.size:
        part, days_laid = filled[white], laid[white]
        _lay(series[white], days[white], kind[white], part, days_laid)
        filled[white], laid[white] = part, days_laid
    return laid
