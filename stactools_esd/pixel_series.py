"""Series of several years: one row of dated observations a pixel."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.errors import ObservationsError
from stactools_esd.observations import Dates, Observations, refuse_unscaled
from stactools_esd.product import BANDS

_STRIP: Final = 64
"""Pixels that are laid out at once."""


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
    images = slice(start, stop)
    _lay_out(observations.reflectance[images], observations.valid[images], np.append(firsts, stop - start), out)
    return PixelSeries(dates=dates, reflectance=out)


@compiled
def _lay_out(
    reflectance: NDArray[np.float32], valid: NDArray[np.bool_], edges: NDArray[np.int64], out: NDArray[np.float32]
) -> None:
    """Write the mean of each day, whose images lie between two edges, from (images, 6, rows, columns) to (n, t, 6)."""
    _, bands, rows, columns = reflectance.shape
    for row in range(rows):
        for left in range(0, columns, _STRIP):  # what is written of a strip stays in the cache until it is whole
            for t in range(len(edges) - 1):
                for band in range(bands):
                    for column in range(left, min(left + _STRIP, columns)):
                        total, count = np.float32(0), 0
                        for image in range(edges[t], edges[t + 1]):
                            if valid[image, band, row, column]:
                                total += reflectance[image, band, row, column]
                                count += 1
                        out[row * columns + column, t, band] = total / count if count else np.nan
