"""The model of normal trajectories fitted to samples of which some changed."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.migrate.normal import NormalModel
from stactools_esd.product import CHANNELS

TOGETHER: Final = 300.0
"""Metres within which samples of a class count as one for what the class does alike in a year."""

DRIFT_SAMPLES: Final = 5.0
"""Samples' worth of weight that the drift of all classes has in that of one class and year."""

WITHIN_YEARS: Final = 60.0
"""Years' worth of weight that the noise of all classes has in that of one."""

BETWEEN_SHARE: Final = 0.3
"""Share that places of all classes have in how far places of one lie apart."""

DIAGONAL_WITHIN: Final = 0.2
"""Share of `within` that is replaced by its diagonal (Ledoit & Wolf 2004): few samples tell 2,556 covariances badly."""

DIAGONAL_BETWEEN: Final = 0.3
"""The same of `between`."""

LEAST_VARIANCE: Final = 2e-3
"""Added to each variance of `within`: a twentieth of a level or so, for levels are whole numbers."""

ROBUST_ROUNDS: Final = 2
"""Rounds in which unusual years lose weight, before the last fit."""

UNUSUAL: Final = 1.5
"""Squared distances up to so many of their class's median count fully, larger ones in inverse proportion (Huber 1981,
Robust Statistics): what happened to a dozen samples in one year must not be taken for noise."""

_LEAST_BETWEEN: Final = 1e-4
_ROUNDS: Final = 3
_FEW_YEARS: Final = 3


def fit_normal(
    values: NDArray[np.float64],
    share: NDArray[np.float64],
    *,
    years: NDArray[np.int64],
    class_ids: NDArray[np.int64],
    weight: NDArray[np.float64] | None = None,
) -> NormalModel:
    """Fit the model to samples whose class in each year is known by its probability.

    Args:
        values: `scaled` levels (n, years, 72).
        share: Probability of each class (n, years, k); 0 in years without data.
        years: Calendar years.
        class_ids: Classes, (k,).
        weight: How much each sample counts for means and drift (n,), as `places_weight` gives it; alike if None.
    """
    usual = share
    for last in (False,) * ROBUST_ROUNDS + (True,):
        mean, drift = _means(values, usual if weight is None else usual * weight[:, None, None])
        within, between = _covariances(values, usual, mean, drift)
        if not last:
            usual = share * _usual(values, usual, mean, drift, within)
    return NormalModel(years=years, class_ids=class_ids, mean=mean, drift=drift, between=between, within=within)


def places_weight(x: NDArray[np.float64], y: NDArray[np.float64], member: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return weights by which samples of a class that lie together count as one, (n,).

    A parcel that is cut with a dozen samples on it must not be taken for what forests do alike in that year.

    Args:
        x: Metres (n,).
        y: Metres (n,).
        member: Class of each sample (n,).
    """
    from scipy.spatial import cKDTree

    weight = np.ones(len(member))
    for c in np.unique(member):
        rows = member == c
        tree = cKDTree(np.column_stack([x[rows], y[rows]]))
        weight[rows] = 1 / tree.query_ball_point(tree.data, TOGETHER, return_length=True)
    return weight


def _means(values: NDArray[np.float64], share: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean (k, 72) and drift (k, years, 72); years in which a class has few samples drift as all classes do."""
    count = share.sum(axis=0).T  # (k, years)
    total = np.einsum("nyk,nyd->kyd", share, values, optimize=True)
    yearly = total / np.maximum(count, 1e-9)[..., None]
    weight = (count / (count + DRIFT_SAMPLES))[..., None]
    whole = np.maximum(count.sum(axis=1), 1e-9)[:, None]
    mean = total.sum(axis=1) / whole
    drift = np.zeros_like(yearly)
    for _ in range(_ROUNDS):
        apart = (yearly - mean[:, None]) * (count > 0)[..., None]
        common = (weight * apart).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-9)
        drift = weight * apart + (1 - weight) * common
        mean = (count[..., None] * (yearly - drift)).sum(axis=1) / whole
    return mean, drift


def _covariances(
    values: NDArray[np.float64], share: NDArray[np.float64], mean: NDArray[np.float64], drift: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `within` and `between` of each class, (k, 72, 72), drawn to those of all classes and to diagonals."""
    k = len(mean)
    within, between, freedom = np.zeros((k, CHANNELS, CHANNELS)), np.zeros((k, CHANNELS, CHANNELS)), np.zeros(k)
    for c in range(k):
        seen = share[:, :, c].sum(axis=1) > 0.5
        weight = share[seen][:, :, c]
        if not len(weight):
            continue
        apart = values[seen] - (mean[c] + drift[c])
        count = weight.sum(axis=1)
        own = np.einsum("ny,nyd->nd", weight, apart, optimize=True) / count[:, None]
        noise = ((apart - own[:, None]) * np.sqrt(weight)[..., None]).reshape(-1, CHANNELS)
        within[c], freedom[c] = noise.T @ noise, np.maximum(count - 1, 0).sum()
        known = np.minimum(count, _FEW_YEARS) / _FEW_YEARS  # an own mean of one year is mostly noise
        between[c] = (own * known[:, None]).T @ own / known.sum()
        between[c] -= within[c] / max(freedom[c], 1.0) * np.average(1 / np.maximum(count, 1), weights=known)
    all_within, all_between = within.sum(axis=0) / max(freedom.sum(), 1.0), between.mean(axis=0)
    for c in range(k):
        pooled = (within[c] + WITHIN_YEARS * all_within) / (freedom[c] + WITHIN_YEARS)
        within[c] = _towards_diagonal(pooled, DIAGONAL_WITHIN) + LEAST_VARIANCE * np.eye(CHANNELS)
        mixed = (1 - BETWEEN_SHARE) * between[c] + BETWEEN_SHARE * all_between
        root, axes = np.linalg.eigh(_towards_diagonal(mixed, DIAGONAL_BETWEEN))
        between[c] = (axes * np.maximum(root, _LEAST_BETWEEN)) @ axes.T
    return within, between


def _usual(
    values: NDArray[np.float64],
    share: NDArray[np.float64],
    mean: NDArray[np.float64],
    drift: NDArray[np.float64],
    within: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return how much each year of each sample counts as one of each class, 0..1, (n, years, k)."""
    out = np.ones(share.shape)
    for c in range(len(mean)):
        weight = share[:, :, c]
        rows = weight.sum(axis=1) > 0.5
        if not rows.any():
            continue
        apart = values[rows] - (mean[c] + drift[c])
        own = np.einsum("ny,nyd->nd", weight[rows], apart, optimize=True) / weight[rows].sum(axis=1)[:, None]
        # Without covariances: a direction in which a dozen years differ would explain them away.
        square = ((apart - own[:, None]) ** 2 / np.diag(within[c])).sum(axis=2)
        middle = float(np.median(square[weight[rows] > 0.5])) if (weight[rows] > 0.5).any() else np.inf
        out[rows, :, c] = np.minimum(1.0, UNUSUAL * middle / np.maximum(square, 1e-9))
    return out


def _towards_diagonal(covariance: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    return np.asarray((1 - share) * covariance + share * np.diag(np.diag(covariance)))
