"""Baselines at 192 bits."""

import numpy as np
import pytest

from stactools_esd.encoder.baselines import BITS, MonthlyScalar, ScalarQuantiser, TransformCoder, monthly_medians
from stactools_esd.simulation import simulate_pixels


@pytest.fixture(scope="module")
def years() -> np.ndarray:
    """Simulated pixel-years without gaps."""
    return simulate_pixels(600, 5).clean


def test_lloyd_levels_reproduce_a_few_values() -> None:
    """As many levels as distinct values lose nothing."""
    values = np.repeat([0.1, 0.2, 0.7, 0.9], 25)
    quantise = ScalarQuantiser.fit(values, 4)
    np.testing.assert_allclose(quantise(values), values, atol=1e-12)


def test_monthly_scalar_spends_at_most_16_bits(years: np.ndarray) -> None:
    """The product of its levels fits the 16 bits of a code and uses nearly all of them."""
    baseline = MonthlyScalar(years)
    assert 2**15 < np.prod(baseline.levels) <= 2**16
    rebuilt = baseline(years)
    assert rebuilt.shape == years.shape
    assert np.abs(rebuilt - years).mean() < 0.05


def test_medians_are_of_calendar_months() -> None:
    """Day 30 is the last of January; day 31 the first of February."""
    years = np.zeros((1, 365, 6), dtype=np.float32)
    years[:, 31:59] = 1
    np.testing.assert_array_equal(monthly_medians(years)[0, :, 0], [0, 1] + [0] * 10)


@pytest.mark.parametrize("kind", ["PCA", "DCT"])
def test_transform_coders_spend_192_bits(years: np.ndarray, kind: str) -> None:
    """All quantisers of a transform coder share 192 bits, and it rebuilds what it was fitted on better than a mean."""
    coder = TransformCoder(years, kind)
    assert sum(int(np.log2(len(quantiser.levels))) for quantiser in coder.quantisers) == BITS
    error = np.abs(coder(years) - years).mean()
    assert error < 0.5 * np.abs(years - years.mean(axis=0)).mean()
