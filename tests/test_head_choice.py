"""The choice of a head: labels that are left out stay out, ties go to the simplest, few labels are never certain."""

import numpy as np
import pytest
from numpy.typing import NDArray

from esd_tasks.head_choice import choose_head, heads_for
from esd_tasks.label_table import LabelTable
from esd_tasks.table_scale import scale_of


def table_of(rows: NDArray[np.floating], class_id: NDArray[np.integer], place: NDArray[np.floating]) -> LabelTable:
    """Return labels of one pixel each, side by side."""
    n = len(rows)
    return LabelTable(
        rows=rows.astype(np.float64),
        class_id=class_id.astype(np.int64),
        group=np.arange(n),
        x=place.astype(np.float64),
        y=np.zeros(n),
        lon=np.zeros(n),
        lat=np.zeros(n),
        pixels=rows.astype(np.float32),
        label=np.arange(n),
    )


def noise(n: int, k: int = 2) -> LabelTable:
    """Return labels whose vectors say nothing of their class, a kilometre apart."""
    generator = np.random.default_rng(0)
    return table_of(generator.normal(size=(n, 12)), 1 + np.arange(n) % k, 1_000 * np.arange(n))


def test_a_buffer_keeps_twins_from_training() -> None:
    """Each label has a twin ten metres away: 1-NN is right by it, and not with a buffer of a hundred metres."""
    one = noise(20)
    twins = table_of(
        np.repeat(one.rows, 2, axis=0), np.repeat(one.class_id, 2), np.repeat(one.x, 2) + np.tile([0.0, 10.0], 20)
    )
    scale = scale_of(twins.rows)
    near, far = (choose_head(twins, scale, heads=["1-NN"], buffer=buffer).scores[0] for buffer in (0.0, 100.0))
    assert near.balanced == 1.0
    assert far.balanced < 0.75


def test_three_of_three_is_not_certain() -> None:
    """The standard error of a class with all of n right is that of (n + 1) / (n + 2), and shrinks with n."""
    errors = []
    for n in (6, 60):
        rows = np.zeros((n, 12))
        rows[np.arange(n), np.arange(n) % 2] = 1.0
        choice = choose_head(table_of(rows, 1 + np.arange(n) % 2, np.arange(n)), scale_of(rows), heads=["prototype"])
        assert choice.scores[0].balanced == 1.0
        errors.append(choice.scores[0].error)
    careful = 4 / 5
    assert errors[0] == pytest.approx(np.sqrt(2 * careful * (1 - careful) / 3) / 2)
    assert errors[1] < errors[0] / 3


def test_equals_are_decided_for_the_simplest() -> None:
    """Where all heads are right the nearest class mean is taken; a head that was asked for is taken all the same."""
    rows = np.repeat(np.eye(12)[:2], 6, axis=0)
    table = table_of(rows, np.repeat([1, 2], 6), np.arange(12))
    assert choose_head(table, scale_of(rows), heads=["1-NN", "logistic", "prototype"]).head == "prototype"
    asked = choose_head(table, scale_of(rows), heads=["prototype"], asked="1-NN")
    assert (asked.head, asked.asked, len(asked.scores)) == ("1-NN", True, 2)


def test_a_class_of_one_label_competes_but_is_not_tested() -> None:
    """It is named, and the labels of other classes are tested against it."""
    table = noise(21)
    table.class_id[-1] = 3
    choice = choose_head(table, scale_of(table.rows), heads=["prototype"])
    assert (choice.untested, choice.n_tested, choice.protocol) == ((3,), 20, "leave-one-out")
    assert set(choice.scores[0].by_class) == {1, 2}


def test_many_labels_and_trees_are_tested_in_folds() -> None:
    """Beyond a hundred labels all are tested in folds; trees are tried where the smallest class has ten labels."""
    table = noise(110)
    assert choose_head(table, scale_of(table.rows), heads=["prototype"]).protocol == "repeated folds"
    assert "trees" in heads_for(noise(20))
    assert "trees" not in heads_for(noise(19))


def test_noise_scores_like_chance() -> None:
    """No head is tested on what it saw."""
    table = noise(60)
    for score in choose_head(table, scale_of(table.rows), heads=["prototype", "1-NN", "3-NN", "logistic"]).scores:
        assert 0.2 < score.balanced < 0.8
