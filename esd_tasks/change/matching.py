"""Events against reference events: one matches one, within so many years.

User's accuracy is the share of mapped events that have their reference event, producer's accuracy the share of
reference events that have their mapped one; of *footprints*, the same of places that change at all, whatever the year.
Intervals draw places (or blocks of places) again, for events of one place are not independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.accuracy import json_number

TOLERANCES: Final = (0, 1, 2)
"""Years by which a mapped and a reference event may differ."""

DRAWS: Final = 2_000
"""How often places are drawn for an interval."""

_PERCENTILES: Final = (2.5, 97.5)


@dataclass(frozen=True, kw_only=True)
class Matched:
    """Counts of each place."""

    mapped: NDArray[np.int64]
    """Mapped events (n,)."""

    reference: NDArray[np.int64]
    """Reference events (n,)."""

    pairs: dict[int, NDArray[np.int64]]
    """Events of each that found each other, by tolerance in years (n,)."""


def match_events(mapped: Sequence[Sequence[int]], reference: Sequence[Sequence[int]]) -> Matched:
    """Match the events of places; as many pairs as there can be, none twice.

    Args:
        mapped: Years of the mapped events of each place.
        reference: Years of the reference events of the same places.
    """
    pairs = {
        tolerance: np.array([_pairs(a, b, tolerance) for a, b in zip(mapped, reference, strict=True)], np.int64)
        for tolerance in TOLERANCES
    }
    return Matched(
        mapped=np.array([len(years) for years in mapped], np.int64),
        reference=np.array([len(years) for years in reference], np.int64),
        pairs=pairs,
    )


def _pairs(mapped: Sequence[int], reference: Sequence[int], tolerance: int) -> int:
    """Count pairs: taking the earliest that fit, in order, gives as many as any other way."""
    a, b = sorted(mapped), sorted(reference)
    i = j = count = 0
    while i < len(a) and j < len(b):
        if abs(a[i] - b[j]) <= tolerance:
            i, j, count = i + 1, j + 1, count + 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return count


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share with its interval of 95 %."""

    value: float
    """NaN where there is nothing to share."""

    low: float
    """Lower end."""

    high: float
    """Upper end."""

    n: int
    """What it is a share of: events or places."""

    def as_dict(self) -> dict[str, Any]:
        """Return the share as JSON content."""
        return {
            "value": json_number(self.value),
            "low": json_number(self.low),
            "high": json_number(self.high),
            "n": self.n,
        }


def event_accuracy(
    matched: Matched, *, weight: ArrayLike | None = None, cluster: ArrayLike | None = None, seed: int = 0
) -> dict[str, Share]:
    """Return user's and producer's accuracy at every tolerance and of footprints.

    Args:
        matched: Counts of each place.
        weight: What each place stands for, e.g. the inverse of its chance of being drawn (n,); equal if None.
        cluster: Places that are drawn together (n,); each alone if None.
        seed: The same seed gives the same intervals.

    Returns:
        `users_0`, `producers_0`, .. for each tolerance, `users_footprint`, `producers_footprint`.
    """
    n = len(matched.mapped)
    weights = np.ones(n) if weight is None else np.asarray(weight, np.float64)
    member = np.unique(np.arange(n) if cluster is None else np.asarray(cluster), return_inverse=True)[1].reshape(-1)
    changed, shown = matched.reference > 0, matched.mapped > 0
    parts: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {}
    for tolerance, pairs in matched.pairs.items():
        parts[f"users_{tolerance}"] = pairs, matched.mapped
        parts[f"producers_{tolerance}"] = pairs, matched.reference
    parts["users_footprint"] = changed & shown, shown
    parts["producers_footprint"] = changed & shown, changed
    groups = int(member.max()) + 1 if n else 0
    draws = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / max(groups, 1)), DRAWS) if n else None
    return {name: _share(above, below, weights, member, draws) for name, (above, below) in parts.items()}


def _share(
    above: NDArray[Any], below: NDArray[Any], weight: NDArray[np.float64], member: NDArray[np.intp], draws: Any
) -> Share:
    n = int(below.sum())
    if n == 0:
        return Share(value=float("nan"), low=float("nan"), high=float("nan"), n=0)
    over = np.bincount(member, weights=weight * above)
    under = np.bincount(member, weights=weight * below)
    total = draws @ under
    redrawn = np.divide(draws @ over, total, out=np.full(len(draws), np.nan), where=total > 0)
    low, high = np.nanpercentile(redrawn, _PERCENTILES)
    return Share(value=float(over.sum() / under.sum()), low=float(low), high=float(high), n=n)
