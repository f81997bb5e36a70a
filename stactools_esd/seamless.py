"""From observations with gaps to daily pixel-years without: screen leftover clouds, then fill.

Two ways. `prepare` draws straight lines within one window of 365 days and looks at nothing before or after it.
`prepare_process` is slower and errs less: a Gaussian process that may look at other years too.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.cases import CAP, Cases, collect
from stactools_esd.change_guard import guarded
from stactools_esd.covariance import NOISE_SCALE
from stactools_esd.errors import ObservationsError
from stactools_esd.gaussian_process import Fit, fit, predict, spread
from stactools_esd.guide import Guide
from stactools_esd.observation_gaps import days_to_nearest
from stactools_esd.observations import (
    CLEAR_BANDS,
    Observations,
    YearWindow,
    count_clear,
    refuse_unscaled,
)
from stactools_esd.pixel_series import PixelSeries, pixel_series
from stactools_esd.product import BANDS, DAYS
from stactools_esd.screening import CLEAR, CLOUD, MISSING, SNOW, judge
from stactools_esd.snow import lay_snow
from stactools_esd.straight_lines import draw_lines
from stactools_esd.temporal_context import DEFAULT_CONTEXT, TemporalContext, check_context, span

FUSION: Final = "hampel-linear-circular-v1"
"""Name of this recipe in `esd:input_recipe`: `prepare` as it stands."""

FUSION_SEASONAL: Final = "hampel-season-linear-circular-v1"
"""Name of the recipe of `prepare` with `seasonal=True`."""


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


def screen(reflectance: NDArray[np.float32], *, seasonal: bool = False) -> NDArray[np.float32]:
    """Remove the clouds and shadows that a cloud mask left, judged by the other dates of the same year.

    A Hampel filter on blue: an observation goes when it is brighter than the median of the others within 45 days
    (90, then 180 where there are fewer than three) by more than 3.5 scaled median absolute deviations and 0.025; or, as
    shadow, when its near infrared is below 0.6 of the others' median by more than 0.06 while blue is not brighter by
    0.01. Two rounds. Snow (NDSI > 0.4, green > 0.12, nir > 0.11) is neither judged nor a judge, and observations
    without blue are left alone.

    Args:
        reflectance: Pixel-years (n, 365, 6), NaN where missing.
        seasonal: Whether snow has to be told from clouds of ice by its season, see `screening.judge`.

    Returns:
        A copy in which all bands of removed observations are NaN.

    Raises:
        ObservationsError: The shape or the scale is wrong.
    """
    series = check_pixel_years(reflectance)
    screened = series.copy()
    screened[judge(series, np.arange(DAYS), seasonal=seasonal) == CLOUD] = np.nan
    return screened


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
    return draw_lines(check_pixel_years(reflectance), np.arange(DAYS))


def prepare(
    observations: Observations, window: YearWindow, *, seasonal: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Make what the encoder sees of an area: the recipe `FUSION`, from images to gap-free days.

    Args:
        observations: Images in order of time; those outside the window are not read.
        window: The 365 days wanted.
        seasonal: Whether clouds of ice are told from snow; the recipe is then `FUSION_SEASONAL`.

    Returns:
        Reflectance (n, 365, 6), pixels in row-major order, NaN only in bands never observed; and the number of clear
        observations that were left after screening (n,).
    """
    series = pixel_series(observations, window.first_day, window.last_day)
    days = (series.dates - window.days[0]).astype(np.int64)
    screened = series.reflectance
    screened[judge(screened, days, seasonal=seasonal) == CLOUD] = np.nan
    return draw_lines(screened, days), count_clear(screened)


@dataclass(frozen=True, kw_only=True)
class Seamless:
    """Pixel-years without gaps, and how well founded they are."""

    reflectance: NDArray[np.float32]
    """Reflectance (n, 365, 6); NaN in bands never observed, and where nothing was observed within the window."""

    clear_obs: NDArray[np.uint16]
    """Clear observations of the window that were left after screening (n,)."""

    nearest: NDArray[np.uint16] | None = None
    """Days from each day to the nearest observation that was used (n, 365)."""

    error: NDArray[np.float32] | None = None
    """Expected standard deviation of the filling error (n, 365, 6); NaN on days of snow, which no process foretells."""


def process_fusion(context: TemporalContext, *, guided: bool = False) -> str:
    """Name the recipe of `fill_process` in `esd:input_recipe`; each context is another one, with a guide or without."""
    return f"hampel-snow-process-{context}{'-guided' if guided else ''}-v1"


