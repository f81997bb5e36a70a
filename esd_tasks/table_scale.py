"""Centring and scaling of tables, fitted on rows that need no labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CONSTANT = 1e-9


@dataclass(frozen=True, kw_only=True)
class TableScale:
    """Mean and deviation of the columns of a table."""

    mean: NDArray[np.float64]
    """Shape (k,)."""

    deviation: NDArray[np.float64]
    """Standard deviation (n), shape (k,); 0 for columns that are constant or missing."""

    def apply(self, table: NDArray[np.floating]) -> NDArray[np.float64]:
        """Centre and scale the columns of a table (n, k); missing values and constant columns become 0."""
        scale = np.where(self.deviation > _CONSTANT, self.deviation, np.inf)
        return np.asarray(np.nan_to_num((np.asarray(table, dtype=np.float64) - self.mean) / scale))

    def as_dict(self) -> dict[str, Any]:
        """Return the scale as JSON content."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}


def scale_of(table: NDArray[np.floating]) -> TableScale:
    """Return mean and deviation of the columns of a table (n, k), NaN where missing."""
    source = np.asarray(table, dtype=np.float64)
    seen = ~np.isnan(source)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, source, 0).sum(axis=0) / count
    deviation = np.sqrt((np.where(seen, source - mean, 0) ** 2).sum(axis=0) / count)
    return TableScale(mean=mean, deviation=deviation)
