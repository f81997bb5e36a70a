"""The robust Gaussian process, against a plain one and against its own promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stactools_esd.cases import Cases
from stactools_esd.covariance import MEAN, NOISE_SCALE, NOISE_VARIANCE, OFFSET_VARIANCE, covariance
from stactools_esd.gaussian_process import Fit, fit, misfit, predict, spread


def draw(seed: int, count: int, cases: int = 1, *, outliers: float = 0.15) -> Cases:
    """Cases with seasons, noise and some outliers; all have days of their own."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.integers(-1400, 365, (cases, count)), axis=1).astype(np.int32)
    values = rng.standard_normal((cases, 6, count)) + 2 * np.sin(days / 58.1)[:, None]
    values += (rng.normal(0, 12, (cases, count)) * (rng.random((cases, count)) < outliers))[:, None]
    return Cases(
        pixel=np.arange(cases),
        bands=np.ones((cases, 6), bool),
        count=np.full(cases, count),
        days=days,
        values=values,
    )


def plain(days: np.ndarray, values: np.ndarray, decay: float) -> dict[str, np.ndarray]:
    """The process as the textbook writes it: a full inverse for each pass."""
    day = days.astype(float)
    signal = covariance(day[:, None] - day, decay) + OFFSET_VARIANCE
    weights = np.ones(len(day))
    for _ in range(2):
        inverse = np.linalg.inv(signal + NOISE_VARIANCE * np.diag(weights))
        alpha = values @ inverse
        residual = np.sqrt((alpha**2).mean(axis=0) * weights / np.diag(inverse))
        weights = np.maximum(1, (residual / 2) ** 2)
    inverse = np.linalg.inv(signal + NOISE_VARIANCE * np.diag(weights))
    alpha = values @ inverse
    near = covariance(np.arange(365.0)[:, None] - day, decay) + OFFSET_VARIANCE
    return {
        "alpha": alpha,
        "weights": weights,
        "error": np.sqrt(((alpha / np.diag(inverse)) ** 2).mean(axis=0)),
        "reflectance": MEAN + NOISE_SCALE * (near @ alpha.T),
        "spread": np.sqrt(covariance(np.zeros(1)) + OFFSET_VARIANCE - np.einsum("ti,ij,tj->t", near, inverse, near)),
    }


def predicted(cases: Cases, found: Fit) -> np.ndarray:
    """Reflectance of each case."""
    out = np.full((len(cases.pixel), 365, 6), np.nan, np.float32)
    predict(cases, found, out)
    return out


def test_covariance_has_its_published_values() -> None:
    """The covariance is the one that was fitted: eight lags to three decimals, and the same on both sides."""
    lags = np.array([0, 1, 8, 30, 91, 182, 365, 730])
    expected = [5.25, 4.991, 4.495, 3.387, 1.007, 0.723, 3.766, 3.478]
    np.testing.assert_allclose(covariance(lags), expected, atol=0.0005)
    np.testing.assert_array_equal(covariance(-lags), covariance(lags))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.sampled_from([7305.0, 547.875]), st.sampled_from([0.0, 0.2, 0.9]))
