"""Accuracy: matrices with the map in rows, and measures that are undefined rather than wrong."""

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score, f1_score

from esd_tasks.accuracy import Accuracy, confusion, json_number, mean_and_sd, ratio, summary, weighted_summary
from stactools_esd.errors import LabelsError

OLOFSSON = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
"""Matrix of the worked example of Olofsson et al. 2014, rows map."""

pairs = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=60)


def test_rows_are_the_map_and_columns_the_reference() -> None:
    """A sample mapped as 2 whose reference is 5 stands in the row of 2 and the column of 5."""
    matrix = confusion([2, 2, 5], [5, 2, 5], [2, 5])
    assert matrix.tolist() == [[1, 1], [0, 1]]


def test_classes_keep_the_order_asked_for() -> None:
    """Rows and columns stand in the order of `class_ids`, sorted or not."""
    assert confusion([7, 3], [7, 7], [7, 3]).tolist() == [[1, 0], [1, 0]]


def test_published_matrix_has_published_users_accuracies() -> None:
    """User's accuracies of the published example: 0.88, 0.73, 0.93, 0.96 (they do not depend on area)."""
    users = summary(OLOFSSON, (1, 2, 3, 4)).users
    assert users.round(6).tolist() == [0.88, 0.733333, 0.927273, 0.963077]


@given(pairs)
def test_measures_agree_with_scikit_learn(values: list[tuple[int, int]]) -> None:
    """F1 and kappa are those of scikit-learn wherever they are defined there."""
    mapped, reference = np.array(values).T
    found = summary(confusion(mapped, reference, (1, 2, 3, 4)), (1, 2, 3, 4))
    present = sorted({*mapped.tolist(), *reference.tolist()})
    expected = f1_score(reference, mapped, labels=present, average=None, zero_division=0.0)
    assert np.allclose(found.f1[np.array(present) - 1], expected)
    if len(present) > 1:
        assert found.kappa == pytest.approx(cohen_kappa_score(reference, mapped))


@given(arrays(np.int64, (3, 3), elements=st.integers(0, 9)))
def test_exchanging_map_and_reference_exchanges_the_accuracies(matrix: np.ndarray) -> None:
    """User's accuracy of a matrix is producer's accuracy of its transpose; overall accuracy stays."""
    one, other = summary(matrix, (1, 2, 3)), summary(matrix.T, (1, 2, 3))
    assert np.array_equal(one.users, other.producers, equal_nan=True)
    assert np.array_equal([one.overall], [other.overall], equal_nan=True)


def test_undefined_measures_are_null_with_a_note() -> None:
    """A class that was never mapped has no user's accuracy: null and a note in JSON, not 0 and not NaN."""
    found = summary(confusion([1, 1], [1, 2], (1, 2, 3)), (1, 2, 3)).as_dict({1: "a", 2: "b", 3: "c"})
    text = json.dumps(found, allow_nan=False)
    _, never_mapped, absent = found["classes"]
    assert never_mapped["users_accuracy"] is None
    assert never_mapped["producers_accuracy"] == 0
    assert "no sample was mapped" in never_mapped["note"]
    assert absent["f1"] is None
    assert "no tested sample" in absent["note"]
    assert '"rows": "map"' in text


def test_unclassified_samples_are_no_class() -> None:
    """0 in the map is refused with a message, never counted as a phantom class."""
    with pytest.raises(LabelsError, match=r"class_id 0 in the map.*leave out unclassified"):
        confusion([0, 1], [1, 1], (1, 2))


@pytest.mark.parametrize(
    ("mapped", "reference", "ids", "said"),
    [([1], [1, 2], (1, 2), "expected pairs"), ([1], [9], (1, 2), "class_id 9"), ([1], [1], (1, 1), "each once")],
    ids=["lengths", "unknown class", "class twice"],
)
def test_nonsense_is_refused(mapped: list[int], reference: list[int], ids: tuple[int, ...], said: str) -> None:
    """Sides of unequal length, unknown classes and repeated classes are errors of ours."""
    with pytest.raises(LabelsError, match=said):
        confusion(mapped, reference, ids)


def test_a_matrix_must_be_square_counts() -> None:
    """A matrix that does not fit its classes is refused."""
    with pytest.raises(LabelsError, match="rows are the map"):
        summary([[1, 2]], (1, 2))


def test_empty_matrix_has_no_accuracy() -> None:
    """Without samples overall accuracy is NaN, without a warning."""
    assert np.isnan(summary(np.zeros((2, 2), dtype=int), (1, 2)).overall)


def test_spread_over_folds_skips_folds_without_a_figure() -> None:
    """Mean and SD (n - 1) leave out NaN; one figure has no SD."""
    mean, sd = mean_and_sd([0.5, float("nan"), 0.7])
    assert (mean, sd) == (pytest.approx(0.6), pytest.approx(0.2 / np.sqrt(2)))
    assert np.isnan(mean_and_sd([0.5])[1])


