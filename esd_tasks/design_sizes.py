"""How many reference samples a map needs, and how they are shared out among its classes.

After Olofsson et al. 2014 (Remote Sensing of Environment 148, 42-57), section 5.1, and Cochran 1977 (Sampling
Techniques, 3rd ed.), eq. 5.25. All of it rests on accuracies that one only expects; the assessment itself does not.
"""

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stactools_esd.errors import UsageError

Allocation = Literal["olofsson", "proportional", "equal", "neyman"]
"""How samples are shared out."""

ALLOCATIONS: Final[tuple[Allocation, ...]] = ("olofsson", "proportional", "equal", "neyman")
"""`olofsson`: a minimum for rare classes, the rest by area; by area; alike; by area and expected spread."""

LEAST: Final = 2
"""Samples of a stratum, at least: with one there is no standard error."""


def sample_size(weights: ArrayLike, users: ArrayLike, sizes: ArrayLike, standard_error: float) -> int:
    """Return the samples that bring the standard error of overall accuracy to a wish.

    `n = (sum W_i S_i)^2 / (S(O)^2 + sum W_i S_i^2 / N)` with `S_i = sqrt(U_i (1 - U_i))`, for samples shared out by
    `W_i S_i`.

    Args:
        weights: Share of each stratum, (H,).
        users: Expected user's accuracy of each, 0..1, (H,).
        sizes: Pixels of each, (H,).
        standard_error: Wish for the standard error of overall accuracy.
    """
    w, u = np.asarray(weights, dtype=np.float64), np.asarray(users, dtype=np.float64)
    spread = np.sqrt(u * (1 - u))
    below = standard_error**2 + float((w * spread**2).sum()) / float(np.sum(sizes))
    return math.ceil(float((w * spread).sum()) ** 2 / below - 1e-9)


def least(sizes: ArrayLike, allocation: Allocation, minimum: int) -> NDArray[np.int64]:
    """Return how many samples each stratum gets at least: never more than it has pixels.

    Args:
        sizes: Pixels of each stratum, (H,).
        allocation: One of `ALLOCATIONS`.
        minimum: Samples of a rare class under `olofsson`.
    """
    return np.minimum(np.asarray(sizes, dtype=np.int64), minimum if allocation == "olofsson" else LEAST)


def allocate(
    total: int,
    weights: ArrayLike,
    users: ArrayLike,
    sizes: ArrayLike,
    *,
    allocation: Allocation = "olofsson",
    minimum: int = 50,
) -> NDArray[np.int64]:
    """Share samples out among strata.

    A stratum that would get less than its least (`least`) gets that, one that would get more than its pixels gets
    these, and the others share the rest; fractions are rounded so that the sum is kept (largest remainders).

    Args:
        total: Samples in all.
        weights: Share of each stratum, (H,).
        users: Expected user's accuracy of each, (H,).
        sizes: Pixels of each, (H,).
        allocation: One of `ALLOCATIONS`.
        minimum: Samples of a rare class under `olofsson`; Olofsson et al. advise 50 to 100.

    Returns:
        Samples of each stratum, (H,).

    Raises:
        UsageError: The total is too small for all strata, or larger than the map.
    """
    w, u = np.asarray(weights, dtype=np.float64), np.asarray(users, dtype=np.float64)
    pixels = np.asarray(sizes, dtype=np.int64)
    floors = least(pixels, allocation, minimum)
    if not int(floors.sum()) <= total <= int(pixels.sum()):
        raise UsageError(
            f"got {total} samples for {len(w)} classes, expected {int(floors.sum())} (the least for every class) to "
            f"{int(pixels.sum())} (all pixels); change --total, --minimum or --allocation"
        )
    spread = np.sqrt(u * (1 - u))
    wish = {"equal": np.ones_like(w), "neyman": w * spread if (w * spread).any() else w}.get(allocation, w)
    found = np.zeros(len(w), dtype=np.int64)
    open_ = np.ones(len(w), dtype=np.bool_)
    while open_.any():
        shared = np.where(open_, wish, 0.0)
        if not shared.any():
            shared = np.where(open_, w, 0.0)
        quota = (total - found.sum()) * shared / shared.sum()
        low, high = open_ & (quota < floors), open_ & (quota > pixels)
        if not low.any() and not high.any():
            found[open_] = _rounded(quota[open_], total - int(found.sum()))
            break
        if (floors - quota)[low].sum() >= (quota - pixels)[high].sum():
            found[low], open_[low] = floors[low], False
        else:
            found[high], open_[high] = pixels[high], False
    return found


def overall_standard_error(weights: ArrayLike, users: ArrayLike, sizes: ArrayLike, samples: ArrayLike) -> float:
    """Return the standard error of overall accuracy to expect: `sqrt(sum W_i^2 U_i (1 - U_i) (1 - n_i/N_i) / n_i)`.

    Args:
        weights: Share of each stratum, (H,).
        users: Expected user's accuracy of each, (H,).
        sizes: Pixels of each, (H,).
        samples: Samples of each, (H,).
    """
    w, u = np.asarray(weights, dtype=np.float64), np.asarray(users, dtype=np.float64)
    n = np.asarray(samples, dtype=np.float64)
    return float(np.sqrt((w**2 * u * (1 - u) * (1 - n / np.asarray(sizes)) / n).sum()))


def _rounded(quota: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Round to whole numbers with a given sum: those with the largest remainders are rounded up."""
    whole = np.floor(quota + 1e-9).astype(np.int64)
    order = np.argsort(whole - quota, kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole
