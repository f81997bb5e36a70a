"""Yearly classes with a transition model."""

from itertools import pairwise, product

import numpy as np
import pytest
from numpy.typing import NDArray

from esd_tasks.change import hidden_markov
from stactools_esd.errors import UsageError


def simulated(
    n: int, years: int, rate: float, *, right: float = 0.8, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return true classes (n, years) of three, and what a classifier of a given accuracy says of them."""
    generator = np.random.default_rng(seed)
    truth = np.empty((n, years), np.int64)
    truth[:, 0] = generator.integers(0, 3, n)
    for year in range(1, years):
        moves = generator.random(n) < rate
        truth[:, year] = np.where(moves, (truth[:, year - 1] + generator.integers(1, 3, n)) % 3, truth[:, year - 1])
    shown = np.where(generator.random(truth.shape) < right, truth, generator.integers(0, 3, truth.shape))
    return truth, np.eye(3)[shown] * 0.94 + 0.02


def test_viterbi_finds_the_likeliest_of_all_series() -> None:
    """No other series of classes has a higher probability."""
    generator = np.random.default_rng(1)
    likelihood = np.log(generator.random((20, 5, 3)))
    start, transitions = np.array([0.5, 0.3, 0.2]), generator.dirichlet([2, 1, 1], 3)
    decoded = hidden_markov.viterbi(likelihood, start, transitions)
    for pixel in range(20):

        def chance(series: tuple[int, ...], pixel: int = pixel) -> float:
            steps = sum(np.log(transitions[a, b]) for a, b in pairwise(series))
            return float(np.log(start[series[0]]) + steps + sum(likelihood[pixel, t, c] for t, c in enumerate(series)))

        assert chance(tuple(decoded[pixel].tolist())) == pytest.approx(max(map(chance, product(range(3), repeat=5))))


def test_smoothing_mends_odd_years_and_keeps_changes() -> None:
    """Years that disagree with those around them are mended; classes get better, changes stay."""
    truth, probability = simulated(400, 15, 0.02)
    likelihood = hidden_markov.log_likelihood(probability, np.ones((400, 15)), 0.15)
    decoded = hidden_markov.viterbi(likelihood, np.full(3, 1 / 3), hidden_markov.stated_transitions(3, 0.02))
    before, after = (probability.argmax(axis=2) == truth).mean(), (decoded == truth).mean()
    assert before < 0.88
    assert after > 0.96
    changed = (truth[:, 1:] != truth[:, :-1]).mean()
    assert (decoded[:, 1:] != decoded[:, :-1]).mean() == pytest.approx(changed, rel=0.35)


def test_a_year_without_codes_says_nothing() -> None:
    """A weight of 0 leaves the year to those around it."""
    probability = np.full((1, 5, 2), [0.9, 0.1])
    probability[0, 2] = [0.001, 0.999]
    weight = np.ones((1, 5))
    transitions = hidden_markov.stated_transitions(2, 0.4)
    seen = hidden_markov.viterbi(hidden_markov.log_likelihood(probability, weight, 0.01), np.full(2, 0.5), transitions)
    weight[0, 2] = 0
    unseen = hidden_markov.viterbi(
        hidden_markov.log_likelihood(probability, weight, 0.01), np.full(2, 0.5), transitions
    )
    assert seen.tolist() == [[0, 0, 1, 0, 0]]
    assert unseen.tolist() == [[0, 0, 0, 0, 0]]


def test_transitions_are_learnt_from_series() -> None:
    """Learning from a wrong prior comes near to the rate at which classes change."""
    _, probability = simulated(1500, 12, 0.06, seed=3)
    likelihood = hidden_markov.log_likelihood(probability, np.ones((1500, 12)), 0.15)
    start, transitions = hidden_markov.learn(likelihood, hidden_markov.stated_transitions(3, 0.005))
    assert start.sum() == pytest.approx(1)
    np.testing.assert_allclose(transitions.sum(axis=1), 1)
    assert 1 - transitions.diagonal().mean() == pytest.approx(0.06, abs=0.02)


def test_one_class_has_no_transitions() -> None:
    """A model of one class is refused."""
    with pytest.raises(UsageError, match="two or more"):
        hidden_markov.stated_transitions(1, 0.1)
