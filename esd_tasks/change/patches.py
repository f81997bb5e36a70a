"""Events in patches: what stands alone in space is more often noise than change."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_AROUND = np.ones((3, 3), np.bool_)
"""Pixels that touch by a side or a corner are neighbours."""


def in_patches(there: NDArray[np.bool_], least_pixels: int) -> NDArray[np.bool_]:
    """Tell which events belong to a patch of enough pixels.

    A patch of an event is what joins it by sides or corners among the pixels that have an event in the same year or the
    year before or after, for neighbours of one clearing may be dated a year apart.

    Args:
        there: Where there is an event (years, rows, columns), consecutive years.
        least_pixels: Pixels of a patch, at least.

    Returns:
        The events to keep, same shape. Exact for every pixel that lies `least_pixels - 1` or more from the edge: a
        patch that is large enough shows so within that distance.
    """
    if least_pixels <= 1:
        return there.copy()
    kept = np.zeros_like(there)
    for year in range(len(there)):
        if not there[year].any():
            continue
        together = there[max(year - 1, 0) : year + 2].any(axis=0)
        numbers, _ = ndimage.label(together, structure=_AROUND)
        enough = np.bincount(numbers.ravel()) >= least_pixels
        enough[0] = False
        kept[year] = there[year] & enough[numbers]
    return kept
