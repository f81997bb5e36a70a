"""Estimates of accuracy and area from a probability sample of a map's pixels, with their standard errors.

One set of formulas: those of Stehman 2014 (International Journal of Remote Sensing 35, 4923-4939) for stratified random
samples, whose strata may be anything. Every figure is a mean of an indicator y, or a ratio of the means of two, y over
x. Where the strata are the map's classes and the finite population correction is left out they are, term by term, the
formulas of Olofsson et al. 2014 (Remote Sensing of Environment 148, 42-57); a simple random sample is one stratum.

Where pixels differ in area, as those of a grid of degrees do, and every pixel of a stratum was as likely to be drawn,
each sample counts with the area of its pixel: the share of a stratum's area is `p = sum a_u y_u / sum a_u` (separate
ratio estimator; Cochran 1977, Sampling Techniques, sections 6.1 to 6.10), of variance
`(1 - f) n/(n - 1) sum a_u^2 (y_u - p)^2 / (sum a_u)^2`. With equal areas that is `(1 - f) p (1 - p)/(n - 1)`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.accuracy import ratio
from stactools_esd.errors import LabelsError

Z_95: Final = 1.96
"""Half-width of an interval of 95 % in standard errors, as both papers have it."""


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """Estimates for k classes; a standard error is NaN where a stratum has one sample only."""

    proportions: NDArray[np.float64]
    """Estimated share of area of each pair, (k, k), rows map, columns reference; they sum up to 1."""

    overall: float
    """Overall accuracy."""

    overall_se: float
    """Its standard error."""

    users: NDArray[np.float64]
    """User's accuracies, (k,); NaN where no sample was mapped as the class."""

    users_se: NDArray[np.float64]
    """Their standard errors."""

    producers: NDArray[np.float64]
    """Producer's accuracies, (k,); NaN where no sample is of the class."""

    producers_se: NDArray[np.float64]
    """Their standard errors."""

    shares: NDArray[np.float64]
    """Estimated share of the area of each class by the reference, (k,)."""

    shares_se: NDArray[np.float64]
    """Their standard errors."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Areas of the pixels of samples, in any unit, summed by stratum, map class and reference class."""

    first: NDArray[np.float64]
    """Sums of areas, (H, k, k)."""

    second: NDArray[np.float64]
    """Sums of squared areas, (H, k, k)."""


