"""The compiled loops of a forest: from codes to sets of pixels, through the trees, to sums of leaf values.

A block of 2,048 pixels is a row of 2,048 bits, 32 words; bit `8 j + k` of word `w` is the pixel at `256 k + 8 w + j`.
With this order the eight words of `w` turn into numbers of eight bits by a transposition of bits, and come out in the
order of the pixels. Nothing here is made for one processor: these are loops over words, which LLVM turns into vector
instructions of whatever machine they run on.

numba keeps what it compiled beside this file, and makes it anew when this file changes; who changes `leaf_numbers`,
`walk` or `wide_values`, whose code it holds as well, removes `__pycache__`.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from esd_tasks.forest.leaf_numbers import AT_ONCE, BLOCK, GROUP_LEAVES, WORDS, Words, add_values, number_leaves
from esd_tasks.forest.tables import ForestTables
from esd_tasks.forest.walk import walk_tree
from esd_tasks.forest.wide_values import CHUNK, PLACES, add_wide, is_wide
from stactools_esd.compiled import compiled
from stactools_esd.product import CHANNELS, FSQ

_ONE_A_BYTE: Final = np.uint64(0x0101010101010101)
_TOP_OF_BYTE: Final = np.uint64(0x8080808080808080)
_NONE: Final = np.uint64(0)
_7: Final = np.uint64(7)
_L1, _L2, _L3, _L4, _L5, _L6 = (np.uint32(levels) for levels in FSQ.levels)
_DIMENSIONS: Final = FSQ.dimensions
_DIFFERENCE_ZERO: Final = max(FSQ.levels) - 1


class Room(NamedTuple):
    """Memory that the loops work in; it does not grow with the number of pixels."""

    levels: NDArray[np.uint8]
    """Levels and differences, one line of BLOCK bytes after the other."""

    level_words: Words
    """The same memory as rows of words."""

    predicates: Words
    """Pixels of each predicate, (predicates, WORDS)."""

    predicate_bytes: NDArray[np.uint8]
    """The same memory as bytes."""

    sets: Words
    """Pixels of the chains that begin at each leaf number, (rows, WORDS): of 0 none; the last row holds all pixels."""

    set_line: Words
    """The same memory as one line."""

    numbers: Words
    """Leaf numbers of the trees whose values are added at once, and one line to spare."""

    sums: NDArray[np.float64]
    """Sums of one class, (BLOCK,)."""


def make_room(tables: ForestTables) -> Room:
    """Return memory for one thread: about 300 kB."""
    leaf_rows = tables.values.shape[1]
    level_words = _lines(tables.level_rows, BLOCK // 8)
    predicates = _lines(len(tables.level_limit) + len(tables.beside_limit), WORDS)
    sets = _lines(leaf_rows + 1, WORDS)
    sets[leaf_rows] = np.iinfo(np.uint64).max
    return Room(
        levels=level_words.reshape(-1).view(np.uint8),
        level_words=level_words,
        predicates=predicates,
        predicate_bytes=predicates.view(np.uint8),
        sets=sets,
        set_line=sets.reshape(-1),
        numbers=_lines(AT_ONCE + 1, BLOCK // 8),
        sums=_lines(1, BLOCK)[0].view(np.float64),
    )


def _lines(rows: int, words: int) -> Words:
    """Return rows of zeros that begin where a cache line does: a step of a walk then touches as few as it can."""
    room = np.zeros(rows * words + 7, dtype=np.uint64)
    skipped = -(room.ctypes.data // 8) % 8
    return room[skipped : skipped + rows * words].reshape(rows, words)


@compiled
def score_pixels(
    bands: NDArray[np.uint16],
    beside: NDArray[np.float32],
    tables: ForestTables,
    room: Room,
    scores: NDArray[np.float64],
) -> None:
    """Add up the leaf values of every class, in the order in which LightGBM adds them.

    Args:
        bands: Codes of one or two years, (12 or 24, n).
        beside: What else the trees look at, (c, n).
        tables: The forest.
        room: Memory of this thread.
        scores: Raw scores, (classes, n): filled here.
    """
    classes, n = scores.shape
    rounds = len(tables.leaves) // classes
    sums = room.sums
    wide = is_wide() and tables.values.shape[1] == GROUP_LEAVES
    for first in range(0, n, BLOCK):
        count = min(BLOCK, n - first)
        _split_codes(bands, first, count, room.levels)
        _compare_levels(room.level_words, tables.level_feature, tables.level_limit, room.predicates)
        _compare_beside(beside, first, count, tables, room.predicate_bytes)
        for member in range(classes):
            for pixel in range(BLOCK):
                sums[pixel] = 0.0
            for tree in range(member * rounds, (member + 1) * rounds, AT_ONCE):
                for one in range(AT_ONCE):
                    _walk(tree + one, tables, room.predicates, room.sets)
                    number_leaves(room.set_line, tables.leaves[tree + one], WORDS, room.numbers, one)
                if wide:
                    add_wide(room.numbers, tables.values, tree, sums)
                else:
                    add_values(room.numbers, tables.values, tree, sums)
            if wide:
                for pixel in range(count):
                    scores[member, first + pixel] = sums[pixel // CHUNK * CHUNK + PLACES[pixel % CHUNK]]
            else:
                for pixel in range(count):
                    scores[member, first + pixel] = sums[pixel]


@compiled
def _split_codes(bands: NDArray[np.uint16], first: int, count: int, levels: NDArray[np.uint8]) -> None:
    """Fill rows of bytes with the digits of codes, as `fsq.codes_to_level_indices` does; then their differences."""
    for band in range(bands.shape[0]):
        codes, digits = bands[band, first : first + count], levels[_DIMENSIONS * BLOCK * band :]
        for pixel in range(len(codes)):
            code = np.uint32(codes[pixel])
            digits[pixel] = code % _L1
            code = np.uint32(code // _L1)
            digits[BLOCK + pixel] = code % _L2
            code = np.uint32(code // _L2)
            digits[2 * BLOCK + pixel] = code % _L3
            code = np.uint32(code // _L3)
            digits[3 * BLOCK + pixel] = code % _L4
            code = np.uint32(code // _L4)
            digits[4 * BLOCK + pixel] = code % _L5
            digits[5 * BLOCK + pixel] = code // _L5
    if len(levels) > 2 * CHANNELS * BLOCK:
        for at in range(CHANNELS * BLOCK):
            levels[2 * CHANNELS * BLOCK + at] = levels[CHANNELS * BLOCK + at] - levels[at] + _DIFFERENCE_ZERO


@compiled
def _compare_levels(levels: Words, feature: NDArray[np.uint16], limit: NDArray[np.uint8], predicates: Words) -> None:
    """Set the bits of pixels whose level is at most the limit, eight bytes at a time.

    A level is below 128 and a limit is stored with 128 on top, so that the top bit of their difference says it, and no
    byte borrows from the next.
    """
    for place in range(len(limit)):
        row, line = levels[feature[place]], predicates[place]
        limits = np.uint64(limit[place]) * _ONE_A_BYTE
        for word in range(len(line)):
            bits = ((limits - row[word]) & _TOP_OF_BYTE) >> _7
            for part in range(1, 8):
                top = (limits - row[part * WORDS + word]) & _TOP_OF_BYTE
                bits |= top >> np.uint64(7 - part)
            line[word] = bits


@compiled
def _compare_beside(
    beside: NDArray[np.float32], first: int, count: int, tables: ForestTables, predicates: NDArray[np.uint8]
) -> None:
    """Set the bits of pixels whose number is at most the limit, or missing where missing ones go left."""
    for place in range(len(tables.beside_limit)):
        row, limit, missing = tables.beside_feature[place], tables.beside_limit[place], tables.missing_left[place]
        line = predicates[len(tables.level_limit) + place]
        for byte in range(len(line)):
            line[byte] = 0
        for part in range(8):
            begin, bit = part * len(line), np.uint8(1 << part)
            numbers = beside[row, first + begin : first + min(begin + len(line), count)]
            for byte in range(len(numbers)):
                number = numbers[byte]
                line[byte] |= bit if (number <= limit) | (missing & (number != number)) else np.uint8(0)


@compiled
def _walk(tree: int, tables: ForestTables, predicates: Words, sets: Words) -> None:
    """Send all pixels through one tree, and empty the sets of the leaves that it does not have."""
    walk_tree(tables.nodes, tables.first_node[tree], tables.first_node[tree + 1], predicates, sets)
    leaves = tables.leaves[tree]
    for leaf in range(leaves, -(-leaves // GROUP_LEAVES) * GROUP_LEAVES):
        empty = sets[leaf]
        for word in range(len(empty)):
            empty[word] = _NONE
