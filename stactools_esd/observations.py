"""Irregular satellite observations of an area, images with a date each, and the window of 365 days that is wanted."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.compiled import compiled
from stactools_esd.errors import ObservationsError
from stactools_esd.product import BANDS, DAYS, REFLECTANCE_RANGE

Dates = NDArray[np.datetime64]

CLEAR_BANDS = len(BANDS) // 2
"""A date counts as a clear observation of a pixel when at least this many of its bands are valid."""

_INTEGER_REFLECTANCE = 2.0
"""No surface has this median reflectance: what exceeds it was never scaled."""


def refuse_unscaled(reflectance: NDArray[np.floating] | NDArray[np.integer]) -> None:
    """Refuse reflectance that is stored as integers of 0-10000.

    Raises:
        ObservationsError: The median of the absolute values that are numbers exceeds 2.
    """
    # The median exceeds the limit where most values do; counting is faster than sorting.
    unscaled, there = _count_unscaled(np.ravel(reflectance, order="K"))
    if 2 * unscaled > there:
        median = float(np.nanmedian(np.abs(reflectance)))
        raise ObservationsError(
            f"got reflectance whose median is {median:.6g}, expected shares of 1; multiply by the factor of its "
            "scale, 0.0001 for integers of 0-10000"
        )


@compiled
def _count_unscaled(values: NDArray[np.floating] | NDArray[np.integer]) -> tuple[int, int]:
    """Count values that no surface has, and those that are numbers."""
    unscaled, there = 0, 0
    for value in values:
        unscaled += abs(value) > _INTEGER_REFLECTANCE
        there += not np.isnan(value)
    return unscaled, there


def in_range(reflectance: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell where reflectance lies within -0.2..1.6 (`product.REFLECTANCE_RANGE`); False for NaN."""
    low, high = map(np.float32, REFLECTANCE_RANGE)
    inside: NDArray[np.bool_] = (reflectance >= low) & (reflectance <= high)
    return inside


@dataclass(frozen=True, kw_only=True)
class Observations:
    """Images of one area on one grid, in order of time.

    Reflectance outside -0.2..1.6 (`product.REFLECTANCE_RANGE`), or not a number, is missing: it is marked so in
    `valid` and never clipped into the range. Two images may share a date.
    """

    dates: Dates
    """Days of the images, `datetime64[D]`, never decreasing (t,)."""

    reflectance: NDArray[np.float32]
    """Surface reflectance as a share of 1 (t, 6, y, x); its values where `valid` is False mean nothing."""

    valid: NDArray[np.bool_]
    """True where a band of a pixel was observed (t, 6, y, x)."""

    transform: Affine
    """From pixel corners (column, row) to coordinates of the CRS."""

    crs: CRS
    """Coordinate reference system of the grid."""

    bands: tuple[str, ...] = BANDS
    """Names of the bands; always `product.BANDS`."""

    def __post_init__(self) -> None:
        """Check everything and mark what is out of range.

        Raises:
            ObservationsError: Bands, shapes or dates are wrong, or the reflectance was never scaled to shares of 1.
        """
        if tuple(self.bands) != BANDS:
            raise ObservationsError(
                f"got bands {list(self.bands)}, expected {list(BANDS)}; put the six bands in this order"
            )
        shape = self.reflectance.shape
        if len(shape) != 4 or shape[1] != len(BANDS):
            raise ObservationsError(
                f"got reflectance of shape {shape}, expected (dates, {len(BANDS)}, rows, columns); reorder its axes"
            )
        if self.valid.shape != shape:
            raise ObservationsError(
                f"got valid of shape {self.valid.shape}, expected {shape} like the reflectance; give one flag a value"
            )
        refuse_unscaled(self.reflectance[self.valid])
        dates = _checked_dates(self.dates, shape[0])
        reflectance = np.asarray(self.reflectance, np.float32)
        object.__setattr__(self, "dates", dates)
        object.__setattr__(self, "reflectance", reflectance)
        object.__setattr__(self, "valid", np.asarray(self.valid, np.bool_) & in_range(reflectance))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.reflectance.shape[2], self.reflectance.shape[3]

    def window(self, rows: slice, columns: slice = slice(None)) -> "Observations":
        """Return the observations of a part of the grid, with its own transform.

        Args:
            rows: Rows without a step.
            columns: Columns without a step; all by default.
        """
        first_row, _, _ = rows.indices(self.shape[0])
        first_column, _, _ = columns.indices(self.shape[1])
        return Observations(
            dates=self.dates,
            reflectance=self.reflectance[:, :, rows, columns],
            valid=self.valid[:, :, rows, columns],
            transform=self.transform * Affine.translation(first_column, first_row),
            crs=self.crs,
        )


