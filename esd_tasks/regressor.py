"""Trees that predict a quantity from level indices: LightGBM with the settings of the classifier.

Trees only compare, so the levels need neither centring nor scale, and what they predict never leaves the range of the
samples.
"""

from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.classifier import DATASET_SETTINGS, TreeParameters
from stactools_esd.errors import LabelsError

LEAST_SAMPLES: Final = 10
"""Samples that a model needs at least."""


def grow_regression(
    features: NDArray[Any],
    target: ArrayLike,
    parameters: TreeParameters,
    *,
    weight: ArrayLike | None = None,
    quantile: float | None = None,
    names: tuple[str, ...] | None = None,
) -> lightgbm.Booster:
    """Train LightGBM to predict a quantity: one thread, deterministic, quiet.

    Args:
        features: Shape (n, k), integers or floats; NaN is missing.
        target: Finite numbers of shape (n,).
        parameters: How trees are grown; a leaf needs a twentieth of the samples, at least 1 and at most 20.
        weight: Weight of each sample, (n,).
        quantile: Predict this quantile (pinball loss) in place of the mean (squared error).
        names: Feature names.

    Raises:
        LabelsError: Too few samples, lengths that differ, or a target that is not finite.
    """
    values = np.asarray(target, dtype=np.float64)
    if values.ndim != 1 or len(features) != len(values):
        raise LabelsError(f"got {len(features)} rows of features and targets {values.shape}, expected one a row")
    if len(values) < LEAST_SAMPLES:
        raise LabelsError(f"got {len(values)} samples, expected {LEAST_SAMPLES} or more; give more labels")
    if not np.isfinite(values).all():
        raise LabelsError("got a target that is not a finite number, expected numbers; leave those samples out")
    data = lightgbm.Dataset(
        features,
        label=values,
        weight=None if weight is None else np.asarray(weight, dtype=np.float64),
        feature_name="auto" if names is None else list(names),
        params=dict(DATASET_SETTINGS),
    )
    objective = {"objective": "regression"} if quantile is None else {"objective": "quantile", "alpha": quantile}
    settings = parameters.settings(min_data_in_leaf=max(1, min(parameters.max_min_data_in_leaf, len(values) // 20)))
    return lightgbm.train(objective | settings, data, num_boost_round=parameters.rounds)
