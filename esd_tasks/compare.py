"""Feature sets side by side: the same samples, the same splits, the same trees."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsClassifier

from esd_tasks.classifier import TreeParameters, grow_trees
from esd_tasks.folds import Split
from stactools_esd.errors import LabelsError

_Predict = Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.integer]]


def grouped_splits(
    group: NDArray[np.integer], *, repeats: int = 10, n_folds: int = 5, seed: int = 0
) -> list[list[Split]]:
    """Deal groups into folds at random, several times over.

    Args:
        group: Shape (n,); samples of one group are never split, e.g. one id a spatial block.
        repeats: How many times the folds are drawn.
        n_folds: Folds of a repeat; together they test every sample once.
        seed: The same seed gives the same draws.

    Returns:
        One list of folds for each repeat.

    Raises:
        LabelsError: There are fewer groups than folds.
    """
    if (n_groups := len(np.unique(group))) < n_folds:
        raise LabelsError(f"got {n_groups} groups, expected at least {n_folds}; choose smaller blocks or fewer folds")
    # Not the stratified dealer: with few groups it finds one best deal, and its repeats are all alike.
    dealers = (GroupKFold(n_folds, shuffle=True, random_state=seed + repeat) for repeat in range(repeats))
    return [list(dealer.split(group, groups=group)) for dealer in dealers]


def tree_accuracy(
    features: Mapping[str, NDArray[np.generic]],
    class_id: NDArray[np.integer],
    repeats: Sequence[Sequence[Split]],
    parameters: TreeParameters | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Score feature sets by overall accuracy of the same trees on the same splits.

    Args:
        features: Name to features of shape (n, k).
        class_id: Reference classes, shape (n,).
        repeats: Lists of splits; the test samples of a list are pooled into one accuracy.
        parameters: How trees are grown.

    Returns:
        Name to accuracies 0..1, one for each repeat, so that sets can be compared pair by pair.
    """
    settings = parameters or TreeParameters()
    return {name: _pooled(class_id, repeats, _trees(table, class_id, settings)) for name, table in features.items()}


def majority_accuracy(class_id: NDArray[np.integer], repeats: Sequence[Sequence[Split]]) -> NDArray[np.float64]:
    """Score the guess that every test sample is of the commonest training class."""
    place = np.zeros((len(class_id), 1))
    model = DummyClassifier(strategy="most_frequent")
    return _pooled(class_id, repeats, lambda train, test: model.fit(place[train], class_id[train]).predict(place[test]))


def nearest_sample_accuracy(
    x: NDArray[np.float64], y: NDArray[np.float64], class_id: NDArray[np.integer], repeats: Sequence[Sequence[Split]]
) -> NDArray[np.float64]:
    """Score the guess that a test sample is of the class of the nearest training sample: coordinates alone."""
    place = np.column_stack([x, y])
    model = KNeighborsClassifier(n_neighbors=1)
    return _pooled(class_id, repeats, lambda train, test: model.fit(place[train], class_id[train]).predict(place[test]))


def _trees(table: NDArray[np.generic], class_id: NDArray[np.integer], parameters: TreeParameters) -> _Predict:
    """Return a function that trains on some samples and predicts others."""

    def predict(train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.integer]:
        booster, classes = grow_trees(table[train], class_id[train], parameters)
        return np.asarray(classes[np.asarray(booster.predict(table[test], num_threads=1)).argmax(axis=1)])

    return predict


def _pooled(
    class_id: NDArray[np.integer], repeats: Sequence[Sequence[Split]], predict: _Predict
) -> NDArray[np.float64]:
    """Return the accuracy of each repeat over all its test samples."""
    scores = []
    for splits in repeats:
        right = [predict(train, test) == class_id[test] for train, test in splits]
        scores.append(float(np.concatenate(right).mean()))
    return np.array(scores)
