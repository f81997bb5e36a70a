"""Series of several years: one row of dated observations a pixel."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import ObservationsError
from stactools_esd.observations import Dates, Observations, refuse_unscaled
from stactools_esd.product import BANDS


@dataclass(frozen=True, kw_only=True)
class PixelSeries:
    """Observations of n pixels at t dates."""

    dates: Dates
    """Days that never decrease, `datetime64[D]`: (t,) where all pixels share them, else (n, t)."""

    reflectance: NDArray[np.float32]
    """Reflectance as a share of 1 (n, t, 6), NaN where missing."""

    def __post_init__(self) -> None:
        """Check the shapes, the order of the dates and the scale.

        Raises:
            ObservationsError: One of them is wrong.
        """
        shape = self.reflectance.shape
        if len(shape) != 3 or shape[2] != len(BANDS) or self.dates.shape not in (shape[1:2], shape[:2]):
            raise ObservationsError(
                f"got series of shape {shape} with dates of shape {self.dates.shape}, expected (n, t, {len(BANDS)}) "
                "and (t,) or (n, t); give six bands, NaN where missing"
            )
        days = self.dates.astype("datetime64[D]")
        if np.isnat(days).any() or (np.diff(days, axis=-1) < np.timedelta64(0, "D")).any():
            raise ObservationsError(
                "got series whose dates decrease or are missing, expected dates that never decrease; sort the series"
            )
        refuse_unscaled(self.reflectance)
        object.__setattr__(self, "dates", days)
        object.__setattr__(self, "reflectance", np.ascontiguousarray(self.reflectance, np.float32))


def pixel_series(observations: Observations, first: date, last: date) -> PixelSeries:
    """Lay out the observations of some years pixel by pixel; those outside are not read.

    Valid values of one band that share a day are averaged.

    Args:
        observations: Images in order of time.
        first: First day that is taken.
        last: Last day that is taken.

    Returns:
        Series of all pixels in row-major order, at the days on which there is an image.
    """
    rows, columns = observations.shape
    start, stop = np.searchsorted(observations.dates, [np.datetime64(first), np.datetime64(last) + 1])
    dates, firsts = np.unique(observations.dates[start:stop], return_index=True)
    out = np.empty((rows * columns, len(dates), len(BANDS)), np.float32)
    for place, (one, next_one) in enumerate(zip(firsts, [*firsts[1:], stop - start], strict=True)):
        images = slice(start + one, start + next_one)
        valid = observations.valid[images]
        total = np.where(valid, observations.reflectance[images], 0).sum(axis=0)
        count = valid.sum(axis=0)
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        out[:, place, :] = mean.reshape(len(BANDS), -1).T
    return PixelSeries(dates=dates, reflectance=out)
