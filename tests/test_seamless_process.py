"""Pixel-years filled by the Gaussian process, from series and from images."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_observations import make

from stactools_esd.errors import ObservationsError
from stactools_esd.observation_gaps import NEVER, days_to_nearest
from stactools_esd.observations import YearWindow
from stactools_esd.pixel_series import PixelSeries, pixel_series
from stactools_esd.seamless import fill_process, prepare_process, process_fusion
from stactools_esd.temporal_context import CONTEXTS, TemporalContext

WINDOW = YearWindow(year=2018)
MEADOW = np.array([0.04, 0.07, 0.05, 0.40, 0.22, 0.12], np.float32)
WHITE = np.array([0.60, 0.58, 0.60, 0.62, 0.11, 0.10], np.float32)


def meadow(days: list[str], pixels: int = 1) -> PixelSeries:
    """Pixels of meadow on some days."""
    values = np.broadcast_to(MEADOW, (pixels, len(days), 6)).copy()
    return PixelSeries(dates=np.array(days, "datetime64[D]"), reflectance=values)


def noisy(seed: int, pixels: int = 6, years: int = 3) -> PixelSeries:
    """Series with seasons, gaps, clouds, lost bands and snow, each pixel with gaps of its own."""
    rng = np.random.default_rng(seed)
    dates = np.datetime64("2017-01-01") + np.arange(0, 365 * years, 10)
    season = np.cos(2 * np.pi * (np.arange(len(dates)) * 10 - 200) / 365.25)[:, None]
    land = MEADOW * (1 + 0.3 * season)
    values = land * rng.lognormal(0, 0.08, (pixels, len(dates), 1))
    values[rng.random((pixels, len(dates))) < 0.08] += 0.4
    values[(rng.random((pixels, len(dates))) < 0.4) & (season[:, 0] < -0.8)] = WHITE
    values[rng.random((pixels, len(dates))) < 0.4] = np.nan
    values[rng.random((pixels, len(dates), 6)) < 0.01] = np.nan
    return PixelSeries(dates=dates, reflectance=values.astype(np.float32))


@pytest.mark.parametrize("context", CONTEXTS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_pixels_come_out_alike_alone_and_in_company(context: TemporalContext, seed: int) -> None:
    """Order and company change no bit, of the reflectance or of anything beside it; no day is left empty."""
    series = noisy(seed)
    order = np.random.default_rng(seed).permutation(6)
    together = fill_process(series, WINDOW, context=context, details=True)
    shuffled = fill_process(
        PixelSeries(dates=series.dates, reflectance=series.reflectance[order]), WINDOW, context=context, details=True
    )
    for name in ("reflectance", "clear_obs", "nearest", "error"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(together, name)[order])
    alone = fill_process(PixelSeries(dates=series.dates, reflectance=series.reflectance[[2]]), WINDOW, context=context)
    np.testing.assert_array_equal(alone.reflectance[0], together.reflectance[2])
    assert np.isfinite(together.reflectance).all()


def test_dates_may_be_shared_or_not() -> None:
    """Series with dates of their own come out as series with common dates."""
    series = noisy(1)
    own = PixelSeries(dates=np.tile(series.dates, (6, 1)), reflectance=series.reflectance)
    np.testing.assert_array_equal(fill_process(own, WINDOW).reflectance, fill_process(series, WINDOW).reflectance)


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_year_that_nobody_saw_stays_empty(context: TemporalContext) -> None:
    """Without an observation in the window a pixel is missing, however well the other years were seen."""
    series = meadow([f"{year}-{month:02}-05" for year in (2016, 2017, 2019) for month in range(1, 13)])
    found = fill_process(series, WINDOW, context=context, details=True)
    assert np.isnan(found.reflectance).all()
    assert found.error is not None
    assert np.isnan(found.error).all()
    assert found.clear_obs.tolist() == [0]
    empty = PixelSeries(dates=np.array([], "datetime64[D]"), reflectance=np.zeros((2, 0, 6), np.float32))
    nothing = fill_process(empty, WINDOW, context=context, details=True)
    assert np.isnan(nothing.reflectance).all()
    assert nothing.nearest is not None
    assert (nothing.nearest == NEVER).all()


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_single_observation_fills_the_year(context: TemporalContext) -> None:
    """One date of land makes 365 days near it, one of snow makes 365 days of snow."""
    land = fill_process(meadow(["2018-06-05"]), WINDOW, context=context)
    assert np.abs(land.reflectance[0, 155] - MEADOW).max() < 0.02
    assert np.isfinite(land.reflectance).all()
    assert land.clear_obs.tolist() == [1]
    white = meadow(["2018-06-05"])
    white.reflectance[:] = WHITE
    assert (fill_process(white, WINDOW, context=context).reflectance == WHITE).all()


def test_a_band_that_was_never_seen_is_missing_and_the_others_are_not() -> None:
    """A sensor without a band leaves that band empty; a band of few dates is filled from these."""
    series = noisy(3)
    series.reflectance[:, :, 5] = np.nan
    series.reflectance[:, ::2, 2] = np.nan
    found = fill_process(series, WINDOW, details=True)
    assert np.isnan(found.reflectance[:, :, 5]).all()
    assert found.error is not None
    assert np.isnan(found.error[:, :, 5]).all()
    assert np.isfinite(found.reflectance[:, :, :5]).all()


def test_clouds_go_and_are_not_counted() -> None:
    """A cloud moves nothing by much, is no clear observation, and no observation that a day is near to."""
    days = [str(day) for day in np.datetime64("2018-01-01") + np.arange(0, 360, 8)]
    clean = fill_process(meadow(days), WINDOW, details=True)
    cloudy = meadow(days)
    cloudy.reflectance[0, 20] += 0.4
    found = fill_process(cloudy, WINDOW, details=True)
    assert np.abs(found.reflectance - clean.reflectance).max() < 0.01
    assert clean.clear_obs.tolist() == [45]
    assert found.clear_obs.tolist() == [44]
    assert found.nearest is not None
    assert found.nearest[0, [152, 160, 168]].tolist() == [0, 8, 0]


def test_real_snow_is_kept() -> None:
    """A winter of snow stays white and the summer green; its days are counted, and their error is unknown."""
    dates = np.datetime64("2015-01-01") + np.arange(0, 1450, 8)
    values = np.broadcast_to(MEADOW, (1, len(dates), 6)).copy()
    day = (dates - dates.astype("datetime64[Y]")).astype(int)
    values[0, (day < 60) | (day > 330)] = WHITE
    found = fill_process(PixelSeries(dates=dates, reflectance=values), WINDOW, details=True)
    assert found.reflectance[0, :55, 1].min() > 0.55
    assert found.reflectance[0, 75:320, 1].max() < 0.12
    assert found.clear_obs[0] == ((dates >= WINDOW.days[0]) & (dates <= WINDOW.days[-1])).sum()
    assert found.error is not None
    assert np.isnan(found.error[0, :55]).all()
    assert np.isfinite(found.error[0, 75:320]).all()


def test_errors_are_larger_in_gaps_and_in_other_units_for_each_band() -> None:
    """The error is in reflectance, grows with the gap, and is near infrared's largest."""
    series = meadow([f"2018-{month:02}-{day:02}" for month in (1, 2, 3, 9, 10, 11) for day in (4, 14, 24)])
    found = fill_process(series, WINDOW, details=True)
    assert found.error is not None
    assert found.nearest is not None
    assert (found.error[0, 160] > 1.3 * found.error[0, 60]).all()
    assert found.error[0, 160].argmax() == 3
    assert 0.001 < found.error.min() < found.error.max() < 0.2
    assert found.nearest.max() == (date(2018, 9, 4) - date(2018, 3, 24)).days // 2


