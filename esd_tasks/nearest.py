"""Distance to the nearest of many places, exact in any number of dimensions.

A tree of places looks at nearly all of them where dimensions are many and nothing is near; a product of matrices does
that tens of times faster, for `|p - q|^2 = |p|^2 + |q|^2 - 2 p q`. Its rounding is bounded (Higham 2002, Accuracy and
Stability of Numerical Algorithms, section 3.1: a product of d terms is off by at most `d u |p| |q|`, to first order),
so places that may be the nearest are known for sure, and are measured again in double precision.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

PIECE_BYTES: Final = 16_000_000
"""Of the products of one piece; twice as much for what is measured again."""

_UNIT: Final = float(np.finfo(np.float32).eps) / 2


class Nearest:
    """Places to which distances are asked for."""

    def __init__(self, places: NDArray[np.floating]) -> None:
        """Keep each different place once.

        Args:
            places: Shape (m, d), one at least.
        """
        self._centre = places.mean(axis=0)  # norms are small around it, and so is rounding
        self._places = np.unique(places - self._centre, axis=0)
        self._single = np.ascontiguousarray(self._places.T, dtype=np.float32)
        self._norms = np.square(self._places).sum(axis=1)
        self._half = (self._norms / 2).astype(np.float32)

    def distance(self, places: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the distance of each place to the nearest one that is kept, (n,).

        Args:
            places: Shape (n, d).
        """
        found = np.empty(len(places))
        rows = max(PIECE_BYTES // (4 * len(self._places)), 1)
        for first in range(0, len(places), rows):
            piece = slice(first, first + rows)
            found[piece] = np.sqrt(self._squares(places[piece] - self._centre))
        return found

    def _squares(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return squared distances of a piece."""
        n, dimensions = places.shape
        halves = places.astype(np.float32) @ self._single
        np.subtract(self._half, halves, out=halves)  # half the square, but for |p|^2, which is the same for all
        norms = np.sqrt(np.square(places).sum(axis=1))
        # Both factors, the sum and half the norm are rounded besides: four more units. Twice: the least is off, too.
        most = np.sqrt(self._norms.max(initial=0.0))
        slack = 2 * (dimensions + 4) * _UNIT * (norms * most + most * most)
        limit = (halves.min(axis=1) + slack).astype(np.float32)
        limit = np.nextafter(limit, np.float32(np.inf))
        row, column = np.nonzero(halves <= limit[:, None])
        squares = np.full(n, np.inf)
        step = max(PIECE_BYTES // (8 * dimensions), 1)
        for first in range(0, len(row), step):
            some = slice(first, first + step)
            apart = np.square(places[row[some]] - self._places[column[some]]).sum(axis=1)
            np.minimum.at(squares, row[some], apart)
        return squares
