"""Straight lines between the observations of a pixel-year, round the ends of the window."""

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.product import BANDS, DAYS


def draw_lines(series: NDArray[np.float32], days: NDArray[np.int64]) -> NDArray[np.float32]:
    """Join the observations of each band by straight lines.

    Beyond the first and the last observation the line runs round the ends of the window, from its last to its first
    observation. A band with one observation is constant; one with none stays NaN.

    Args:
        series: Reflectance (n, t, 6), NaN where missing.
        days: Days of the window, 0..364, each once and rising (t,).

    Returns:
        Pixel-years (n, 365, 6).
    """
    out = np.empty((len(series), DAYS, len(BANDS)), np.float32)
    _draw(series, days, out)
    return out


@compiled
def _draw(series: NDArray[np.float32], days: NDArray[np.int64], out: NDArray[np.float32]) -> None:
    bands = series.shape[2]
    seen = np.empty(len(days), np.int64)
    start, slope = np.empty(bands, np.float32), np.empty(bands, np.float32)
    for pixel in range(series.shape[0]):
        found, partly = 0, False
        for t in range(len(days)):
            there = 0
            for band in range(bands):
                there += not np.isnan(series[pixel, t, band])
            if there == bands:
                seen[found] = t
                found += 1
            elif there > 0:
                partly = True
        if not partly:  # all bands change direction on the same days
            _join(series[pixel], days, seen[:found], 0, bands, start, slope, out[pixel])
            continue
        for band in range(bands):
            found = 0
            for t in range(len(days)):
                if not np.isnan(series[pixel, t, band]):
                    seen[found] = t
                    found += 1
            _join(series[pixel], days, seen[:found], band, band + 1, start, slope, out[pixel])


@compiled
def _join(
    series: NDArray[np.float32],
    days: NDArray[np.int64],
    seen: NDArray[np.int64],
    first: int,
    stop: int,
    start: NDArray[np.float32],
    slope: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Fill bands first..stop of one pixel (365, 6), all observed at the dates `seen` (t, 6)."""
    if len(seen) == 0:
        out[:, first:stop] = np.nan
    for k in range(len(seen)):
        here, there = seen[k], seen[(k + 1) % len(seen)]
        left, right = days[here], days[there] + (DAYS if k + 1 == len(seen) else 0)
        for band in range(first, stop):
            start[band] = series[here, band]
            slope[band] = (series[there, band] - start[band]) / np.float32(right - left)
            out[left, band] = start[band]
        for day in range(left + 1, min(right, DAYS)):
            for band in range(first, stop):
                out[day, band] = start[band] + slope[band] * np.float32(day - left)
        for day in range(max(left + 1, DAYS), right):
            for band in range(first, stop):
                out[day - DAYS, band] = start[band] + slope[band] * np.float32(day - left)
