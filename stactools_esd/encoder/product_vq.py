"""A product vector quantiser of 192 bits: 24 parts of a pixel-year, each replaced by one of 256 it has seen.

Twelve codebooks of 16 bits, as the encoder has, could never be fitted: 65,536 centres each want many examples. So
24 codebooks of 8 bits share the principal components (Jegou et al. 2011), handed out so that no codebook has more to
say than another (Ge et al. 2013, parametric solution).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

PARTS: Final = 24
"""Number of codebooks."""

CENTRES: Final = 256
"""Centres of a codebook: 8 bits."""

_ROUNDS: Final = 20
_FITTED: Final = 12_000


class ProductQuantiser:
    """Principal components in 24 groups, each rounded to the nearest of 256 centres."""

    def __init__(self, flat: NDArray[np.float64], seed: int = 0) -> None:
        """Fit on flat pixel-years (n, d); more than 12,000 are thinned at random."""
        rng = np.random.default_rng(seed)
        if len(flat) > _FITTED:
            flat = flat[rng.permutation(len(flat))[:_FITTED]]
        self.mean = flat.mean(axis=0)
        centred = flat - self.mean
        variance, directions = np.linalg.eigh(centred.T @ centred / len(flat))
        variance, directions = variance[::-1], directions[:, ::-1]
        self.groups = hand_out(variance, PARTS * int(np.log2(CENTRES)))
        self.bases = [directions[:, group] for group in self.groups]
        self.codebooks = [fit_centres(centred @ basis, CENTRES, rng) for basis in self.bases]

    def __call__(self, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compress and rebuild flat pixel-years (n, d)."""
        rebuilt = np.tile(self.mean, (len(flat), 1))
        for basis, centres in zip(self.bases, self.codebooks, strict=True):
            rebuilt += centres[nearest((flat - self.mean) @ basis, centres)] @ basis.T
        return rebuilt


def hand_out(variance: NDArray[np.float64], bits: int) -> list[list[int]]:
    """Divide components among `PARTS` groups so that each has about as many bits to say.

    A component deserves half the binary logarithm of its variance over the noise that `bits` bits leave on all
    (reverse water-filling); the most deserving go first, each to the group that has least. Components that deserve
    nothing are left out.

    Args:
        variance: Variances of the components, descending, (d,).
        bits: Bits of all groups together.

    Returns:
        Component numbers of each group that got any.
    """
    variance = np.maximum(variance, 1e-15)
    kept, level = 1, 0.0
    for count in range(1, len(variance) + 1):
        noise = 2 ** ((np.log2(variance[:count]).sum() - 2 * bits) / count)
        if variance[count - 1] <= noise:
            break
        kept, level = count, noise
    groups: list[list[int]] = [[] for _ in range(PARTS)]
    loads = np.zeros(PARTS)
    for component in range(kept):
        least = int(np.argmin(loads))
        groups[least].append(component)
        loads[least] += 0.5 * np.log2(variance[component] / level)
    return [group for group in groups if group]


def fit_centres(points: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Place centres among points (n, d) by k-means (Lloyd 1982), started from points spread by k-means++.

    Where there are no more points than centres, the points are the centres.
    """
    if len(points) <= count:
        return points.copy()
    centres = _spread_out(points, count, rng)
    for _ in range(_ROUNDS):
        cell = nearest(points, centres)
        held = np.bincount(cell, minlength=count)
        total = np.zeros_like(centres)
        np.add.at(total, cell, points)
        centres = np.where(held[:, None] > 0, total / np.maximum(held, 1)[:, None], centres)
        if empty := int((held == 0).sum()):
            # A centre that holds nothing moves to where the error is largest.
            far = np.argsort(((points - centres[cell]) ** 2).sum(axis=1))[::-1][:empty]
            centres[held == 0] = points[far]
    return centres


def _spread_out(points: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw first centres, each in proportion to its square distance from those before (Arthur & Vassilvitskii 2007)."""
    chosen = [int(rng.integers(len(points)))]
    distance = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(count - 1):
        total = distance.sum()
        chance = distance / total if total > 0 else np.full(len(points), 1 / len(points))
        chosen.append(int(rng.choice(len(points), p=chance)))
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return points[chosen].copy()


def nearest(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of the nearest centre of each point (n,)."""
    cells = []
    half = 0.5 * (centres**2).sum(axis=1)
    for first in range(0, len(points), 4_096):
        cells.append(np.argmin(half - points[first : first + 4_096] @ centres.T, axis=1))
    return np.concatenate(cells) if cells else np.zeros(0, dtype=np.int64)
