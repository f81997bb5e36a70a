"""Random forests, and what they say, worked out node by node without anything of the loops."""

import numpy as np
import pytest
from numba import config
from numpy.typing import NDArray
from test_chains import random_tree

from esd_tasks.forest import Columns, loops
from esd_tasks.forest.leaf_numbers import AT_ONCE, BLOCK
from esd_tasks.forest.model_text import ModelText, Tree
from esd_tasks.forest.wide_values import CHUNK, PLACES

MISSING_LEFT, MISSING_IS_NAN = 2, 8


def random_model(
    seed: int,
    columns: Columns,
    *,
    classes: int,
    rounds: int,
    leaves: int | tuple[int, ...],
    objective: tuple[str, ...] = (),
) -> ModelText:
    """Draw trees over all features of a model; limits lie on, between, below and above the values of features.

    The first tree has so many leaves, the others up to as many; or each has as many as are named.
    """
    rng = np.random.default_rng(seed)
    trees = []
    for turn in range(classes * rounds):
        drawn = int(rng.integers(1, leaves + 1)) if trees and isinstance(leaves, int) else leaves
        count = drawn if isinstance(drawn, int) else drawn[turn]
        left, right = random_tree(rng, count)
        feature = rng.integers(0, columns.count, count - 1)
        limit = rng.integers(-10, 20, count - 1) / 2
        limit[rng.random(count - 1) < 0.1] = 1e-40
        missing_left = rng.integers(0, 2, count - 1).astype(bool)
        trees.append(
            Tree(
                feature=feature,
                limit=limit,
                decision=np.full(count - 1, MISSING_IS_NAN) + MISSING_LEFT * missing_left,
                missing_left=missing_left,
                left=left,
                right=right,
                value=rng.normal(size=count) * 10.0 ** rng.integers(-8, 8, count),
            )
        )
    return ModelText(trees=tuple(trees), classes=classes, objective=objective)


def plain_scores(model: ModelText, features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Walk every pixel from the root to its leaf, and add values in the order of the trees: (classes, n)."""
    scores = np.zeros((model.classes, len(features)))
    for place, tree in enumerate(model.trees):
        for pixel, row in enumerate(features.astype(float)):
            node = 0 if len(tree.feature) else -1
            while node >= 0:
                number = row[tree.feature[node]]
                left = tree.missing_left[node] if np.isnan(number) else number <= tree.limit[node]
                node = int((tree.left if left else tree.right)[node])
            scores[place % model.classes, pixel] += tree.value[-1 - node]
    return scores


def plain_walk(nodes: NDArray, first: int, end: int, predicates: NDArray, sets: NDArray) -> None:
    """Do what `walk.walk_tree` does."""
    stay = np.zeros_like(sets[0])
    for row, (predicate, source, turned) in enumerate(nodes[first:end].tolist(), start=1):
        reach = sets[source].copy() if source else stay
        holds = ~predicates[predicate] if turned else predicates[predicate]
        sets[row], stay = reach & ~holds, reach & holds


def plain_wide(numbers: NDArray, values: NDArray, tree: int, sums: NDArray) -> None:
    """Do what `wide_values.add_wide` does."""
    pixel = np.arange(BLOCK)
    place = pixel // CHUNK * CHUNK + PLACES[pixel % CHUNK]
    for one in range(AT_ONCE):
        sums[place] += values[tree + one, numbers[one].view(np.uint8)]


def without_compiler(monkeypatch: pytest.MonkeyPatch, *, wide: bool = False) -> None:
    """Put plain Python where the loops call code that is written for LLVM, if numba compiles nothing."""
    if config.DISABLE_JIT:
        monkeypatch.setattr(loops, "walk_tree", plain_walk)
        monkeypatch.setattr(loops, "add_wide", plain_wide)
        monkeypatch.setattr(loops, "is_wide", lambda: wide)


def text_of(model: ModelText, columns: Columns) -> str:
    """Write a model as LightGBM does, as far as predictions need it."""
    names = " ".join(f"feature_{number}" for number in range(columns.count))
    lines = [
        "tree",
        "version=v4",
        f"num_class={model.classes}",
        f"num_tree_per_iteration={model.classes}",
        "label_index=0",
        f"max_feature_idx={columns.count - 1}",
        f"objective={' '.join(model.objective)}",
        f"feature_names={names}",
        "tree_sizes=" + " ".join("1" for _ in model.trees),
        "",
    ]
    for number, tree in enumerate(model.trees):
        lines += [f"Tree={number}", f"num_leaves={len(tree.value)}", "num_cat=0"]
        for name, values in (
            ("split_feature", tree.feature),
            ("threshold", tree.limit),
            ("decision_type", tree.decision),
            ("left_child", tree.left),
            ("right_child", tree.right),
            ("leaf_value", tree.value),
        ):
            lines.append(f"{name}=" + " ".join(map(str, values.tolist())))
        lines += ["is_linear=0", "shrinkage=1", "", ""]
    return "\n".join([*lines, "end of trees", "", "feature_importances:", ""])
