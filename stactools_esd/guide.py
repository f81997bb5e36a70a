"""Guidance of gap filling by a coarse sensor: what MODIS or VIIRS saw of the half kilometre around a pixel.

A pixel is taken as half of what the coarse sensor saw there, and a process: fine(t) = coarse(t) / 2 + process(t). Since
fitting is linear, that is the unguided fit plus half of what the coarse sensor saw and the pixel's own dates do not
say of it. The whole of it in place of a half is what STARFM adds (Gao et al. 2006, IEEE TGRS 44, 2207), a slope of each
pixel's own what ESTARFM does (Zhu et al. 2010, RSE 114, 2610); geostatistics calls it a trend of an external drift
(Goovaerts 1997, section 6.1.3). A half: a third to the whole serve nearly as well, and slopes that each pixel learns
from its own dates gained less than one in a hundred (docs/decisions/0013).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.cases import CAP, Cases, collect
from stactools_esd.compiled import compiled
from stactools_esd.covariance import MEAN, NOISE_SCALE
from stactools_esd.errors import ObservationsError
from stactools_esd.gaussian_process import fit, predict
from stactools_esd.observations import YearWindow
from stactools_esd.pixel_series import PixelSeries
from stactools_esd.product import BANDS, DAYS
from stactools_esd.screening import judge
from stactools_esd.temporal_context import TemporalContext, span

SHARE: Final = 0.5
"""How much of what the coarse sensor saw is taken over."""

COMPOSITE_DAYS: Final = 8
"""Days whose coarse observations become one, their median: daily images are many and noisy."""


@dataclass(frozen=True, kw_only=True)
class Guide:
    """What guides some pixels; make the curves with `draw_curves`."""

    curves: NDArray[np.float32]
    """Daily reflectance of m coarse pixels (m, d, 6); NaN all along a band that is unknown."""

    first: int
    """Day of the curves' first value, 0 on the first day of the window, never above it."""

    row: NDArray[np.intp]
    """Which curve guides each pixel (n,)."""

    def __post_init__(self) -> None:
        """Check that the curves hold the window, and that there is one for each pixel.

        Raises:
            ObservationsError: They do not.
        """
        shape = self.curves.shape
        whole = len(shape) == 3 and shape[2] == len(BANDS) and self.first <= 0 and shape[1] + self.first >= DAYS
        if not whole or (self.row.size and not 0 <= self.row.min() <= self.row.max() < shape[0]):
            raise ObservationsError(
                f"got curves of shape {shape} from day {self.first} on for rows {self.row.min(initial=0)} to "
                f"{self.row.max(initial=0)}, expected (m, d, {len(BANDS)}) that hold days 0 to {DAYS - 1}, and rows "
                "below m; draw them for the window"
            )

    def take(self, pixels: slice | NDArray[np.intp]) -> "Guide":
        """Return the guide of some of the pixels."""
        return Guide(curves=self.curves, first=self.first, row=self.row[pixels])

    def known(self, cases: Cases) -> NDArray[np.bool_]:
        """Tell which bands of which cases are guided (m, 6)."""
        known: NDArray[np.bool_] = cases.bands & np.isfinite(self.curves[self.row[cases.pixel], 0])
        return known

    def lean(self, cases: Cases) -> Cases:
        """Take the guide's share off the observations of cases: what is left is the process's.

        Raises:
            ObservationsError: Some observations lie on days that the curves do not hold.
        """
        last = self.first + self.curves.shape[1] - 1
        if cases.days.size and (cases.days.min() < self.first or cases.days.max() > last):
            raise ObservationsError(
                f"got observations of days {cases.days.min()} to {cases.days.max()} and a guide of {self.first} to "
                f"{last}, expected a guide that holds them; draw it for the same window and context"
            )
        rows = self.row[cases.pixel][:, None]
        seen = self.curves[rows, cases.days - self.first].transpose(0, 2, 1)
        share = SHARE * (seen - MEAN[:, None]) / NOISE_SCALE[:, None]
        present = np.arange(cases.days.shape[1]) < cases.count[:, None]
        held = self.known(cases)[:, :, None] & present[:, None]
        return Cases(
            pixel=cases.pixel,
            bands=cases.bands,
            count=cases.count,
            days=cases.days,
            values=np.where(held, cases.values - share, cases.values),
        )

    def add(self, cases: Cases, out: NDArray[np.float32]) -> None:
        """Give the guide's share back to filled pixel-years.

        Args:
            cases: What was filled after `lean`.
            out: Reflectance (n, 365, 6), changed where a case holds a pixel's band.
        """
        known = self.known(cases)
        for band, mean in enumerate(MEAN.astype(np.float32)):
            pixels = cases.pixel[known[:, band]]
            curves = self.curves[self.row[pixels], -self.first : DAYS - self.first, band]
            out[pixels, :, band] += np.float32(SHARE) * (curves - mean)


