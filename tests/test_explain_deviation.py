"""Which steps and levels of a year deviate, against sums over all settings and planted deviations."""

from itertools import product

import numpy as np
import pytest

from esd_tasks.explain.deviation import LEVEL_PRIOR, STEP_PRIOR, conditional_gap, deviating, find_deviation

SIZES = np.array([8, 5])


def covariance_of(generator: np.random.Generator, size: int, factors: int = 3) -> np.ndarray:
    """Return a covariance of a few factors and noise."""
    loads = generator.normal(0, 0.8, (size, factors))
    return loads @ loads.T + 0.3 * np.eye(size)


def exact(apart: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum over all settings of the indicators of one year: probabilities of levels and of steps."""
    steps, dims = apart.shape
    level, step, total = np.zeros((steps, dims)), np.zeros(steps), 0.0
    for setting in product((False, True), repeat=steps * dims):
        free = np.array(setting).reshape(steps, dims)
        prior = 1.0
        for row in free:
            at_work = STEP_PRIOR * np.prod(np.where(row, LEVEL_PRIOR, 1 - LEVEL_PRIOR))
            prior *= at_work + (0 if row.any() else 1 - STEP_PRIOR)
        normal = ~free.ravel()
        part, rest = covariance[np.ix_(normal, normal)], apart.ravel()[normal]
        density = np.exp(-0.5 * rest @ np.linalg.solve(part, rest)) / np.sqrt(np.linalg.det(2 * np.pi * part))
        weight = prior * density * np.prod(1 / np.broadcast_to(SIZES, free.shape)[free])
        level, step, total = level + weight * free, step + weight * free.any(axis=1), total + weight
    return level / total, step / total


@pytest.mark.parametrize("seed", range(3))
def test_sampling_agrees_with_the_sum_over_all_settings(seed: int) -> None:
    """With few levels every setting can be summed; the sampler gives the same probabilities."""
    generator = np.random.default_rng(seed)
    covariance = covariance_of(generator, 8)
    apart = np.linalg.cholesky(covariance) @ generator.normal(size=8)
    apart = apart.reshape(4, 2)
    apart[2] += (2.5, -1.5)
    found = find_deviation(apart[None], np.zeros((1, 4, 2)), covariance, SIZES, sweeps=1500, burn=50, seed=seed)
    level, step = exact(apart, covariance)
    np.testing.assert_allclose(found.level[0], level, atol=0.03)
    np.testing.assert_allclose(found.step[0], step, atol=0.03)


def test_planted_deviations_are_found_and_no_others() -> None:
    """Steps to which another season was given are found; the others, and years as they should be, are not."""
    generator = np.random.default_rng(1)
    covariance = covariance_of(generator, 72, 6)
    sizes = np.array([8, 8, 8, 5, 5, 5])
    years = np.rint(generator.normal(size=(24, 72)) @ np.linalg.cholesky(covariance + np.eye(72) / 12).T)
    years = years.reshape(24, 12, 6)
    planted = np.zeros((24, 12), bool)
    for row in range(12):
        first = generator.integers(0, 10)
        planted[row, first : first + 3] = True
        years[row, first : first + 3, :4] += generator.choice([-4, 4], 4)
    found = find_deviation(years, np.zeros_like(years), covariance + np.eye(72) / 12, sizes)
    assert (found.step[planted] > 0.5).mean() > 0.95
    assert (found.step[~planted] > 0.5).mean() < 0.05
    assert (found.level[:12, :, :4][planted[:12]] > 0.5).mean() > 0.9
    assert found.apart.max() < 0.3


def test_what_is_expected_follows_the_normal_levels() -> None:
    """A level that deviates is replaced by its conditional expectation; the others stay as they are."""
    covariance = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    apart = np.array([[[2.0, -3.0, 0.5]]])
    gap = conditional_gap(apart, covariance[None], np.array([[[False, True, False]]]))
    np.testing.assert_allclose(apart - gap, [[[2.0, 1.8, 0.5]]])


def test_a_step_that_deviates_has_a_level_that_does() -> None:
    """Where a step is at work but nobody knows by which level, the likeliest one is taken."""
    level = np.array([[[0.3, 0.45], [0.7, 0.1], [0.2, 0.3]]])
    found = deviating(level, np.array([[0.6, 0.8, 0.4]]))
    assert found.tolist() == [[[False, True], [True, False], [False, False]]]


def test_draws_are_those_of_the_seed() -> None:
    """The same seed gives the same figures, whatever years stand behind in the same call."""
    generator = np.random.default_rng(2)
    covariance = covariance_of(generator, 8)
    years = generator.normal(0, 2, (3, 4, 2))
    one, other = (find_deviation(years, np.zeros_like(years), covariance, SIZES, seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.level, other.level)
