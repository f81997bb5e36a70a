"""LightGBM's text of a model: every number is read, and whatever is not as it must be is refused by what it is."""

import numpy as np
import plain_forest
import pytest

from esd_tasks.forest import Columns
from esd_tasks.forest.model_text import UncheckedModelError, UnfitModelError, header_of, read_model_text

TEXT = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=5
objective=binary sigmoid:1
feature_names=a b c d e f
tree_sizes=300

Tree=0
num_leaves=5
num_cat=0
split_feature=0 5 2 3
split_gain=1 2 3 4
threshold=1.5 -2.5 0 1.0000000180025095e-35
decision_type=8 0 2 10
left_child=1 -2 -1 -4
right_child=2 -3 3 -5
leaf_value=0.10000000000000001 0.2 0.3 0.4 -5e-324
leaf_weight=1 1 1 1 1
is_linear=0
shrinkage=1


end of trees

feature_importances:
a=1

parameters:
[boosting: gbdt]
num_class=7
end of parameters
"""


def test_every_number_is_read() -> None:
    """Of one tree: the last digit counts, and what stands after the trees does not."""
    model = read_model_text(TEXT)
    (tree,) = model.trees
    assert (model.classes, model.objective) == (1, ("binary", "sigmoid:1"))
    assert tree.feature.tolist() == [0, 5, 2, 3]
    assert tree.limit.tolist() == [1.5, -2.5, 0.0, 1.0000000180025095e-35]
    assert tree.decision.tolist() == [8, 0, 2, 10]
    assert tree.left.tolist() == [1, -2, -1, -4]
    assert tree.right.tolist() == [2, -3, 3, -5]
    assert tree.value.tolist() == [0.1, 0.2, 0.3, 0.4, -5e-324]


def test_where_missing_numbers_go() -> None:
    """To the side that a node names if NaN is missing to it (8, and 2 for left); else NaN is compared as 0."""
    decisions = TEXT.replace("decision_type=8 0 2 10", "decision_type={}")
    for bits, expected in (
        ("8 8 8 8", [False] * 4),
        ("10 10 10 10", [True] * 4),
        ("0 0 0 0", [True, False, True, True]),
        ("2 2 2 2", [True, False, True, True]),
    ):
        assert read_model_text(decisions.format(bits)).trees[0].missing_left.tolist() == expected
    below_zero = TEXT.replace("-2.5", "-0.5").replace("decision_type=8 0", "decision_type=8 2")
    assert read_model_text(below_zero).trees[0].missing_left.tolist() == [False, False, True, True]


def test_a_model_is_read_as_it_was_written() -> None:
    """Several classes and rounds, trees of one leaf among them."""
    columns = Columns(beside=2)
    model = plain_forest.random_model(
        1, columns, classes=3, rounds=4, leaves=9, objective=("multiclass", "num_class:3")
    )
    found = read_model_text(plain_forest.text_of(model, columns))
    assert (found.classes, found.objective, len(found.trees)) == (3, model.objective, 12)
    assert min(len(tree.value) for tree in found.trees) == 1
    for one, other in zip(found.trees, model.trees, strict=True):
        for name in ("feature", "limit", "decision", "left", "right", "value"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_a_tree_of_one_leaf_has_no_nodes() -> None:
    """Whatever its lines say: LightGBM writes some of them empty, some not at all."""
    begin, end = TEXT.split("num_leaves=5")[0], "\n\nend of trees\n"
    (tree,) = read_model_text(f"{begin}num_leaves=1\nleaf_value=2.5\nthreshold=9{end}").trees
    assert tree.value.tolist() == [2.5]
    assert not any(len(part) for part in (tree.feature, tree.limit, tree.decision, tree.left, tree.right))


def test_an_objective_that_lightgbm_does_not_know_is_no_word() -> None:
    """The line is left out then."""
    assert read_model_text(TEXT.replace("objective=binary sigmoid:1\n", "")).objective == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("num_cat=0", "num_cat=1", r"^categorical splits$"),
        ("decision_type=8 0", "decision_type=9 0", r"^categorical splits$"),
        ("is_linear=0", "is_linear=1", r"^linear leaves$"),
        ("num_leaves=5", "num_leaves=6", r"^a tree whose lines differ in length$"),
        ("num_leaves=5", "num_leaves=4", r"^a tree whose lines differ in length$"),
        ("leaf_value=0.10000000000000001 ", "leaf_value=", r"^a tree whose lines differ in length$"),
        ("leaf_value=", "leaf_value=9 ", r"^a tree whose lines differ in length$"),
        ("split_feature=0 5 2 3", "split_feature=0 5 2", r"^a tree whose lines differ in length$"),
        ("threshold=1.5 ", "threshold=", r"^a tree whose lines differ in length$|^a text of another layout"),
        ("left_child=1 -2 -1 -4", "left_child=1 -2 -1 -4 -6", r"^a tree whose lines differ in length$"),
        ("right_child=2 ", "right_child=", r"^a tree whose lines differ in length$"),
        ("0.3 0.4", "nan 0.4", r"^a tree with numbers that are none$"),
        ("threshold=1.5", "threshold=nan", r"^a tree with numbers that are none$"),
        ("split_feature=0 5", "split_feature=0 6", r"^a tree of features that the model does not have$"),
        ("split_feature=0 5", "split_feature=0 7", r"^a tree of features that the model does not have$"),
        ("split_feature=0 5", "split_feature=0 70000", r"^a tree of features that the model does not have$"),
        ("split_feature=0 5", "split_feature=-1 5", r"^a tree of features that the model does not have$"),
        ("left_child=1 -2", "left_child=1 -3", r"^a tree whose nodes and leaves do not each hang below one other$"),
        ("right_child=2 -3", "right_child=2 -6", r"^a tree whose nodes and leaves do not each hang below one other$"),
        ("left_child=1", "left_child=0", r"^a tree whose nodes and leaves do not each hang below one other$"),
        ("right_child=2 -3 3", "right_child=3 -3 2", r"^a tree with children before their parents$"),
        ("right_child=2 -3 3 -5", "right_child=3 -3 -5 2", r"^a tree with children before their parents$"),
        ("num_leaves=5", "num_leaves=many", r"^a text of another layout \(.*many.*\)$"),
        ("num_leaves=5\n", "", r"^a text of another layout \('num_leaves'\)$"),
        ("max_feature_idx=5\n", "", r"^a text of another layout \('max_feature_idx'\)$"),
        ("leaf_value=0.1", "leaf_value=0,1", r"^a text of another layout"),
        ("split_feature=0 ", "split_feature=99999999999999999999 ", r"^a text of another layout"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=0", r"^1 trees for 0 classes$"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=2", r"^1 trees for 2 classes$"),
        ("num_class=1", "num_class=3", r"^1 trees for 1 classes$"),
        ("objective=binary", "objective=multiclass num_class:2", r"^1 trees for 1 classes$"),
        ("\nTree=0", "\nNo=0", r"^0 trees for 1 classes$"),
    ],
)
def test_a_damaged_text_is_refused(old: str, new: str, said: str) -> None:
    """LightGBM would crash on some of these, so they are not given to it."""
    assert old in TEXT
    with pytest.raises(UncheckedModelError, match=said):
        read_model_text(TEXT.replace(old, new, 1))


def test_a_tree_of_many_leaves_is_read() -> None:
    """Its lines are counted, however many numbers they have."""
    columns = Columns()
    model = plain_forest.random_model(3, columns, classes=1, rounds=1, leaves=(400,))
    (tree,) = read_model_text(plain_forest.text_of(model, columns)).trees
    assert np.array_equal(tree.value, model.trees[0].value)


def test_a_swap_that_keeps_every_child_below_its_parent_is_no_damage() -> None:
    """Any tree whose nodes come before their children is read."""
    assert read_model_text(TEXT.replace("left_child=1 -2 -1 -4", "left_child=1 -2 -4 -1")).trees[0].left.tolist()[
        2:
    ] == [-4, -1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("label_index=0", "label_index=0\naverage_output", r"^an average over trees \(random forest\)$"),
        ("decision_type=8", "decision_type=4", r"^zero as missing value$"),
    ],
)
def test_what_only_lightgbm_can_do_is_said(old: str, new: str, said: str) -> None:
    """The text is sound, so LightGBM may have it."""
    with pytest.raises(UnfitModelError, match=said) as caught:
        read_model_text(TEXT.replace(old, new, 1))
    assert not isinstance(caught.value, UncheckedModelError)


def test_several_trees_are_told_apart() -> None:
    """A text of a class with two trees, the second one damaged, is refused as a whole."""
    second = TEXT[TEXT.index("Tree=0") : TEXT.index("end of trees")].replace("Tree=0", "Tree=1")
    two = TEXT.replace("end of trees", f"{second}end of trees")
    assert len(read_model_text(two).trees) == 2
    with pytest.raises(UncheckedModelError, match="layout"):
        read_model_text(two.replace("Tree=1\nnum_leaves=5", "Tree=1\nnum_leaves=x"))


def test_the_header_ends_where_trees_begin() -> None:
    """Names of features stand there; lines without a sign are none."""
    header = header_of(TEXT)
    assert header["feature_names"] == "a b c d e f"
    assert "num_leaves" not in header
    assert "tree" not in header
    assert header["objective"] == "binary sigmoid:1"
    assert header_of("a=b=c")["a"] == "b=c"
