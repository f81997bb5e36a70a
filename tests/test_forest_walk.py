"""The walk that is written for LLVM against the same in plain Python."""

import numba
import numpy as np
import pytest
from numba.core.codegen import JITCPUCodegen
from plain_forest import plain_walk
from test_chains import random_tree

from esd_tasks.forest import walk
from esd_tasks.forest.chains import lay_chains
from esd_tasks.forest.leaf_numbers import WORDS

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="numba compiles nothing")

SIZES = [2, 33, 1, 7, 40]


def assert_sets_are_those_of_plain_python() -> None:
    """Compile the walk, and compare all pixels of all words, with turned nodes that begin anywhere in the forest."""

    @numba.njit
    def compiled(nodes: np.ndarray, first: int, end: int, predicates: np.ndarray, sets: np.ndarray) -> None:
        walk.walk_tree(nodes, first, end, predicates, sets)

    rng = np.random.default_rng(0)
    children = [random_tree(rng, leaves) for leaves in SIZES]
    left, right = (np.concatenate([tree[side] for tree in children]) for side in (0, 1))
    nodes = np.empty((len(left), 3), np.uint16)
    lay_chains(
        left, right, rng.random(sum(SIZES)), np.array(SIZES), rng.integers(0, 30, len(left)), nodes, np.zeros((5, 64))
    )
    predicates = rng.integers(0, 2**64, (30, WORDS), dtype=np.uint64)
    first = 0
    for leaves in SIZES:
        sets = np.full((66, WORDS), 5, np.uint64)
        sets[0], sets[64] = 0, np.iinfo(np.uint64).max
        expected = sets.copy()
        plain_walk(nodes, first, first + leaves - 1, predicates, expected)
        compiled(nodes, first, first + leaves - 1, predicates, sets)
        assert np.array_equal(sets, expected)
        first += leaves - 1


def test_sets_are_those_of_plain_python() -> None:
    """All pixels of all words, chains of any length, turned nodes, nodes that begin anywhere in the forest."""
    assert_sets_are_those_of_plain_python()


@pytest.mark.parametrize(
    ("features", "loops"),
    [
        ("+sse2,+avx,+avx2,-avx512f", [range(4)]),
        ("+sse2,+avx,-avx2", [range(2), range(2, 4)]),
        ("+neon", [range(2), range(2, 4)]),
    ],
)
def test_a_processor_holds_what_its_registers_can(
    features: str, loops: list[range], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole set in one loop with AVX2, else each half in a loop of its own, and the same sets come out."""
    written, write = [], walk._emit_walk
    monkeypatch.setattr(JITCPUCodegen, "magic_tuple", lambda codegen: ("x86_64", "name", features))
    monkeypatch.setattr(walk, "_emit_walk", lambda *given: (written.append(given[-1]), write(*given)))
    assert_sets_are_those_of_plain_python()
    assert written == loops
