"""What a distance between two years is where nothing happened: the population's own, year pair by year pair.

Years differ in weather, sensors and clear observations, and every pixel feels it. So a distance is judged against what
a typical pixel of the same tiles shows for the same two years, never against a fixed number.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stactools_esd.errors import NothingFoundError
from stactools_esd.fsq import codes_to_vectors

MAD_SCALE: Final = 1.4826
"""A median absolute deviation times this is the standard deviation of a normal distribution."""

LEAST_POPULATION: Final = 50
"""Pixels below which no typical pixel can be told."""

MOST_BINS: Final = 5
"""Bins of clear observations of a year pair, at most."""

PER_BIN: Final = 400
"""Pixels of the population in each bin, at least."""

MOST_KINDS: Final = 16
"""Kinds of pixels, at most. On simulated pairs of years, 16 doubled the average precision that one kind reached."""

PER_KIND: Final = 150
"""Pixels of the population for each kind, on average, at least."""

_SHRINK: Final = 20
"""Pixels' worth of weight that the median and spread of all pixels keep in those of a kind."""

_SMALLEST: Final = 1e-3
"""Spreads and medians of distances are not taken for less: a fifteenth of one level of one of 72."""

_ROWS: Final = 65_536


@dataclass(frozen=True, kw_only=True)
class PairNoise:
    """What a distance between two years usually is: by clear observations, and by what a pixel was in the first year.

    Fields that rotate differ more from year to year than forests do; were all pixels measured by one median, a map of
    change would be a map of fields.
    """

    edges: tuple[float, ...]
    """Clear observations of the poorer year at which the next bin starts, ascending; none for a single bin."""

    factors: tuple[float, ...]
    """Median distance of each bin over that of all pixels."""

    kinds: NDArray[np.float32]
    """Middles of the kinds of pixels among the vectors of the first year (k, 72)."""

    median: tuple[float, ...]
    """Median distance of each kind, its pixels' distances over the factors of their bins."""

    spread: tuple[float, ...]
    """1.4826 times the median absolute deviation of the same."""

    n: int
    """Pixels of the population."""

    def score(
        self, distance: NDArray[np.floating], clear: NDArray[np.integer], before: NDArray[np.uint16]
    ) -> NDArray[np.float32]:
        """Return distances in robust standard deviations from the median of their kind, (n,).

        Args:
            distance: Distances of pixels, (n,).
            clear: Clear observations of the poorer of their two years, (n,).
            before: Codes of the first year, (n, 12).
        """
        factor = np.array(self.factors)[np.searchsorted(np.array(self.edges), clear, side="right")]
        kind = _nearest(before, self.kinds)
        median, spread = np.array(self.median)[kind], np.array(self.spread)[kind]
        return np.asarray((distance / factor - median) / spread, dtype=np.float32)


def pair_noise(
    distance: NDArray[np.floating], clear: NDArray[np.integer], before: NDArray[np.uint16], *, seed: int = 0
) -> PairNoise:
    """Describe the distances of a population between two years.

    Args:
        distance: Distances of pixels drawn without regard to change, (n,); up to half of each kind may have changed.
        clear: Clear observations of the poorer of their two years, (n,).
        before: Codes of the first year, (n, 12).
        seed: Decides how kinds are found (k-means on vectors).

    Raises:
        NothingFoundError: There are too few pixels.
    """
    from sklearn.cluster import MiniBatchKMeans

    if (n := len(distance)) < LEAST_POPULATION:
        raise NothingFoundError(
            f"got {n} pixels with data in both years, expected {LEAST_POPULATION} or more to tell a usual distance "
            "from a change; choose other years or a lower --min-clear"
        )
    bins = int(np.clip(n // PER_BIN, 1, MOST_BINS))
    edges = np.unique(np.quantile(clear, np.arange(1, bins) / bins, method="higher"))
    edges = edges[edges > clear.min()]
    place = np.searchsorted(edges, clear, side="right")
    whole = max(float(np.median(distance)), _SMALLEST)
    factors = np.array([max(float(np.median(distance[place == k])), _SMALLEST) / whole for k in range(len(edges) + 1)])
    even = distance / factors[place]
    k = int(np.clip(n // PER_KIND, 1, MOST_KINDS))
    dealer = MiniBatchKMeans(k, random_state=seed, n_init=3)
    kinds = np.asarray(dealer.fit(_vectors(before)).cluster_centers_, dtype=np.float32)
    kind = _nearest(before, kinds)
    all_median, all_spread = _middle(even)
    medians, spreads = [], []
    for number in range(len(kinds)):
        own = even[kind == number]
        median, spread = _middle(own) if len(own) else (all_median, all_spread)
        share = len(own) / (len(own) + _SHRINK)
        medians.append(share * median + (1 - share) * all_median)
        spreads.append(max(share * spread + (1 - share) * all_spread, _SMALLEST))
    return PairNoise(
        edges=tuple(map(float, edges)),
        factors=tuple(map(float, factors)),
        kinds=kinds,
        median=tuple(medians),
        spread=tuple(spreads),
        n=n,
    )


def _middle(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return median and 1.4826 times the median absolute deviation."""
    median = float(np.median(values))
    return median, MAD_SCALE * float(np.median(np.abs(values - median)))


def _vectors(codes: NDArray[np.uint16]) -> NDArray[np.float32]:
    return codes_to_vectors(codes).reshape(len(codes), -1)


def _nearest(codes: NDArray[np.uint16], kinds: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the kind whose middle is nearest to each pixel's vector, (n,)."""
    out = np.empty(len(codes), np.intp)
    lengths = (kinds**2).sum(axis=1)
    for first in range(0, len(codes), _ROWS):
        rows = slice(first, first + _ROWS)
        out[rows] = (lengths - 2 * _vectors(codes[rows]) @ kinds.T).argmin(axis=1)
    return out


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
