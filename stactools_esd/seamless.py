"""From observations with gaps to daily pixel-years without: screen leftover clouds, then interpolate.

Everything here looks at one window of 365 days and at nothing before or after it, so that a change shows in its own
year and a year can be made again from its own observations.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.errors import ObservationsError
from stactools_esd.observations import Observations, YearWindow, count_clear, pixel_years, refuse_unscaled
from stactools_esd.product import BANDS, DAYS

FUSION: Final = "hampel-linear-circular-v1"
"""Name of this recipe in `esd:input_recipe`: `prepare` as it stands."""

_ROUNDS: Final = 2
_REACH: Final = (45, 90, 180)
_NEIGHBOURS: Final = 3
_MAD_FACTOR: Final = 3.5 * 1.4826
_BRIGHTER: Final = 0.025
_BLUE, _GREEN, _NIR, _SWIR1 = 0, 1, 3, 4


@compiled
def _median(values: NDArray[np.float64], count: int) -> float:
    """Median of the first `count` values, which are reordered (Hoare's selection)."""
    middle = count // 2
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            break
    upper = float(values[middle])
    if count % 2 == 1:
        return upper
    lower = float(values[0])
    for k in range(1, middle):
        lower = max(lower, float(values[k]))
    return 0.5 * (lower + upper)


@compiled
def _screen(series: NDArray[np.float32], drop: NDArray[np.bool_]) -> None:
    """Mark the days of each pixel whose observation is cloud or shadow."""
    days = np.empty(DAYS, np.int64)
    blues, nirs = np.empty(DAYS, np.float64), np.empty(DAYS, np.float64)
    keep, condemned = np.empty(DAYS, np.bool_), np.empty(DAYS, np.bool_)
    near_blue, near_nir = np.empty(DAYS, np.float64), np.empty(DAYS, np.float64)
    for pixel in range(series.shape[0]):
        count = 0
        for day in range(DAYS):
            blue, green = series[pixel, day, _BLUE], series[pixel, day, _GREEN]
            nir, swir = series[pixel, day, _NIR], series[pixel, day, _SWIR1]
            if np.isnan(blue):
                continue
            # Snow: a normalised difference above 0.4, written without a division.
            if green > 0.12 and nir > 0.11 and green - swir > 0.4 * (green + swir):
                continue
            days[count], blues[count], nirs[count], keep[count] = day, blue, nir, True
            count += 1
        for _ in range(_ROUNDS):
            for i in range(count):
                condemned[i] = False
                if not keep[i]:
                    continue
                found, dark = 0, 0
                for reach in _REACH:
                    found, dark = 0, 0
                    for j in range(count):
                        if j != i and keep[j] and abs(days[j] - days[i]) <= reach:
                            near_blue[found] = blues[j]
                            found += 1
                            if not np.isnan(nirs[j]):
                                near_nir[dark] = nirs[j]
                                dark += 1
                    if found >= _NEIGHBOURS:
                        break
                if found < _NEIGHBOURS:
                    continue
                centre = _median(near_blue, found)
                for k in range(found):
                    near_blue[k] = abs(near_blue[k] - centre)
                spread = _median(near_blue, found)
                condemned[i] = blues[i] - centre > max(_MAD_FACTOR * spread, _BRIGHTER)
                if dark >= _NEIGHBOURS and blues[i] < centre + 0.01:
                    level = _median(near_nir, dark)
                    if nirs[i] < 0.6 * level and level - nirs[i] > 0.06:
                        condemned[i] = True
            for i in range(count):
                if condemned[i]:
                    keep[i] = False
                    drop[pixel, days[i]] = True


def check_pixel_years(reflectance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return pixel-years as contiguous `float32` after checking shape and scale.

    Raises:
        ObservationsError: The shape is not (n, 365, 6), or the values are integers of 0-10000.
    """
    if reflectance.ndim != 3 or reflectance.shape[1:] != (DAYS, len(BANDS)):
        raise ObservationsError(
            f"got pixel-years of shape {reflectance.shape}, expected (n, {DAYS}, {len(BANDS)}); "
            "give 365 days and six bands, NaN where missing"
        )
    refuse_unscaled(reflectance)
    return np.ascontiguousarray(reflectance, np.float32)


def screen(reflectance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Remove the clouds and shadows that a cloud mask left, judged by the other dates of the same year.

    A Hampel filter on blue: an observation goes when it is brighter than the median of the others within 45 days
    (90, then 180 where there are fewer than three) by more than 3.5 scaled median absolute deviations and 0.025; or, as
    shadow, when its near infrared is below 0.6 of the others' median by more than 0.06 while blue is not brighter by
    0.01. Two rounds. Snow (NDSI > 0.4, green > 0.12, nir > 0.11) is neither judged nor a judge, and observations
    without blue are left alone.

    Args:
        reflectance: Pixel-years (n, 365, 6), NaN where missing.

    Returns:
        A copy in which all bands of removed observations are NaN.

    Raises:
        ObservationsError: The shape or the scale is wrong.
    """
    series = check_pixel_years(reflectance)
    drop = np.zeros(series.shape[:2], np.bool_)
    _screen(series, drop)
    screened = series.copy()
    screened[drop] = np.nan
    return screened


@compiled
def _fill(series: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    for pixel in range(series.shape[0]):
        for band in range(series.shape[2]):
            first, last = -1, -1
            for day in range(DAYS):
                value = series[pixel, day, band]
                if np.isnan(value):
                    continue
                out[pixel, day, band] = value
                if first < 0:
                    first = day
                else:
                    _ramp(out, pixel, band, last, day)
                last = day
            if first < 0:
                for day in range(DAYS):
                    out[pixel, day, band] = np.nan
            else:
                _ramp(out, pixel, band, last, first + DAYS)


@compiled
def _ramp(out: NDArray[np.float32], pixel: int, band: int, left: int, right: int) -> None:
    """Fill the days between two observed ones; days past the window's end wrap to its start."""
    if right - left < 2:
        return
    start, stop = out[pixel, left, band], out[pixel, right % DAYS, band]
    slope = (stop - start) / np.float32(right - left)
    for day in range(left + 1, min(right, DAYS)):
        out[pixel, day, band] = start + slope * np.float32(day - left)
    for day in range(max(left + 1, DAYS), right):
        out[pixel, day - DAYS, band] = start + slope * np.float32(day - left)


def fill_linear(reflectance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill gaps by straight lines between observations, band by band.

    Beyond the first and the last observation the line runs round the ends of the window, from its last to its first
    observation: no other year enters. A band with one observation is constant; one with none stays NaN.

    Args:
        reflectance: Pixel-years (n, 365, 6), NaN where missing.

    Returns:
        Pixel-years of the same shape without gaps.

    Raises:
        ObservationsError: The shape or the scale is wrong.
    """
    series = check_pixel_years(reflectance)
    out = np.empty_like(series)
    _fill(series, out)
    return out


def prepare(observations: Observations, window: YearWindow) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Make what the encoder sees of an area: the recipe `FUSION`, from images to gap-free days.

    Args:
        observations: Images in order of time; those outside the window are not read.
        window: The 365 days wanted.

    Returns:
        Reflectance (n, 365, 6), pixels in row-major order, NaN only in bands never observed; and the number of clear
        observations that were left after screening (n,).
    """
    screened = screen(pixel_years(observations, window).reflectance)
    return fill_linear(screened), count_clear(screened)