def test_the_cap_limits_what_is_used() -> None:
    """With a cap of one, only the observation nearest to the middle of the window speaks."""
    series = meadow(["2018-02-01", "2018-06-30", "2018-11-01"])
    series.reflectance[0, [0, 2], 3] = 0.30
    lone = fill_process(meadow(["2018-06-30"]), WINDOW).reflectance
    np.testing.assert_array_equal(fill_process(series, WINDOW, cap=1).reflectance, lone)
    with pytest.raises(ObservationsError, match="cap of 0"):
        fill_process(series, WINDOW, cap=0)


def test_images_and_series_are_the_same_road() -> None:
    """Images become series in row-major order, those of one day averaged, and nothing outside the context is read."""
    days = ["2009-05-01", "2017-06-01", "2018-03-01", "2018-03-01", "2018-07-01", "2018-09-01", "2019-02-01"]
    images = make(days)
    images.valid[2, 1, 0, 1] = False
    series = pixel_series(images, date(2017, 1, 1), date(2018, 12, 31))
    assert [str(day) for day in series.dates] == ["2017-06-01", "2018-03-01", "2018-07-01", "2018-09-01"]
    np.testing.assert_allclose(series.reflectance[0, :, 1], [0.2, 0.35, 0.5, 0.6], atol=1e-6)
    np.testing.assert_allclose(series.reflectance[1, :, 1], [0.2, 0.4, 0.5, 0.6], atol=1e-6)
    whole = prepare_process(images, WINDOW, context="past")
    np.testing.assert_array_equal(
        whole.reflectance, fill_process(pixel_series(images, date(2014, 1, 1), date(2018, 12, 31)), WINDOW).reflectance
    )
    assert whole.clear_obs.tolist() == [3] * 6


@pytest.mark.parametrize(
    ("dates", "shape", "message"),
    [
        (["2018-01-02", "2018-01-01"], (1, 2, 6), "never decrease"),
        (["2018-01-02", "NaT"], (1, 2, 6), "never decrease"),
        (["2018-01-02"], (1, 2, 6), "dates of shape"),
        (["2018-01-01", "2018-01-02"], (1, 2, 5), "six bands"),
    ],
)
def test_wrong_series_are_refused(dates: list[str], shape: tuple[int, ...], message: str) -> None:
    """Series without order, dates or bands end in one line."""
    with pytest.raises(ObservationsError, match=message):
        PixelSeries(dates=np.array(dates, "datetime64[D]"), reflectance=np.zeros(shape, np.float32))


def test_unscaled_series_are_refused_with_the_factor() -> None:
    """Integers of 0-10000 end in an error that names the factor."""
    with pytest.raises(ObservationsError, match=r"0\.0001"):
        PixelSeries(dates=np.array(["2018-01-01"], "datetime64[D]"), reflectance=np.full((1, 1, 6), 1500, np.float32))


@given(st.lists(st.integers(-100, 500), max_size=12))
def test_days_to_the_nearest_observation(days: list[int]) -> None:
    """The nearest counts, before or after, in the window or not."""
    found = days_to_nearest(np.array([days], np.int64).reshape(1, -1), np.ones((1, len(days)), bool))[0]
    expected = [min((abs(day - each) for each in days), default=NEVER) for day in range(365)]
    assert found.tolist() == expected


def test_each_context_is_a_recipe_of_its_own() -> None:
    """Codes of two contexts must not be compared, so that the name tells them apart."""
    assert [process_fusion(context) for context in CONTEXTS] == [
        "hampel-snow-process-year-v1",
        "hampel-snow-process-past-v1",
        "hampel-snow-process-both-v1",
    ]
