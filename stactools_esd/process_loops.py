"""The inner loops of the Gaussian process; `gaussian_process` says what they compute.

They stand in one file because numba keeps compiled functions by the file that they are in: a change in another file
would not be noticed.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.covariance import MEAN, NOISE_SCALE, NOISE_VARIANCE, OFFSET_VARIANCE
from stactools_esd.product import BANDS, DAYS

PASSES: Final = 2
"""How often observations are reweighted."""

TOLERATED: Final = 2.0
"""Standardised residual from which an observation loses weight."""


@compiled
def _invert(matrix: NDArray[np.float64], n: int, row: NDArray[np.float64]) -> None:
    """Invert the leading n x n part of a positive definite matrix in its place (Gauss and Jordan, no pivots needed)."""
    for k in range(n):
        pivot = matrix[k]
        scale = 1.0 / pivot[k]
        for j in range(n):
            row[j] = pivot[j] * scale
        row[k] = scale
        for i in range(n):
            if i != k:
                line = matrix[i]
                factor = line[k]
                line[k] = 0.0
                for j in range(n):
                    line[j] -= factor * row[j]
        for j in range(n):
            pivot[j] = row[j]


@compiled
def _correct(
    inverse: NDArray[np.float64],
    n: int,
    weights: NDArray[np.float64],
    heavy: NDArray[np.int64],
    small: NDArray[np.float64],
    rows: NDArray[np.float64],
) -> int:
    """Woodbury's correction for the observations with weights above 1.

    Returns their number r; `heavy` holds where they are, `rows` (r, n) a matrix T for which the inverse that belongs to
    the weights is `inverse` - T'T, and `small` the lower Cholesky factor L with L T = the heavy rows of `inverse`.
    """
    r = 0
    for i in range(n):
        if weights[i] > 1.0:
            heavy[r] = i
            r += 1
    for a in range(r):
        source, line = inverse[heavy[a]], rows[a]
        for b in range(a):
            partial = source[heavy[b]]
            for c in range(b):
                partial -= small[a, c] * small[b, c]
            small[a, b] = partial / small[b, b]
        square = source[heavy[a]] + 1.0 / (NOISE_VARIANCE * (weights[heavy[a]] - 1.0))
        for c in range(a):
            square -= small[a, c] * small[a, c]
        small[a, a] = np.sqrt(square)
        for j in range(n):
            line[j] = source[j]
        for b in range(a):
            factor, above = small[a, b], rows[b]
            for j in range(n):
                line[j] -= factor * above[j]
        scale = 1.0 / small[a, a]
        for j in range(n):
            line[j] *= scale
    return r


@compiled
def _covary(
    days: NDArray[np.int32],
    n: int,
    mirrored: NDArray[np.float64],
    matrix: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    """Write the inverse covariance of n observations of weight 1."""
    reach = len(mirrored) // 2
    for i in range(n):
        for j in range(i + 1):
            matrix[i, j] = mirrored[reach + days[i] - days[j]] + OFFSET_VARIANCE
            matrix[j, i] = matrix[i, j]
        matrix[i, i] += NOISE_VARIANCE
    _invert(matrix, n, scratch)


@compiled
def _apply(
    inverse: NDArray[np.float64],
    n: int,
    values: NDArray[np.float64],
    bands: NDArray[np.bool_],
    plain: NDArray[np.float64],
    alpha: NDArray[np.float64],
) -> None:
    """Multiply the inverse with the values of each band: the solution where all weights are 1, into both arrays."""
    for band in range(len(BANDS)):
        if bands[band]:
            target = plain[band]
            for i in range(n):
                target[i] = 0.0
            for k in range(n):
                line, value = inverse[k], values[band, k]
                for i in range(n):
                    target[i] += line[i] * value
            for i in range(n):
                alpha[band, i] = target[i]


@compiled
def _square(alpha: NDArray[np.float64], bands: NDArray[np.bool_], i: int) -> float:
    """Mean over the bands of the squared solution of observation i."""
    total, held = 0.0, 0
    for band in range(len(BANDS)):
        if bands[band]:
            total += alpha[band, i] * alpha[band, i]
            held += 1
    return total / held


@compiled
def _relax(
    n: int,
    r: int,
    heavy: NDArray[np.int64],
    small: NDArray[np.float64],
    rows: NDArray[np.float64],
    plain: NDArray[np.float64],
    bands: NDArray[np.bool_],
    scratch: NDArray[np.float64],
    alpha: NDArray[np.float64],
) -> None:
    """Correct the solution of each band for the weights that `_correct` was given."""
    for band in range(len(BANDS)):
        if bands[band]:
            target, source = alpha[band], plain[band]
            for i in range(n):
                target[i] = source[i]
            for a in range(r):
                partial = source[heavy[a]]
                for b in range(a):
                    partial -= small[a, b] * scratch[b]
                scratch[a] = partial / small[a, a]
                line, factor = rows[a], scratch[a]
                for i in range(n):
                    target[i] -= line[i] * factor


@compiled
def fit_cases(
    days: NDArray[np.int32],
    count: NDArray[np.int64],
    values: NDArray[np.float64],
    bands: NDArray[np.bool_],
    order: NDArray[np.intp],
    mirrored: NDArray[np.float64],
    alpha: NDArray[np.float64],
    weights: NDArray[np.float64],
    error: NDArray[np.float64],
) -> None:
    """Fit all cases; neighbours in `order` that have the same days share an inverse.

    `mirrored` is the covariance by signed lag.
    """
    size = days.shape[1]
    inverse, small, rows = np.empty((size, size)), np.empty((size, size)), np.empty((size, size))
    scratch, plain, spread = np.empty(size), np.empty((len(BANDS), size)), np.empty(size)
    heavy = np.empty(size, np.int64)
    last = -1
    for case in order:
        n = count[case]
        if n == 0:
            continue
        same = last >= 0 and count[last] == n
        if same:
            for i in range(n):
                same = same and days[last, i] == days[case, i]
        if not same:
            _covary(days[case], n, mirrored, inverse, scratch)
            last = case
        _apply(inverse, n, values[case], bands[case], plain, alpha[case])
        for i in range(n):
            weights[case, i], spread[i] = 1.0, inverse[i, i]
        for _ in range(PASSES):
            for i in range(n):
                squared = _square(alpha[case], bands[case], i) * weights[case, i] / spread[i]
                weights[case, i] = max(1.0, squared / (TOLERATED * TOLERATED))
            r = _correct(inverse, n, weights[case], heavy, small, rows)
            for i in range(n):
                spread[i] = inverse[i, i]
            for a in range(r):
                line = rows[a]
                for i in range(n):
                    spread[i] -= line[i] * line[i]
            _relax(n, r, heavy, small, rows, plain, bands[case], scratch, alpha[case])
        for i in range(n):
            error[case, i] = np.sqrt(_square(alpha[case], bands[case], i)) / spread[i]


@compiled
def predict_cases(
    days: NDArray[np.int32],
    count: NDArray[np.int64],
    alpha: NDArray[np.float64],
    bands: NDArray[np.bool_],
    pixel: NDArray[np.int64],
    mirrored: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Write the expected reflectance of all cases into pixel-years; `mirrored` is the covariance by signed lag."""
    reach = len(mirrored) // 2
    sums = np.empty((len(BANDS), DAYS), np.float32)
    for case in range(len(pixel)):
        for band in range(len(BANDS)):
            constant = 0.0
            for i in range(count[case]):
                constant += alpha[case, band, i]
            sums[band] = np.float32(OFFSET_VARIANCE * constant)
        for i in range(count[case]):
            start = reach - days[case, i]
            near = mirrored[start : start + DAYS]
            for band in range(len(BANDS)):
                if bands[case, band]:
                    factor, target = np.float32(alpha[case, band, i]), sums[band]
                    for day in range(DAYS):
                        target[day] += factor * near[day]
        for band in range(len(BANDS)):
            if bands[case, band]:
                mean, scale = np.float32(MEAN[band]), np.float32(NOISE_SCALE[band])
                for day in range(DAYS):
                    out[pixel[case], day, band] = mean + scale * sums[band, day]


@compiled
def spread_cases(
    days: NDArray[np.int32],
    count: NDArray[np.int64],
    weights: NDArray[np.float64],
    mirrored: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write the standard deviation of all cases; `mirrored` is the covariance by signed lag, with the constant."""
    size, reach = days.shape[1], len(mirrored) // 2
    inverse, scratch, product = np.empty((size, size)), np.empty(size), np.empty(DAYS)
    for case in range(len(count)):
        n = count[case]
        for i in range(n):
            for j in range(n):
                inverse[i, j] = mirrored[reach + days[case, i] - days[case, j]]
            inverse[i, i] += NOISE_VARIANCE * weights[case, i]
        _invert(inverse, n, scratch)
        line = out[case]
        line[:] = mirrored[reach]
        for i in range(n):
            product[:] = 0.0
            for j in range(n):
                start = reach - days[case, j]
                near, factor = mirrored[start : start + DAYS], inverse[i, j]
                for day in range(DAYS):
                    product[day] += factor * near[day]
            start = reach - days[case, i]
            near = mirrored[start : start + DAYS]
            for day in range(DAYS):
                line[day] -= near[day] * product[day]
        for day in range(DAYS):
            line[day] = np.sqrt(max(line[day], 0.0))
