"""Heads: right on what they can know, honest about ties, and the same whatever the order of the rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from esd_tasks.heads import HEADS, SIMPLEST_FIRST, Neighbours, Prototypes, train, unit
from esd_tasks.table_scale import scale_of
from stactools_esd.errors import LabelsError


def clouds(n: int = 40, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return rows around three directions, classes 2, 5 and 300."""
    generator = np.random.default_rng(seed)
    member = np.arange(n) % 3
    table = 2 * np.eye(6)[member] + generator.normal(0, 0.3, (n, 6))
    return table, np.array([2, 5, 300])[member]


@pytest.mark.parametrize("name", HEADS)
def test_heads_tell_clear_classes_apart_with_a_margin(name: str) -> None:
    """Class ids come back as they went in; the margin lies in 0..1 and is larger in the middle of a class."""
    table, class_id = clouds()
    head = train(name, table, class_id)
    found, margin = head.scores(np.concatenate([clouds(seed=1)[0], [[2.0, 2, 0, 0, 0, 0]]]))
    assert (found[:-1] == clouds(seed=1)[1]).mean() > 0.9
    assert ((margin >= 0) & (margin <= 1)).all()
    assert margin[-1] < np.median(margin[:-1])


def test_every_head_has_a_place_among_the_simplest() -> None:
    """Equal scores are decided among all heads."""
    assert sorted(SIMPLEST_FIRST) == sorted(HEADS)


def test_prototypes_compare_directions() -> None:
    """The length of a row does not matter; equal cosines give margin 0, opposite means margin 1."""
    head = Prototypes().fit(np.array([[1.0, 0], [-3.0, 0]]), np.array([1, 2]))
    found, margin = head.scores(np.array([[0.1, 0], [90.0, 0], [0, 5.0], [-1.0, 0]]))
    assert found.tolist() == [1, 1, 1, 2]
    np.testing.assert_allclose(margin, [1, 1, 0, 1])


@given(st.integers(0, 1_000), st.sampled_from([1, 3]))
def test_neighbours_are_the_nearest_rows(seed: int, k: int) -> None:
    """The vote of the k nearest decides, and the nearest among equals: as counted one by one."""
    generator = np.random.default_rng(seed)
    table, class_id = generator.normal(size=(12, 4)), generator.integers(1, 4, 12)
    asked = generator.normal(size=(5, 4))
    found, _ = Neighbours(k).fit(table, class_id).scores(asked)
    for row, answer in zip(asked, found.tolist(), strict=True):
        near = class_id[np.argsort(np.linalg.norm(table - row, axis=1))[:k]].tolist()
        most = max(near.count(one) for one in near)
        assert answer == next(one for one in near if near.count(one) == most)


def test_fewer_rows_than_neighbours_are_no_fault() -> None:
    """Two labels serve three neighbours."""
    found, _ = train("3-NN", np.eye(2), np.array([1, 2])).scores(np.eye(2))
    assert found.tolist() == [1, 2]


def test_one_class_is_said_everywhere_and_none_is_refused() -> None:
    """What was trained on one class beats nobody: margin 0. Without rows there is an error of ours."""
    found, margin = train("logistic", np.eye(3), np.array([7, 7, 7])).scores(np.zeros((2, 3)))
    assert (found.tolist(), margin.tolist()) == ([7, 7], [0, 0])
    with pytest.raises(LabelsError, match="no labels"):
        train("prototype", np.empty((0, 3)), np.empty(0, dtype=int))


def test_scale_ignores_constant_and_missing_columns() -> None:
    """A column that says nothing becomes 0, whatever value comes later; missing values are the mean."""
    scale = scale_of(np.array([[1.0, 5, np.nan], [3.0, 5, np.nan]]))
    np.testing.assert_allclose(scale.apply(np.array([[3.0, 9, 1], [np.nan, 5, 2]])), [[1, 0, 0], [0, 0, 0]])
    assert np.isfinite(scale.as_dict()["deviation"]).all()


def test_rows_of_zeros_have_no_direction() -> None:
    """They stay zeros, without a warning."""
    np.testing.assert_array_equal(unit(np.zeros((1, 3))), np.zeros((1, 3)))
