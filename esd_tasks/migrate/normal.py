"""What normal land looks like through the years: a two-level Gaussian model of level features for each class.

A pixel of class c has in year t the levels (each over L - 1, so 0..1)

    x = mean_c + drift_ct + own + noise,    own ~ N(0, between_c),  noise ~ N(0, within_c)

The *content* of a class is its mean and how far its places lie apart (`between`); its *time* is what all its places do
alike in a year (`drift`: weather, sensors) and what each does by itself from year to year (`within`). Both are judged
apart, then together: a field that is another crop every year is normal, a forest that is so is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.product import CHANNELS, FSQ, STEPS

SCALE: Final = np.tile([1 / (levels - 1) for levels in FSQ.levels], STEPS)
"""From level indices to 0..1, (72,)."""

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


def scaled(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return level indices over L - 1: 0..1, of the same shape (.., 72)."""
    return np.asarray(levels * SCALE)


@dataclass(frozen=True, kw_only=True)
class NormalModel:
    """Normal trajectories of k classes."""

    years: NDArray[np.int64]
    """Calendar years, (years,)."""

    class_ids: NDArray[np.int64]
    """Classes, ascending, (k,)."""

    mean: NDArray[np.float64]
    """Mean of each class over places and years, levels over L - 1, (k, 72)."""

    drift: NDArray[np.float64]
    """What all places of a class do alike in a year, (k, years, 72)."""

    between: NDArray[np.float64]
    """Covariance of places about the mean of their class, (k, 72, 72)."""

    within: NDArray[np.float64]
    """Covariance of the years of a place about its own mean, (k, 72, 72)."""

    @property
    def common_drift(self) -> NDArray[np.float64]:
        """What all classes do alike in a year, (years, 72)."""
        return np.asarray(self.drift.mean(axis=0))

    def member_of(self, class_id: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return the position of classes among `class_ids`."""
        return np.searchsorted(self.class_ids, class_id)

    def turned_space(self, member: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return axes of one class on which `within` is 1 and `between` is diagonal: a turn (72, 72) and that diagonal.

        Args:
            member: Position of the class.
        """
        root = np.linalg.inv(np.linalg.cholesky(self.within[member]))
        spread, axes = np.linalg.eigh(root @ self.between[member] @ root.T)
        return np.asarray(axes.T @ root), np.maximum(spread, 0.0)

    def turned(self, values: NDArray[np.float64], member: int, turn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is unusual of levels (.., years, 72) for a class, on its axes."""
        return np.asarray((values - (self.mean[member] + self.drift[member])) @ turn.T)

    def expected(
        self, values: NDArray[np.float64], known: NDArray[np.bool_], class_id: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Return what each sample would show in every year were it what it is in the years that are known.

        The best linear prediction: the class's mean and drift, and the place's own part from its known years, drawn
        to zero where they are few (`between (between + within / m)^-1`).

        Args:
            values: `scaled` levels (n, years, 72).
            known: Years of the sample's own state (n, years): usable ones only.
            class_id: Class of that state (n,).

        Returns:
            Shape (n, years, 72).
        """
        member = self.member_of(class_id)
        usual = self.mean[member][:, None] + self.drift[member]
        count = known.sum(axis=1)
        total = np.where(known[..., None], values - usual, 0.0).sum(axis=1)
        own = np.zeros_like(total)
        for k in np.unique(member):
            for m in np.unique(count[(member == k) & (count > 0)]):
                rows = (member == k) & (count == m)
                gain = np.linalg.solve(self.between[k] + self.within[k] / m, self.between[k])
                own[rows] = (total[rows] / m) @ gain
        return np.asarray(usual + own[:, None])

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "NormalModel":
        """Return the model of `as_arrays`."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})


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
