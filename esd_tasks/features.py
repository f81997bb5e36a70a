"""Level features: the 72 digits of a pixel-year, which models may take as ordered numbers (codes may not be)."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.errors import RasterError
from stactools_esd.fsq import check_codes, codes_to_level_indices
from stactools_esd.product import CHANNELS, FSQ, STEP_BANDS, STEPS


def feature_names() -> tuple[str, ...]:
    """Return the names of the 72 features in their order: `step_01_d1`, `step_01_d2`, .., `step_12_d6`."""
    return tuple(f"{step}_d{dimension}" for step in STEP_BANDS for dimension in range(1, FSQ.dimensions + 1))


def level_features(codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Split the codes of pixels into level indices, step by step.

    Args:
        codes: Shape (n, 12).

    Returns:
        Level indices of shape (n, 72), named by `feature_names`; equal to `fsq.codes_to_level_indices`.

    Raises:
        RasterError: The shape is another, or a number is not a code.
    """
    checked = check_rows(codes)
    features = np.empty((len(checked), CHANNELS), dtype=np.uint8)
    _look_up(np.ascontiguousarray(checked), _level_table(), features)
    return features


def check_rows(codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return codes after checking that they are (n, 12) and that each is one of the 64,000.

    Raises:
        RasterError: The shape is another, or a number is not a code.
    """
    checked = check_codes(codes)
    if checked.ndim != 2 or checked.shape[1] != STEPS:
        raise RasterError(f"got codes of shape {checked.shape}, expected (n, {STEPS}); give one row a pixel")
    return checked


@cache
def _level_table() -> NDArray[np.uint8]:
    """Level indices of every code, shape (64000, 6): 384 kB, which stays in a core's cache."""
    return codes_to_level_indices(np.arange(FSQ.codebook_size))


@compiled
def _look_up(codes: NDArray[np.uint16], table: NDArray[np.uint8], features: NDArray[np.uint8]) -> None:
    """Fill `features` (n, steps * dimensions) from `table` (codes, dimensions)."""
    dimensions = table.shape[1]
    for row in range(codes.shape[0]):
        for step in range(codes.shape[1]):
            code = codes[row, step]
            for dimension in range(dimensions):
                features[row, step * dimensions + dimension] = table[code, dimension]
