"""How far apart the codes of two years are: by level and by cosine.

The *level distance* is the mean over the 72 levels of |difference| / (L - 1): 0 for equal codes, 1 where every level
went from one end to the other. The *cosine distance* is 1 - cosine of the two 72-vectors: 0..2. Codes themselves are
labels and are never subtracted.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.errors import RasterError
from stactools_esd.fsq import check_codes, codes_to_level_indices
from stactools_esd.product import CHANNELS, FSQ, STEPS

_STRIDE: Final = 28
"""A common multiple of L - 1 for eight and for five levels: |difference| / (L - 1) in whole parts of 28."""

_WHOLE: Final = _STRIDE * CHANNELS
"""The level distance of codes whose every level is at the other end."""


def pair_distances(
    before: NDArray[np.uint16], after: NDArray[np.uint16]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compare the codes of pixels in two years.

    Args:
        before: Codes of one year, (n, 12).
        after: Codes of the other year, (n, 12).

    Returns:
        Level distance 0..1 and cosine distance 0..2, (n,) each. Where one of the vectors has no length the cosine
        distance is 1, where both have none it is 0.

    Raises:
        RasterError: Shapes differ or are no codes.
    """
    one, other = _checked(before), _checked(after)
    if one.shape != other.shape:
        raise RasterError(f"got codes of shapes {one.shape} and {other.shape}, expected equal ones; pair the pixels")
    level, cosine = np.empty(len(one), np.float32), np.empty(len(one), np.float32)
    _compare(one, other, _parts_table(), _vector_table(), level, cosine)
    return level, cosine


def distance_matrix(codes: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Compare every year of pixels with every other.

    Args:
        codes: Shape (years, n, 12).

    Returns:
        Level distances (n, years, years), symmetric, 0 on the diagonal. 2.5 kB a pixel for 25 years: give pixels in
        pieces.

    Raises:
        RasterError: Shapes are wrong, or a number is no code.
    """
    if codes.ndim != 3:
        raise RasterError(f"got codes of shape {codes.shape}, expected (years, n, {STEPS}); stack the years first")
    years, n = codes.shape[:2]
    out = np.zeros((n, years, years), np.float32)
    _compare_years(_checked(codes.reshape(-1, STEPS)).reshape(years, n, STEPS), _parts_table(), out)
    return out


def vector_distance_matrix(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Compare every year of pixels with every other by the mean absolute difference of any numbers.

    Args:
        values: Shape (years, n, k): reflectance, say, to stand beside codes; NaN is left out of the mean.

    Returns:
        Distances (n, years, years); NaN where two years share no number.
    """
    years, n = values.shape[:2]
    out = np.zeros((n, years, years), np.float32)
    for first in range(years):
        for second in range(first + 1, years):
            apart = np.abs(values[first].astype(np.float64) - values[second])
            seen = np.isfinite(apart)
            count = seen.sum(axis=1)
            total = np.where(seen, apart, 0.0).sum(axis=1)
            out[:, first, second] = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
            out[:, second, first] = out[:, first, second]
    return out


def _checked(codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    checked = check_codes(codes)
    if checked.ndim != 2 or checked.shape[1] != STEPS:
        raise RasterError(f"got codes of shape {checked.shape}, expected (n, {STEPS}); give one row a pixel")
    return np.ascontiguousarray(checked)


@cache
def _parts_table() -> NDArray[np.uint8]:
    """Levels of every code in parts of 28, (64000, 6): 384 kB."""
    scale = np.array([_STRIDE // (levels - 1) for levels in FSQ.levels], np.uint8)
    return codes_to_level_indices(np.arange(FSQ.codebook_size)) * scale


@cache
def _vector_table() -> NDArray[np.int8]:
    """Vectors of every code in quarters, which are whole numbers, (64000, 6)."""
    half = np.array([levels // 2 for levels in FSQ.levels])
    quarters = (codes_to_level_indices(np.arange(FSQ.codebook_size)).astype(np.int64) - half) * (4 // half)
    return np.asarray(quarters, dtype=np.int8)


@compiled
def _compare(
    before: NDArray[np.uint16],
    after: NDArray[np.uint16],
    parts: NDArray[np.uint8],
    quarters: NDArray[np.int8],
    level: NDArray[np.float32],
    cosine: NDArray[np.float32],
) -> None:
    for pixel in range(before.shape[0]):
        apart, product, long_before, long_after = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
        for step in range(before.shape[1]):
            a, b = before[pixel, step], after[pixel, step]
            for d in range(parts.shape[1]):
                apart += abs(np.int64(parts[a, d]) - np.int64(parts[b, d]))
                u, v = np.int64(quarters[a, d]), np.int64(quarters[b, d])
                product += u * v
                long_before += u * u
                long_after += v * v
        level[pixel] = apart / _WHOLE
        if long_before > 0 and long_after > 0:
            cosine[pixel] = 1.0 - product / np.sqrt(np.float64(long_before) * np.float64(long_after))
        else:
            cosine[pixel] = 0.0 if long_before == long_after else 1.0


@compiled
def _compare_years(codes: NDArray[np.uint16], parts: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    years, n, steps = codes.shape
    dimensions = parts.shape[1]
    levels = np.empty((years, steps * dimensions), np.uint8)
    for pixel in range(n):
        for year in range(years):
            for step in range(steps):
                code = codes[year, pixel, step]
                for d in range(dimensions):
                    levels[year, step * dimensions + d] = parts[code, d]
        for first in range(years):
            for second in range(first + 1, years):
                apart = np.int64(0)
                for channel in range(steps * dimensions):
                    a, b = np.int64(levels[first, channel]), np.int64(levels[second, channel])
                    apart += a - b if a > b else b - a
                out[pixel, first, second] = apart / _WHOLE
                out[pixel, second, first] = apart / _WHOLE
