"""Heads: small classifiers on a table of numbers, for few labels; the same for codes, raw reflectance and maps.

A table is centred and scaled beforehand, by rows that need no labels (`table_scale`): centring before a comparison of
directions is what makes nearest class means good (Wang et al. 2019, SimpleShot, arXiv 1911.04623).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from esd_tasks.classifier import TreeParameters, grow_trees
from stactools_esd.errors import LabelsError

TREES: Final = "trees"
"""Name of the head that needs most labels."""

LEAST_FOR_TREES: Final = 10
"""Labels that the smallest class must have before trees are tried."""

TREE_PARAMETERS: Final = TreeParameters(rounds=100)
"""How the trees of the head are grown; fewer rounds than a map's, for they are grown dozens of times."""

_ROWS: Final = 8_192
"""Rows that are compared with all samples at once: 30 MB of distances to 500 samples."""

Table = NDArray[np.floating]


class Head(Protocol):
    """A classifier of rows."""

    def fit(self, table: Table, class_id: NDArray[np.integer]) -> Self:
        """Train on rows (n, k) and their classes (n,); at least two classes."""

    def scores(self, table: Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the class of each row, and by how much it beats the next one: 0 a draw, 1 at most."""


class Prototypes:
    """The class whose mean has the most similar direction (cosine); the margin is half the difference of cosines."""

    def fit(self, table: Table, class_id: NDArray[np.integer]) -> Self:
        """Average the rows of each class."""
        self._classes = np.unique(class_id).astype(np.int64)
        self._means = unit(np.stack([table[class_id == number].mean(axis=0) for number in self._classes]))
        return self

    def scores(self, table: Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the class of the most similar mean, (n,), and its margin."""
        cosine = unit(table) @ self._means.T
        return self._classes[cosine.argmax(axis=1)], _lead(cosine) / 2


class Neighbours:
    """The class that most of the k nearest rows have (Euclidean), a tie decided by the nearest of them.

    The margin is 1 - d / e, with d the distance to the nearest row of the class and e to the nearest of any other.
    """

    def __init__(self, k: int) -> None:
        self._k = k

    def fit(self, table: Table, class_id: NDArray[np.integer]) -> Self:
        """Keep the rows."""
        self._classes, self._member = np.unique(class_id, return_inverse=True)
        self._table = np.asarray(table, dtype=np.float64)
        self._squares = (self._table**2).sum(axis=1)
        return self

    def scores(self, table: Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the class that the nearest rows vote for, (n,), and its margin."""
        parts = [
            self._few(np.asarray(table[row : row + _ROWS], dtype=np.float64)) for row in range(0, len(table), _ROWS)
        ]
        best = np.concatenate([part[0] for part in parts]) if parts else np.empty(0, dtype=np.intp)
        margin = np.concatenate([part[1] for part in parts]) if parts else np.empty(0)
        return self._classes[best].astype(np.int64), margin

    def _few(self, table: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        squares = np.maximum((table**2).sum(axis=1)[:, None] - 2 * table @ self._table.T + self._squares, 0)
        k = min(self._k, len(self._table))
        near = np.argpartition(squares, k - 1, axis=1)[:, :k]
        distance = np.take_along_axis(squares, near, axis=1)
        near = np.take_along_axis(near, np.argsort(distance, axis=1, kind="stable"), axis=1)
        votes = np.zeros((len(table), len(self._classes)))
        for turn in range(k):  # a thousandth of a vote to the nearest decides ties
            np.add.at(votes, (np.arange(len(table)), self._member[near[:, turn]]), 1 + 1e-3 * (turn == 0))
        best = votes.argmax(axis=1)
        nearest = np.stack([squares[:, self._member == c].min(axis=1) for c in range(len(self._classes))], axis=1)
        own = np.take_along_axis(nearest, best[:, None], axis=1)[:, 0]
        np.put_along_axis(nearest, best[:, None], np.inf, axis=1)
        other = nearest.min(axis=1)
        ratio = np.sqrt(np.divide(own, other, out=np.ones_like(own), where=other > 0))
        return best, np.clip(1 - ratio, 0, 1)


class Logistic:
    """Multinomial logistic regression with a ridge (C = 1); the margin is the lead of the best probability."""

    def fit(self, table: Table, class_id: NDArray[np.integer]) -> Self:
        """Train."""
        self._model = LogisticRegression(C=1.0, max_iter=1000).fit(table, class_id)
        return self

    def scores(self, table: Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the most probable class, (n,), and its margin."""
        probability = self._model.predict_proba(table)
        return self._model.classes_[probability.argmax(axis=1)].astype(np.int64), _lead(probability)


class Trees:
    """LightGBM, as `classify` grows it; the margin is the lead of the best probability."""

    def fit(self, table: Table, class_id: NDArray[np.integer]) -> Self:
        """Train."""
        self._booster, self._classes = grow_trees(table, class_id, TREE_PARAMETERS)
        return self

    def scores(self, table: Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the most probable class, (n,), and its margin."""
        probability = np.asarray(self._booster.predict(table, num_threads=1))
        return self._classes[probability.argmax(axis=1)], _lead(probability)


class OneClass:
    """The only class that was trained, everywhere."""

    def fit(self, table: Table, class_id: NDArray[np.integer]) -> Self:  # noqa: ARG002 - a head
        """Keep the class."""
        self._class_id = int(class_id[0])
        return self

    def scores(self, table: Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the class, (n,), with margin 0: it beat nobody."""
        return np.full(len(table), self._class_id), np.zeros(len(table))


HEADS: Final[Mapping[str, Callable[[], Any]]] = {
    "prototype": Prototypes,
    "1-NN": lambda: Neighbours(1),
    "3-NN": lambda: Neighbours(3),
    "logistic": Logistic,
    TREES: Trees,
}
"""Heads by name, for every table the same; in the order in which they are told."""

SIMPLEST_FIRST: Final = ("prototype", "logistic", "3-NN", "1-NN", TREES)
"""Which head is taken among equals."""


def train(name: str, table: Table, class_id: NDArray[np.integer]) -> Head:
    """Train a head; where all rows are of one class, it says that class everywhere.

    Args:
        name: Key of `HEADS`.
        table: Shape (n, k), centred and scaled.
        class_id: Shape (n,).

    Raises:
        LabelsError: There is no row.
    """
    if not len(table):
        raise LabelsError("got no labels to train on, expected one at least; give more labels or a smaller --buffer")
    head: Head = HEADS[name]() if len(np.unique(class_id)) > 1 else OneClass()
    return head.fit(table, class_id)


def unit(table: Table) -> NDArray[np.float64]:
    """Return rows of length 1; rows of zeros stay zeros."""
    rows = np.asarray(table, dtype=np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _lead(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return by how much the best score of each row beats the next."""
    best = np.partition(scores, scores.shape[1] - 2, axis=1)[:, -2:]
    return np.asarray(best[:, 1] - best[:, 0], dtype=np.float64)
