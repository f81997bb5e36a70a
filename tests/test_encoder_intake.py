"""What an encoder takes of what it is given."""

import numpy as np
import pytest

pytest.importorskip("torch")

from stactools_esd.encoder.intake import take_in
from stactools_esd.errors import ObservationsError
from stactools_esd.seamless import fill_linear


def years(seed: int = 0) -> np.ndarray:
    """Four pixel-years without gaps."""
    return np.random.default_rng(seed).uniform(0, 0.5, (4, 365, 6)).astype(np.float32)


def test_whole_years_are_taken_as_they_are() -> None:
    """Without gaps nothing is changed, and all days are valid; no input is ever changed."""
    given = years()
    before = given.copy()
    taken = take_in(given)
    np.testing.assert_array_equal(taken.reflectance, before)
    assert taken.valid_days.tolist() == [365] * 4
    given[0, 3, 2] = np.nan
    assert np.isfinite(take_in(given).reflectance).all()
    assert np.isnan(given[0, 3, 2])


@pytest.mark.parametrize("value", [1.61, -0.21, -9999, 65535, np.inf, np.nan])
def test_what_is_impossible_is_a_gap(value: float) -> None:
    """Values out of range are missing, and filled as `fill_linear` fills."""
    given = years()
    gaps = np.random.default_rng(1).random(given.shape) < 0.4
    given[gaps] = value
    taken = take_in(given)
    expected = np.where(gaps, np.float32(np.nan), given)
    np.testing.assert_array_equal(taken.reflectance, fill_linear(expected))
    np.testing.assert_array_equal(taken.valid_days, ((~gaps).sum(axis=2) >= 4).sum(axis=1))


def test_a_day_is_valid_with_four_bands() -> None:
    """Three bands are too few, four are enough; a band that was never seen stays missing."""
    given = years()
    given[0, :10, :2] = np.nan
    given[1, :10, :3] = np.nan
    given[2, :, 5] = np.nan
    taken = take_in(given)
    assert taken.valid_days.tolist() == [365, 355, 365, 365]
    assert np.isnan(taken.reflectance[2, :, 5]).all()
    assert np.isfinite(taken.reflectance[2, :, :5]).all()


def test_any_float_is_taken() -> None:
    """Neither precision nor layout matters: here numbers of 64 bits in a slice that is not contiguous."""
    given = years().astype(np.float64)
    wide = np.repeat(given, 2, axis=2)
    np.testing.assert_array_equal(take_in(wide[..., ::2]).reflectance, given.astype(np.float32))


def test_unscaled_numbers_are_refused_where_most_are() -> None:
    """A few stored integers among reflectance are missing values; a majority was never scaled."""
    given = years()
    given[:, 5] = 3000
    assert take_in(given).valid_days.tolist() == [364] * 4
    given[:, :200] = 3000
    with pytest.raises(ObservationsError, match=r"got reflectance up to 3000, expected 0\.\.1; multiply"):
        take_in(given)