def test_the_content_is_complete_and_rounded() -> None:
    """Every figure of every class, six digits, the matrix with its axes; an undefined one has a note of its own."""
    found = summary([[2, 1, 0], [0, 3, 0], [0, 0, 0]], (4, 2, 9)).as_dict({4: "forest", 2: "water", 9: "ice"})
    water = {"users_accuracy": 1.0, "producers_accuracy": 0.75, "f1": 0.857143}
    forest = {"users_accuracy": 0.666667, "producers_accuracy": 1.0, "f1": 0.8}
    nothing = {"users_accuracy": None, "producers_accuracy": None, "f1": None}
    note = (
        "user's accuracy is undefined: no sample was mapped as this class; "
        "producer's accuracy is undefined: no tested sample is of this class"
    )
    assert found == {
        "n": 6,
        "overall_accuracy": 0.833333,
        "balanced_accuracy": 0.875,
        "kappa": 0.666667,
        "classes": [
            {"class_id": 4, "class_name": "forest", "n_map": 3, "n_reference": 2} | forest,
            {"class_id": 2, "class_name": "water", "n_map": 3, "n_reference": 4} | water,
            {"class_id": 9, "class_name": "ice", "n_map": 0, "n_reference": 0} | nothing | {"note": note},
        ],
        "matrix": {
            "rows": "map",
            "columns": "reference",
            "class_ids": [4, 2, 9],
            "class_names": ["forest", "water", "ice"],
            "counts": [[2, 1, 0], [0, 3, 0], [0, 0, 0]],
        },
    }


def said_by(*given: object, call: object = confusion) -> str:
    """Return the message of a refusal."""
    with pytest.raises(LabelsError) as caught:
        call(*given)  # type: ignore[operator]
    return str(caught.value)


def test_refusals_say_what_was_got_and_expected() -> None:
    """One line each, with the side, the classes and the sizes."""
    assert said_by([1], [1, 2], (1, 2)) == "got 1 mapped and 2 reference classes, expected pairs; match them"
    assert said_by([1], [1], (1, 2, 1)) == "got classes [1, 2, 1], expected each once; drop the repeats"
    advice = "expected one of 5, 1; leave out unclassified samples, or name the class"
    assert said_by([9, 0, 1], [1, 1, 7], (5, 1)) == f"got class_id 0, 9 in the map, {advice}"
    assert said_by([1, 5], [1, 7], (5, 1)) == f"got class_id 7 in the reference, {advice}"
    axes = "rows are the map, columns the reference"
    for matrix, shape in (
        ([[1, 2]], (1, 2)),
        ([[1, 2, 3]] * 2, (2, 3)),
        ([[1], [1]], (2, 1)),
        ([[1, -1], [0, 0]], (2, 2)),
    ):
        said = f"got a matrix of shape {shape}, expected counts of 2 x 2 classes; {axes}"
        assert said_by(matrix, (1, 2), call=summary) == said


def test_shares_weigh_the_measures_and_counts_are_kept() -> None:
    """Of any unit: shares of the area decide, the counts behind them are what is shown."""
    counts = np.array([[5, 5], [1, 9]])
    shares = np.array([[0.09, 0.01], [0.09, 0.81]])
    one, other = (weighted_summary(shares * unit, counts, (1, 2)) for unit in (1, 7e6))
    assert one.n == 20
    assert one.overall == pytest.approx(0.9)
    assert one.users.tolist() == pytest.approx([0.9, 0.9])
    assert one.producers.tolist() == pytest.approx([0.5, 0.81 / 0.82])
    assert one.balanced == pytest.approx((0.5 + 0.81 / 0.82) / 2)
    assert one.kappa == pytest.approx((0.9 - 0.756) / (1 - 0.756))
    assert other.kappa == pytest.approx(one.kappa)


def test_one_class_alone_has_no_kappa() -> None:
    """Chance agreement is 1 then; and without any sample nothing is defined."""
    alone = summary([[4, 0], [0, 0]], (1, 2))
    assert (alone.overall, alone.balanced) == (1.0, 1.0)
    assert np.isnan(alone.kappa)
    nothing = summary(np.zeros((2, 2)), (1, 2))
    assert np.isnan([nothing.overall, nothing.balanced, nothing.kappa, *nothing.users, *nothing.f1]).all()
    assert nothing.n == 0


def test_figures_for_json() -> None:
    """Six digits unless others are asked for; NaN is None, infinity and 0 are not."""
    assert json_number(0.12345678) == 0.123457
    assert json_number(0.12345678, 2) == 0.12
    assert json_number(float("nan")) is None
    assert json_number(0.0) == 0.0
    assert type(json_number(np.float64(1))) is float


def test_ratios_without_a_denominator_are_undefined() -> None:
    """NaN for 0, also for 0 / 0; others are divided."""
    assert np.array_equal(
        ratio(np.array([1.0, 0.0, 3.0]), np.array([0.0, 0.0, 4.0])), [np.nan, np.nan, 0.75], equal_nan=True
    )
    assert ratio(np.array([1.0]), np.array([0.5])).tolist() == [2.0]


def test_spread_of_few_figures() -> None:
    """None: neither; one: no spread; two: n - 1."""
    assert np.isnan(mean_and_sd([])).all()
    assert np.isnan(mean_and_sd([float("nan")])).all()
    mean, sd = mean_and_sd([0.25])
    assert mean == 0.25
    assert np.isnan(sd)
    assert mean_and_sd([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))


def test_accuracy_stays_as_it_is() -> None:
    """Its parts are named, and are not exchanged after."""
    found = summary([[1]], (1,))
    assert found.class_ids == (1,)
    with pytest.raises(FrozenInstanceError):
        found.overall = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        Accuracy(*vars(found).values())
