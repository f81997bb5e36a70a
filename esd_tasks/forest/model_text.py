"""LightGBM's text of a model, as far as its predictions need it.

The text holds every threshold and leaf value in 17 digits, which name one float64 each. What shrinkage, DART and the
average of the target did to leaf values is in them already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_CATEGORICAL, _DEFAULT_LEFT, _ZERO_IS_MISSING, _NAN_IS_MISSING = 1, 2, 4, 8
"""Bits of `decision_type` (LightGBM, include/LightGBM/tree.h)."""

_NEEDED: Final = frozenset(
    {"num_leaves", "num_cat", "is_linear", "leaf_value", "split_feature", "threshold", "decision_type"}
    | {"left_child", "right_child"}
)
"""Lines of a tree that are read."""


class UnfitModelError(ValueError):
    """A model has what the forest in level space cannot do; the message is a noun that says what."""


class UncheckedModelError(UnfitModelError):
    """A text that is damaged, or that nobody here can tell from a damaged one.

    LightGBM itself believes what it reads: wrong offsets, numbers of leaves and children end in a crash. Such
    a text is not given to it.
    """


@dataclass(frozen=True, kw_only=True)
class Tree:
    """One tree; nodes come before their children."""

    feature: NDArray[np.int64]
    """Feature that each node looks at."""

    limit: NDArray[np.float64]
    """Pixels whose feature is at most this go left."""

    decision: NDArray[np.int64]
    """Bits that say how each node decides."""

    missing_left: NDArray[np.bool_]
    """Whether pixels without the feature go left."""

    left: NDArray[np.int64]
    """Node on the left, or -1 - leaf."""

    right: NDArray[np.int64]
    """Node on the right, or -1 - leaf."""

    value: NDArray[np.float64]
    """Value of each leaf."""


@dataclass(frozen=True, kw_only=True)
class ModelText:
    """A model as its text says it."""

    trees: tuple[Tree, ...]
    """Iteration by iteration, in each of them class by class."""

    classes: int
    """Trees of an iteration: columns of the raw score."""

    objective: tuple[str, ...]
    """Words of the objective, such as `multiclass`, `num_class:10`; none for one that LightGBM does not know."""


def read_model_text(text: str) -> ModelText:
    """Read a model.

    Args:
        text: What `Booster.model_to_string` gives.

    Raises:
        UnfitModelError: The model has a missing value that is zero, or averages its trees.
        UncheckedModelError: It has categorical splits or linear leaves, or the text is damaged or none that is known.
    """
    header, *trees = text.partition("\nend of trees")[0].split("\nTree=")
    lines = header.splitlines()
    facts = _facts(lines)
    try:
        classes, features = int(facts["num_tree_per_iteration"]), int(facts["max_feature_idx"]) + 1
        found = tuple(_tree(_facts(tree.splitlines(), only=_NEEDED), features) for tree in trees)
    except (KeyError, ValueError, OverflowError) as error:
        if isinstance(error, UnfitModelError):
            raise
        raise UncheckedModelError(f"a text of another layout ({error})") from error
    objective = tuple(facts.get("objective", "").split())
    said = {facts.get("num_class", str(classes)), *(word[10:] for word in objective if word.startswith("num_class:"))}
    if classes < 1 or not found or len(found) % classes or said != {str(classes)}:
        raise UncheckedModelError(f"{len(found)} trees for {classes} classes")
    if "average_output" in lines:
        raise UnfitModelError("an average over trees (random forest)")
    if any((tree.decision & _ZERO_IS_MISSING).any() for tree in found):
        raise UnfitModelError("zero as missing value")
    return ModelText(trees=found, classes=classes, objective=objective)


def header_of(text: str) -> Mapping[str, str]:
    """Return the lines that stand before the first tree."""
    return _facts(text.partition("\nTree=")[0].splitlines())


def _facts(lines: list[str], only: frozenset[str] | None = None) -> Mapping[str, str]:
    return dict(_pairs(lines, only))


def _pairs(lines: list[str], only: frozenset[str] | None) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, sign, value = line.partition("=")
        if sign and (only is None or name in only):
            yield name, value


def _tree(facts: Mapping[str, str], features: int) -> Tree:
    """Read one tree of a model of so many features.

    A node compares with `<=`. NaN counts as 0 unless the node says that NaN is missing (LightGBM, NumericalDecision).
    """
    if int(facts.get("num_cat", "0")):
        raise UncheckedModelError("categorical splits")
    if int(facts.get("is_linear", "0")):
        raise UncheckedModelError("linear leaves")
    nodes, value = int(facts["num_leaves"]) - 1, _reals(facts["leaf_value"])
    if nodes == 0:
        facts = dict.fromkeys(_NEEDED, "")
    limit, decision = _reals(facts["threshold"]), _integers(facts["decision_type"])
    tree = Tree(
        feature=_integers(facts["split_feature"]),
        limit=limit,
        decision=decision,
        missing_left=np.where(decision & _NAN_IS_MISSING, decision & _DEFAULT_LEFT > 0, limit >= 0),
        left=_integers(facts["left_child"]),
        right=_integers(facts["right_child"]),
        value=value,
    )
    _see_whole(tree, nodes, features)
    return tree


def _see_whole(tree: Tree, nodes: int, features: int) -> None:
    """See that a tree has as many nodes and leaves as it says, and that each hangs below one node that is before it.

    Raises:
        UncheckedModelError: It is none.
    """
    children = np.concatenate([tree.left, tree.right])
    if len(tree.value) != nodes + 1 or any(
        len(of_each) != nodes for of_each in (tree.feature, tree.limit, tree.decision, tree.left, tree.right)
    ):
        raise UncheckedModelError("a tree whose lines differ in length")
    if np.isnan(tree.value).any() or np.isnan(tree.limit).any():
        raise UncheckedModelError("a tree with numbers that are none")
    if (tree.decision & _CATEGORICAL).any():
        raise UncheckedModelError("categorical splits")
    if not ((tree.feature >= 0) & (tree.feature < features)).all():
        raise UncheckedModelError("a tree of features that the model does not have")
    own = np.arange(nodes)
    hanging = np.concatenate([np.arange(-nodes - 1, 0), own[1:]]) if nodes else own
    if not np.array_equal(np.sort(children), hanging):
        raise UncheckedModelError("a tree whose nodes and leaves do not each hang below one other")
    if ((children >= 0) & (children <= np.tile(own, 2))).any():
        raise UncheckedModelError("a tree with children before their parents")


def _integers(text: str) -> NDArray[np.int64]:
    return np.array(text.split(), dtype=np.int64)


def _reals(text: str) -> NDArray[np.float64]:
    return np.array(text.split(), dtype=np.float64)
