"""Straight lines between observations, and the layout of images by pixel and day that they are drawn in."""

from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_observations import make

from stactools_esd.observations import Observations, YearWindow, count_clear
from stactools_esd.pixel_series import pixel_series
from stactools_esd.seamless import fill_linear, prepare, screen
from stactools_esd.straight_lines import draw_lines

WINDOW = YearWindow(year=2020)


def images(seed: int, count: int, gaps: float) -> Observations:
    """Noisy images in and around the window: some share a date, some values and whole dates of a pixel are missing."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.integers(-20, 400, count))
    reflectance = rng.uniform(0, 0.4, (count, 6, 2, 3)).astype(np.float32)
    valid = (rng.random((count, 6, 2, 3)) >= gaps) & (rng.random((count, 1, 2, 3)) >= 0.2)
    names = [str(np.datetime64("2020-01-01") + day) for day in days]
    return make(names, reflectance=reflectance, valid=valid)


def pixel_years(observations: Observations) -> NDArray[np.float32]:
    """Lay observations out over the 365 days of the window, (6, 365, 6), by the plainest way there is."""
    out = np.full((6, 365, 6), np.nan, np.float32)
    days = (observations.dates - WINDOW.days[0]).astype(int)
    for day in set(days.tolist()) & set(range(365)):
        same = days == day
        valid = observations.valid[same]
        count = valid.sum(axis=0)
        total = np.where(valid, observations.reflectance[same], 0).sum(axis=0)
        out[:, day, :] = np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(6, -1).T
    return out


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 40), gaps=st.sampled_from([0.0, 0.3]))
def test_lines_join_what_each_band_has(seed: int, count: int, gaps: float) -> None:
    """Whether bands share their dates or not, each is interpolated round the year between its own observations."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.choice(365, count, replace=False))
    series = rng.uniform(0, 1, (2, count, 6)).astype(np.float32)
    series[rng.random(series.shape) < gaps] = np.nan
    drawn = draw_lines(series, days)
    assert drawn.shape == (2, 365, 6)
    for pixel, band in np.ndindex(2, 6):
        there = np.isfinite(series[pixel, :, band])
        if not there.any():
            assert np.isnan(drawn[pixel, :, band]).all()
            continue
        expected = np.interp(np.arange(365), days[there], series[pixel, there, band], period=365)
        np.testing.assert_allclose(drawn[pixel, :, band], expected, atol=2e-6)
        np.testing.assert_array_equal(drawn[pixel, days[there], band], series[pixel, there, band])


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 40), gaps=st.sampled_from([0.0, 0.3]))
def test_series_are_pixel_years_without_their_empty_days(seed: int, count: int, gaps: float) -> None:
    """Images laid out by date alone hold the same numbers, means of a day among them, as laid out over 365 days."""
    observed = images(seed, count, gaps)
    series = pixel_series(observed, WINDOW.first_day, WINDOW.last_day)
    years = pixel_years(observed)
    placed = np.full((6, 365, 6), np.nan, np.float32)
    placed[:, (series.dates - WINDOW.days[0]).astype(int)] = series.reflectance
    np.testing.assert_array_equal(placed, years)
    np.testing.assert_array_equal(count_clear(series.reflectance), count_clear(years))


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 40), gaps=st.sampled_from([0.0, 0.3]))
def test_preparing_is_screening_and_filling_of_pixel_years(seed: int, count: int, gaps: float) -> None:
    """The short cut over the dates alone gives the same bits as the long way over 365 days."""
    observed = images(seed, count, gaps)
    screened = screen(pixel_years(observed))
    reflectance, clear_obs = prepare(observed, WINDOW)
    np.testing.assert_array_equal(reflectance, fill_linear(screened))
    np.testing.assert_array_equal(clear_obs, count_clear(screened))


def test_a_series_holds_the_days_asked_for_and_no_others() -> None:
    """First and last day belong to it; two images of a day are one date."""
    first = date(2020, 3, 1)
    observed = make(["2020-02-29", "2020-03-01", "2020-03-05", "2020-03-05", "2020-03-06"])
    series = pixel_series(observed, first, first + timedelta(days=4))
    assert [str(day) for day in series.dates] == ["2020-03-01", "2020-03-05"]
    np.testing.assert_allclose(series.reflectance[:, 1], 0.35, atol=1e-6)
