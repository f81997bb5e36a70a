"""Comparisons: the same samples, splits and trees for every feature set."""

import numpy as np
import pytest

from esd_tasks.classifier import TreeParameters
from esd_tasks.compare import grouped_splits, majority_accuracy, nearest_sample_accuracy, tree_accuracy
from stactools_esd.errors import LabelsError

GROUP = np.repeat(np.arange(12), 10)
CLASS_ID = np.random.default_rng(0).integers(1, 4, GROUP.size)


def test_groups_are_never_split_and_each_sample_is_tested_once() -> None:
    """No group stands on both sides of a split, and the folds of a repeat test every sample once."""
    for splits in grouped_splits(GROUP, repeats=3):
        assert np.array_equal(np.sort(np.concatenate([test for _, test in splits])), np.arange(GROUP.size))
        assert all(not set(GROUP[train]) & set(GROUP[test]) for train, test in splits)


def test_repeats_differ_and_seeds_repeat() -> None:
    """Repeats are different deals, so that their spread means something; the same seed deals the same again."""
    first, second = grouped_splits(GROUP, repeats=2)
    again, _ = grouped_splits(GROUP, repeats=2)
    assert any(not np.array_equal(a[1], b[1]) for a, b in zip(first, second, strict=True))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))


def test_too_few_groups_are_refused() -> None:
    """Fewer groups than folds are an error that says how many there are."""
    with pytest.raises(LabelsError, match="got 3 groups, expected at least 5"):
        grouped_splits(np.repeat(np.arange(3), 5))


def test_features_that_tell_the_class_win_over_noise() -> None:
    """A feature set that holds the class scores 1, noise scores as the guess of the commonest class or about it."""
    noise = np.random.default_rng(1).normal(size=(GROUP.size, 3))
    repeats = grouped_splits(GROUP, repeats=2)
    scores = tree_accuracy(
        {"told": CLASS_ID[:, None].astype(float), "noise": noise}, CLASS_ID, repeats, TreeParameters(rounds=10)
    )
    assert scores["told"].tolist() == [1.0, 1.0]
    assert abs(scores["noise"].mean() - majority_accuracy(CLASS_ID, repeats).mean()) < 0.2


def test_coordinates_alone_are_the_nearest_sample() -> None:
    """Two classes on two sides of a line are told apart by the nearest sample alone."""
    x = np.where(CLASS_ID == 1, 0.0, 1e6) + GROUP
    scores = nearest_sample_accuracy(
        x, np.zeros(GROUP.size), (CLASS_ID == 1).astype(int), grouped_splits(GROUP, repeats=1)
    )
    assert scores.tolist() == [1.0]
