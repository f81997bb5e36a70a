"""What a pixel-year may be made from."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stactools_esd.errors import ObservationsError
from stactools_esd.observations import YearWindow
from stactools_esd.pixel_series import PixelSeries
from stactools_esd.seamless import fill_process
from stactools_esd.temporal_context import CONTEXTS, DEFAULT_CONTEXT, TemporalContext, check_context, span

WINDOW = YearWindow(year=2015)


def draw(seed: int, first: str, last: str) -> PixelSeries:
    """Noisy series of three pixels with seasons, snow and clouds."""
    rng = np.random.default_rng(seed)
    dates = np.arange(np.datetime64(first), np.datetime64(last), 12)
    season = np.cos(2 * np.pi * (dates - np.datetime64("2015-07-01")).astype(int) / 365.25)[:, None]
    land = np.array([0.05, 0.08, 0.06, 0.28, 0.2, 0.11]) + season * np.array([-0.01, 0.01, -0.02, 0.12, -0.03, -0.03])
    values = land * rng.lognormal(0, 0.1, (3, len(dates), 1))
    values[rng.random((3, len(dates))) < 0.1] += 0.4
    values[(rng.random((3, len(dates))) < 0.3) & (season[:, 0] < -0.7)] = [0.6, 0.6, 0.6, 0.6, 0.1, 0.1]
    values[rng.random((3, len(dates))) < 0.3] = np.nan
    return PixelSeries(dates=dates, reflectance=values.astype(np.float32))


def other(series: PixelSeries, changed: np.ndarray) -> PixelSeries:
    """The same series with other values on some dates."""
    values = series.reflectance.copy()
    values[:, changed] = 0.5 - 0.9 * np.nan_to_num(values[:, changed])
    return PixelSeries(dates=series.dates, reflectance=values)


@pytest.mark.parametrize("context", CONTEXTS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000))
def test_what_the_context_does_not_span_changes_nothing(context: TemporalContext, seed: int) -> None:
    """No bit depends on an observation outside the span, whether it is another one or is not read at all."""
    series = draw(seed, "2009-01-01", "2021-01-01")
    first, last = span(WINDOW, context)
    outside = (series.dates < np.datetime64(first)) | (series.dates > np.datetime64(last))
    cut = PixelSeries(dates=series.dates[~outside], reflectance=series.reflectance[:, ~outside])
    whole = fill_process(series, WINDOW, context=context, details=True)
    for same in (other(series, outside), cut):
        again = fill_process(same, WINDOW, context=context, details=True)
        np.testing.assert_array_equal(again.reflectance, whole.reflectance)
        np.testing.assert_array_equal(again.nearest, whole.nearest)
        np.testing.assert_array_equal(again.error, whole.error)
        np.testing.assert_array_equal(again.clear_obs, whole.clear_obs)


@pytest.mark.parametrize("context", ["year", "past", DEFAULT_CONTEXT])
def test_the_next_year_is_never_looked_at(context: TemporalContext) -> None:
    """Later data change nothing, unless `both` is said."""
    series = draw(4, "2012-01-01", "2018-01-01")
    later = series.dates > np.datetime64(WINDOW.last_day)
    before, after = (
        fill_process(series, WINDOW, context=context),
        fill_process(other(series, later), WINDOW, context=context),
    )
    np.testing.assert_array_equal(before.reflectance, after.reflectance)


def test_contexts_do_look_where_they_say() -> None:
    """Earlier years change `past` and `both`, later years `both` alone, and neither changes `year`."""
    series = draw(5, "2012-01-01", "2018-01-01")
    early, late = series.dates < np.datetime64("2015-01-01"), series.dates > np.datetime64("2015-12-31")
    for changed, expected in ((early, {"past", "both"}), (late, {"both"})):
        moved = {
            context
            for context in CONTEXTS
            if not np.array_equal(
                fill_process(series, WINDOW, context=context).reflectance,
                fill_process(other(series, changed), WINDOW, context=context).reflectance,
            )
        }
        assert moved == expected


def test_spans_are_whole_windows() -> None:
    """A calendar year keeps its 365 days; the others add years of 365 days."""
    assert span(WINDOW, "year") == (date(2015, 1, 1), date(2015, 12, 31))
    assert span(WINDOW, "past") == (date(2011, 1, 2), date(2015, 12, 31))
    assert span(WINDOW, "both") == (date(2012, 1, 2), date(2018, 12, 30))
    assert span(YearWindow(year=2015, start=date(2015, 7, 1)), "past")[1] == date(2016, 6, 29)


def test_an_unknown_context_is_refused_with_the_known_ones() -> None:
    """The error names what there is."""
    with pytest.raises(ObservationsError, match="expected year, past, both"):
        check_context("future")
    with pytest.raises(ObservationsError, match="'future'"):
        fill_process(draw(0, "2015-01-01", "2016-01-01"), WINDOW, context="future")  # type: ignore[arg-type]
