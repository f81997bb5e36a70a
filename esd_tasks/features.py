"""Level features: the 72 digits of a pixel-year, which models may take as ordered numbers (codes may not be)."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.errors import RasterError
from stactools_esd.fsq import check_codes, codes_to_level_indices
from stactools_esd.product import CHANNELS, FSQ, STEP_BANDS, STEPS

_WORD_BYTES: Final = 8
_9, _LOWER = np.uint16(9), np.uint16(511)
_16, _32, _48 = np.uint64(16), np.uint64(32), np.uint64(48)


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
    words = np.empty((len(checked), CHANNELS // _WORD_BYTES), dtype="<u8")
    _look_up(np.ascontiguousarray(checked), *_level_tables(), words)
    return words.view(np.uint8)


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
def _level_tables() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Level indices as the lower six bytes of a number: of the lower nine bits of a code, and of those above.

    The first three dimensions have eight levels each, so they are nine bits of a code; the upper bits are the other
    three. Two tables of 512 and 125 numbers stay nearer to a core than one of 64,000.
    """
    table = np.zeros((FSQ.codebook_size, _WORD_BYTES), dtype=np.uint8)
    table[:, : FSQ.dimensions] = codes_to_level_indices(np.arange(FSQ.codebook_size))
    levels = table.view("<u8")[:, 0].astype(np.uint64)
    return levels[: _LOWER + 1].copy(), levels[:: _LOWER + 1].copy()


@compiled
def _look_up(
    codes: NDArray[np.uint16], lower: NDArray[np.uint64], upper: NDArray[np.uint64], words: NDArray[np.uint64]
) -> None:
    """Fill `words` (n, 9) from codes (n, 12): four codes of six bytes each make three words of eight."""
    for row in range(codes.shape[0]):
        for group in range(STEPS // 4):
            a, b = codes[row, 4 * group], codes[row, 4 * group + 1]
            c, d = codes[row, 4 * group + 2], codes[row, 4 * group + 3]
            first, second = lower[a & _LOWER] | upper[a >> _9], lower[b & _LOWER] | upper[b >> _9]
            third, fourth = lower[c & _LOWER] | upper[c >> _9], lower[d & _LOWER] | upper[d >> _9]
            words[row, 3 * group] = first | second << _48
            words[row, 3 * group + 1] = second >> _16 | third << _32
            words[row, 3 * group + 2] = third >> _32 | fourth << _16