def fill_process(
    series: PixelSeries,
    window: YearWindow,
    *,
    context: TemporalContext = DEFAULT_CONTEXT,
    cap: int = CAP,
    details: bool = False,
    guide: Guide | None = None,
) -> Seamless:
    """Fill a pixel-year from its own and other years: a robust Gaussian process between screened observations.

    Clouds and shadows that a cloud mask left are screened as `screening.judge` says; snow is laid over the result in
    straight lines; where neighbouring years mislead, `change_guard` takes the year alone. Bands that share their dates
    are filled together, each pixel by itself: the order of pixels, and their company, change nothing.

    Args:
        series: Observations of several years; what the context does not span changes nothing.
        window: The 365 days wanted.
        context: `year`, `past` or `both`, see `temporal_context`.
        cap: Most observations of a pixel that are used: those nearest to the middle of the window.
        details: Whether `nearest` and `error` are wanted; the errors cost more than the filling.
        guide: What a coarse sensor saw around the pixels, drawn for this window and context. A pixel whose own dates
            are foretold better without it is filled without it.

    Returns:
        Pixel-years without gaps; NaN for pixels without an observation of land or snow in the window.

    Raises:
        ObservationsError: The context is unknown, or the cap is not positive.
    """
    if cap < 1:
        raise ObservationsError(f"got a cap of {cap} observations, expected at least 1; give a positive number")
    first, last = span(window, check_context(context))
    shape = series.reflectance.shape[:2]
    within = (series.dates >= np.datetime64(first)) & (series.dates <= np.datetime64(last))
    if series.dates.ndim == 1:
        dates, values = series.dates[within], np.ascontiguousarray(series.reflectance[:, within])
    else:
        dates, values = series.dates, np.where(within[:, :, None], series.reflectance, np.float32(np.nan))
    days = np.array(np.broadcast_to((dates - window.days[0]).astype(np.int64), (shape[0], values.shape[1])))
    kind = judge(values, days, seasonal=True)
    used = (kind == CLEAR) | (kind == SNOW)
    inside = used & (days >= 0) & (days < DAYS)
    seen = inside.any(axis=1)
    # A pixel that nobody saw in the window is not made up from its other years.
    kind = np.where(seen[:, None], kind, np.uint8(MISSING))
    cases = collect(values, days, kind, cap)
    parts = _fit_parts(cases, context, guide)
    out = np.full((shape[0], DAYS, len(BANDS)), np.nan, np.float32)
    for number, part in enumerate(parts, start=1):
        predict(*part, out)
        if guide is not None and number < len(parts):
            guide.add(part[0], out)
    laid = lay_snow(values, days, kind, out)
    bands = np.isfinite(values).sum(axis=2)
    return Seamless(
        reflectance=out,
        clear_obs=(inside & (bands >= CLEAR_BANDS)).sum(axis=1).astype(np.uint16),
        nearest=days_to_nearest(days, used) if details else None,
        error=_error(parts, laid) if details else None,
    )


def _fit_parts(cases: Cases, context: TemporalContext, guide: Guide | None) -> list[tuple[Cases, Fit]]:
    """Fit all cases; with a guide the last part is not guided, and the others are."""
    other_years = context != "year"
    if guide is not None:
        return guarded(guide.lean(cases), other_years=other_years, rivals=(cases,))
    return guarded(cases) if other_years else [(cases, fit(cases))]


def _error(parts: list[tuple[Cases, Fit]], laid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Standard deviation of the filling error (n, 365, 6)."""
    out = np.full((*laid.shape, len(BANDS)), np.nan, np.float32)
    for cases, found in parts:
        deviation = spread(cases, found)
        for band, scale in enumerate(NOISE_SCALE):
            rows = np.flatnonzero(cases.bands[:, band])
            out[cases.pixel[rows], :, band] = scale * deviation[rows]
    out[laid] = np.nan
    return out


def prepare_process(
    observations: Observations,
    window: YearWindow,
    *,
    context: TemporalContext = DEFAULT_CONTEXT,
    cap: int = CAP,
    details: bool = False,
    guide: Guide | None = None,
) -> Seamless:
    """Fill the gaps of an area by `fill_process`, from images to gap-free days.

    Args:
        observations: Images in order of time; those outside `temporal_context.span` are not read.
        window: The 365 days wanted.
        context: `year`, `past` or `both`.
        cap: Most observations of a pixel that are used.
        details: Whether `nearest` and `error` are wanted.
        guide: What a coarse sensor saw around the pixels, in row-major order.

    Returns:
        Pixel-years in row-major order.
    """
    series = pixel_series(observations, *span(window, check_context(context)))
    return fill_process(series, window, context=context, cap=cap, details=details, guide=guide)
