"""What is written of a pixel: codes, level indices or vectors; their bands, types and values without data."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.features import feature_names, level_features
from esd_tasks.pull_request import Values
from stactools_esd import fsq
from stactools_esd.product import CHANNELS, FSQ, STEP_BANDS, STEPS

LEVELS_NODATA: Final = 255
"""Level index of a pixel without data."""

_STRIP_ROWS = 32


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of values."""

    name: Values
    """What it is called."""

    bands: tuple[str, ...]
    """Name of each band or column: steps, or steps and dimensions."""

    dtype: str
    """Data type."""

    nodata: float
    """Value of every band of a pixel without data."""

    shape: tuple[int, ...]
    """Axes of a pixel: (12,) or (12, 6)."""

    meaning: str
    """The kind in words, for tags."""

    def of_rows(self, codes: NDArray[np.uint16]) -> NDArray[Any]:
        """Return the values of pixels, shape (n, bands), from codes of shape (n, 12); none may be without data."""
        if self.name == "codes":
            return codes
        levels = level_features(codes)
        if self.name == "levels":
            return levels
        vectors = fsq.level_indices_to_vectors(levels.reshape(-1, STEPS, FSQ.dimensions))
        return vectors.reshape(-1, CHANNELS)

    def of_block(self, codes: NDArray[np.uint16], valid: NDArray[np.bool_]) -> NDArray[Any]:
        """Return the values of a block, shape (bands, h, w), from codes of shape (12, h, w)."""
        if self.name == "codes":
            return codes
        values = np.full((len(self.bands), *valid.shape), self.nodata, dtype=self.dtype)
        for first in range(0, valid.shape[0], _STRIP_ROWS):  # decoding takes several times the room of its result
            rows = slice(first, first + _STRIP_ROWS)
            there = valid[rows]
            values[:, rows][:, there] = self.of_rows(codes[:, rows][:, there].T).T
        return values


_FEATURES = feature_names()

KINDS: Final = MappingProxyType(
    {
        "codes": Kind(
            name="codes",
            bands=STEP_BANDS,
            dtype="uint16",
            nodata=0,
            shape=(STEPS,),
            meaning="codes 0..63999; a pixel has no data where all twelve are 0",
        ),
        "levels": Kind(
            name="levels",
            bands=_FEATURES,
            dtype="uint8",
            nodata=LEVELS_NODATA,
            shape=(STEPS, FSQ.dimensions),
            meaning=f"level indices 0..L-1, L = {', '.join(map(str, FSQ.levels))}; 255 where there is no data",
        ),
        "vectors": Kind(
            name="vectors",
            bands=_FEATURES,
            dtype="float32",
            nodata=float("nan"),
            shape=(STEPS, FSQ.dimensions),
            meaning="vectors -1..1, (level - L // 2) / (L // 2); NaN where there is no data",
        ),
    }
)
"""Every kind, by its name."""