def test_fit_is_exact(seed: int, count: int, decay: float, outliers: float) -> None:
    """Sharing and correcting an inverse changes nothing: weights, errors and reflectance are those of full inverses."""
    cases = draw(seed, count, outliers=outliers)
    found = fit(cases, decay)
    expected = plain(cases.days[0], cases.values[0], decay)
    np.testing.assert_allclose(found.weights[0], expected["weights"], rtol=1e-7)
    np.testing.assert_allclose(found.error[0], expected["error"], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(predicted(cases, found)[0], expected["reflectance"], atol=2e-6)
    np.testing.assert_allclose(spread(cases, found)[0] / misfit(cases, found), expected["spread"], rtol=1e-6, atol=1e-6)


def test_days_may_coincide() -> None:
    """Two observations of one day are two observations, not a singular matrix."""
    cases = draw(3, 12)
    cases.days[0, 5] = cases.days[0, 4]
    expected = plain(cases.days[0], cases.values[0], 7305.0)
    np.testing.assert_allclose(predicted(cases, fit(cases))[0], expected["reflectance"], atol=2e-6)


def test_company_and_order_change_no_bit() -> None:
    """A case comes out the same alone, among others, in any order, and beside cases that share its days."""
    cases = draw(1, 30, 12)
    cases.days[[3, 7, 8]] = cases.days[3]
    found = fit(cases)
    together = predicted(cases, found)
    order = np.random.default_rng(0).permutation(12)
    np.testing.assert_array_equal(predicted(cases, fit(cases.take(order)).take(np.argsort(order))), together)
    for row in range(12):
        alone = cases.take(np.array([row]))
        out = np.full((12, 365, 6), np.nan, np.float32)
        predict(alone, fit(alone), out)
        np.testing.assert_array_equal(out[row], together[row])
        np.testing.assert_array_equal(spread(alone, fit(alone))[0], spread(cases, found)[row])


def test_padding_changes_no_bit() -> None:
    """Cases with fewer observations stand in the same arrays, and what lies beyond their count is not read."""
    short = draw(5, 9)
    padded = Cases(
        pixel=short.pixel,
        bands=short.bands,
        count=short.count,
        days=np.concatenate([short.days, np.zeros((1, 21), np.int32)], axis=1),
        values=np.concatenate([short.values, np.full((1, 6, 21), np.nan)], axis=2),
    )
    np.testing.assert_array_equal(predicted(padded, fit(padded)), predicted(short, fit(short)))


def test_bands_are_fitted_as_if_alone_but_for_the_weights() -> None:
    """Without outliers each band of a case is what it would be as the only band."""
    cases = draw(8, 20, outliers=0)
    cases.values[:] *= 0.2
    found = fit(cases)
    assert (found.weights == 1).all()
    single = Cases(
        pixel=cases.pixel, bands=np.eye(6, dtype=bool)[[2]], count=cases.count, days=cases.days, values=cases.values
    )
    out = predicted(single, fit(single))
    np.testing.assert_array_equal(out[0, :, 2], predicted(cases, found)[0, :, 2])
    assert np.isnan(out[0, :, [0, 1, 3, 4, 5]]).all()


def test_an_outlier_loses_its_weight() -> None:
    """An observation that the others do not foretell moves the result by little."""
    cases = draw(4, 40, outliers=0)
    calm = predicted(cases, fit(cases))
    cases.values[0, :, 35] += 25
    found = fit(cases)
    assert found.weights[0, 35] > 20
    moved = np.abs(predicted(cases, found) - calm) / NOISE_SCALE
    assert moved.max() < 3


def test_a_case_without_observations_is_what_is_expected_of_any_place() -> None:
    """No observation, no failure: the mean comes back."""
    cases = draw(0, 4)
    empty = Cases(pixel=cases.pixel, bands=cases.bands, count=np.array([0]), days=cases.days, values=cases.values)
    np.testing.assert_allclose(predicted(empty, fit(empty))[0, 100], MEAN, rtol=1e-6)


@pytest.mark.parametrize(("noise", "expected"), [(0.3, (0.2, 0.7)), (3.0, (1.5, 3.5))])
def test_misfit_follows_the_noise_of_the_place(noise: float, expected: tuple[float, float]) -> None:
    """Calm series have smaller errors than the covariance expects, restless ones larger."""
    rng = np.random.default_rng(2)
    cases = draw(2, 50)
    cases.values[:] = noise * rng.standard_normal(cases.values.shape)
    assert expected[0] < misfit(cases, fit(cases))[0] < expected[1]


def test_errors_grow_with_the_gap() -> None:
    """The expected error is larger in the middle of a gap than beside an observation."""
    cases = draw(6, 30)
    cases.days[0] = np.sort(np.concatenate([np.arange(-200, 60, 13), np.arange(240, 340, 11)]))[:30]
    wide = spread(cases, fit(cases))[0]
    assert wide[150] > 1.5 * wide[47]
