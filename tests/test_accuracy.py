"""Accuracy: matrices with the map in rows, and measures that are undefined rather than wrong."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score, f1_score

from esd_tasks.accuracy import confusion, mean_and_sd, summary
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
