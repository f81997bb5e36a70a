"""Intervals by the bootstrap: whole clusters are drawn again, so that neighbours do not count as independent.

Percentile intervals (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13). What is compared is drawn
together, so a difference is paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS: Final = 2_000
"""How often clusters are drawn."""

LEVELS: Final = (2.5, 97.5)
"""Percentiles of the ends of an interval of 95 %."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its interval."""

    value: float
    """Of the data as they are."""

    low: float
    """Lower end of the interval."""

    high: float
    """Upper end of the interval."""

    def __str__(self) -> str:
        return f"{self.value:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


def estimate(value: float, redrawn: ArrayLike) -> Estimate:
    """Join a value and the same of every draw, NaN where a draw has none, to an estimate."""
    low, high = np.nanpercentile(np.asarray(redrawn, dtype=np.float64), LEVELS)
    return Estimate(value=float(value), low=float(low), high=float(high))


def cluster_draws(n_clusters: int, *, draws: int = DRAWS, seed: int = 0) -> NDArray[np.float64]:
    """Draw clusters with replacement: how often each is in each draw, shape (draws, n_clusters)."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=draws).astype(np.float64)


def numbered(cluster: ArrayLike) -> tuple[NDArray[np.intp], int]:
    """Number clusters 0..n-1, and count them."""
    names, member = np.unique(np.asarray(cluster), return_inverse=True)
    return member.reshape(-1), len(names)


def mean_estimate(
    parts: Sequence[tuple[NDArray[np.floating], NDArray[np.integer]]], *, draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """Estimate the mean over all values of some sets; the clusters of each set are drawn apart.

    Args:
        parts: For each set its values (n,), for instance differences, and their clusters (n,).
        draws: Number of draws.
        seed: The same seed gives the same interval.
    """
    total, count = np.zeros(draws), np.zeros(draws)
    for number, (values, cluster) in enumerate(parts):
        member, n_clusters = numbered(cluster)
        weights = cluster_draws(n_clusters, draws=draws, seed=seed + number)
        total += weights @ np.bincount(member, weights=values, minlength=n_clusters)
        count += weights @ np.bincount(member, minlength=n_clusters)
    return estimate(float(np.concatenate([values for values, _ in parts]).mean()), total / count)


@dataclass(frozen=True, kw_only=True)
class Wins:
    """How often positives score above negatives, summed by their clusters: what an AUC is made of."""

    table: NDArray[np.float64]
    """Pairs that a positive of cluster i wins against a negative of cluster j, ties half, (n, n)."""

    positives: NDArray[np.float64]
    """Positives of each cluster, (n,)."""

    negatives: NDArray[np.float64]
    """Negatives of each cluster, (n,)."""

    @property
    def auc(self) -> float:
        """Area under the ROC curve: the share of pairs that the positive wins (Hanley & McNeil 1982)."""
        return float(self.table.sum() / (self.positives.sum() * self.negatives.sum()))

    def redrawn(self, *, draws: int = DRAWS, seed: int = 0) -> NDArray[np.float64]:
        """Return the AUC of each draw of clusters, shape (draws,); NaN where a draw lacks one side."""
        weights = cluster_draws(len(self.positives), draws=draws, seed=seed)
        pairs = (weights @ self.positives) * (weights @ self.negatives)
        won = np.einsum("di,ij,dj->d", weights, self.table, weights, optimize=True)
        shares: NDArray[np.float64] = np.divide(won, pairs, out=np.full(draws, np.nan), where=pairs > 0)
        return shares

    def estimate(self, *, seed: int = 0) -> Estimate:
        """Return the AUC with its interval."""
        return estimate(self.auc, self.redrawn(seed=seed))


def wins(score: NDArray[np.floating], positive: NDArray[np.bool_], cluster: NDArray[np.integer]) -> Wins:
    """Compare every positive with every negative.

    Args:
        score: Higher means more likely positive, (n,).
        positive: What each is, (n,).
        cluster: Which are drawn together, (n,).
    """
    member, n_clusters = numbered(cluster)
    order = np.sort(score[~positive])
    negatives = np.eye(n_clusters)[member[~positive][np.argsort(score[~positive], kind="stable")]]
    # Row k: how many of the k lowest negatives each cluster has.
    below = np.vstack([np.zeros(n_clusters), np.cumsum(negatives, axis=0)])
    won = (
        below[np.searchsorted(order, score[positive], side="left")]
        + below[np.searchsorted(order, score[positive], side="right")]
    ) / 2
    table = np.zeros((n_clusters, n_clusters))
    np.add.at(table, member[positive], won)
    return Wins(
        table=table,
        positives=np.bincount(member[positive], minlength=n_clusters).astype(np.float64),
        negatives=np.bincount(member[~positive], minlength=n_clusters).astype(np.float64),
    )


def mean_wins(several: Sequence[Wins]) -> Wins:
    """Average over seeds of an encoder, whose positives and negatives are the same."""
    return Wins(
        table=np.mean([one.table for one in several], axis=0),
        positives=several[0].positives,
        negatives=several[0].negatives,
    )


def auc_gain(one: Wins, other: Wins, *, seed: int = 0) -> Estimate:
    """Estimate how much higher the AUC of one score is than that of another on the same pairs."""
    return estimate(one.auc - other.auc, one.redrawn(seed=seed) - other.redrawn(seed=seed))
