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


@dataclass(frozen=True, kw_only=True)
class Tree:
    """One tree; nodes come before their children."""

    feature: NDArray[np.int64]
    """Feature that each node looks at."""

    limit: NDArray[np.float64]
    """Pixels whose feature is at most this go left."""

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
        UnfitModelError: The model has categorical splits, linear leaves, a missing value that is zero, or averages its
            trees, or the text is none that is known.
    """
    header, *trees = text.partition("\nend of trees")[0].split("\nTree=")
    lines = header.splitlines()
    if "average_output" in lines:
        raise UnfitModelError("an average over trees (random forest)")
    facts = _facts(lines)
    try:
        classes = int(facts["num_tree_per_iteration"])
        found = tuple(_tree(_facts(tree.splitlines(), only=_NEEDED)) for tree in trees)
    except (KeyError, ValueError) as error:
        if isinstance(error, UnfitModelError):
            raise
        raise UnfitModelError(f"a text of another layout ({error})") from error
    if len(found) % classes:
        raise UnfitModelError(f"{len(found)} trees for {classes} classes")
    return ModelText(trees=found, classes=classes, objective=tuple(facts.get("objective", "").split()))


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


def _tree(facts: Mapping[str, str]) -> Tree:
    """Read one tree.

    A node compares with `<=`. NaN counts as 0 unless the node says that NaN is missing (LightGBM, NumericalDecision).
    """
    if int(facts.get("num_cat", "0")):
        raise UnfitModelError("categorical splits")
    if int(facts.get("is_linear", "0")):
        raise UnfitModelError("linear leaves")
    value = _reals(facts["leaf_value"])
    nodes = int(facts["num_leaves"]) - 1
    if nodes == 0:
        none = np.empty(0, dtype=np.int64)
        no_limit, no_side = none.astype(np.float64), none.astype(np.bool_)
        return Tree(feature=none, limit=no_limit, missing_left=no_side, left=none, right=none, value=value[:1])
    limit, decision = _reals(facts["threshold"]), _integers(facts["decision_type"])
    if (decision & _CATEGORICAL).any():
        raise UnfitModelError("categorical splits")
    if (decision & _ZERO_IS_MISSING).any():
        raise UnfitModelError("zero as missing value")
    tree = Tree(
        feature=_integers(facts["split_feature"]),
        limit=limit,
        missing_left=np.where(decision & _NAN_IS_MISSING, decision & _DEFAULT_LEFT > 0, limit >= 0),
        left=_integers(facts["left_child"]),
        right=_integers(facts["right_child"]),
        value=value,
    )
    own = np.arange(nodes)
    children = (tree.left, tree.right)
    if len(value) != nodes + 1 or any(len(of_each) != nodes for of_each in (tree.feature, limit, decision, *children)):
        raise UnfitModelError("a tree whose lines differ in length")
    if any(((child >= 0) & (child <= own)).any() for child in children):
        raise UnfitModelError("a tree with children before their parents")
    return tree


def _integers(text: str) -> NDArray[np.int64]:
    return np.array(text.split(), dtype=np.int64)


def _reals(text: str) -> NDArray[np.float64]:
    return np.array(text.split(), dtype=np.float64)
