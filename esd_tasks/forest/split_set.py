"""One step of a walk as a vector operation of LLVM, for any processor.

Written as a loop, numba's compiler asks at every node whether the four rows overlap before it dares to use vectors; the
questions take longer than the answer. Here all loads of a piece come before its stores, by construction.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from esd_tasks.forest.leaf_numbers import WORDS, Words

_PIECE: Final = 8
"""Words of a vector: one instruction with AVX-512, two with AVX2, four with SSE2 or NEON."""

_VECTOR: Final = ir.VectorType(ir.IntType(64), _PIECE)


def _split_set(context: Any, here: Any, goes: Any, left: Any, right: Any) -> Any:  # noqa: ARG001 - numba's signature
    def emit(context: Any, builder: Any, signature: Any, rows: Any) -> Any:
        begins = [
            builder.bitcast(context.make_array(kind)(context, builder, row).data, _VECTOR.as_pointer())
            for kind, row in zip(signature.args, rows, strict=True)
        ]
        for piece in range(WORDS // _PIECE):
            at_here, at_goes, at_left, at_right = (
                builder.gep(begin, [ir.Constant(ir.IntType(64), piece)]) for begin in begins
            )
            reach, holds = builder.load(at_here, align=8), builder.load(at_goes, align=8)
            both = builder.and_(reach, holds)
            builder.store(both, at_left, align=8)
            builder.store(builder.xor(reach, both), at_right, align=8)
        return context.get_dummy_value()

    return types.void(here, goes, left, right), emit


split_set: Final = cast(Callable[[Words, Words, Words, Words], None], intrinsic(_split_set))
"""Write `here & goes` to the row `left`, and the rest of `here` to the row `right`.

Rows have `WORDS` words: `here` the pixels of a node, `goes` those with its predicate, `left` and `right` two others.
"""
