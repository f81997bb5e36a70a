"""The inner loops of merging small patches; `patches` says what they compute.

Strips have one row more than they have to say: the first is the last row of the strip above, or nothing (class 0,
patch -1). They stand in one file because numba keeps compiled functions by the file that they are in.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled

UNKNOWN, NOWHERE = -2, -1
"""Where a patch goes: not looked for yet; nowhere, it stays."""


@compiled
def number(classes: NDArray[Any], patch: NDArray[np.int64], used: int) -> int:
    """Number the pieces of patches of a strip from `used` on, in the order of rows, and return the next number.

    A pixel has the number of its left neighbour of the same class, else of the upper one, else a new one: so it depends
    on the classes alone, and every pass over the map gives the same numbers.
    """
    for row in range(1, classes.shape[0]):
        for column in range(classes.shape[1]):
            value = classes[row, column]
            if value == 0:
                patch[row, column] = -1
            elif column > 0 and classes[row, column - 1] == value:
                patch[row, column] = patch[row, column - 1]
            elif classes[row - 1, column] == value:
                patch[row, column] = patch[row - 1, column]
            else:
                patch[row, column] = used
                used += 1
    return used


@compiled
def join(
    classes: NDArray[Any],
    patch: NDArray[np.int64],
    parent: NDArray[np.int64],
    size: NDArray[np.int64],
    value: NDArray[np.int64],
) -> None:
    """Count the pixels of each piece, and join pieces that touch: the one with the lower number is the parent."""
    for row in range(1, classes.shape[0]):
        for column in range(classes.shape[1]):
            own = patch[row, column]
            if own < 0:
                continue
            size[own] += 1
            value[own] = classes[row, column]
            upper = patch[row - 1, column]
            if upper >= 0 and upper != own and classes[row - 1, column] == classes[row, column]:
                while parent[own] != own:
                    parent[own] = parent[parent[own]]
                    own = parent[own]
                while parent[upper] != upper:
                    parent[upper] = parent[parent[upper]]
                    upper = parent[upper]
                parent[max(own, upper)] = min(own, upper)


@compiled
def flatten(parent: NDArray[np.int64], size: NDArray[np.int64], used: int) -> None:
    """Make every piece point to the first of its patch, which has the pixels of all."""
    for piece in range(used):
        above = parent[piece]
        if above != piece:
            parent[piece] = parent[above]  # parents have lower numbers, so this one is flat already
            size[parent[piece]] += size[piece]


@compiled
def look_around(
    patch: NDArray[np.int64], parent: NDArray[np.int64], size: NDArray[np.int64], largest: NDArray[np.int64]
) -> None:
    """Find the largest neighbour of each patch, of equal ones the one that is met first."""
    for row in range(1, patch.shape[0]):
        for column in range(patch.shape[1]):
            if patch[row, column] < 0:
                continue
            own = parent[patch[row, column]]
            for above in (True, False):
                beside = patch[row, column - 1] if column > 0 else -1
                other = patch[row - 1, column] if above else beside
                if other < 0 or parent[other] == own:
                    continue
                other = parent[other]
                if largest[own] < 0 or size[largest[own]] < size[other]:
                    largest[own] = other
                if largest[other] < 0 or size[largest[other]] < size[own]:
                    largest[other] = own


@compiled
def send(
    parent: NDArray[np.int64],
    size: NDArray[np.int64],
    largest: NDArray[np.int64],
    goal: NDArray[np.int64],
    used: int,
    least: int,
) -> None:
    """Find where each small patch goes: from largest neighbour to largest neighbour, to the first that is no small one.

    A way that leads round in a circle, or ends, leads nowhere.
    """
    for start in range(used):
        if parent[start] != start or size[start] >= least or goal[start] != UNKNOWN:
            continue
        on_way, node = -3 - start, start
        while True:
            goal[node] = on_way
            following = largest[node]
            found = NOWHERE
            if following < 0 or goal[following] == on_way:
                break
            if size[following] >= least:
                found = following
                break
            if goal[following] >= NOWHERE:
                found = goal[following]
                break
            node = following
        node = start
        while node >= 0 and goal[node] == on_way:
            goal[node] = found
            node = largest[node]


@compiled
def merge(
    classes: NDArray[Any],
    patch: NDArray[np.int64],
    parent: NDArray[np.int64],
    goal: NDArray[np.int64],
    value: NDArray[np.int64],
) -> None:
    """Give the pixels of small patches the class of where these go."""
    for row in range(1, classes.shape[0]):
        for column in range(classes.shape[1]):
            if patch[row, column] >= 0:
                found = goal[parent[patch[row, column]]]
                if found >= 0:
                    classes[row, column] = value[found]
