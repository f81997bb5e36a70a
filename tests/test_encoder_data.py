"""Readers and roles of real series, on small files made here."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from stactools_esd.encoder import data, real_sets
from stactools_esd.errors import NothingFoundError


def _save(folder: Path, name: str, **arrays: np.ndarray) -> None:
    path = folder / real_sets.REAL_SETS[name].path
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


def _monthly(n: int, months: int = 12) -> tuple[np.ndarray, np.ndarray]:
    dates = np.datetime64("2019-01-15") + 30 * np.arange(months)
    reflectance = np.linspace(0.1, 0.4, n * months * 6).reshape(n, months, 6).astype(np.float32)
    return reflectance, dates


def test_only_open_licences_train() -> None:
    """Sets without a stated open licence judge and never train."""
    for entry in real_sets.REAL_SETS.values():
        if entry.role == "train":
            assert "GPL" not in entry.licence
            assert "not stated" not in entry.licence
    assert "matogrosso" in real_sets.names("dev")
    assert set(real_sets.names("test")) == {"harvard_last_120", "global_monthly_a", "canada_2017"}


def test_harvard_is_split_into_contiguous_pixels(tmp_path: Path) -> None:
    """The first 150 pixels of the row train, the last 120 judge, and those between do neither."""
    row = np.arange(300, dtype=np.float32)[:, None, None] / 1000 + np.zeros((300, 8, 6), dtype=np.float32)
    dates = np.datetime64("2019-01-15") + 40 * np.arange(8)
    arrays = {"X": row, "dates": dates, "clear": np.ones((300, 8), dtype=bool)}
    _save(tmp_path, "harvard_first_150", **arrays)
    first = data.read_series(tmp_path, "harvard_first_150").reflectance[:, 0, 0]
    last = data.read_series(tmp_path, "harvard_last_120").reflectance[:, 0, 0]
    assert (len(first), len(last)) == (150, 120)
    assert first.max() == pytest.approx(0.149)
    assert last.min() == pytest.approx(0.180)


def test_points_near_those_that_judge_are_left_out(tmp_path: Path) -> None:
    """Neither near_A nor near_B points of the Brazilian cube train."""
    reflectance, dates = _monthly(4)
    _save(
        tmp_path,
        "brazil_cube_2018",
        X=reflectance,
        dates=np.tile(dates, (4, 1)),
        clear_heur=np.ones((4, 12), dtype=bool),
        near_A_500m=np.array([True, False, False, False]),
        near_B_500m=np.array([False, True, False, False]),
    )
    series = data.read_series(tmp_path, "brazil_cube_2018")
    np.testing.assert_array_equal(series.reflectance, reflectance[2:])


def test_tundra_rows_become_points(tmp_path: Path) -> None:
    """Observations of one place, in any order, become one series in order of time."""
    dates = np.array(["2001-08-01", "2001-06-01", "2002-07-01", "2001-07-01"], dtype="datetime64[D]")
    _save(
        tmp_path,
        "tundra_noatak",
        X=np.repeat(np.array([0.3, 0.1, 0.9, 0.2], dtype=np.float32)[:, None], 6, axis=1),
        date=dates,
        lon=np.array([5.0, 5.0, 7.0, 5.0]),
        lat=np.array([60.0, 60.0, 60.0, 60.0]),
    )
    series = data.read_series(tmp_path, "tundra_noatak")
    np.testing.assert_allclose(series.reflectance[0, :, 0], [0.1, 0.2, 0.3])
    assert np.isnat(series.dates[1, 1:]).all()
    assert np.isnan(series.terrain).all()


def test_years_are_daily_and_filled(tmp_path: Path) -> None:
    """Monthly composites become 365 days without gaps; terrain comes along, its aspect unknown."""
    reflectance, dates = _monthly(3)
    reflectance[0, 4] = np.nan
    _save(
        tmp_path,
        "east_africa_2017",
        X=reflectance,
        dates=np.tile(dates, (3, 1)),
        elevation_m=np.array([600.0, 700, 800]),
        slope_raw=np.array([1.0, 2, 3]),
    )
    years = data.read_years(tmp_path, "east_africa_2017")
    assert years.reflectance.shape == (3, 365, 6)
    assert np.isfinite(years.reflectance).all()
    np.testing.assert_allclose(years.reflectance[1, 30], reflectance[1, 1], atol=1e-6)
    np.testing.assert_array_equal(years.terrain[:, :2], [[600, 1], [700, 2], [800, 3]])
    held = data.read_pentads(tmp_path, "east_africa_2017")
    assert held.pentads.shape == (3, 73, 6)
    assert (held.present == 1).all()
    assert held.terrain.shape == (3, 3)
    assert len(held.pixel) == 3


def test_windows_with_few_observations_are_dropped(tmp_path: Path) -> None:
    """A window with fewer dates than the set asks for is not a pixel-year."""
    reflectance, dates = _monthly(2)
    reflectance[1, 2:] = np.nan
    _save(tmp_path, "east_africa_2017", X=reflectance, dates=np.tile(dates, (2, 1)))
    years = data.read_years(tmp_path, "east_africa_2017")
    np.testing.assert_array_equal(years.pixel, [0])


def test_same_day_observations_are_averaged() -> None:
    """Two looks at one day count as their mean; days outside the window do not count."""
    dates = np.array([["2019-12-31", "2020-01-01", "2020-01-01", "2020-12-31"]], dtype="datetime64[D]")
    reflectance = np.array([0.9, 0.1, 0.3, 0.9], dtype=np.float32)[None, :, None].repeat(6, axis=2)
    placed = data.place_on_days(reflectance, dates, np.array("2020-01-01", dtype="datetime64[D]"))
    np.testing.assert_allclose(placed[0, 0], 0.2, atol=1e-6)
    assert np.isnan(placed[0, 1:]).all()


def test_missing_sets_are_named(tmp_path: Path) -> None:
    """An unknown set and a missing file are each named."""
    with pytest.raises(NothingFoundError, match="atlantis"):
        data.read_series(tmp_path, "atlantis")
    with pytest.raises(NothingFoundError, match="rondonia_A"):
        data.read_series(tmp_path, "rondonia_a")
