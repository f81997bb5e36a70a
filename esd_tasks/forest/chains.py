"""A tree as chains of nodes, which are walked with the pixels that stay in registers.

At each node one child goes on with the chain, and the pixels of the other leave it. They begin a chain of their own
later, or are in a leaf. So each node stores one set, and a leaf is where a chain ends, or a set that begins none.
"""

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled

_Numbers = NDArray[np.int64]


@compiled
def lay_chains(
    left: _Numbers,
    right: _Numbers,
    value: NDArray[np.float64],
    leaves: _Numbers,
    predicate: _Numbers,
    nodes: NDArray[np.uint16],
    values: NDArray[np.float64],
) -> None:
    """Bring nodes into the order of chains, and leaves into that of the sets of pixels which they end with.

    A chain comes after the one that it leaves, so that of the sets that a pixel is in the highest is that of its leaf;
    a pixel that never left the first chain is in none, and its leaf has the number 0.

    Args:
        left: Child on the left of each node of all trees, or -1 - leaf.
        right: The same on the right.
        value: Value of each leaf of all trees.
        leaves: Leaves of each tree.
        predicate: Predicate of each node; with it a pixel goes left.
        nodes: Filled here as `ForestTables.nodes` says.
        values: Filled here, (trees, numbers); its columns are as many as the set of all pixels has before it.
    """
    everything = values.shape[1]
    starts, sets = np.empty(everything, np.int64), np.empty(everything, np.int64)
    first, first_leaf = 0, 0
    for tree in range(len(leaves)):
        count = leaves[tree] - 1
        starts[0], sets[0] = 0 if count else -1, 0
        waiting, place = 1, 0
        for chain in range(everything):
            if chain == waiting:
                break
            node, source = starts[chain], sets[chain] if chain else everything
            while node >= 0:
                one, other = left[first + node], right[first + node]
                turned = one < 0 <= other
                stays, leaves_it = (other, one) if turned else (one, other)
                nodes[first + place, 0] = predicate[first + node]
                nodes[first + place, 1] = source
                nodes[first + place, 2] = turned
                place += 1
                if leaves_it < 0:
                    values[tree, place] = value[first_leaf - 1 - leaves_it]
                else:
                    starts[waiting], sets[waiting] = leaves_it, place
                    waiting += 1
                node, source = stays, 0
            values[tree, sets[chain]] = value[first_leaf - 1 - node]
        first, first_leaf = first + count, first_leaf + leaves[tree]
