"""Intervals: they cover what they should, clusters count as one, and the AUC is the share of pairs won."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from esd_tasks.encoder_tasks.bootstrap import auc_gain, mean_estimate, mean_wins, wins


def test_auc_of_known_scores() -> None:
    """Four pairs, of which the positive wins three: AUC 0.75; a tie counts half."""
    positive = np.array([True, True, False, False])
    assert wins(np.array([3.0, 1.0, 2.0, 0.0]), positive, np.arange(4)).auc == 0.75
    assert wins(np.array([1.0, 1.0, 1.0, 0.0]), positive, np.arange(4)).auc == 0.75
    assert wins(np.zeros(4), positive, np.zeros(4, dtype=int)).auc == 0.5


def test_auc_agrees_with_the_usual_one() -> None:
    """With ties and clusters of mixed size the AUC equals that of scikit-learn."""
    generator = np.random.default_rng(0)
    score, positive = generator.integers(0, 20, 300).astype(float), generator.random(300) < 0.3
    assert wins(score, positive, generator.integers(0, 40, 300)).auc == pytest.approx(roc_auc_score(positive, score))


def test_redrawn_auc_is_that_of_redrawn_samples() -> None:
    """A draw of clusters by weights equals the AUC of the samples repeated that often."""
    generator = np.random.default_rng(1)
    score, positive, cluster = generator.normal(size=60), np.arange(60) % 3 == 0, np.arange(60) // 6
    compared = wins(score, positive, cluster)
    drawn = np.random.default_rng(0).multinomial(10, np.full(10, 0.1), size=5)
    expected = [roc_auc_score(np.repeat(positive, w[cluster]), np.repeat(score, w[cluster])) for w in drawn]
    np.testing.assert_allclose(compared.redrawn(draws=5), expected)


def test_interval_covers_the_mean_of_clustered_values() -> None:
    """The interval of 95 % holds the true mean in about 95 of 100 sets, although values of a cluster are alike."""
    generator = np.random.default_rng(2)
    cluster = np.repeat(np.arange(40), 10)
    covered = 0
    for _ in range(100):
        values = generator.normal(size=40)[cluster] + generator.normal(0, 0.1, 400)
        found = mean_estimate([(values, cluster)], draws=400)
        covered += found.low <= 0 <= found.high
    assert covered >= 86


def test_clusters_widen_the_interval() -> None:
    """Ten copies of a value tell no more than one: their interval is as wide as that of the values alone."""
    values = np.random.default_rng(3).normal(size=50)
    alone = mean_estimate([(values, np.arange(50))])
    copied = mean_estimate([(np.repeat(values, 10), np.repeat(np.arange(50), 10))])
    assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high))


def test_sets_are_pooled_by_their_places() -> None:
    """The pooled mean counts each place once, so that a set weighs as much as it has places."""
    parts = [(np.ones(30), np.arange(30)), (np.zeros(10), np.arange(10))]
    assert mean_estimate(parts).value == 0.75


def test_equal_scores_gain_nothing() -> None:
    """Paired draws: two equal scores differ by exactly 0, with an interval of no width."""
    compared = wins(np.arange(20.0), np.arange(20) % 2 == 0, np.arange(20))
    found = auc_gain(mean_wins([compared, compared]), compared)
    assert (found.value, found.low, found.high) == (0, 0, 0)
