"""The walk that is written for LLVM against the same in plain Python."""

import numba
import numpy as np
import pytest
from plain_forest import plain_walk
from test_chains import random_tree

from esd_tasks.forest.chains import lay_chains
from esd_tasks.forest.leaf_numbers import WORDS
from esd_tasks.forest.walk import walk_tree


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="numba compiles nothing")
def test_sets_are_those_of_plain_python() -> None:
    """All pixels of all words, chains of any length, turned nodes, nodes that begin anywhere in the forest."""

    @numba.njit
    def walk(nodes: np.ndarray, first: int, end: int, predicates: np.ndarray, sets: np.ndarray) -> None:
        walk_tree(nodes, first, end, predicates, sets)

    rng = np.random.default_rng(0)
    sizes = [2, 33, 1, 7, 40]
    children = [random_tree(rng, leaves) for leaves in sizes]
    left, right = (np.concatenate([tree[side] for tree in children]) for side in (0, 1))
    nodes = np.empty((len(left), 3), np.uint16)
    lay_chains(
        left, right, rng.random(sum(sizes)), np.array(sizes), rng.integers(0, 30, len(left)), nodes, np.zeros((5, 64))
    )
    predicates = rng.integers(0, 2**64, (30, WORDS), dtype=np.uint64)
    first = 0
    for leaves in sizes:
        sets = np.full((66, WORDS), 5, np.uint64)
        sets[0], sets[64] = 0, np.iinfo(np.uint64).max
        expected = sets.copy()
        plain_walk(nodes, first, first + leaves - 1, predicates, expected)
        walk(nodes, first, first + leaves - 1, predicates, sets)
        assert np.array_equal(sets, expected)
        first += leaves - 1
