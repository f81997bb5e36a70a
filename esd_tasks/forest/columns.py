"""What the features of a model are: levels of one or two years, their differences, and other numbers beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.features import level_features
from stactools_esd.product import CHANNELS, FSQ

MOST_LEVEL = max(FSQ.levels) - 1
"""The highest level, and so the largest difference of two."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The features of a model in their order."""

    years: int = 1
    """Years whose 72 levels come first: 1 or 2."""

    differences: bool = False
    """The 72 differences of the levels of two years follow, later less earlier."""

    beside: int = 0
    """Other numbers that come last, `float32`; NaN is missing."""

    @property
    def level_rows(self) -> int:
        """Features that are levels or differences of levels."""
        return CHANNELS * (self.years + self.differences)

    @property
    def count(self) -> int:
        """All features."""
        return self.level_rows + self.beside

    def offset(self, feature: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return what is added to a feature so that it is never negative: 7 for differences, else 0."""
        return np.where((feature >= CHANNELS * self.years) & (feature < self.level_rows), MOST_LEVEL, 0)

    def features(self, years: Sequence[NDArray[np.uint16]], beside: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return the features of pixels as LightGBM takes them: bytes where all are levels, else `float32`.

        Args:
            years: Codes of each year, (n, 12).
            beside: The other numbers, (n, c).
        """
        levels = [level_features(codes) for codes in years]
        if self.count == CHANNELS * self.years:
            return np.concatenate(levels, axis=1)
        parts = [part.astype(np.float32) for part in levels]
        differences = [parts[1] - parts[0]] if self.differences else []
        return np.concatenate([*parts, *differences, beside.astype(np.float32)], axis=1)
