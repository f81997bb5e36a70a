"""Codes, level indices and vectors, and the normative rule that turns latents into them.

The three forms of one step:

- a *code* is the stored integer 0..63999;
- its six *level indices* are the digits of the code in mixed radix, 0..L-1;
- its six *vector* values are the digits centred and scaled: -1, -0.5, 0, 0.5, 1 for five levels and
  -1, -0.75, .., 0.75 for eight.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stactools_esd.errors import RasterError
from stactools_esd.product import FSQ, NODATA_CODE, STEPS

BOUND_MARGIN = 1e-3
"""How far the bound reaches beyond the outermost levels, as a share; keeps them reachable."""

_LEVELS = np.array(FSQ.levels, dtype=np.int64)
_BASIS = np.array(FSQ.basis, dtype=np.int64)
_HALF_LEVELS = _LEVELS // 2


def check_codes(codes: ArrayLike) -> NDArray[np.uint16]:
    """Return codes as `uint16` after checking that each is one of the 64,000.

    Raises:
        RasterError: The numbers are not integers, or one lies outside 0..63999.
    """
    array = np.asarray(codes)
    if array.dtype.kind not in "iu":
        raise RasterError(
            f"got {array.dtype} numbers, expected integer codes 0..{FSQ.codebook_size - 1}; "
            "give the stored codes, not decoded or rescaled values"
        )
    highest = int(array.max()) if array.size else 0
    lowest = int(array.min()) if array.size and array.dtype.kind == "i" else 0
    if highest >= FSQ.codebook_size or lowest < 0:
        worst = highest if highest >= FSQ.codebook_size else lowest
        raise RasterError(
            f"got code {worst}, expected 0..{FSQ.codebook_size - 1}; the file is damaged or holds something else"
        )
    return array.astype(np.uint16, copy=False)


def codes_to_level_indices(codes: ArrayLike) -> NDArray[np.uint8]:
    """Split codes into their digits: `(code // basis) % levels`.

    Args:
        codes: Integer codes of any shape.

    Returns:
        Level indices, one axis of length six longer than `codes`.

    Raises:
        RasterError: A number is not a code.
    """
    return np.asarray(_level_table().take(check_codes(codes), axis=0))


@cache
def _level_table() -> NDArray[np.uint8]:
    """Level indices of every code, (64000, 6): looking them up takes a twentieth of the divisions."""
    table = (np.arange(FSQ.codebook_size)[:, None] // _BASIS % _LEVELS).astype(np.uint8)
    table.flags.writeable = False
    return table


def level_indices_to_codes(level_indices: ArrayLike) -> NDArray[np.uint16]:
    """Join digits into codes: `sum(level_index * basis)`.

    Args:
        level_indices: Integers of shape (..., 6), each within 0..L-1 of its dimension.

    Raises:
        RasterError: The last axis is not six long, or a digit is out of range.
    """
    digits = np.asarray(level_indices).astype(np.int64)
    if digits.shape[-1:] != (FSQ.dimensions,):
        raise RasterError(
            f"got level indices of shape {digits.shape}, expected (..., {FSQ.dimensions}); move the dimensions last"
        )
    if digits.size and bool(((digits < 0) | (digits >= _LEVELS)).any()):
        raise RasterError(f"got a level index out of range, expected 0..L-1 for levels {FSQ.levels}")
    codes: NDArray[np.uint16] = (digits * _BASIS).sum(axis=-1).astype(np.uint16)
    return codes


def level_indices_to_vectors(level_indices: ArrayLike) -> NDArray[np.float32]:
    """Centre and scale digits: `(level_index - levels // 2) / (levels // 2)`.

    Args:
        level_indices: Integers of shape (..., 6).

    Returns:
        Vectors of the same shape, within -1..1.
    """
    digits = np.asarray(level_indices).astype(np.float32)
    return ((digits - _HALF_LEVELS) / _HALF_LEVELS).astype(np.float32)


def codes_to_vectors(codes: ArrayLike) -> NDArray[np.float32]:
    """Turn codes of any shape into vectors, one axis of length six longer."""
    return np.asarray(_vector_table().take(check_codes(codes), axis=0))


@cache
def _vector_table() -> NDArray[np.float32]:
    """Vectors of every code, (64000, 6)."""
    table = level_indices_to_vectors(_level_table())
    table.flags.writeable = False
    return table


def bound(latents: ArrayLike) -> NDArray[np.float32]:
    """Squeeze latents into the range that rounding maps onto levels, in float32.

    `half = (L - 1) (1 + 1e-3) / 2`, `off = 0.5` for even L else 0, `shift = atanh(off / half)`,
    `bounded = tanh(z + shift) half - off` (Mentzer et al. 2023, with the margin outside the levels).

    Args:
        latents: Floats of shape (..., 6).

    Returns:
        Bounded latents of the same shape; z = 0 gives 0.
    """
    half = ((_LEVELS - 1) * (1 + BOUND_MARGIN) / 2).astype(np.float32)
    off = np.where(_LEVELS % 2 == 0, 0.5, 0.0).astype(np.float32)
    shift = np.arctanh(off / half).astype(np.float32)
    z = np.asarray(latents, dtype=np.float32)
    bounded: NDArray[np.float32] = np.tanh(z + shift) * half - off
    return bounded


def quantise(latents: ArrayLike) -> NDArray[np.uint8]:
    """Round bounded latents to level indices; halves go to the even level as IEEE 754 has it.

    Args:
        latents: Finite floats of shape (..., 6).
    """
    return (np.rint(bound(latents)).astype(np.int64) + _HALF_LEVELS).astype(np.uint8)


def vectors_to_latents(vectors: ArrayLike) -> NDArray[np.float32]:
    """Return latents in the middle of each level's cell: a right inverse of `quantise` for testing and design.

    Args:
        vectors: Values of shape (..., 6) as `codes_to_vectors` gives them.
    """
    levels = _LEVELS.astype(np.float64)
    half = (levels - 1) * (1 + BOUND_MARGIN) / 2
    off = np.where(_LEVELS % 2 == 0, 0.5, 0.0)
    centred = np.asarray(vectors, dtype=np.float64) * _HALF_LEVELS
    return (np.arctanh((centred + off) / half) - np.arctanh(off / half)).astype(np.float32)


def valid_pixels(codes: NDArray[np.integer], *, axis: int = 0) -> NDArray[np.bool_]:
    """Apply the nodata rule: a pixel is valid unless all twelve codes are 0.

    Args:
        codes: Codes with the twelve steps along `axis`.
        axis: Which axis holds the steps.

    Returns:
        True where usable, without that axis.

    Raises:
        RasterError: The axis is not twelve long (a quality band among the codes, for one).
    """
    if codes.shape[axis] != STEPS:
        raise RasterError(
            f"got {codes.shape[axis]} bands of codes, expected {STEPS}; leave the quality band out of the codes"
        )
    return np.asarray((codes != NODATA_CODE).any(axis=axis))


def avoid_nodata(codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Move pixels whose twelve codes are all 0 off the nodata value by one level of one step.

    Args:
        codes: Codes of real pixels, shape (n, 12).

    Returns:
        A copy in which such rows have 1 in the first step: its first dimension is one level higher.
    """
    moved = codes.copy()
    moved[(codes == NODATA_CODE).all(axis=1), 0] = FSQ.basis[0]
    return moved
