"""Screening of leftover clouds and filling of gaps, within one year."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_observations import make

from stactools_esd.errors import ObservationsError
from stactools_esd.observations import YearWindow
from stactools_esd.seamless import FUSION, fill_linear, prepare, screen

MEADOW = np.array([0.04, 0.07, 0.05, 0.40, 0.22, 0.12], np.float32)


def series(days: list[int], values: np.ndarray = MEADOW) -> np.ndarray:
    """One pixel-year that holds `values` on some days."""
    year = np.full((1, 365, 6), np.nan, np.float32)
    year[0, days] = values
    return year


def plain_fill(line: np.ndarray) -> np.ndarray:
    """Circular linear interpolation by numpy, for comparison."""
    days = np.flatnonzero(np.isfinite(line))
    if not len(days):
        return line
    return np.interp(np.arange(365), days, line[days], period=365)


@settings(max_examples=60)
@given(
    hnp.arrays(np.float32, (365,), elements=st.floats(-0.125, 1.5, width=32)),
    st.sets(st.integers(0, 364), max_size=40),
)
def test_filling_is_circular_linear_interpolation(values: np.ndarray, observed: set[int]) -> None:
    """Each band is interpolated alone, in straight lines that run round the ends of the window."""
    year = np.full((1, 365, 6), np.nan, np.float32)
    days = sorted(observed)
    year[0, days, 2] = values[days]
    filled = fill_linear(year)
    np.testing.assert_allclose(filled[0, :, 2], plain_fill(year[0, :, 2]), atol=2e-6)
    assert np.isnan(filled[0, :, [0, 1, 3, 4, 5]]).all()
    np.testing.assert_array_equal(filled[0, days, 2], values[days])


def test_filling_leaves_its_input_alone() -> None:
    """The pixel-years given are not changed."""
    year = series([10, 200])
    before = year.copy()
    fill_linear(year)
    screen(year)
    np.testing.assert_array_equal(year, before)


def test_a_leftover_cloud_goes_and_the_rest_stays() -> None:
    """One bright date among constant ones is removed in all bands, and nothing else is."""
    year = series(list(range(0, 365, 8)))
    year[0, 160] = 0.45
    screened = screen(year)
    assert np.isnan(screened[0, 160]).all()
    assert np.isfinite(screened[0, :, 0]).sum() == 45


def test_a_leftover_shadow_goes() -> None:
    """A date whose near infrared drops to a half, and whose blue does not rise, is removed."""
    year = series(list(range(0, 365, 8)))
    year[0, 160] = MEADOW * 0.5
    assert np.isnan(screen(year)[0, 160]).all()


def test_snow_is_not_screened_away() -> None:
    """A few days of snow stay, and do not make the snow-free dates around them suspect."""
    year = series(list(range(0, 365, 8)))
    year[0, [16, 24]] = [0.80, 0.82, 0.80, 0.70, 0.10, 0.08]
    np.testing.assert_array_equal(screen(year), year)


def test_haze_below_the_threshold_stays() -> None:
    """A date that is brighter in blue by less than 0.025 is not a cloud."""
    year = series(list(range(0, 365, 8)))
    year[0, 160, 0] += 0.02
    np.testing.assert_array_equal(screen(year), year)


def test_without_blue_nothing_is_screened() -> None:
    """Sensors without blue are left alone."""
    year = series(list(range(0, 365, 8)))
    year[0, 160] = 0.45
    year[:, :, 0] = np.nan
    np.testing.assert_array_equal(screen(year), year)


def test_few_observations_are_not_judged() -> None:
    """With fewer than three others within 180 days there is no median to differ from."""
    year = series([50, 120, 200])
    year[0, 120] = 0.45
    np.testing.assert_array_equal(screen(year), year)


def test_neighbours_are_sought_further_away_where_few_are_near() -> None:
    """A cloud on a date without neighbours within 45 days is still found."""
    year = series([20, 40, 150, 260, 300])
    year[0, 150] = 0.45
    assert np.isnan(screen(year)[0, 150]).all()


@pytest.mark.parametrize("shape", [(3, 366, 6), (3, 365, 5), (365, 6)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    """Pixel-years are (n, 365, 6)."""
    with pytest.raises(ObservationsError, match=r"expected \(n, 365, 6"):
        fill_linear(np.zeros(shape, np.float32))
    with pytest.raises(ObservationsError, match=r"expected \(n, 365, 6"):
        screen(np.zeros(shape, np.float32))


def test_unscaled_reflectance_is_refused_with_the_factor() -> None:
    """Integers of 0-10000 end in an error that names the factor, even with gaps."""
    with pytest.raises(ObservationsError, match=r"0\.0001"):
        fill_linear(series([5, 100], MEADOW * 10000))


def test_prepare_sees_one_year_only() -> None:
    """What another year holds changes nothing: no information from it enters."""
    dates = ["2019-11-01", "2020-02-01", "2020-06-01", "2020-10-01", "2021-01-15"]
    alone, alone_count = prepare(make(dates[1:4]), YearWindow(year=2020))
    whole = make(dates)
    whole.reflectance[1:4] = make(dates[1:4]).reflectance
    among, among_count = prepare(whole, YearWindow(year=2020))
    np.testing.assert_array_equal(alone, among)
    np.testing.assert_array_equal(alone_count, among_count)
    assert alone_count.tolist() == [3] * 6


def test_prepare_counts_after_screening() -> None:
    """The count of clear observations is of those that were used."""
    days = np.datetime64("2020-01-01") + np.arange(0, 365, 8)
    images = np.broadcast_to(MEADOW[None, :, None, None], (len(days), 6, 1, 1)).copy()
    images[20] = 0.45
    observations = make([str(day) for day in days], shape=(1, 1), reflectance=images)
    reflectance, clear_obs = prepare(observations, YearWindow(year=2020))
    assert clear_obs.tolist() == [len(days) - 1]
    np.testing.assert_allclose(reflectance, np.broadcast_to(MEADOW, (1, 365, 6)), atol=1e-6)


def test_prepare_fills_a_flagged_window_round_its_own_ends() -> None:
    """The line beyond the last observation leads to the first of the same window."""
    observations = make(["2019-07-01", "2020-06-19"], shape=(1, 1))
    reflectance, _ = prepare(observations, YearWindow(year=2019, start=date(2019, 7, 1)))
    assert reflectance[0, 354, 0] == pytest.approx(0.2)
    assert reflectance[0, 364, 0] == pytest.approx(0.1 + 0.1 / 11)


def test_the_recipe_has_a_name() -> None:
    """Codes of another recipe must not be compared with these, so the name changes with the recipe."""
    assert FUSION == "hampel-linear-circular-v1"
