"""How far apart the codes of two years are: by level and by cosine.

The *level distance* is the mean over the 72 levels of |difference| / (L - 1): 0 for equal codes, 1 where every level
went from one end to the other. The *cosine distance* is 1 - cosine of the two 72-vectors: 0..2. Codes themselves are
labels and are never subtracted.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.change.distance_loops import WHOLE, compare_planes
from stactools_esd.compiled import compiled
from stactools_esd.errors import RasterError
from stactools_esd.fsq import check_codes, codes_to_level_indices
from stactools_esd.product import CHANNELS, FSQ, STEPS

_STRIDE: Final = WHOLE // CHANNELS
"""A common multiple of L - 1 for eight and for five levels: |difference| / (L - 1) in whole parts of 28."""


def pair_distances(
    before: NDArray[np.uint16], after: NDArray[np.uint16]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compare the codes of pixels in two years.

    Both distances come from one pass over the codes, in whole numbers: the level distance is exact but for one
    rounding to `float32`, the cosine distance is within one unit in the last place. Beside codes and result next to no
    memory is taken where each step's codes lie together, as files have them: give such arrays turned, `codes.T`.

    Args:
        before: Codes of one year, (n, 12).
        after: Codes of the other year, (n, 12).

    Returns:
        Level distance 0..1 and cosine distance 0..2, (n,) each. Where one of the vectors has no length the cosine
        distance is 1, where both have none it is 0.

    Raises:
        RasterError: Shapes differ or are no codes.
    """
    one, other = _planes(before), _planes(after)
    if one.shape != other.shape:
        raise RasterError(f"got codes of shapes {one.shape} and {other.shape}, expected equal ones; pair the pixels")
    level, cosine = np.empty(one.shape[1], np.float32), np.empty(one.shape[1], np.float32)
    if compare_planes(one, other, level, cosine) >= FSQ.codebook_size:
        check_codes(one)
        check_codes(other)
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
    _compare_years(
        np.ascontiguousarray(_checked(codes.reshape(-1, STEPS))).reshape(years, n, STEPS), _parts_table(), out
    )
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
    return checked


def _planes(codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return codes with the steps first (12, n); not copied, and their range not checked, where they lie so."""
    if codes.dtype != np.uint16 or codes.ndim != 2 or codes.shape[1] != STEPS:
        codes = _checked(codes)
    return np.ascontiguousarray(codes.T)


@cache
def _parts_table() -> NDArray[np.uint8]:
    """Levels of every code in parts of 28, (64000, 6): 384 kB."""
    scale = np.array([_STRIDE // (levels - 1) for levels in FSQ.levels], np.uint8)
    return codes_to_level_indices(np.arange(FSQ.codebook_size)) * scale


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
                out[pixel, first, second] = apart / WHOLE
                out[pixel, second, first] = apart / WHOLE
