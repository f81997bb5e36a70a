"""Features of codes for scikit-learn: level indices, vectors or one-hot, as a transformer.

Nothing here may take codes as quantities: a code is a label in mixed radix, and only its digits have an order.
"""

from typing import Any, Final, Literal, Self, get_args

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from esd_tasks.features import feature_names, level_features
from stactools_esd.errors import RasterError, UsageError
from stactools_esd.fsq import check_codes, level_indices_to_vectors, valid_pixels
from stactools_esd.product import CHANNELS, FSQ, STEPS

Kind = Literal["levels", "vectors", "one-hot"]
"""What codes are turned into."""

Nodata = Literal["error", "nan"]
"""What becomes of rows whose twelve codes are all 0."""

_LEVELS: Final = np.tile(np.array(FSQ.levels), STEPS)
"""Number of levels of each of the 72 features."""

_FIRST: Final = np.concatenate([[0], np.cumsum(_LEVELS)])
"""Where the columns of each feature begin in a one-hot table; the last entry is the number of columns, 468."""


class CodeFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn codes (n, 12) into features that a model may take.

    - `levels`: the 72 level indices, `uint8`: ordered, for trees.
    - `vectors`: the 72 values -1..1, `float32`: for distances, linear models and neural networks.
    - `one-hot`: a sparse matrix (n, 468), `float32`: a column a level, for linear models that should know no order.

    A row whose twelve codes are all 0 has no data. With `nodata="error"` it is refused; with `nodata="nan"` its
    features are NaN (`float32`, also for levels), and its one-hot columns all 0.

    Args:
        kind: What to make.
        nodata: What becomes of rows without data.
    """

    def __init__(self, kind: Kind = "levels", nodata: Nodata = "error") -> None:
        self.kind = kind
        self.nodata = nodata

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: N803, ARG002 - scikit-learn's names
        """Check options and codes; there is nothing to learn.

        Args:
            X: Codes, integers of shape (n, 12).
            y: Ignored.

        Raises:
            UsageError: An option is unknown.
            RasterError: The numbers are no codes.
        """
        self._check_options()
        self.n_features_in_ = as_codes(X).shape[1]
        return self

    def transform(self, X: ArrayLike) -> Any:  # noqa: N803
        """Return the features of codes, (n, 72) or a sparse (n, 468).

        Raises:
            UsageError: An option is unknown.
            RasterError: The numbers are no codes, or a row has no data and `nodata` is `error`.
        """
        self._check_options()
        codes = as_codes(X)
        empty = ~valid_pixels(codes, axis=1)
        if self.nodata == "error" and empty.any():
            raise RasterError(
                f"got {int(empty.sum())} rows without data (all twelve codes 0), expected none; leave them out by "
                "stactools_esd.fsq.valid_pixels(codes, axis=1), or take nodata='nan'"
            )
        levels = level_features(codes)
        if self.kind == "one-hot":
            return _one_hot(levels, empty)
        table = levels if self.kind == "levels" else vectors_of(levels)
        if not empty.any():
            return table
        table = table.astype(np.float32)
        table[empty] = np.nan
        return table

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return the names of the features: `step_01_d1`, ..; of one-hot columns `step_01_d1=0`, .."""
        names = feature_names()
        if self.kind == "one-hot":
            names = tuple(
                f"{name}={level}" for name, n in zip(names, _LEVELS.tolist(), strict=True) for level in range(n)
            )
        return np.array(names, dtype=object)

    def _check_options(self) -> None:
        for option, value, known in (("kind", self.kind, get_args(Kind)), ("nodata", self.nodata, get_args(Nodata))):
            if value not in known:
                raise UsageError(f"got {option}={value!r}, expected one of {', '.join(known)}; choose one of them")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.positive_only = True
        return tags


def as_codes(X: ArrayLike) -> NDArray[np.uint16]:  # noqa: N803
    """Return codes of shape (n, 12), from an array or a data frame.

    Raises:
        RasterError: The shape is another, or a number is no code.
    """
    codes = np.asarray(X)
    if codes.ndim != 2 or codes.shape[1] != STEPS:
        raise RasterError(f"got codes of shape {codes.shape}, expected (n, {STEPS}); give one row a pixel-year")
    return check_codes(codes)


def vectors_of(levels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Turn level indices (n, 72) into vectors (n, 72)."""
    return level_indices_to_vectors(levels.reshape(-1, STEPS, FSQ.dimensions)).reshape(-1, CHANNELS)


def code_vectors(codes: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the 72 values -1..1 of pixels, (n, 72), from their codes (n, 12)."""
    return vectors_of(level_features(codes))


def _one_hot(levels: NDArray[np.uint8], empty: NDArray[np.bool_]) -> Any:
    """Return one column a level, 72 ones a row but none in rows without data."""
    rows = np.flatnonzero(~empty)
    columns = _FIRST[:-1] + levels[rows]
    starts = np.concatenate([[0], np.cumsum(np.where(empty, 0, CHANNELS))])
    ones = np.ones(columns.size, dtype=np.float32)
    return scipy.sparse.csr_matrix((ones, columns.ravel(), starts), shape=(len(levels), int(_FIRST[-1])))
