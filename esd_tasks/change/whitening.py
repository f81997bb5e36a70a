"""Distances in which the population's own noise is the same in every direction.

The 72 levels of a pixel differ from year to year together: a gap that is filled otherwise moves many of them at once.
Plain distances are full of such movements. So levels are turned and scaled until the differences of neighbouring years
of a population have the same spread in every direction (the distance of Mahalanobis 1936): what is usual shrinks, and
what is unusual stands out.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.features import level_features
from stactools_esd.product import CHANNELS, FSQ, STEPS

SHRINKAGE: Final = 0.3
"""Share of the covariance that is replaced by equal spread in every direction (Ledoit & Wolf 2004): a population tells
2,556 covariances badly. From simulated and training series."""

TRIMMED: Final = 0.2
"""Share of differences, the largest, that are left out: changes among them."""

_ROUNDS: Final = 3
_ROWS: Final = 4096
_MOST: Final = 200_000
_SCALE: Final = np.tile([1 / (levels - 1) for levels in FSQ.levels], STEPS).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Whitening:
    """A turn and scaling of the 72 levels."""

    turn: NDArray[np.float32]
    """From levels, each over L - 1, to whitened values (72, 72)."""

    def distances(self, codes: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Compare every year of pixels with every other.

        Args:
            codes: Shape (years, n, 12).

        Returns:
            Root mean squares of the differences of whitened values (n, years, years): 1.4 between neighbouring years
            of a usual pixel.
        """
        years, n = codes.shape[:2]
        out = np.empty((n, years, years), np.float32)
        for first in range(0, n, _ROWS):
            rows = slice(first, min(first + _ROWS, n))
            out[rows] = turned_distances(_levels(codes[:, rows]), self.turn)
        return out


def turned_distances(values: NDArray[np.float32], turn: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return root mean squares of the differences of turned vectors, every year with every other (n, years, years).

    Args:
        values: Vectors (years, n, k).
        turn: As `learn_turn` gives it (k, k).
    """
    years, _, k = values.shape
    turned = values.transpose(1, 0, 2) @ turn.T
    turned -= turned.mean(axis=1, keepdims=True)  # smaller numbers lose less below
    square = (turned**2).sum(axis=2)
    apart = square[:, :, None] + square[:, None, :] - 2 * (turned @ turned.transpose(0, 2, 1))
    out = np.sqrt(np.maximum(apart, 0) / k)
    out[:, range(years), range(years)] = 0
    return np.asarray(out, dtype=np.float32)


def learn_whitening(codes: NDArray[np.uint16], usable: NDArray[np.bool_], *, seed: int = 0) -> Whitening:
    """Learn from the differences of neighbouring years of a population.

    Args:
        codes: Shape (years, n, 12).
        usable: Where a pixel has a year (years, n).
        seed: Decides which differences are taken where there are very many.
    """
    both = usable[1:] & usable[:-1]
    year, pixel = np.nonzero(both)
    if len(year) > _MOST:
        kept = np.random.default_rng([seed, 2]).permutation(len(year))[:_MOST]
        year, pixel = year[kept], pixel[kept]
    later, earlier = (_levels(codes[which, pixel][None])[0] for which in (year + 1, year))
    return Whitening(turn=learn_turn(later - earlier))


def learn_turn(differences: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the turn and scaling under which differences of neighbouring years spread alike in every direction.

    Args:
        differences: Of any vectors (m, k); with fewer than there are dimensions nothing is learnt.
    """
    m, k = differences.shape
    turn = np.eye(k)
    if m <= k:
        return turn.astype(np.float32)
    every = differences.astype(np.float64)
    usual = every
    for _ in range(_ROUNDS):
        covariance = usual.T @ usual / len(usual) / 2  # a difference holds the noise of two years
        spread = np.trace(covariance) / k
        if spread == 0:
            break
        covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * spread * np.eye(k)
        turn = np.linalg.inv(np.linalg.cholesky(covariance))
        size = ((every @ turn.T) ** 2).sum(axis=1)
        usual = every[size <= np.quantile(size, 1 - TRIMMED)]
    return turn.astype(np.float32)


def _levels(codes: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return levels over L - 1, (years, n, 72)."""
    years, n = codes.shape[:2]
    return level_features(codes.reshape(-1, STEPS)).reshape(years, n, CHANNELS).astype(np.float32) * _SCALE
