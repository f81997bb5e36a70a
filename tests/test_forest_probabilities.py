"""From raw scores to predictions: the formulas of LightGBM in float64, and the most probable class among near ones."""

import math

import numpy as np
import pytest

from esd_tasks.forest import outputs
from esd_tasks.forest.model_text import UnfitModelError
from esd_tasks.forest.outputs import _exponential, best_of_softmax, check_objective, convert

SCORES = np.random.default_rng(4).normal(0, 3, (4, 20))


def converted(objective: tuple[str, ...], scores: np.ndarray = SCORES) -> np.ndarray:
    """Return predictions (n, k)."""
    out = np.empty(scores.T.shape)
    convert(scores, objective, out)
    return out


@pytest.mark.parametrize("name", ["regression", "regression_l1", "huber", "fair", "quantile", "mape"])
def test_scores_that_are_predictions_stay(name: str) -> None:
    """Also without a name of the objective."""
    assert np.array_equal(converted((name,)), SCORES.T)
    assert np.array_equal(converted(()), SCORES.T)


def test_softmax_divides_exponentials_by_their_sum() -> None:
    """Of the distance from the largest score; nothing overflows, however large scores are."""
    for scores in (SCORES, SCORES + 1e4, SCORES[:1], -SCORES - 1e4):
        share = np.exp(scores - scores.max(axis=0))
        assert np.allclose(converted(("multiclass", "num_class:4"), scores), (share / share.sum(axis=0)).T, rtol=1e-14)


@pytest.mark.parametrize(
    ("objective", "slope"),
    [
        (("binary",), 1.0),
        (("binary", "sigmoid:1"), 1.0),
        (("multiclassova", "num_class:4", "sigmoid:0.7"), 0.7),
        (("binary", "sigmoid:2.5", "other:9"), 2.5),
    ],
)
def test_sigmoid_has_the_slope_of_the_objective(objective: tuple[str, ...], slope: float) -> None:
    """1 / (1 + exp(-slope score)); 1 where none is said."""
    assert np.allclose(converted(objective), 1 / (1 + np.exp(-slope * SCORES.T)), rtol=1e-14)


@pytest.mark.parametrize(
    "objective",
    [(), ("regression",), ("mape",), ("multiclass", "num_class:3"), ("multiclassova", "num_class:3"), ("binary",)],
)
def test_objectives_that_are_known(objective: tuple[str, ...]) -> None:
    """They pass."""
    check_objective(objective)


@pytest.mark.parametrize("objective", [("poisson",), ("regression", "sqrt"), ("gamma", "x"), ("huber", "sqrt")])
def test_other_objectives_are_refused_by_name(objective: tuple[str, ...]) -> None:
    """The message has all words of the objective."""
    with pytest.raises(UnfitModelError, match=f"^the objective {' '.join(objective)}$"):
        check_objective(objective)


@pytest.mark.parametrize("below", [0.0, -1e-9, -0.3, -1.0, -5.5, -12.25, -20.0, -31.0, -39.9, -40.0])
def test_the_exponential_is_close(below: float) -> None:
    """Within 1e-12 of the true one, from 0 down to -40."""
    assert _exponential(below) == pytest.approx(math.exp(below), rel=1e-12)


def test_what_lies_far_below_is_nothing() -> None:
    """Below -40 the exponential stays what it is there, nothing beside 1."""
    assert _exponential(-1e9) == _exponential(-40.0)


@pytest.mark.parametrize("classes", [1, 2, 5, 30])
@pytest.mark.parametrize("spread", [0.0, 1e-8, 1e-6, 0.1, 3.0, 500.0])
def test_the_most_probable_class_is_that_of_all_probabilities(classes: int, spread: float) -> None:
    """Member and `float32` probability are `argmax` and `max` of all, also of near scores, and the first of ties."""
    rng = np.random.default_rng(classes)
    scores = rng.normal(0, spread, (classes, 40)) + rng.normal(0, 5, 40)
    scores[:, ::9] = scores[0, ::9]
    scores[-1, 1::9] = scores[0, 1::9] + 1e-9
    everything = np.empty((40, classes), np.float32)
    convert(scores, ("multiclass",), everything)
    member, confidence = np.full(40, 99, np.uint16), np.empty(40, np.float32)
    best_of_softmax(scores, member, confidence)
    assert np.array_equal(member, everything.argmax(axis=1))
    assert confidence.tobytes() == everything.max(axis=1).tobytes()


@pytest.mark.parametrize("shift", [-1e-11, -1e-12, 0.0, 1e-12, 1e-11])
def test_probabilities_between_two_numbers_are_worked_out_in_full(shift: float) -> None:
    """Where a probability lies in the middle of two neighbours of `float32`, the last bit of float64 decides."""
    single = np.random.default_rng(2).uniform(0.51, 0.99, 60).astype(np.float32)
    middle = (single.astype(float) + np.nextafter(single, np.float32(1)).astype(float)) / 2 * (1 + shift)
    scores = np.array([np.zeros(60), np.log(1 / middle - 1)])
    everything = np.empty((60, 2), np.float32)
    convert(scores, ("multiclass",), everything)
    member, confidence = np.empty(60, np.uint16), np.empty(60, np.float32)
    best_of_softmax(scores, member, confidence)
    assert confidence.tobytes() == everything.max(axis=1).tobytes()
    assert not member.any()


def test_almost_no_pixel_is_worked_out_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of the sum are enough for all but a few pixels in hundreds, and for none whose best two classes tie."""
    counted, shares = [], outputs._shares
    monkeypatch.setattr(outputs, "_shares", lambda *given: (counted.append(1), shares(*given)))
    best = getattr(best_of_softmax, "py_func", best_of_softmax)
    scores = np.random.default_rng(8).normal(0, 3, (3, 300))
    member, confidence = np.empty(300, np.uint16), np.empty(300, np.float32)
    best(scores, member, confidence)
    assert len(counted) <= 3
    assert np.array_equal(member, scores.argmax(axis=0))
    scores[1:] = scores[0] - np.array([[9e-7], [50.0]])
    counted.clear()
    best(scores, member, confidence)
    assert len(counted) == 300
    scores[1] = scores[0] - 1.1e-6
    counted.clear()
    best(scores, member, confidence)
    assert len(counted) <= 3
