"""Errors and the four correlations."""

import numpy as np
import pytest

from stactools_esd.encoder.metrics import reconstruction


def _years(n: int = 5) -> np.ndarray:
    rng = np.random.default_rng(0)
    season = np.sin(np.linspace(0, 2 * np.pi, 365))[None, :, None]
    return (0.3 + 0.1 * season * rng.uniform(0.5, 1, (n, 1, 6)) + rng.normal(0, 0.02, (n, 1, 6))).astype(np.float32)


def test_perfect_reconstruction() -> None:
    """Equal series have no error and all four correlations are 1."""
    years = _years()
    figures = reconstruction(years, years)
    assert figures["mae"] == 0
    assert figures["rmse"] == 0
    for key in ("cc_a", "cc_b", "cc_c", "cc_d"):
        assert figures[key] == pytest.approx(1)


def test_missing_days_and_bands_do_not_count() -> None:
    """Errors where the truth is NaN change nothing, and a band that was never measured is left out of the mean."""
    years = _years()
    truth = years.copy()
    truth[:, 100:150] = np.nan
    truth[..., 1] = np.nan
    rebuilt = years + np.float32(0.01)
    spoilt = rebuilt.copy()
    spoilt[:, 100:150] = 9
    spoilt[..., 1] = 9
    assert reconstruction(truth, spoilt) == pytest.approx(reconstruction(truth, rebuilt))
    assert reconstruction(truth, spoilt)["mae"] == pytest.approx(0.01, abs=1e-6)


def test_the_four_correlations_differ() -> None:
    """A rebuilt series that keeps only each pixel's mean spectrum correlates overall, and not within a pixel's year."""
    years = _years(50)
    flat = np.repeat(years.mean(axis=1, keepdims=True), 365, axis=1)
    flat = flat + 1e-4 * np.random.default_rng(1).normal(size=flat.shape).astype(np.float32)
    figures = reconstruction(years, flat)
    assert abs(figures["cc_b"]) < 0.1
    assert figures["cc_d"] > figures["cc_b"]
