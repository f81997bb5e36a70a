"""The most probable class and its probability, without working out all: what softmax, `argmax` and `max` give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esd_tasks.forest.outputs import best_of_softmax, convert

ROWS = 3000


def assert_same(scores: np.ndarray) -> None:
    """Compare with probabilities of all classes, bit by bit."""
    classes, n = scores.shape
    all_of_them = np.empty((n, classes), np.float32)
    convert(scores, ("multiclass",), all_of_them)
    member, confidence = np.empty(n, np.uint16), np.empty(n, np.float32)
    best_of_softmax(scores, member, confidence)
    assert np.array_equal(member, all_of_them.argmax(axis=1))
    assert confidence.tobytes() == all_of_them.max(axis=1).tobytes()


@given(seed=st.integers(0, 1000), classes=st.integers(1, 40), spread=st.sampled_from([1e-7, 1e-3, 1.0, 10.0, 1000.0]))
def test_class_and_probability_are_those_of_softmax(seed: int, classes: int, spread: float) -> None:
    """Scores that lie close, as usual, and so far apart that all but one are nothing."""
    assert_same(np.random.default_rng(seed).normal(0, spread, (classes, ROWS)))


@pytest.mark.parametrize("difference", [0.0, 1e-16, 1e-9, 5e-7, 1e-6, 2e-6])
def test_classes_that_float32_does_not_tell_apart_give_the_first(difference: float) -> None:
    """A higher score wins only where its probability is another `float32`."""
    scores = np.random.default_rng(0).normal(0, 1, (6, ROWS))
    scores[5] = scores.max(axis=0)
    scores[2] = scores[5] - difference
    assert_same(scores)
