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

from stactools_esd.product import FSQ, STEPS

SCALE: Final = np.tile([1 / (levels - 1) for levels in FSQ.levels], STEPS)
"""From level indices to 0..1, (72,)."""


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
