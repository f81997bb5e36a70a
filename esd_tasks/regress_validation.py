"""How well a quantity is predicted in blocks without samples: spatial cross-validation of the regression.

What is judged is a label: its prediction is the mean over its pixels. R2 is `1 - sum (y - p)^2 / sum (y - mean y)^2`,
the share of the variance of the tested labels that is explained, negative where their mean would serve better; bias is
mean prediction minus mean reference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.accuracy import TRANSFER_STATEMENT, json_number, mean_and_sd
from esd_tasks.accuracy_content import RANDOM_STATEMENT, accuracy_content, protocol_of
from esd_tasks.classifier import TreeParameters
from esd_tasks.features import feature_names, level_features
from esd_tasks.folds import Folds, random_folds
from esd_tasks.regressor import grow_regression
from esd_tasks.value_samples import ValueSamples

N_FOLDS: Final = 5
"""Folds of the cross-validation."""

MEASURES: Final = ("r2", "rmse", "mae", "bias")
"""Measures by their name."""

INTERVAL_STATEMENT: Final = (
    "The interval holds the stated share of labels in blocks that were left out, by construction (conformalised "
    "quantile regression, Romano et al. 2019). Elsewhere it holds as far as places there are like the samples."
)
"""Stands wherever the interval stands."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Predictions of labels by models that saw none of their fold."""

    reference: NDArray[np.float64]
    """Number of each label, (m,)."""

    predicted: NDArray[np.float64]
    """Its prediction, (m,); NaN where its fold had nothing to train on."""

    fold: NDArray[np.int64]
    """Fold in which each label was tested, (m,)."""

    interval: NDArray[np.float64] | None = None
    """Quantiles of each label before correction, (m, 2), where an interval was asked for."""

    @property
    def pooled(self) -> dict[str, float]:
        """Measures over all labels."""
        return measures(self.reference, self.predicted)

    @property
    def by_fold(self) -> list[dict[str, float]]:
        """Measures of each fold."""
        folds = np.unique(self.fold).tolist()
        return [measures(self.reference[self.fold == one], self.predicted[self.fold == one]) for one in folds]


def measures(reference: NDArray[np.float64], predicted: NDArray[np.float64]) -> dict[str, float]:
    """Return R2, RMSE, MAE and bias of labels that were predicted; NaN where they are undefined."""
    there = ~np.isnan(predicted)
    y, p = reference[there], predicted[there]
    if not len(y):
        return dict.fromkeys(MEASURES, float("nan"))
    error = p - y
    spread = float(((y - y.mean()) ** 2).sum())
    return {
        "r2": 1 - float((error**2).sum()) / spread if len(y) > 1 and spread > 0 else float("nan"),
        "rmse": float(np.sqrt((error**2).mean())),
        "mae": float(np.abs(error).mean()),
        "bias": float(error.mean()),
    }


def cross_validate(
    samples: ValueSamples,
    folds: Folds,
    parameters: TreeParameters,
    *,
    quantiles: tuple[float, float] | None = None,
    on_fold: Callable[[], Any] = lambda: None,
) -> Validation:
    """Predict every label by a model that saw none of its fold.

    Args:
        samples: Pixels and numbers.
        folds: Plan of training and test samples.
        parameters: How trees are grown.
        quantiles: Predict these quantiles, too.
        on_fold: Called after each fold.

    Raises:
        LabelsError: A fold has too few training samples.
    """
    features, weight = level_features(samples.codes), samples.weight
    wanted: list[float | None] = [None, *(quantiles or ())]
    found = np.full((len(samples.value), len(wanted)), np.nan)
    for train, test in folds.splits():
        if len(train):
            for column, quantile in enumerate(wanted):
                booster = grow_regression(
                    features[train],
                    samples.value[train],
                    parameters,
                    weight=weight[train],
                    quantile=quantile,
                    names=feature_names(),
                )
                found[test, column] = booster.predict(features[test], num_threads=1)
        on_fold()
    by_label = np.stack([samples.by_label(column) for column in found.T], axis=1)
    first = np.unique(samples.group, return_index=True)[1]
    return Validation(
        reference=samples.value[first],
        predicted=by_label[:, 0],
        fold=folds.fold[first],
        interval=np.sort(by_label[:, 1:], axis=1) if quantiles else None,
    )


def random_r2(
    samples: ValueSamples, parameters: TreeParameters, *, seed: int, on_fold: Callable[[], Any] = lambda: None
) -> float:
    """Return R2 under a random split: too good where neighbours resemble each other, and printed only as the gap."""
    folds = random_folds(samples, n_folds=N_FOLDS, seed=seed)
    return cross_validate(samples, folds, parameters, on_fold=on_fold).pooled["r2"]


def interval_offset(validation: Validation, level: float) -> float:
    """Return by how much predicted quantiles must be moved apart to hold a share of the labels that were left out.

    `E_i = max(low_i - y_i, y_i - high_i)`; the offset is the `ceil((n + 1) level)`-th smallest of them, the largest
    where there are too few (Romano et al. 2019, Conformalized Quantile Regression, arXiv 1905.03222).

    Args:
        validation: With `interval`.
        level: Share of labels that the interval shall hold, 0..1.
    """
    if validation.interval is None:
        return float("nan")
    there = ~np.isnan(validation.interval).any(axis=1)
    low, high = validation.interval[there].T
    beyond = np.sort(np.maximum(low - validation.reference[there], validation.reference[there] - high))
    return float(beyond[min(int(np.ceil((len(beyond) + 1) * level)), len(beyond)) - 1])


def accuracy_report(
    validation: Validation,
    random: float,
    folds: Folds,
    samples: ValueSamples,
    *,
    interval: Mapping[str, Any] | None,
    further: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of `accuracy.json`.

    Args:
        validation: Spatial cross-validation.
        random: R2 under a random split.
        folds: Its folds.
        samples: What was validated.
        interval: What is known of the interval, where one was asked for.
        further: What else belongs to the protocol.
    """
    by_fold, pooled = validation.by_fold, validation.pooled
    spread = {name: mean_and_sd([fold[name] for fold in by_fold]) for name in MEASURES}
    n, there = len(validation.reference), ~np.isnan(validation.predicted)
    return accuracy_content(
        {"n": int(there.sum()), **{name: json_number(pooled[name]) for name in MEASURES}},
        kind="spatial cross-validation of a quantity",
        statement=TRANSFER_STATEMENT,
        protocol={
            **protocol_of(folds, n_samples=n, n_tested=int(there.sum())),
            "n_pixels": len(samples.value),
            **further,
        },
        further={
            "folds": {
                name: {
                    "mean": json_number(spread[name][0]),
                    "sd": json_number(spread[name][1]),
                    "values": [json_number(fold[name]) for fold in by_fold],
                }
                for name in MEASURES
            },
            "random_split": {
                "r2": json_number(random),
                "gap": json_number(random - pooled["r2"]),
                "statement": RANDOM_STATEMENT,
            },
            "reference": {
                "min": json_number(float(validation.reference.min())),
                "mean": json_number(float(validation.reference.mean())),
                "max": json_number(float(validation.reference.max())),
                "sd": json_number(float(validation.reference.std(ddof=1))) if n > 1 else None,
            },
            **({"interval": dict(interval)} if interval else {}),
        },
    )
