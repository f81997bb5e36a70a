"""Models on codes that follow scikit-learn: input is codes (n, 12), `uint16`, straight from a tile.

A row whose twelve codes are all 0 has no data. `fit` leaves such rows out, with their targets, and counts them in
`n_nodata_`. Probabilities, similarities and predicted quantities of such rows are NaN; a predicted class is
`nodata_class`, and where that was not given such rows are refused.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from esd_tasks.classifier import TreeParameters, grow_trees
from esd_tasks.code_features import as_codes, code_vectors
from esd_tasks.features import feature_names, level_features
from esd_tasks.forest import Predictor
from esd_tasks.heads import unit
from esd_tasks.regressor import grow_regression
from stactools_esd.errors import LabelsError, RasterError
from stactools_esd.fsq import valid_pixels

_PREDICT_ROWS = 65_536


class _OnCodes(BaseEstimator):  # type: ignore[misc]
    """What the estimators share."""

    def _usable(self, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.uint16], NDArray[Any], NDArray[np.bool_]]:  # noqa: N803
        """Return codes with data, their targets, and which rows those are."""
        codes, targets = as_codes(X), np.asarray(y)
        if targets.shape != (len(codes),):
            raise LabelsError(f"got {len(codes)} rows of codes and targets {targets.shape}, expected one target a row")
        kept = valid_pixels(codes, axis=1)
        if not kept.any():
            raise LabelsError("got no row of codes with data, expected some to train on; give other pixels")
        self.n_features_in_ = codes.shape[1]
        self.n_nodata_ = int((~kept).sum())
        return codes[kept], targets[kept], kept

    def _rows(self, X: ArrayLike, width: int, of_codes: Any) -> NDArray[Any]:  # noqa: N803
        """Return what a function makes of codes with data, (n, width), NaN in rows without."""
        check_is_fitted(self)
        codes = as_codes(X)
        kept = np.flatnonzero(valid_pixels(codes, axis=1))
        rows = np.full((len(codes), width), np.nan)
        for first in range(0, len(kept), _PREDICT_ROWS):
            part = kept[first : first + _PREDICT_ROWS]
            rows[part] = np.asarray(of_codes(codes[part])).reshape(len(part), width)
        return rows

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags


class _Classes(ClassifierMixin, _OnCodes):  # type: ignore[misc]
    """What the classifiers share."""

    nodata_class: Any
    classes_: NDArray[Any]

    def _classes_of(self, scores: NDArray[np.floating]) -> NDArray[Any]:
        """Return the class of the best score of each row, `nodata_class` in rows without data."""
        empty = np.isnan(scores).all(axis=1)
        found = self.classes_[np.where(empty[:, None], 0, scores).argmax(axis=1)]
        if not empty.any():
            return np.asarray(found)
        if self.nodata_class is None:
            raise RasterError(
                f"got {int(empty.sum())} rows without data (all twelve codes 0), expected none; leave them out, or say "
                "with nodata_class what they are called"
            )
        filled = found.astype(np.result_type(found.dtype, np.asarray(self.nodata_class).dtype))
        filled[empty] = self.nodata_class
        return np.asarray(filled)


class CodeClassifier(_Classes):
    """LightGBM on level indices, as `esd-tasks classify` grows it.

    Args:
        rounds: Boosting rounds; each grows one tree a class.
        num_leaves: Leaves of a tree at most.
        learning_rate: Shrinkage of each tree.
        feature_fraction: Share of the 72 features that each tree may use.
        lambda_l2: Ridge penalty on leaf values.
        random_state: Seed.
        n_jobs: Threads of prediction; they do not change the result.
        nodata_class: Class of rows without data.
    """

    def __init__(
        self,
        rounds: int = 200,
        num_leaves: int = 31,
        learning_rate: float = 0.1,
        feature_fraction: float = 0.5,
        lambda_l2: float = 1.0,
        random_state: int = 0,
        n_jobs: int = 1,
        nodata_class: Any = None,
    ) -> None:
        self.rounds = rounds
        self.num_leaves = num_leaves
        self.learning_rate = learning_rate
        self.feature_fraction = feature_fraction
        self.lambda_l2 = lambda_l2
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.nodata_class = nodata_class

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803
        """Train on codes (n, 12) and classes (n,) of any kind, two at least.

        Raises:
            LabelsError: Fewer than two classes, or lengths that differ.
            RasterError: The numbers are no codes.
        """
        codes, classes, _ = self._usable(X, y)
        self.classes_, member = np.unique(classes, return_inverse=True)
        parameters = _tree_parameters(self)
        self.booster_, _ = grow_trees(level_features(codes), member, parameters, names=feature_names())
        self.predictor_ = Predictor(self.booster_)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Return the probability of each class, (n, k) in the order of `classes_`; the model's own, not calibrated."""
        check_is_fitted(self)
        return self._rows(X, len(self.classes_), lambda codes: _predicted(self, codes))

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Return the most probable class of each row, (n,)."""
        return self._classes_of(self.predict_proba(X))


class PrototypeClassifier(_Classes):
    """The class whose mean vector has the most similar direction: one label a class is enough.

    Args:
        nodata_class: Class of rows without data.
    """

    def __init__(self, nodata_class: Any = None) -> None:
        self.nodata_class = nodata_class

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803
        """Average the vectors of each class.

        Raises:
            LabelsError: No row has data, or lengths differ.
            RasterError: The numbers are no codes.
        """
        codes, classes, _ = self._usable(X, y)
        vectors = code_vectors(codes).astype(np.float64)
        self.classes_, member = np.unique(classes, return_inverse=True)
        self.prototypes_ = np.stack([vectors[member == number].mean(axis=0) for number in range(len(self.classes_))])
        return self

    def similarity(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Return the cosine to each prototype, -1..1, (n, k) in the order of `classes_`."""
        check_is_fitted(self)
        directions = unit(self.prototypes_)
        return self._rows(X, len(self.classes_), lambda codes: unit(code_vectors(codes)) @ directions.T)

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Return the class of the most similar prototype of each row, (n,)."""
        return self._classes_of(self.similarity(X))


class CodeRegressor(RegressorMixin, _OnCodes):  # type: ignore[misc]
    """LightGBM regression on level indices, as `esd-tasks regress` grows it.

    Args:
        rounds: Boosting rounds.
        num_leaves: Leaves of a tree at most.
        learning_rate: Shrinkage of each tree.
        feature_fraction: Share of the 72 features that each tree may use.
        lambda_l2: Ridge penalty on leaf values.
        quantile: Predict this quantile, 0..1, in place of the mean.
        random_state: Seed.
        n_jobs: Threads of prediction; they do not change the result.
    """

    def __init__(
        self,
        rounds: int = 200,
        num_leaves: int = 31,
        learning_rate: float = 0.1,
        feature_fraction: float = 0.5,
        lambda_l2: float = 1.0,
        quantile: float | None = None,
        random_state: int = 0,
        n_jobs: int = 1,
    ) -> None:
        self.rounds = rounds
        self.num_leaves = num_leaves
        self.learning_rate = learning_rate
        self.feature_fraction = feature_fraction
        self.lambda_l2 = lambda_l2
        self.quantile = quantile
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Train on codes (n, 12) and finite numbers (n,).

        Raises:
            LabelsError: Too few samples, lengths that differ, or a target that is not finite.
            RasterError: The numbers are no codes.
        """
        codes, target, kept = self._usable(X, y)
        self.booster_ = grow_regression(
            level_features(codes),
            target,
            _tree_parameters(self),
            weight=None if sample_weight is None else np.asarray(sample_weight)[kept],
            quantile=self.quantile,
            names=feature_names(),
        )
        self.predictor_ = Predictor(self.booster_)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Return the quantity of each row, (n,)."""
        check_is_fitted(self)
        return self._rows(X, 1, lambda codes: _predicted(self, codes))[:, 0]


def _predicted(estimator: CodeClassifier | CodeRegressor, codes: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return what the trees predict, (n, k): the bits of `booster_.predict`."""
    estimator.predictor_.threads = estimator.n_jobs
    return estimator.predictor_.predict(codes)


def _tree_parameters(estimator: CodeClassifier | CodeRegressor) -> TreeParameters:
    return TreeParameters(
        rounds=estimator.rounds,
        num_leaves=estimator.num_leaves,
        learning_rate=estimator.learning_rate,
        feature_fraction=estimator.feature_fraction,
        lambda_l2=estimator.lambda_l2,
        seed=estimator.random_state,
    )
