"""The inner loop of the distance between two years: straight from codes, in vectors of 16-bit numbers.

A code's low nine bits are three digits of 0..7, the rest three of 0..4. For whole rows of pixels these are shifts,
masks and, for the division by five, a multiplication: nothing is looked up, so compilers turn the loop into vector
code, 16 or 32 pixels at a time. Numba widens every sum to 64 bits unless told otherwise, hence the many `_i16`.

Sums are whole numbers and exact: in quarters of a vector's unit no product of two vectors exceeds 72 x 16 = 1152.

Loops and what they call stand in one file because numba keeps compiled functions by the file that they are in.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import vectorised

PIXELS: Final = 512
"""Pixels whose sums lie in a core's nearest cache."""

WHOLE: Final = 2016
"""72 times 28, a common multiple of L - 1 for eight and five levels: every level is at the other end."""

_i16 = np.int16


@vectorised
def add_step(
    before: NDArray[np.uint16],
    after: NDArray[np.uint16],
    product: NDArray[np.int16],
    length_before: NDArray[np.int16],
    length_after: NDArray[np.int16],
    apart: NDArray[np.int16],
    highest: NDArray[np.uint16],
) -> None:
    """Add what one step says of pixels (n,): products of vectors in sixteenths, and level differences in parts of 28.

    `highest` gets the largest numbers, for whoever sees that all are codes.

    Vectors of eight levels are (level - 4) / 4, those of five (level - 2) / 2: in quarters u and 2 u.
    """
    for i in range(len(before)):
        c, d = before[i], after[i]
        highest[i] = max(highest[i], max(c, d))
        h = _i16(c >> 9)
        q = _i16(_i16(h * 205) >> 10)  # h // 5, for h up to 127
        t = _i16(_i16(q * 205) >> 10)
        u0, u1, u2 = _i16(_i16(c & 7) - 4), _i16(_i16((c >> 3) & 7) - 4), _i16(_i16((c >> 6) & 7) - 4)
        u3, u4, u5 = _i16(_i16(h - _i16(5 * q)) - 2), _i16(_i16(q - _i16(5 * t)) - 2), _i16(t - 2)
        h = _i16(d >> 9)
        q = _i16(_i16(h * 205) >> 10)
        t = _i16(_i16(q * 205) >> 10)
        v0, v1, v2 = _i16(_i16(d & 7) - 4), _i16(_i16((d >> 3) & 7) - 4), _i16(_i16((d >> 6) & 7) - 4)
        v3, v4, v5 = _i16(_i16(h - _i16(5 * q)) - 2), _i16(_i16(q - _i16(5 * t)) - 2), _i16(t - 2)
        product[i] = _i16(product[i] + u0 * v0 + u1 * v1 + u2 * v2 + 4 * (u3 * v3 + u4 * v4 + u5 * v5))
        length_before[i] = _i16(length_before[i] + u0 * u0 + u1 * u1 + u2 * u2 + 4 * (u3 * u3 + u4 * u4 + u5 * u5))
        length_after[i] = _i16(length_after[i] + v0 * v0 + v1 * v1 + v2 * v2 + 4 * (v3 * v3 + v4 * v4 + v5 * v5))
        eights = _i16(max(u0, v0) - min(u0, v0) + max(u1, v1) - min(u1, v1) + max(u2, v2) - min(u2, v2))
        fives = _i16(max(u3, v3) - min(u3, v3) + max(u4, v4) - min(u4, v4) + max(u5, v5) - min(u5, v5))
        apart[i] = _i16(apart[i] + 4 * eights + 7 * fives)


@vectorised
def divide(
    product: NDArray[np.int16],
    length_before: NDArray[np.int16],
    length_after: NDArray[np.int16],
    apart: NDArray[np.int16],
    level: NDArray[np.float32],
    cosine: NDArray[np.float32],
) -> None:
    """Turn sums of pixels (n,) into both distances."""
    for i in range(len(product)):
        level[i] = np.float32(apart[i] / 2016.0)
        square = np.float64(length_before[i]) * np.float64(length_after[i])
        differs = np.float64(min(length_before[i] + length_after[i], 1))  # 0 where neither vector has a length
        cosine[i] = np.float32(differs * (1.0 - np.float64(product[i]) / np.sqrt(max(square, 1.0))))


@vectorised
def compare_planes(
    before: NDArray[np.uint16],
    after: NDArray[np.uint16],
    level: NDArray[np.float32],
    cosine: NDArray[np.float32],
) -> int:
    """Fill both distances (n,) of codes (12, n), and return the largest number met: from 64,000 on it is no code."""
    highest = np.zeros(PIXELS, np.uint16)
    product, apart = np.empty(PIXELS, np.int16), np.empty(PIXELS, np.int16)
    length_before, length_after = np.empty(PIXELS, np.int16), np.empty(PIXELS, np.int16)
    steps, n = before.shape
    for start in range(0, n, PIXELS):
        end = min(start + PIXELS, n)
        m = end - start
        product[:], apart[:], length_before[:], length_after[:] = 0, 0, 0, 0
        for step in range(steps):
            add_step(
                before[step, start:end],
                after[step, start:end],
                product[:m],
                length_before[:m],
                length_after[:m],
                apart[:m],
                highest[:m],
            )
        divide(product[:m], length_before[:m], length_after[:m], apart[:m], level[start:end], cosine[start:end])
    return int(highest.max())
