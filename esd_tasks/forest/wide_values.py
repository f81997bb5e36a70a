"""Values of leaves out of registers: the one step of the forest that is made for a kind of processor, AVX-512.

Loading one value for each pixel and tree keeps a processor busier than all other steps together. A tree of up to 32
leaves fits into four registers of 512 bits, and `vpermi2d` picks sixteen of their 32-bit halves by sixteen numbers.
Other processors, and larger trees, go through `leaf_numbers.add_values`; the sums have the same bits.
"""

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from esd_tasks.forest.leaf_numbers import AT_ONCE, BLOCK, GROUP_LEAVES, Words

CHUNK: Final = 64
"""Pixels whose sums stay in registers while the values of four trees are added."""

_LANES: Final = CHUNK // 4
_COUNT: Final = ir.IntType(64)
_HALVES: Final = ir.VectorType(ir.IntType(32), _LANES)
_NUMBERS: Final = ir.VectorType(ir.DoubleType(), _LANES // 2)
_PICK: Final = ir.FunctionType(_HALVES, [_HALVES] * 3)

_INSTRUCTION: Final = "llvm.x86.avx512.vpermi2var.d.512"

_JOINED: Final = tuple(
    tuple(4 * quarter + one + half for quarter in range(4) for one in (first, first + 1) for half in (0, _LANES))
    for first in (0, 2)
)
"""Where lower and upper halves of values come from, so that each lies beside its own (`vunpcklps`, `vunpckhps`)."""

_POSITION: Final = np.arange(CHUNK)
PLACES: Final[NDArray[np.int64]] = np.empty(CHUNK, dtype=np.int64)
"""Where the sum of each pixel of a chunk lies."""
PLACES[
    # The pixel is byte `position // 16 % 4` of the word that `_JOINED` takes for the number at `position`.
    4 * np.array(_JOINED)[_POSITION // 8 % 2, 2 * (_POSITION % 8)] + _POSITION // 16
] = _POSITION


def _is_wide(context: Any) -> bool:
    return "+avx512f" in context.codegen().magic_tuple()[2].split(",")


def _emit_is_wide(context: Any) -> Any:  # noqa: ARG001 - numba's signature
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return ir.Constant(ir.IntType(1), int(_is_wide(context)))

    return types.boolean(), emit


is_wide: Final = cast(Callable[[], bool], intrinsic(_emit_is_wide))
"""Tell compiled code whether it is made for a processor with AVX-512: a constant when LLVM sees it."""


def _add_wide(context: Any, numbers: Any, values: Any, tree: Any, sums: Any) -> Any:  # noqa: ARG001 - numba's signature
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if _is_wide(context):
            numbers, values, sums = (
                context.make_array(signature.args[place])(context, builder, arguments[place]).data
                for place in (0, 1, 3)
            )
            tree = context.cast(builder, arguments[2], signature.args[2], types.intp)
            _emit_sums(builder, numbers, values, tree, sums)
        return context.get_dummy_value()

    return types.void(numbers, values, tree, sums), emit


add_wide: Final = cast(Callable[[Words, NDArray[np.float64], int, NDArray[np.float64]], None], intrinsic(_add_wide))
"""Do what `leaf_numbers.add_values` does, for values of `GROUP_LEAVES` leaves a tree where `is_wide`; else nothing.

`sums` has another order: that of the pixel `64 c + p` lies at `64 c + PLACES[p]`.
"""


def _emit_sums(builder: Any, numbers: Any, values: Any, tree: Any, sums: Any) -> None:
    """Write a loop over chunks of pixels; what it looks values up in is loaded before."""
    pick: Any = cgutils.get_or_insert_function(builder.module, _PICK, _INSTRUCTION)  # type: ignore[no-untyped-call]
    first = builder.gep(values, [builder.mul(tree, ir.Constant(_COUNT, GROUP_LEAVES))])
    tables = [_table(builder, _vectors(builder, first, _HALVES, 4 * one, 4)) for one in range(AT_ONCE)]
    chunks = BLOCK // CHUNK
    with cgutils.for_range(builder, ir.Constant(_COUNT, chunks)) as loop:
        here = builder.bitcast(sums, _NUMBERS.as_pointer())
        here = builder.gep(here, [builder.mul(loop.index, ir.Constant(_COUNT, 8))])
        totals = _vectors(builder, here, _NUMBERS, 0, 8)
        leaves = builder.gep(builder.bitcast(numbers, _HALVES.as_pointer()), [loop.index])
        for one, (lower, upper) in enumerate(tables):
            number = _vectors(builder, leaves, _HALVES, chunks * one, 1)[0]
            for byte in range(4):
                # Only the lowest five bits of a number count, so what stands above them may stay.
                chosen = builder.lshr(number, ir.Constant(_HALVES, [8 * byte] * _LANES)) if byte else number
                low, high = (builder.call(pick, [part[0], chosen, part[1]]) for part in (lower, upper))
                for side, order in enumerate(_JOINED):
                    value = builder.bitcast(_shuffled(builder, low, high, order), _NUMBERS)
                    totals[2 * byte + side] = builder.fadd(totals[2 * byte + side], value)
        for place, total in enumerate(totals):
            builder.store(total, builder.gep(here, [ir.Constant(_COUNT, place)]), align=8)


def _table(builder: Any, parts: list[Any]) -> list[list[Any]]:
    """Return the lower and the upper halves of 32 values, two registers each."""
    return [
        [_shuffled(builder, parts[at], parts[at + 1], range(half, 2 * _LANES, 2)) for at in (0, 2)] for half in (0, 1)
    ]


def _vectors(builder: Any, begin: Any, kind: Any, first: int, count: int) -> list[Any]:
    line = builder.bitcast(begin, kind.as_pointer())
    places = (ir.Constant(_COUNT, place) for place in range(first, first + count))
    return [builder.load(builder.gep(line, [place]), align=8) for place in places]


def _shuffled(builder: Any, one: Any, other: Any, order: Any) -> Any:
    return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(ir.IntType(32), _LANES), list(order)))
