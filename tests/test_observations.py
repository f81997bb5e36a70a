"""Observations, windows of 365 days, and pixel-years."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.errors import ObservationsError
from stactools_esd.observations import Observations, YearWindow, count_clear, merge
from stactools_esd.pixel_series import pixel_series

TRANSFORM = Affine(30, 0, 520005, 0, -30, 5620035)


def make(days: list[str], *, shape: tuple[int, int] = (2, 3), **changes: Any) -> Observations:
    """Observations whose value is 0.1 on the first date, 0.2 on the second and so on, all valid."""
    t = len(days)
    reflectance = np.broadcast_to(0.1 * np.arange(1, t + 1, dtype=np.float32)[:, None, None, None], (t, 6, *shape))
    fields: dict[str, Any] = {
        "dates": np.array(days, "datetime64[D]"),
        "reflectance": reflectance.copy(),
        "valid": np.ones((t, 6, *shape), bool),
        "transform": TRANSFORM,
        "crs": CRS.from_epsg(32631),
    }
    return Observations(**fields | changes)


def test_values_out_of_range_are_missing_and_not_clipped() -> None:
    """-0.2 and 1.6 are accepted; what lies beyond, or is no number, is missing with its value untouched."""
    reflectance = np.full((1, 6, 1, 5), 0.3, np.float32)
    reflectance[0, 3, 0] = [-0.2, 1.6, -0.21, 1.61, np.nan]
    observations = make(["2020-05-01"], shape=(1, 5), reflectance=reflectance)
    assert observations.valid[0, 3, 0].tolist() == [True, True, False, False, False]
    assert observations.valid[0, 2].all()
    assert observations.reflectance[0, 3, 0, 3] == np.float32(1.61)


def test_missing_per_band_is_kept() -> None:
    """A value that the source calls missing stays missing, band by band."""
    valid = np.ones((1, 6, 2, 3), bool)
    valid[0, 0, 1, 1] = False
    assert (make(["2020-05-01"], valid=valid).valid == valid).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bands": ("red", "nir")}, "expected .'blue', 'green'"),
        ({"reflectance": np.zeros((2, 6, 2))}, "expected .dates, 6, rows, columns"),
        ({"reflectance": np.zeros((2, 4, 2, 3))}, "expected .dates, 6, rows, columns"),
        ({"valid": np.ones((2, 6, 3, 2), bool)}, "one flag a value"),
        ({"dates": np.array(["2020-05-01"], "datetime64[D]")}, "one date an image"),
        ({"dates": np.array([1, 2])}, "one date an image"),
        ({"dates": np.array(["2020-05-01", "NaT"], "datetime64[D]")}, "without a date"),
        ({"dates": np.array(["2020-05-02", "2020-05-01"], "datetime64[D]")}, "2020-05-01 after 2020-05-02"),
        ({"reflectance": np.full((2, 6, 2, 3), 1500, np.int16)}, "0.0001"),
        ({"reflectance": np.full((2, 6, 2, 3), 1500.0)}, "0.0001"),
    ],
)
def test_wrong_observations_are_refused_in_one_line(changes: dict[str, Any], message: str) -> None:
    """Wrong bands, shapes, dates or scale end in one line that says what to do."""
    with pytest.raises(ObservationsError, match=message) as caught:
        make(["2020-05-01", "2020-05-02"], **changes)
    assert "\n" not in str(caught.value)


def test_window_moves_the_transform() -> None:
    """A part of the grid keeps the coordinates of its pixels."""
    part = make(["2020-05-01"], shape=(4, 5)).window(slice(1, 3), slice(2, 5))
    assert part.shape == (2, 3)
    assert part.transform * (0, 0) == TRANSFORM * (2, 1)


def test_merge_orders_by_date_and_refuses_other_grids() -> None:
    """Two sensors of one grid become one series; two grids do not."""
    first, second = make(["2020-01-01", "2020-03-01"]), make(["2020-02-01", "2020-03-01"])
    merged = merge(first, second)
    assert [str(day) for day in merged.dates] == ["2020-01-01", "2020-02-01", "2020-03-01", "2020-03-01"]
    assert merged.reflectance[:, 0, 0, 0] == pytest.approx([0.1, 0.1, 0.2, 0.2])
    with pytest.raises(ObservationsError, match="two grids"):
        merge(first, make(["2020-02-01"], shape=(3, 3)))
    with pytest.raises(ObservationsError, match="nothing to merge"):
        merge()


@given(st.integers(1985, 2030))
def test_calendar_year_has_365_days_and_drops_day_366(year: int) -> None:
    """A calendar year starts on 1 January, keeps 29 February and drops 31 December of leap years."""
    days = YearWindow(year=year).days
    assert len(days) == 365
    assert str(days[0]) == f"{year}-01-01"
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    assert str(days[-1]) == (f"{year}-12-30" if leap else f"{year}-12-31")
    assert (np.datetime64(f"{year}-02-29") in days) if leap else True


@given(st.dates(date(1985, 1, 2), date(2030, 12, 31)))
def test_flagged_window_is_365_days_in_a_row(start: date) -> None:
    """A window from another day than 1 January is flagged and has 365 consecutive days."""
    window = YearWindow(year=start.year, start=start)
    assert window.flagged == ((start.month, start.day) != (1, 1))
    assert window.first_day == start
    assert (np.diff(window.days).astype(int) == 1).all()
    assert window.days[-1] == np.datetime64(window.last_day)


def test_window_start_must_lie_in_its_year() -> None:
    """The year of a window is the one in which it starts."""
    with pytest.raises(ObservationsError, match="a day of that year"):
        YearWindow(year=2019, start=date(2020, 7, 1))


def test_start_on_new_year_is_the_calendar_year() -> None:
    """One window has one name: a start on 1 January is not flagged."""
    assert YearWindow(year=2020, start=date(2020, 1, 1)) == YearWindow(year=2020)


def series_of(observations: Observations, window: YearWindow) -> tuple[list[int], np.ndarray]:
    """Lay out a window pixel by pixel: its days with an image, and reflectance (n, t, 6)."""
    series = pixel_series(observations, window.first_day, window.last_day)
    return (series.dates - window.days[0]).astype(int).tolist(), series.reflectance


def test_nothing_outside_the_window_is_read() -> None:
    """No observation of the year before or after enters, nor the dropped day 366."""
    dates = ["2019-12-31", "2020-01-01", "2020-12-30", "2020-12-31", "2021-01-01"]
    days, reflectance = series_of(make(dates), YearWindow(year=2020))
    assert days == [0, 364]
    assert reflectance[0, :, 0] == pytest.approx([0.2, 0.3])
    assert count_clear(reflectance).tolist() == [2] * 6


def test_flagged_window_crosses_the_calendar() -> None:
    """A window from July reads until the next June, and no longer."""
    dates = ["2019-06-30", "2019-07-01", "2020-02-29", "2020-06-29", "2020-06-30"]
    days, _ = series_of(make(dates), YearWindow(year=2019, start=date(2019, 7, 1)))
    assert days == [0, 243, 364]


def test_images_of_one_day_are_averaged_and_counted_once() -> None:
    """Two sensors on one day make one observation: the mean of what is valid."""
    valid = np.ones((2, 6, 2, 3), bool)
    valid[1, 0] = False
    days, reflectance = series_of(make(["2020-05-01", "2020-05-01"], valid=valid), YearWindow(year=2020))
    assert days == [121]
    assert reflectance[0, 0] == pytest.approx([0.1, 0.15, 0.15, 0.15, 0.15, 0.15])
    assert count_clear(reflectance).tolist() == [1] * 6


def test_pixels_stand_in_row_major_order() -> None:
    """Pixel n of a series is row n // columns, column n % columns."""
    reflectance = np.zeros((1, 6, 2, 3), np.float32)
    reflectance[0] = 0.01 * np.arange(6).reshape(2, 3)
    _, found = series_of(make(["2020-01-01"], reflectance=reflectance), YearWindow(year=2020))
    assert found[:, 0, 4] == pytest.approx(0.01 * np.arange(6))


def test_a_date_is_clear_with_half_of_its_bands() -> None:
    """Three of six bands make a clear observation, two do not."""
    series = np.full((1, 365, 6), np.nan, np.float32)
    series[0, 3, :3] = 0.1
    series[0, 9, :2] = 0.1
    assert count_clear(series).tolist() == [1]
