"""The unsupervised baseline: is a year far from the typical year of all others?

For each year the medoid of the other years is found, and the year's distance to it, as a robust z over the years of the
pixel: (distance - median) / (1.4826 median absolute deviation). It knows no order of years, so it cannot tell a state
from a bad year; it stands beside the search for breaks so that what that search is worth can be seen.
"""

import numpy as np
from numpy.typing import NDArray

from esd_tasks.change.noise import MAD_SCALE
from stactools_esd.compiled import compiled

_SMALLEST = 1e-3


def medoid_scores(matrix: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the robust z of each year of pixels.

    Args:
        matrix: Distances (n, years, years).
        weight: 0 for years that must not count, anything else for others (n, years).

    Returns:
        Shape (n, years); NaN for years that do not count, and for pixels with fewer than four that do.
    """
    out = np.full(weight.shape, np.nan, np.float32)
    _scores(np.ascontiguousarray(matrix, np.float32), np.asarray(weight) > 0, out)
    return out


def first_above(scores: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """Return the column of the first year whose z exceeds a threshold, (n,); -1 for none."""
    above = np.nan_to_num(scores, nan=-np.inf) > threshold
    return np.where(above.any(axis=1), above.argmax(axis=1), -1)


@compiled
def _scores(matrix: NDArray[np.float32], usable: NDArray[np.bool_], out: NDArray[np.float32]) -> None:
    n, years = usable.shape
    apart = np.empty(years)
    for pixel in range(n):
        m = 0
        for year in range(years):
            m += usable[pixel, year]
        if m < 4:
            continue
        k = 0
        for year in range(years):
            if not usable[pixel, year]:
                continue
            least, found = np.inf, -1
            for centre in range(years):
                if centre == year or not usable[pixel, centre]:
                    continue
                total = 0.0
                for other in range(years):
                    if other != year and usable[pixel, other]:
                        total += matrix[pixel, centre, other]
                if total < least:
                    least, found = total, centre
            apart[k] = matrix[pixel, year, found]
            k += 1
        middle = np.median(apart[:m])
        spread = max(MAD_SCALE * np.median(np.abs(apart[:m] - middle)), _SMALLEST)
        k = 0
        for year in range(years):
            if usable[pixel, year]:
                out[pixel, year] = (apart[k] - middle) / spread
                k += 1
