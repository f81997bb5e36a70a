"""What was read of tiles: codes with their clear observations, and whose they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stactools_esd.cog import CodesBlock


@dataclass(frozen=True, kw_only=True)
class PulledBlock(CodesBlock):
    """Codes on the pixels of a window, and whose they are."""

    owner: NDArray[np.int16]
    """Shape (h, w), position of the owner in the items of the mosaic; -1 where no item reaches."""

    failed: frozenset[int] = frozenset()
    """Positions of owners that could not be read, in whole or in part."""


@dataclass(frozen=True, kw_only=True)
class PulledPoints:
    """Codes of the pixels that hold points."""

    codes: NDArray[np.uint16]
    """Shape (n, 12); all 0 where there is no data."""

    clear_obs: NDArray[np.uint16]
    """Shape (n,), cloud-free observations of the year."""

    valid: NDArray[np.bool_]
    """Shape (n,), True where usable."""

    owner: NDArray[np.int16]
    """Shape (n,), position of the owner in the items of the mosaic; -1 where no item reaches."""

    row: NDArray[np.int64]
    """Shape (n,), row of the pixel in its owner; -1 without one."""

    column: NDArray[np.int64]
    """Shape (n,), column of the pixel in its owner; -1 without one."""

    failed: frozenset[int] = frozenset()
    """Positions of owners that could not be read, in whole or in part."""