def estimate(
    counts: ArrayLike,
    weights: ArrayLike,
    *,
    sizes: ArrayLike | None = None,
    possible: ArrayLike | None = None,
    moments: Moments | None = None,
) -> Estimates:
    """Estimate accuracies and areas.

    With `p` the mean of an indicator among the `n_h` samples of a stratum and `s^2 = n_h/(n_h - 1) p (1 - p)`:
    `Y = sum W_h p_h`, `V(Y) = sum W_h^2 (1 - f_h) s^2_h / n_h` (Stehman 2014 eq. 3 and 25), and for a ratio
    `V(Y/X) = 1/X^2 sum W_h^2 (1 - f_h) (s^2_y + R^2 s^2_x - 2 R s_xy) / n_h` (eq. 27 and 28). User's accuracy has
    y = mapped as i and right, x = mapped as i; producer's accuracy y = of reference j and right, x = of reference j.

    Args:
        counts: Samples by stratum, map class and reference class, (H, k, k).
        weights: Share of each stratum, (H,), summing up to 1.
        sizes: Pixels of each stratum, (H,), for the finite population correction `f_h = n_h / N_h`; None leaves it
            out, as Olofsson et al. do.
        possible: Whether a stratum holds a map class at all, (H, k). Where it does not, its samples have nothing to
            say of that class's user's accuracy, however few they are. All True if None.
        moments: Sums of the samples' pixel areas and of their squares, where pixels differ in area.

    Raises:
        LabelsError: A stratum has no sample, or more samples than pixels.
    """
    n = np.asarray(counts, dtype=np.float64)
    share = np.asarray(weights, dtype=np.float64)
    size = n.sum(axis=(1, 2))
    if (size == 0).any():
        raise LabelsError(
            f"got no sample in stratum {int(np.argmin(size)) + 1} of {len(size)}, expected at least 2; "
            "sample it, or leave it out of the population"
        )
    fraction = np.zeros(len(size)) if sizes is None else size / np.asarray(sizes, dtype=np.float64)
    if (fraction > 1).any():
        raise LabelsError("got more samples than pixels in a stratum, expected fewer; check the strata and duplicates")
    there = np.ones(n.shape[:2], dtype=np.bool_) if possible is None else np.asarray(possible, dtype=np.bool_)
    first, second = (n, n) if moments is None else (moments.first, moments.second)
    whole = first.sum(axis=(1, 2))
    means = first / whole[:, None, None]
    squares = second / whole[:, None, None] ** 2
    right = np.einsum("hii->hi", means)
    squares_right = np.einsum("hii->hi", squares)
    spread = _Spread(factor=_factor(share, fraction, size), total=squares.sum(axis=(1, 2)), share=share)
    proportions = np.einsum("h,hij->ij", share, means)
    everywhere = np.ones_like(there)
    users = ratio(share @ right, share @ means.sum(axis=2))
    producers = ratio(share @ right, share @ means.sum(axis=1))
    mapped, of_class = means.sum(axis=2), means.sum(axis=1)
    squares_mapped, squares_of_class = squares.sum(axis=2), squares.sum(axis=1)
    return Estimates(
        proportions=proportions,
        overall=float(proportions.trace()),
        overall_se=float(spread.se(right.sum(axis=1)[:, None], squares_right.sum(axis=1)[:, None])[0]),
        users=users,
        users_se=spread.ratio_se((right, squares_right), (mapped, squares_mapped), users, there),
        producers=producers,
        producers_se=spread.ratio_se((right, squares_right), (of_class, squares_of_class), producers, everywhere),
        shares=share @ of_class,
        shares_se=spread.se(of_class, squares_of_class),
    )


def _factor(
    share: NDArray[np.float64], fraction: NDArray[np.float64], size: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what the spread of a stratum is multiplied with; 0 for a census, NaN for one sample."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = share**2 * (1 - fraction) * size / (size - 1)
    factor[size == 1] = np.nan
    factor[fraction == 1] = 0.0
    return np.asarray(factor)


@dataclass(frozen=True, kw_only=True)
class _Spread:
    """From means of indicators in strata to standard errors."""

    factor: NDArray[np.float64]
    """`W_h^2 (1 - f_h) n_h / (n_h - 1)`, (H,)."""

    total: NDArray[np.float64]
    """Sum of the squared shares of all samples in their stratum's sampled area, (H,); 1 / n_h with equal pixels."""

    share: NDArray[np.float64]
    """Share of each stratum, (H,)."""

    def se(self, y: NDArray[np.float64], square: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard error of the mean of indicators, (k,), from their means and squared shares, (H, k)."""
        sums = square * (1 - y) ** 2 + (self.total[:, None] - square) * y**2
        return np.asarray(np.sqrt(np.maximum((self.factor[:, None] * sums).sum(axis=0), 0.0)))

    def ratio_se(
        self,
        y: tuple[NDArray[np.float64], NDArray[np.float64]],
        x: tuple[NDArray[np.float64], NDArray[np.float64]],
        estimated: NDArray[np.float64],
        there: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Return the standard error of ratios of means, (k,).

        `s^2_y + R^2 s^2_x - 2 R s_xy` is the variance of y - R x. As y is 1 only where x is, that is 1 - R, -R or 0:
        written so, nothing cancels where R is nearly 1.
        """
        rest = y[0] - estimated * x[0]
        sums = y[1] * (1 - estimated - rest) ** 2 + (x[1] - y[1]) * (estimated + rest) ** 2
        sums += (self.total[:, None] - x[1]) * rest**2
        terms = np.where(there, self.factor[:, None] * sums, 0.0)
        return ratio(np.sqrt(np.maximum(terms.sum(axis=0), 0.0)), self.share @ x[0])
