"""Errors and the four correlations."""

import numpy as np
import pytest

pytest.importorskip("torch")

from stactools_esd.encoder.bootstrap import PixelBootstrap
from stactools_esd.encoder.metrics import Score, reconstruction


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


def test_each_correlation_is_the_one_its_name_says() -> None:
    """All four agree with Pearson's formula applied to the series that define them."""
    rng = np.random.default_rng(3)
    truth = _years(20)
    rebuilt = (truth + rng.normal(0, 0.02, truth.shape)).astype(np.float32)

    def pearson(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.corrcoef(x.ravel(), y.ravel())[0, 1])

    expected = {
        "cc_a": np.mean([pearson(truth[..., b], rebuilt[..., b]) for b in range(6)]),
        "cc_b": np.mean([pearson(truth[i, :, b], rebuilt[i, :, b]) for i in range(20) for b in range(6)]),
        "cc_c": np.mean([pearson(truth[i], rebuilt[i]) for i in range(20)]),
        "cc_d": pearson(truth, rebuilt),
    }
    figures = reconstruction(truth, rebuilt)
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, abs=1e-5), name


def test_scores_are_what_the_set_says_and_draws_are_paired() -> None:
    """The first draw is the set itself; a method against itself has the ratio 1 in every draw."""
    truth = _years(30)
    bootstrap = PixelBootstrap.of(np.arange(30) // 3)
    near = Score.of(truth, truth + np.float32(0.01), bootstrap)
    far = Score.of(truth, truth + np.float32(0.02), bootstrap)
    for name, value in reconstruction(truth, truth + np.float32(0.01)).items():
        assert near.as_dict()[name] == pytest.approx(value, abs=1e-6)
    assert near.ratio(far)["value"] == pytest.approx(0.5, abs=1e-3)
    assert near.ratio(near) == {"value": 1, "interval": [1, 1]}


def test_constant_series_have_no_correlation() -> None:
    """A pixel that does not vary is left out of the mean; where none varies there is no mean."""
    truth = _years(4)
    truth[0] = 0.2
    assert reconstruction(truth, truth)["cc_b"] == pytest.approx(1)
    assert np.isnan(reconstruction(truth[:1], truth[:1])["cc_b"])
