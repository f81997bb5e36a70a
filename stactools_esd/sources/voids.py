"""Small voids in elevation, filled from their rims."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio.features import sieve
from rasterio.fill import fillnodata

VOID_PIXELS: Final = 100
"""Pixels of the largest void that is filled: 9 hectares of 30 m."""

_SMOOTHINGS: Final = 100
_NOTHING: Final = np.float32(-1e9)


def fill_small_voids(elevation: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill voids of at most `VOID_PIXELS` pixels, touching ones counted together, from the rims around them.

    GDAL's FillNodata begins with the nearest known pixels in each quarter, weighted by distance, which leaves steps of
    two or three pixels' rise on a slope, and smooths what it filled until little is left of them: a plane comes back.
    What is filled depends on nothing farther than `VOID_PIXELS` away.

    Args:
        elevation: Metres, NaN where unknown (h, w).

    Returns:
        Elevation with small voids filled; larger ones stay NaN as a whole.
    """
    void = np.isnan(elevation)
    small = void & (sieve(void.astype(np.uint8), size=VOID_PIXELS + 1, connectivity=8) == 0)
    if not small.any():
        return elevation
    filled = fillnodata(
        np.where(void, _NOTHING, elevation),
        (~void).astype(np.uint8),
        max_search_distance=VOID_PIXELS,
        smoothing_iterations=_SMOOTHINGS,
    )
    return np.where(small & (filled != _NOTHING), filled, elevation)
