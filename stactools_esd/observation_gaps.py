"""How far each day of a pixel-year is from an observation."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.product import DAYS

NEVER: Final = 65535
"""Days to the nearest observation where there is none."""


@compiled
def _nearest(days: NDArray[np.int64], kept: NDArray[np.bool_], out: NDArray[np.uint16]) -> None:
    for pixel in range(days.shape[0]):
        for t in range(days.shape[1]):
            if kept[pixel, t]:
                when = days[pixel, t]
                for day in range(DAYS):
                    out[pixel, day] = min(out[pixel, day], abs(day - when))


def days_to_nearest(days: NDArray[np.int64], kept: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Count the days from each day of the window to the nearest observation, before or after it.

    Args:
        days: Days of the observations, 0 on the first day of the window (n, t).
        kept: Which observations count (n, t).

    Returns:
        Days (n, 365), `NEVER` for all of a pixel without any.
    """
    out = np.full((len(days), DAYS), NEVER, np.uint16)
    _nearest(days, kept, out)
    return out
