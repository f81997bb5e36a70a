"""From sets of pixels to the number of each pixel's leaf, and to the sums of leaf values.

A pixel's leaf is the highest set that it is in, or 0. The pixels whose number is odd are the lowest bit of all numbers
at once, and so on: five planes of bits for 32 leaves. Eight words of planes hold the numbers of 64 pixels, and a
transposition of bits (Warren, Hacker's Delight, 7-3) puts the eight bits of every number beside each other.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled

BLOCK: Final = 2048
"""Pixels that pass through the trees together: enough to pay for each step of a walk, few enough for the caches."""

WORDS: Final = BLOCK // 64
"""Words of a set of pixels."""

GROUP_LEAVES: Final = 32
"""Leaves whose sets turn into numbers together."""

AT_ONCE: Final = 4
"""Trees whose values are added in one pass over the sums."""

Words = NDArray[np.uint64]

_ALL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_NONE: Final = np.uint64(0)
_BYTE: Final = np.uint64(0xFF)
_WITHIN: Final = np.uint64(0x1F1F1F1F1F1F1F1F)
_THERE: Final = np.uint64(0x2020202020202020)
_FOURS: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_TWOS: Final = np.uint64(0x3333333333333333)
_ONES: Final = np.uint64(0x5555555555555555)
_1, _2, _4, _5, _8 = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(5), np.uint64(8)


@compiled
def number_leaves(sets: Words, leaves: int, words: int, numbers: Words, line: int) -> None:
    """Write the number of each pixel's leaf as a byte, in the order of pixels.

    Args:
        sets: `WORDS` words a leaf in one line, the first one empty; the last group is filled up with empty ones.
        leaves: Leaves of the tree, up to 256.
        words: `WORDS`; a loop whose length the compiler knows would be unrolled, and not turned into vectors.
        numbers: Rows of 8 `WORDS` words; the last one is lost.
        line: Row that is filled.
    """
    found, spare = numbers[line], numbers[AT_ONCE]
    _number_group(sets, _NONE, words, found)
    for group in range(1, -(-leaves // GROUP_LEAVES)):
        _number_group(sets[group * GROUP_LEAVES * WORDS :], _ALL, words, spare)
        for word in range(len(found)):
            number = spare[word]
            higher = ((number & _THERE) >> _5) * _BYTE
            number = (number & _WITHIN) + (_THERE & higher) * np.uint64(group)
            found[word] = (found[word] & ~higher) | (number & higher)


@compiled
def _number_group(s: Words, there: np.uint64, words: int, numbers: Words) -> None:
    """Number the pixels of 32 leaves 0..31, and others 0; bit 5 tells them apart where `there` is set."""
    for w in range(words):
        any0, odd0, two0 = _four_leaves(s, w)
        any1, odd1, two1 = _four_leaves(s, w + 4 * WORDS)
        any2, odd2, two2 = _four_leaves(s, w + 8 * WORDS)
        any3, odd3, two3 = _four_leaves(s, w + 12 * WORDS)
        any4, odd4, two4 = _four_leaves(s, w + 16 * WORDS)
        any5, odd5, two5 = _four_leaves(s, w + 20 * WORDS)
        any6, odd6, two6 = _four_leaves(s, w + 24 * WORDS)
        any7, odd7, two7 = _four_leaves(s, w + 28 * WORDS)
        # Of two neighbours the higher one counts, first of fours, then of eights, then of sixteens.
        odd0, two0, four0 = _higher(any1, odd1, odd0), _higher(any1, two1, two0), any1
        odd2, two2, four2 = _higher(any3, odd3, odd2), _higher(any3, two3, two2), any3
        odd4, two4, four4 = _higher(any5, odd5, odd4), _higher(any5, two5, two4), any5
        odd6, two6, four6 = _higher(any7, odd7, odd6), _higher(any7, two7, two6), any7
        any2, any4, any6 = any2 | any3, any4 | any5, any6 | any7
        odd0, two0, four0, eight0 = (
            _higher(any2, odd2, odd0),
            _higher(any2, two2, two0),
            _higher(any2, four2, four0),
            any2,
        )
        odd4, two4, four4, eight4 = (
            _higher(any6, odd6, odd4),
            _higher(any6, two6, two4),
            _higher(any6, four6, four4),
            any6,
        )
        upper = any4 | any6
        rows = _transposed(
            _higher(upper, odd4, odd0),
            _higher(upper, two4, two0),
            _higher(upper, four4, four0),
            _higher(upper, eight4, eight0),
            upper,
            (any0 | any1 | any2 | upper) & there,
            _NONE,
            _NONE,
        )
        numbers[w] = rows[0]
        numbers[w + WORDS] = rows[1]
        numbers[w + 2 * WORDS] = rows[2]
        numbers[w + 3 * WORDS] = rows[3]
        numbers[w + 4 * WORDS] = rows[4]
        numbers[w + 5 * WORDS] = rows[5]
        numbers[w + 6 * WORDS] = rows[6]
        numbers[w + 7 * WORDS] = rows[7]


@compiled
def _four_leaves(s: Words, at: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Return the pixels of any of four leaves, of those whose number is odd, and of the last two."""
    second, fourth = s[at + WORDS], s[at + 3 * WORDS]
    last = s[at + 2 * WORDS] | fourth
    return s[at] | second | last, fourth | (second & ~last), last


