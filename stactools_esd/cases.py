"""Observations made ready for the Gaussian process: which bands share their dates, and which dates are used."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.covariance import MEAN, NOISE_SCALE
from stactools_esd.product import BANDS, DAYS
from stactools_esd.screening import CLEAR

CAP: Final = 60
"""Observations that a fit uses: those nearest to the middle of the window."""

_MIDDLE: Final = DAYS // 2


@dataclass(frozen=True, kw_only=True)
class Cases:
    """Observations to fit, one row a case: the bands of a pixel that share their clear dates."""

    pixel: NDArray[np.int64]
    """Which pixel a case belongs to (m,)."""

    bands: NDArray[np.bool_]
    """Which bands it holds (m, 6)."""

    count: NDArray[np.int64]
    """Observations (m,)."""

    days: NDArray[np.int32]
    """Days of the observations, 0 on the first day of the window, never decreasing (m, c); 0 beyond `count`."""

    values: NDArray[np.float64]
    """Standardised reflectance (m, 6, c)."""

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which observations lie in the window (m, c)."""
        present = np.arange(self.days.shape[1]) < self.count[:, None]
        inside: NDArray[np.bool_] = present & (self.days >= 0) & (self.days < DAYS)
        return inside

    def take(self, rows: NDArray[np.intp]) -> "Cases":
        """Return some of the cases."""
        return Cases(
            pixel=self.pixel[rows],
            bands=self.bands[rows],
            count=self.count[rows],
            days=self.days[rows],
            values=self.values[rows],
        )

    def within_window(self) -> "Cases":
        """Return the cases with only their observations of the window."""
        inside = self.inside
        count = inside.sum(axis=1)
        size = max(int(count.max(initial=0)), 1)
        # Days never decrease, so that the observations of the window stand in a row.
        place = np.minimum(np.argmax(inside, axis=1)[:, None] + np.arange(size), self.days.shape[1] - 1)
        beyond = np.arange(size) >= count[:, None]
        days = np.where(beyond, np.int32(0), np.take_along_axis(self.days, place, axis=1))
        values = np.take_along_axis(self.values, place[:, None, :], axis=2)
        return Cases(
            pixel=self.pixel,
            bands=self.bands,
            count=count,
            days=days,
            values=np.where(beyond[:, None, :], 0.0, values),
        )


@compiled
def _lead(series: NDArray[np.float32], kind: NDArray[np.uint8], leader: NDArray[np.int8]) -> None:
    """Name for each band the first band that has the same clear dates, -1 where there are none."""
    for pixel in range(series.shape[0]):
        for band in range(len(BANDS)):
            leader[pixel, band] = -1
            for other in range(band + 1):
                same, some = True, False
                for t in range(series.shape[1]):
                    if kind[pixel, t] == CLEAR:
                        here, there = np.isnan(series[pixel, t, band]), np.isnan(series[pixel, t, other])
                        same = same and here == there
                        some = some or not here
                if same and some:
                    leader[pixel, band] = other
                    break


@compiled
def _collect(
    series: NDArray[np.float32],
    days: NDArray[np.int64],
    kind: NDArray[np.uint8],
    pixels: NDArray[np.int64],
    bands: NDArray[np.bool_],
    cap: int,
    count: NDArray[np.int64],
    when: NDArray[np.int32],
    values: NDArray[np.float64],
) -> None:
    size = series.shape[1]
    chosen = np.empty(size, np.int64)
    for row in range(len(pixels)):
        pixel, leader = pixels[row], np.argmax(bands[row])
        n = 0
        for t in range(size):
            if kind[pixel, t] == CLEAR and not np.isnan(series[pixel, t, leader]):
                chosen[n] = t
                n += 1
        first, stop = 0, n
        while stop - first > cap:
            if _MIDDLE - days[pixel, chosen[first]] > days[pixel, chosen[stop - 1]] - _MIDDLE:
                first += 1
            else:
                stop -= 1
        count[row] = stop - first
        for place in range(first, stop):
            t = chosen[place]
            when[row, place - first] = days[pixel, t]
            for band in range(len(BANDS)):
                if bands[row, band]:
                    value = np.float64(series[pixel, t, band])
                    values[row, band, place - first] = (value - MEAN[band]) / NOISE_SCALE[band]


def collect(series: NDArray[np.float32], days: NDArray[np.int64], kind: NDArray[np.uint8], cap: int = CAP) -> Cases:
    """Make cases of all pixels.

    Args:
        series: Reflectance (n, t, 6), NaN where missing.
        days: Days of the observations, 0 on the first day of the window, never decreasing (n, t).
        kind: What each observation shows, see `screening` (n, t); only the clear ones are used.
        cap: Most observations of a case; those nearest to the middle of the window stay.
    """
    leader = np.empty((len(series), len(BANDS)), np.int8)
    _lead(series, kind, leader)
    pixels, leaders = np.nonzero(leader == np.arange(len(BANDS)))
    bands = leader[pixels] == leaders[:, None]
    size = max(min(cap, series.shape[1]), 1)
    count = np.zeros(len(pixels), np.int64)
    when, values = np.zeros((len(pixels), size), np.int32), np.zeros((len(pixels), len(BANDS), size))
    _collect(series, days, kind, pixels, bands, cap, count, when, values)
    return Cases(pixel=pixels, bands=bands, count=count, days=when, values=values)
