"""All pixels of a block through one tree, as vector code of LLVM, for any processor.

Written as a loop, numba's compiler asks at every node whether rows overlap before it dares to use vectors, and keeps
nothing in registers from node to node. Here the pixels that stay on a chain of nodes are kept there, and each node
stores one set: those that leave the chain.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from esd_tasks.forest.leaf_numbers import WORDS, Words

_PIECE: Final = 8
"""Words of a vector: one register with AVX-512, two with AVX2, four with SSE2 or NEON."""

_WORD: Final = ir.IntType(64)
_VECTOR: Final = ir.VectorType(_WORD, _PIECE)


def _walk_tree(context: Any, nodes: Any, first: Any, end: Any, predicates: Any, sets: Any) -> Any:  # noqa: ARG001
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        node, predicate, reached = (
            context.make_array(signature.args[place])(context, builder, arguments[place]).data for place in (0, 3, 4)
        )
        begin, stop = (context.cast(builder, arguments[place], signature.args[place], types.intp) for place in (1, 2))
        # Registers hold a whole set with AVX2 (8 of 16), half of one with SSE2.
        pieces = WORDS // _PIECE
        together = pieces if "+avx2" in context.codegen().magic_tuple()[2].split(",") else pieces // 2
        for piece in range(0, pieces, together):
            _emit_walk(builder, node, begin, stop, predicate, reached, range(piece, piece + together))
        return context.get_dummy_value()

    return types.void(nodes, first, end, predicates, sets), emit


walk_tree: Final = cast(Callable[[NDArray[Any], int, int, Words, Words], None], intrinsic(_walk_tree))
"""Fill the sets of pixels that leave chains at the nodes `first` to `end` of a tree, row 1 by the first of them.

Args: nodes, as `ForestTables.nodes`; first; end; predicates, (predicates, `WORDS`); sets, (rows, `WORDS`).
"""


def _emit_walk(builder: Any, nodes: Any, first: Any, end: Any, predicates: Any, sets: Any, pieces: range) -> None:
    """Write a loop over the nodes for some pieces of their sets."""
    none = ir.Constant(_VECTOR, None)
    stay = [cgutils.alloca_once_value(builder, none) for _ in pieces]  # type: ignore[no-untyped-call]
    with cgutils.for_range_slice(builder, first, end, ir.Constant(_WORD, 1)) as (at, _):
        node = builder.gep(nodes, [builder.mul(at, ir.Constant(_WORD, 3))])
        predicate, source, turned = (
            builder.zext(builder.load(builder.gep(node, [ir.Constant(_WORD, part)])), _WORD) for part in range(3)
        )
        row = builder.add(builder.sub(at, first), ir.Constant(_WORD, 1))
        goes_on = builder.sext(builder.icmp_unsigned("==", source, ir.Constant(_WORD, 0)), _WORD)
        kept, turn = _everywhere(builder, goes_on), _everywhere(builder, builder.neg(turned))
        there, here, out = (
            builder.bitcast(builder.gep(begin, [builder.mul(line, ir.Constant(_WORD, WORDS))]), _VECTOR.as_pointer())
            for begin, line in ((predicates, predicate), (sets, source), (sets, row))
        )
        for piece, pixels in zip(pieces, stay, strict=True):
            place = [ir.Constant(_WORD, piece)]
            begun = builder.load(builder.gep(here, place), align=8)
            reach = builder.or_(builder.and_(builder.load(pixels), kept), begun)
            holds = builder.xor(builder.load(builder.gep(there, place), align=8), turn)
            builder.store(builder.and_(reach, builder.not_(holds)), builder.gep(out, place), align=8)
            builder.store(builder.and_(reach, holds), pixels)


def _everywhere(builder: Any, word: Any) -> Any:
    """Return a vector of equal words."""
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), word, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), _PIECE), [0] * _PIECE)
    return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), zeros)
