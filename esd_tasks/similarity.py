"""How alike vectors are: `(1 + cosine) / 2`, 1 for one direction, 0.5 for nothing in common, 0 for the opposite."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from esd_tasks.code_features import code_vectors
from esd_tasks.heads import unit
from esd_tasks.label_table import LabelTable

WAYS: Final = ("prototype", "nearest")
"""Compare with the mean of the examples, or with the one that is most similar."""

SCALE: Final = "(1 + cosine) / 2"
"""What a similarity is."""

MISSED: Final = 10
"""The suggested threshold may miss one in so many examples."""

STATEMENT: Final = (
    "Similarity is (1 + cosine) / 2 of the vectors, no probability. At the threshold nine in ten examples would be "
    "found when they are left out; how much else it finds, examples alone cannot tell."
)
"""Stands wherever the threshold stands."""

_ROWS: Final = 32_768
_DIGITS: Final = 4

Way = Literal["prototype", "nearest"]


def targets_of(rows: NDArray[np.floating], way: str) -> NDArray[np.float64]:
    """Return the directions that pixels are compared with, (m, 72): the mean of the examples, or each of them.

    Args:
        rows: Vectors of the examples, (m, 72).
        way: One of `WAYS`.
    """
    return unit(rows.mean(axis=0, keepdims=True) if way == "prototype" else rows)


def similarity(codes: NDArray[np.uint16], targets: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the similarity of pixels to the most similar target, 0..1, to four digits, (n,).

    Args:
        codes: Shape (n, 12), of pixels with data.
        targets: Directions of `targets_of`.
    """
    found = np.empty(len(codes), dtype=np.float32)
    for first in range(0, len(codes), _ROWS):
        part = slice(first, first + _ROWS)
        found[part] = np.round(_to_targets(code_vectors(codes[part]), targets), _DIGITS)
    return found


def examples_left_out(table: LabelTable, way: str) -> NDArray[np.float64]:
    """Return the similarity of each example to the others, mean over its pixels, (m,); empty for one example.

    Args:
        table: Examples.
        way: One of `WAYS`.
    """
    if len(table) < 2:
        return np.empty(0)
    found = np.empty(len(table))
    for one in range(len(table)):
        others = targets_of(np.delete(table.rows, one, axis=0), way)
        found[one] = _to_targets(table.pixels[table.label == one], others).mean()
    return found


def suggest_threshold(left_out: NDArray[np.float64]) -> float:
    """Return the similarity that nine in ten examples reach when they are left out; of fewer than ten the lowest.

    Args:
        left_out: Of `examples_left_out`; NaN is returned where it is empty.
    """
    return float(np.sort(left_out)[len(left_out) // MISSED]) if len(left_out) else float("nan")


def _to_targets(vectors: NDArray[np.float32], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((1 + np.clip((unit(vectors) @ targets.T).max(axis=1), -1, 1)) / 2)
