"""Intervals by pixel."""

import numpy as np

from stactools_esd.encoder.bootstrap import RESAMPLES, PixelBootstrap, interval


def test_pixels_are_drawn_whole() -> None:
    """Years of a pixel come together: every draw holds all years of a pixel equally often."""
    pixel = np.array([7, 7, 3, 3, 9, 9])
    bootstrap = PixelBootstrap.of(pixel)
    assert bootstrap.draws.shape == (1 + RESAMPLES, 3)
    assert (bootstrap.draws.sum(axis=1) == 3).all()
    years = np.eye(6)
    sums = bootstrap.sums(years)
    np.testing.assert_array_equal(sums[0], np.ones(6))
    np.testing.assert_array_equal(sums[:, [0, 2, 4]], sums[:, [1, 3, 5]])


def test_intervals_have_their_coverage() -> None:
    """An interval holds the true mean about 95 times in 100, however alike the years of a pixel are."""
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        values = np.repeat(rng.normal(size=60), 5)
        bootstrap = PixelBootstrap.of(np.repeat(np.arange(60), 5), seed=trial)
        low, high = interval(bootstrap.sums(values[:, None])[:, 0] / bootstrap.sums(np.ones((300, 1)))[:, 0])
        held += low <= 0 <= high
    assert 0.90 <= held / 200 <= 0.985
