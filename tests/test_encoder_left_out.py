"""Dates that were left out."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from stactools_esd.encoder import load_encoder, real_sets
from stactools_esd.encoder.left_out import LeftOut, choose_dates
from stactools_esd.simulation import simulate_pixels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of dates, cloudy in its third."""
    dates = np.datetime64("2019-01-01") + np.arange(8, 365, 16)
    series = simulate_pixels(20, 1).clean[:, (dates - np.datetime64("2019-01-01")).astype(int)]
    series[:, 2] = np.nan
    path = tmp_path / real_sets.REAL_SETS["matogrosso"].path
    path.parent.mkdir(parents=True)
    np.savez(path, X=series, dates=np.tile(dates, (20, 1)))
    return tmp_path


def test_a_quarter_of_the_clear_days_is_chosen() -> None:
    """Only observed days are left out: a quarter, at least one, never the last that is left; the seed decides."""
    observed = np.full((4, 365, 6), np.nan, dtype=np.float32)
    for row, count in enumerate((40, 3, 2, 1)):
        observed[row, 5 : 5 + 2 * count : 2] = 0.3
    held = choose_dates(observed, np.random.default_rng(0))
    assert held.sum(axis=1).tolist() == [10, 1, 1, 0]
    assert not held[np.isnan(observed).all(axis=2)].any()
    np.testing.assert_array_equal(held, choose_dates(observed, np.random.default_rng(0)))
    assert (held != choose_dates(observed, np.random.default_rng(1))).any()


def test_the_encoder_does_not_see_what_it_is_asked_for(folder: Path) -> None:
    """What is given at a left-out date follows from the others alone, and errors count at those dates alone."""
    training = simulate_pixels(30, 2).clean
    judged = LeftOut(folder, "matogrosso", training)
    asked = ~np.isnan(judged.truth)
    days = asked.any(axis=2)
    assert (days.sum(axis=1) == 6).all()
    assert judged.dates == days.sum() == 120
    assert np.isfinite(judged.given).all()
    error = np.abs(judged.given - judged.truth)[asked].reshape(-1, 6)
    assert error.mean() == pytest.approx(judged.linear.mae, abs=1e-5)
    assert error.mean() > 1e-4
    entry = judged.judge(load_encoder())
    assert entry["ratio"]["value"] == pytest.approx(entry["decoded_mae"] / entry["linear_mae"], rel=1e-3)
    low, high = entry["ratio"]["interval"]
    assert low <= entry["ratio"]["value"] <= high


def test_only_sets_of_single_dates_are_asked() -> None:
    """Series that their authors interpolated have no dates to leave out."""
    assert real_sets.REAL_SETS["matogrosso"].dated
    assert real_sets.REAL_SETS["harvard_last_120"].dated
    assert not real_sets.REAL_SETS["rondonia_a"].dated
    assert not real_sets.REAL_SETS["global_monthly_a"].dated
