"""The inner loop of the distance between two years: straight from codes, in vectors of 16-bit numbers.

A code's low nine bits are three digits of 0..7, the rest three of 0..4. For whole rows of pixels these are shifts,
masks and, for the division by five, a multiplication: nothing is looked up, so compilers turn the loop into vector
code, 16 or 32 pixels at a time. Numba widens every sum to 64 bits unless told otherwise, hence the many `_i16`. Three
steps are added at once, so that sums are fetched and stored a third as often; they are arguments of their own because
rows of a slice of an array are not known to lie together, and would not become vectors.

Sums are whole numbers and exact: in quarters of a vector's unit no product of two vectors exceeds 72 x 16 = 1152.

Loops and what they call stand in one file because numba keeps compiled functions by the file that they are in.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import inlined, vectorised

PIXELS: Final = 2048
"""Pixels whose sums, five of them, lie in a core's nearest cache."""

AT_ONCE: Final = 3
"""Steps that are added at once, as `add_steps` takes them; a divisor of twelve."""

WHOLE: Final = 2016
"""72 times 28, a common multiple of L - 1 for eight and five levels: every level is at the other end."""

_i16 = np.int16


@inlined
def compare_codes(c: np.uint16, d: np.uint16) -> tuple[np.int16, np.int16, np.int16, np.int16]:
    """Compare two codes: product of their vectors, both lengths squared, in sixteenths, and levels in parts of 28.

    Vectors of eight levels are (level - 4) / 4, those of five (level - 2) / 2: in quarters u and 2 u.
    """
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
    product = _i16(u0 * v0 + u1 * v1 + u2 * v2 + 4 * (u3 * v3 + u4 * v4 + u5 * v5))
    length_before = _i16(u0 * u0 + u1 * u1 + u2 * u2 + 4 * (u3 * u3 + u4 * u4 + u5 * u5))
    length_after = _i16(v0 * v0 + v1 * v1 + v2 * v2 + 4 * (v3 * v3 + v4 * v4 + v5 * v5))
    w0, w1, w2 = _i16(u0 - v0), _i16(u1 - v1), _i16(u2 - v2)
    w3, w4, w5 = _i16(u3 - v3), _i16(u4 - v4), _i16(u5 - v5)
    eights = _i16(max(w0, _i16(-w0)) + max(w1, _i16(-w1)) + max(w2, _i16(-w2)))
    fives = _i16(max(w3, _i16(-w3)) + max(w4, _i16(-w4)) + max(w5, _i16(-w5)))
    return product, length_before, length_after, _i16(4 * eights + 7 * fives)


@vectorised
def add_steps(
    before: tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]],
    after: tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]],
    product: NDArray[np.int16],
    length_before: NDArray[np.int16],
    length_after: NDArray[np.int16],
    apart: NDArray[np.int16],
    highest: NDArray[np.uint16],
) -> None:
    """Add what three steps say of pixels (n,): products of vectors in sixteenths, and level differences in parts of 28.

    `highest` gets the largest numbers, for whoever sees that all are codes.
    """
    c0, c1, c2 = before
    d0, d1, d2 = after
    for i in range(len(product)):
        one = compare_codes(c0[i], d0[i])
        two = compare_codes(c1[i], d1[i])
        three = compare_codes(c2[i], d2[i])
        product[i] = _i16(product[i] + one[0] + two[0] + three[0])
        length_before[i] = _i16(length_before[i] + one[1] + two[1] + three[1])
        length_after[i] = _i16(length_after[i] + one[2] + two[2] + three[2])
        apart[i] = _i16(apart[i] + one[3] + two[3] + three[3])
        highest[i] = max(highest[i], max(max(c0[i], d0[i]), max(c1[i], d1[i]), max(c2[i], d2[i])))


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
        for step in range(0, steps, AT_ONCE):
            add_steps(
                (before[step, start:end], before[step + 1, start:end], before[step + 2, start:end]),
                (after[step, start:end], after[step + 1, start:end], after[step + 2, start:end]),
                product[:m],
                length_before[:m],
                length_after[:m],
                apart[:m],
                highest[:m],
            )
        divide(product[:m], length_before[:m], length_after[:m], apart[:m], level[start:end], cosine[start:end])
    return int(highest.max())
