"""Baselines at 192 bits."""

import numpy as np
import pytest

pytest.importorskip("torch")

from stactools_esd.encoder.baselines import (
    BITS,
    MonthlyScalar,
    ScalarQuantiser,
    TransformCoder,
    fit_baselines,
    impute_bands,
    monthly_medians,
)
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


def test_every_baseline_is_named_once(years: np.ndarray) -> None:
    """Keys of figures are distinct, and each baseline returns what it was given in shape, without gaps."""
    fitted = fit_baselines(years[:300])
    assert [baseline.key for baseline in fitted] == ["monthly", "dct", "pca", "vq"]
    for baseline in fitted:
        rebuilt = baseline(years[300:350])
        assert rebuilt.shape == (50, 365, 6)
        assert np.isfinite(rebuilt).all()
        assert np.abs(rebuilt - years[300:350]).mean() < np.abs(years[300:350] - years.mean(axis=0)).mean()


def test_imputation_leaves_measured_bands_alone() -> None:
    """Missing bands follow from the others by regression; measured ones stay as they are."""
    training = simulate_pixels(60, 3).clean
    training[..., 1] = 0.5 * training[..., 0] + 0.5 * training[..., 2] + 0.01
    years = training[:5].copy()
    years[..., 1] = np.nan
    filled = impute_bands(years, training)
    np.testing.assert_allclose(filled, training[:5], atol=1e-4)
