"""Trees as flat arrays: what the compiled loops read."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from esd_tasks.forest.chains import lay_chains
from esd_tasks.forest.columns import Columns
from esd_tasks.forest.leaf_numbers import AT_ONCE, GROUP_LEAVES
from esd_tasks.forest.model_text import ModelText, Tree, UnfitModelError

LIMIT_ZERO: Final = 128
"""What is added to the limit of a level, so that a limit below all levels is a number as well."""

MOST_LEAVES: Final = 256
"""Leaves of a tree at most: their numbers are bytes."""


class ForestTables(NamedTuple):
    """A forest in level space. Trees are sorted by class, and filled up with trees of one leaf of value 0."""

    level_rows: int
    """Rows of levels and differences."""

    level_feature: NDArray[np.uint16]
    """Row of levels that each predicate looks at; predicates of levels come first."""

    level_limit: NDArray[np.uint8]
    """A predicate holds where the level is at most this less `LIMIT_ZERO`."""

    beside_feature: NDArray[np.uint16]
    """Row of the other numbers that each further predicate looks at."""

    beside_limit: NDArray[np.float32]
    """Such a predicate holds where the number is at most this."""

    missing_left: NDArray[np.bool_]
    """And it holds, or does not, where the number is missing."""

    leaves: NDArray[np.int64]
    """Leaves of each tree."""

    first_node: NDArray[np.int64]
    """Where the nodes of each tree begin, and where the last ones end."""

    nodes: NDArray[np.uint16]

    values: NDArray[np.float64]
    """Value of each leaf by its number, (trees, leaves rounded up to whole groups)."""


def compile_forest(model: ModelText, columns: Columns) -> ForestTables:
    """Lay out a model for the loops.

    Args:
        model: Trees in LightGBM's order: iteration by iteration, in each one class by class.
        columns: What the features of the model are.

    Raises:
        UnfitModelError: The model cannot be evaluated this way.
    """
    most = max((len(tree.value) for tree in model.trees), default=1)
    if most > MOST_LEAVES:
        raise UnfitModelError(f"a tree of {most} leaves")
    leaf_rows = -(-most // GROUP_LEAVES) * GROUP_LEAVES
    rounds = len(model.trees) // model.classes
    filled = -(-rounds // AT_ONCE) * AT_ONCE
    order = [model.trees[turn * model.classes + member] for member in range(model.classes) for turn in range(rounds)]
    slots = [member * filled + turn for member in range(model.classes) for turn in range(rounds)]
    known, predicate = _predicates(order, columns)
    leaves = np.ones(filled * model.classes, dtype=np.int64)
    leaves[slots] = [len(tree.value) for tree in order]
    nodes, found = np.empty((len(predicate), 3), dtype=np.uint16), np.zeros((len(order), leaf_rows))
    left, right, value = (
        np.concatenate([np.empty(0, kind), *(getattr(tree, name) for tree in order)])
        for name, kind in (("left", np.int64), ("right", np.int64), ("value", np.float64))
    )
    lay_chains(left, right, value, leaves[slots], predicate, nodes, found)
    values = np.zeros((len(leaves), leaf_rows))
    values[slots] = found
    of_levels = known["feature"] < columns.level_rows
    levels, others = known[of_levels], known[~of_levels]
    return ForestTables(
        level_rows=columns.level_rows,
        level_feature=levels["feature"].astype(np.uint16),
        level_limit=(levels["limit"] + LIMIT_ZERO).astype(np.uint8),
        beside_feature=(others["feature"] - columns.level_rows).astype(np.uint16),
        beside_limit=others["limit"].astype(np.float32),
        missing_left=np.ascontiguousarray(others["missing_left"]),
        leaves=leaves,
        first_node=np.concatenate([[0], np.cumsum(leaves - 1)]),
        nodes=nodes,
        values=values,
    )


_SPLIT: Final = np.dtype([("feature", np.int64), ("limit", np.float64), ("missing_left", np.bool_)])
"""What tells predicates apart."""


def _predicates(trees: list[Tree], columns: Columns) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Return the distinct predicates, those of levels first, and that of every node."""
    splits = np.empty(sum(len(tree.feature) for tree in trees), dtype=_SPLIT)
    for name in ("feature", "limit", "missing_left"):
        splits[name] = np.concatenate([np.empty(0), *(getattr(tree, name) for tree in trees)])
    feature, limit = splits["feature"], splits["limit"]
    if len(feature) and feature.max() >= columns.count:
        raise UnfitModelError(f"feature {feature.max()}, where {columns.count} are known")
    of_level = feature < columns.level_rows
    # A level is whole: it is at most a limit exactly where it is at most the whole number below.
    whole = np.clip(np.floor(limit) + columns.offset(feature), -1, LIMIT_ZERO - 1)
    splits["limit"] = np.where(of_level, whole, _single_below(limit))
    splits["missing_left"] &= ~of_level
    # As np.unique does, which takes ten times as long to sort records.
    order = np.lexsort([splits[name] for name in reversed(_SPLIT.names or ())])
    new = np.append(True, splits[order][1:] != splits[order][:-1])[: len(order)]
    known, predicate = splits[order][new], np.empty(len(order), dtype=np.int64)
    predicate[order] = np.cumsum(new) - 1
    if len(known) > np.iinfo(np.uint16).max:
        raise UnfitModelError(f"{len(known)} different splits")
    return known, predicate


def _single_below(limit: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 at most as large: a float32 is at most one where it is at most the other."""
    with np.errstate(over="ignore"):
        single = limit.astype(np.float32)
    return np.where(single > limit, np.nextafter(single, np.float32(-np.inf)), single)