@compiled
def _higher(higher: np.uint64, its: np.uint64, other: np.uint64) -> np.uint64:
    """Return a plane of bits of the higher half, and of the other where the higher one has no pixel."""
    return its | (other & ~higher)


@compiled
def _transposed(
    a: np.uint64,
    b: np.uint64,
    c: np.uint64,
    d: np.uint64,
    e: np.uint64,
    f: np.uint64,
    g: np.uint64,
    h: np.uint64,
) -> tuple[np.uint64, ...]:
    """Swap rows and columns of the eight squares of 8 x 8 bits that lie side by side in eight words."""
    a, e = _swapped(a, e, _4, _FOURS)
    b, f = _swapped(b, f, _4, _FOURS)
    c, g = _swapped(c, g, _4, _FOURS)
    d, h = _swapped(d, h, _4, _FOURS)
    a, c = _swapped(a, c, _2, _TWOS)
    b, d = _swapped(b, d, _2, _TWOS)
    e, g = _swapped(e, g, _2, _TWOS)
    f, h = _swapped(f, h, _2, _TWOS)
    a, b = _swapped(a, b, _1, _ONES)
    c, d = _swapped(c, d, _1, _ONES)
    e, f = _swapped(e, f, _1, _ONES)
    g, h = _swapped(g, h, _1, _ONES)
    return a, b, c, d, e, f, g, h


@compiled
def _swapped(upper: np.uint64, lower: np.uint64, shift: np.uint64, lowest: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Swap the upper bits of one word with the lower bits of another, in every piece of twice `shift` bits."""
    differing = ((upper >> shift) ^ lower) & lowest
    return upper ^ (differing << shift), lower ^ differing


@compiled
def add_values(numbers: Words, values: NDArray[np.float64], tree: int, sums: NDArray[np.float64]) -> None:
    """Add the values of four trees to the sum of each pixel, one after the other.

    Args:
        numbers: Leaf numbers of each tree, rows of 8 `WORDS` words: eight bytes a word.
        values: Leaf values of all trees, (trees, leaves).
        tree: The first of the four.
        sums: Of each pixel, (BLOCK,); changed here.
    """
    one, two, three, four = values[tree], values[tree + 1], values[tree + 2], values[tree + 3]
    for word in range(numbers.shape[1]):
        a, b, c, d = numbers[0, word], numbers[1, word], numbers[2, word], numbers[3, word]
        for lane in range(8):
            pixel = 8 * word + lane
            total = sums[pixel] + one[a & _BYTE]
            total += two[b & _BYTE]
            total += three[c & _BYTE]
            sums[pixel] = total + four[d & _BYTE]
            a, b, c, d = a >> _8, b >> _8, c >> _8, d >> _8