def _checked_dates(dates: Dates, expected: int) -> Dates:
    """Return dates as `datetime64[D]` after checking number, completeness and order."""
    days = np.asarray(dates)
    if days.dtype.kind != "M" or days.shape != (expected,):
        raise ObservationsError(
            f"got dates of type {days.dtype} and shape {days.shape}, expected datetime64[D] of shape ({expected},); "
            "give one date an image"
        )
    days = days.astype("datetime64[D]")
    if np.isnat(days).any():
        raise ObservationsError("got an image without a date, expected a date for each; remove it or date it")
    if late := np.flatnonzero(np.diff(days) < np.timedelta64(0, "D")).tolist():
        first = late[0]
        raise ObservationsError(
            f"got {days[first + 1]} after {days[first]}, expected dates that never decrease; sort the images by date"
        )
    return days


def merge(*observations: Observations) -> Observations:
    """Put observations of several sensors of one grid into one series, ordered by date.

    Raises:
        ObservationsError: None was given, or their grids differ.
    """
    if not observations:
        raise ObservationsError("got nothing to merge, expected observations of at least one source; give some")
    first = observations[0]
    for other in observations[1:]:
        if other.crs != first.crs or other.shape != first.shape or not other.transform.almost_equals(first.transform):
            raise ObservationsError(
                f"got observations on two grids, {first.shape} at {first.transform[2]:g}, {first.transform[5]:g} and "
                f"{other.shape} at {other.transform[2]:g}, {other.transform[5]:g}; expected one; resample them first"
            )
    dates = np.concatenate([each.dates for each in observations])
    order = np.argsort(dates, kind="stable")
    return Observations(
        dates=dates[order],
        reflectance=np.concatenate([each.reflectance for each in observations])[order],
        valid=np.concatenate([each.valid for each in observations])[order],
        transform=first.transform,
        crs=first.crs,
    )


@dataclass(frozen=True, kw_only=True)
class YearWindow:
    """The 365 days of a pixel-year: a calendar year, or a flagged window from a given day.

    A calendar year keeps 29 February and drops 31 December of leap years, so that it has 365 days (product rule). A
    flagged window is 365 days in a row. A start on 1 January is the calendar year and is not flagged.
    """

    year: int
    """Calendar year, or the year in which the window starts."""

    start: date | None = None
    """First day where it is not 1 January; None for a calendar year."""

    def __post_init__(self) -> None:
        """Check that the start lies in the year.

        Raises:
            ObservationsError: It does not.
        """
        if self.start is None:
            return
        if self.start.year != self.year:
            raise ObservationsError(
                f"got a window start {self.start} for the year {self.year}, expected a day of that year; "
                "name the year in which the window starts"
            )
        if (self.start.month, self.start.day) == (1, 1):
            object.__setattr__(self, "start", None)

    @property
    def first_day(self) -> date:
        """First day of the window."""
        return self.start or date(self.year, 1, 1)

    @property
    def last_day(self) -> date:
        """Last day of the window."""
        return self.first_day + timedelta(days=DAYS - 1)

    @property
    def flagged(self) -> bool:
        """True where the window is not a calendar year."""
        return self.start is not None

    @cached_property
    def days(self) -> Dates:
        """The 365 dates, `datetime64[D]`."""
        return np.datetime64(self.first_day, "D") + np.arange(DAYS)

    def positions(self, dates: Dates) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Find the dates that lie in the window.

        Args:
            dates: Any dates (t,).

        Returns:
            Positions in `dates`, and for each its day of the window 0..364.
        """
        day = (dates.astype("datetime64[D]") - self.days[0]).astype(np.int64)
        inside = np.flatnonzero((day >= 0) & (day < DAYS))
        return inside, day[inside]


def count_clear(reflectance: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Count the distinct days on which at least half of a pixel's bands were observed.

    Args:
        reflectance: Series of distinct days (n, t, 6), NaN where missing.

    Returns:
        Counts (n,), 0..365.
    """
    counts = np.zeros(len(reflectance), np.uint16)
    _count_clear(reflectance, counts)
    return counts


@compiled
def _count_clear(reflectance: NDArray[np.float32], counts: NDArray[np.uint16]) -> None:
    for pixel in range(reflectance.shape[0]):
        for t in range(reflectance.shape[1]):
            bands = 0
            for band in range(reflectance.shape[2]):
                bands += np.isfinite(reflectance[pixel, t, band])
            counts[pixel] += bands >= CLEAR_BANDS
