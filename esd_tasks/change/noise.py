"""What a distance between two years is where nothing happened: the population's own, year pair by year pair.

Years differ in weather, sensors and clear observations, and every pixel feels it. So a distance is judged against what
a typical pixel of the same tiles shows for the same two years, never against a fixed number.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stactools_esd.errors import NothingFoundError

MAD_SCALE: Final = 1.4826
"""A median absolute deviation times this is the standard deviation of a normal distribution."""

LEAST_POPULATION: Final = 50
"""Pixels below which no typical pixel can be told."""

MOST_BINS: Final = 5
"""Bins of clear observations of a year pair, at most."""

PER_BIN: Final = 400
"""Pixels of the population in each bin, at least."""

_SMALLEST: Final = 1e-3
"""Spreads and medians of distances are not taken for less: a fifteenth of one level of one of 72."""


@dataclass(frozen=True, kw_only=True)
class PairNoise:
    """Median and robust spread of the distances of one year pair, by clear observations of the poorer year."""

    edges: tuple[float, ...]
    """Clear observations at which the next bin starts, ascending; none for a single bin."""

    median: tuple[float, ...]
    """Of the population's distances, one a bin."""

    spread: tuple[float, ...]
    """1.4826 times the median absolute deviation, one a bin."""

    n: int
    """Pixels of the population."""

    def score(self, distance: NDArray[np.floating], clear: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return distances in robust standard deviations from the median of their bin, (n,).

        Args:
            distance: Distances of pixels, (n,).
            clear: Clear observations of the poorer of their two years, (n,).
        """
        place = np.searchsorted(np.array(self.edges), clear, side="right")
        median, spread = np.array(self.median)[place], np.array(self.spread)[place]
        return np.asarray((distance - median) / spread, dtype=np.float32)


def pair_noise(distance: NDArray[np.floating], clear: NDArray[np.integer]) -> PairNoise:
    """Describe the distances of a population between two years.

    Args:
        distance: Distances of pixels drawn without regard to change, (n,); up to half may have changed.
        clear: Clear observations of the poorer of their two years, (n,).

    Raises:
        NothingFoundError: There are too few pixels.
    """
    if (n := len(distance)) < LEAST_POPULATION:
        raise NothingFoundError(
            f"got {n} pixels with data in both years, expected {LEAST_POPULATION} or more to tell a usual distance "
            "from a change; choose other years or a lower --min-clear"
        )
    bins = int(np.clip(n // PER_BIN, 1, MOST_BINS))
    edges = np.unique(np.quantile(clear, np.arange(1, bins) / bins, method="higher"))
    edges = edges[edges > clear.min()]
    place = np.searchsorted(edges, clear, side="right")
    parts = [distance[place == number].astype(np.float64) for number in range(len(edges) + 1)]
    medians = [float(np.median(part)) for part in parts]
    spreads = [
        max(MAD_SCALE * float(np.median(np.abs(part - median))), _SMALLEST)
        for part, median in zip(parts, medians, strict=True)
    ]
    return PairNoise(edges=tuple(map(float, edges)), median=tuple(medians), spread=tuple(spreads), n=n)


def usual_distances(matrix: NDArray[np.floating], usable: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the median distance of a population between every two years.

    Args:
        matrix: Distances (n, years, years).
        usable: Where a pixel has a year, (n, years).

    Returns:
        Medians (years, years), 1 on the diagonal; the median of all pairs where no pixel has both years.

    Raises:
        NothingFoundError: No pair of years is shared by enough pixels.
    """
    years = matrix.shape[1]
    out = np.full((years, years), np.nan)
    for first in range(years):
        for second in range(first + 1, years):
            both = usable[:, first] & usable[:, second]
            if np.count_nonzero(both) >= LEAST_POPULATION:
                out[first, second] = out[second, first] = np.median(matrix[both, first, second])
    if np.isnan(out).all():
        raise NothingFoundError(
            f"got no two years that {LEAST_POPULATION} pixels share, expected some to tell a usual distance from a "
            "change; choose other years or a lower --min-clear"
        )
    usual = np.where(np.isnan(out), np.nanmedian(out), np.maximum(out, _SMALLEST))
    np.fill_diagonal(usual, 1.0)
    return np.asarray(usual, dtype=np.float32)


def year_weights(clear_obs: ArrayLike, usable: ArrayLike, full_clear: float) -> NDArray[np.float32]:
    """Return how much each year of a pixel counts: clear observations over `full_clear`, at most 1; 0 if unusable.

    Args:
        clear_obs: Clear observations, any shape.
        usable: Where the year has codes that may be used, the same shape.
        full_clear: Observations with which a year counts fully, positive.
    """
    share = np.clip(np.asarray(clear_obs, dtype=np.float32) / np.float32(full_clear), 0.05, 1.0)
    return np.where(np.asarray(usable), share, np.float32(0.0)).astype(np.float32)
