"""Leaf values looked up in registers: the bits of the sums of the plain loop, in an order that is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from esd_tasks.forest.leaf_numbers import AT_ONCE, BLOCK, GROUP_LEAVES, Words, add_values
from esd_tasks.forest.wide_values import CHUNK, PLACES, add_wide, is_wide
from stactools_esd.compiled import compiled


@compiled
def _wide() -> bool:
    return is_wide()


@compiled
def _added(numbers: Words, values: NDArray[np.float64], tree: int, sums: NDArray[np.float64]) -> None:
    add_wide(numbers, values, tree, sums)


def test_every_sum_has_a_place() -> None:
    """The sums of a chunk are only dealt out anew."""
    assert sorted(PLACES.tolist()) == list(range(CHUNK))


@pytest.mark.parametrize("seed", range(4))
def test_sums_have_the_bits_of_the_plain_loop(seed: int) -> None:
    """Values of all magnitudes, on top of sums that are there, of any four trees."""
    if not _wide():
        pytest.skip("numba compiles for a processor without AVX-512")
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, GROUP_LEAVES, (AT_ONCE + 1, BLOCK), dtype=np.uint8).view(np.uint64)
    values = rng.normal(size=(3 * AT_ONCE, GROUP_LEAVES)) * 10.0 ** rng.integers(-300, 300, (3 * AT_ONCE, GROUP_LEAVES))
    plain = rng.normal(size=BLOCK)
    pixel = np.arange(BLOCK)
    place = pixel // CHUNK * CHUNK + PLACES[pixel % CHUNK]
    wide = np.empty(BLOCK)
    wide[place] = plain
    for tree in (AT_ONCE, 0):
        add_values(numbers, values, tree, plain)
        _added(numbers, values, tree, wide)
    assert np.ascontiguousarray(wide[place]).tobytes() == plain.tobytes()