@compiled
def _composite(
    values: NDArray[np.float32],
    days: NDArray[np.int64],
    first: int,
    out: NDArray[np.float32],
    when: NDArray[np.int64],
) -> None:
    """Write the median of each band and of the days of each composite; what no band saw is not there."""
    size = values.shape[1]
    some, seen_on = np.empty(size, np.float32), np.empty(size, np.float32)
    for pixel in range(values.shape[0]):
        start = 0
        for place in range(out.shape[1]):
            when[pixel, place] = first + COMPOSITE_DAYS * place
            stop, seen = start, 0
            while stop < size and days[pixel, stop] < first + COMPOSITE_DAYS * (place + 1):
                if np.isfinite(values[pixel, stop]).any():
                    seen_on[seen] = days[pixel, stop]
                    seen += 1
                stop += 1
            for band in range(len(BANDS)):
                count = 0
                for t in range(start, stop):
                    if not np.isnan(values[pixel, t, band]):
                        some[count] = values[pixel, t, band]
                        count += 1
                out[pixel, place, band] = np.median(some[:count]) if count else np.nan
            if seen:
                when[pixel, place] = np.int64(np.median(seen_on[:seen]))
            start = stop


def draw_curves(series: PixelSeries, window: YearWindow, context: TemporalContext) -> tuple[NDArray[np.float32], int]:
    """Draw what a coarse sensor saw as daily curves, through the years that a context spans.

    Composites of eight days are screened and filled year by year by the process that fills fine series.

    Args:
        series: What the coarse sensor saw of m pixels; what the context does not span changes nothing.
        window: The 365 days that will be filled.
        context: `year`, `past` or `both`, as they will be filled.

    Returns:
        Curves (m, d, 6) and the day of their first value, for `Guide`. A band that the sensor did not see within the
        window is NaN: other years tell nothing of this one.
    """
    first, last = ((np.datetime64(day) - window.days[0]).astype(int) for day in span(window, context))
    dates = (series.dates - window.days[0]).astype(np.int64)
    days = np.array(np.broadcast_to(dates, series.reflectance.shape[:2]))
    inside = (days >= first) & (days <= last)
    values = np.where(inside[:, :, None], series.reflectance, np.float32(np.nan))
    pixels, years = len(values), (last - first + 1) // DAYS
    size = -(-(last - first + 1) // COMPOSITE_DAYS)
    composites = np.empty((pixels, size, len(BANDS)), np.float32)
    when = np.empty((pixels, size), np.int64)
    _composite(values, days, int(first), composites, when)
    kind = judge(composites, when, seasonal=True)
    curves = np.full((pixels, years, DAYS, len(BANDS)), np.nan, np.float32)
    for year in range(years):
        begin = int(first) + DAYS * year
        cases = collect(composites, when - begin, kind, CAP)
        filled = np.full((pixels, DAYS, len(BANDS)), np.nan, np.float32)
        predict(cases, fit(cases), filled)
        curves[:, year] = filled
    this = (when >= 0) & (when < DAYS)
    unseen = ~(np.isfinite(composites) & this[:, :, None]).any(axis=1)
    drawn = curves.reshape(pixels, years * DAYS, len(BANDS))
    drawn.transpose(0, 2, 1)[unseen] = np.nan
    return drawn, int(first)
