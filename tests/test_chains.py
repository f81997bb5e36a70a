"""Trees as chains: the highest set that a pixel is in is that of its leaf."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from esd_tasks.forest.chains import lay_chains


def random_tree(rng: np.random.Generator, leaves: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the children of the nodes of a tree that was grown leaf by leaf, as LightGBM does."""
    left, right = np.empty(leaves - 1, np.int64), np.empty(leaves - 1, np.int64)
    above: list[tuple[np.ndarray, int] | None] = [None] * leaves  # where each leaf hangs
    for node in range(leaves - 1):
        leaf = int(rng.integers(node + 1))
        if (place := above[leaf]) is not None:
            place[0][place[1]] = node
        left[node], right[node] = -1 - leaf, -1 - (node + 1)
        above[leaf], above[node + 1] = (left, node), (right, node)
    return left, right


@given(seed=st.integers(0, 10_000), leaves=st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_pixels_come_to_their_leaf(seed: int, leaves: list[int]) -> None:
    """For every outcome of all predicates, chains end with the value that a walk from the root finds."""
    rng = np.random.default_rng(seed)
    trees = [random_tree(rng, count) for count in leaves]
    left, right = (np.concatenate([tree[side] for tree in trees]) for side in (0, 1))
    value, predicate = rng.permutation(sum(leaves)).astype(float), rng.integers(0, 50, len(left))
    nodes, values = np.empty((len(left), 3), np.uint16), np.full((len(leaves), 64), np.nan)
    lay_chains(left, right, value, np.array(leaves), predicate, nodes, values)
    holds = rng.integers(0, 2, 50).astype(bool)
    first = first_leaf = 0
    for tree, (count, (lefts, rights)) in enumerate(zip(leaves, trees, strict=True)):
        node = 0 if count > 1 else -1
        while node >= 0:
            node = int((lefts if holds[predicate[first + node]] else rights)[node])
        stay, sets = False, {0: False, 64: True}
        for row, (asked, source, turned) in enumerate(nodes[first : first + count - 1].tolist(), start=1):
            stay = sets[source] if source else stay
            goes = bool(holds[asked]) != bool(turned)
            sets[row], stay = stay and not goes, stay and goes
        number = max((row for row, there in sets.items() if there and row < 64), default=0)
        assert values[tree, number] == value[first_leaf - 1 - node]
        first, first_leaf = first + count - 1, first_leaf + count
