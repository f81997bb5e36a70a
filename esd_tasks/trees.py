"""Trees of LightGBM on tables of numbers: how they are grown, and nothing of codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stactools_esd.errors import LabelsError

if TYPE_CHECKING:
    import lightgbm


@dataclass(frozen=True, kw_only=True)
class TreeParameters:
    """What the trees are grown with; unless weighed, every sample counts the same, so maps follow their shares."""

    rounds: int = 200
    """Boosting rounds; each grows one tree a class."""

    num_leaves: int = 31
    """Leaves of a tree at most."""

    learning_rate: float = 0.1
    """Shrinkage of each tree."""

    feature_fraction: float = 0.5
    """Share of the 72 features that each tree may use."""

    lambda_l2: float = 1.0
    """Ridge penalty on leaf values."""

    max_min_data_in_leaf: int = 20
    """`min_data_in_leaf` for many samples; see `min_data_in_leaf` for few."""

    balance: bool = False
    """Every class counts the same in training, however many samples it has."""

    seed: int = 0
    """Seed of LightGBM."""

    def min_data_in_leaf(self, smallest_class: int) -> int:
        """Return samples a leaf must have: a quarter of the smallest class, at least 1 and at most 20.

        Without this a class of fewer than about 20 samples could never have a leaf of its own.

        Args:
            smallest_class: Number of training samples of the rarest class.
        """
        return max(1, min(self.max_min_data_in_leaf, smallest_class // 4))

    def settings(self, *, min_data_in_leaf: int) -> dict[str, Any]:
        """Return the same as LightGBM takes it: one thread, deterministic, quiet."""
        return {
            "num_leaves": self.num_leaves,
            "learning_rate": self.learning_rate,
            "feature_fraction": self.feature_fraction,
            "lambda_l2": self.lambda_l2,
            "min_data_in_leaf": min_data_in_leaf,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }


DATASET_SETTINGS: Final[Mapping[str, Any]] = {"min_data_in_bin": 1, "feature_pre_filter": False, "verbosity": -1}
"""How LightGBM bins a table: every level is a bin of its own, however rare, so that splits are exact."""


def grow_trees(
    features: NDArray[Any],
    class_id: ArrayLike,
    parameters: TreeParameters,
    *,
    names: Sequence[str] | None = None,
    weight: ArrayLike | None = None,
) -> tuple["lightgbm.Booster", NDArray[np.int64]]:
    """Train LightGBM on any table of features: one thread, deterministic, quiet.

    Args:
        features: Shape (n, k), integers or floats; NaN is missing.
        class_id: Integers of shape (n,).
        parameters: How trees are grown.
        names: Feature names.
        weight: Weight of each sample, positive, shape (n,); they all count the same if None.

    Returns:
        The model, whose prediction has one column a class, and the class_id of each column.

    Raises:
        LabelsError: Fewer than two classes, or lengths that differ.
    """
    import lightgbm

    classes, targets, counts = np.unique(np.asarray(class_id, dtype=np.int64), return_inverse=True, return_counts=True)
    if len(features) != len(targets):
        raise LabelsError(f"got {len(features)} rows of features and {len(targets)} classes, expected one class a row")
    if len(classes) < 2:
        raise LabelsError(f"got samples of {len(classes)} class, expected two or more; add labels of another class")
    data = lightgbm.Dataset(
        features,
        label=targets,
        weight=class_weights(targets, weight) if parameters.balance else weight,
        feature_name="auto" if names is None else list(names),
        params=dict(DATASET_SETTINGS),
    )
    settings = {
        "objective": "multiclass",
        "num_class": len(classes),
        **parameters.settings(min_data_in_leaf=parameters.min_data_in_leaf(int(counts.min()))),
    }
    return lightgbm.train(settings, data, num_boost_round=parameters.rounds), classes


def class_weights(class_id: ArrayLike, weight: ArrayLike | None = None) -> NDArray[np.float64]:
    """Return weights by which every class counts the same: `n / (k n_c)`, or with weights, `w sum(w) / (k sum_c(w))`.

    Args:
        class_id: Class of each sample, shape (n,).
        weight: Weight of each sample, shape (n,); it tells samples of one class apart.
    """
    _, member = np.unique(np.asarray(class_id), return_inverse=True)
    own = np.ones(len(member)) if weight is None else np.asarray(weight, dtype=np.float64)
    sums = np.bincount(member, weights=own)
    return np.asarray(own * own.sum() / (len(sums) * sums[member]))
