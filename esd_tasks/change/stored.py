"""Events of finished blocks with those of their neighbours, so that patches are judged across the borders of blocks."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.change.patches import in_patches
from esd_tasks.target import Grid
from stactools_esd.blocks import Block, BlockStore

Planes = Callable[[Mapping[str, NDArray[Any]]], NDArray[np.bool_]]
"""Turns the arrays of a block into where its events are, (years, rows, columns)."""

_KEPT: Final = 64
"""Blocks whose events stay in memory, packed: more than three rows of those of a tile."""


class EventBlocks:
    """Where the events of a raster of blocks are."""

    def __init__(self, store: BlockStore, blocks: Sequence[Block], grid: Grid, size: int, planes: Planes) -> None:
        """Look at finished blocks.

        Args:
            store: Holds them.
            blocks: All of them, as `plan_blocks` made them.
            grid: Their raster.
            size: Rows and columns of a whole block.
            planes: Finds the events of one.
        """
        self._store, self._grid, self._size, self._planes = store, grid, size, planes
        self._blocks = {(block.row // size, block.column // size): block for block in blocks}
        self._packed: OrderedDict[tuple[int, int], tuple[NDArray[np.uint8], tuple[int, ...]]] = OrderedDict()

    def in_patches(self, block: Block, least_pixels: int) -> NDArray[np.bool_]:
        """Return the events of a block that belong to patches of enough pixels (years, rows, columns)."""
        if least_pixels <= 1:
            return self._events((block.row // self._size, block.column // self._size))
        around = least_pixels - 1
        top, left = max(block.row - around, 0), max(block.column - around, 0)
        bottom = min(block.row + block.height + around, self._grid.height)
        right = min(block.column + block.width + around, self._grid.width)
        whole = None
        for row in range(top // self._size, (bottom - 1) // self._size + 1):
            for column in range(left // self._size, (right - 1) // self._size + 1):
                events, other = self._events((row, column)), self._blocks[row, column]
                if whole is None:
                    whole = np.zeros((len(events), bottom - top, right - left), np.bool_)
                first_row, first_column = max(other.row, top), max(other.column, left)
                last_row = min(other.row + other.height, bottom)
                last_column = min(other.column + other.width, right)
                whole[:, first_row - top : last_row - top, first_column - left : last_column - left] = events[
                    :,
                    first_row - other.row : last_row - other.row,
                    first_column - other.column : last_column - other.column,
                ]
        if whole is None:
            return self._events((block.row // self._size, block.column // self._size))
        kept = in_patches(whole, least_pixels)
        rows = slice(block.row - top, block.row - top + block.height)
        return kept[:, rows, block.column - left : block.column - left + block.width]

    def _events(self, key: tuple[int, int]) -> NDArray[np.bool_]:
        """Return where the events of a block are; those of the last blocks are remembered."""
        if key not in self._packed:
            events = self._planes(self._store.get(self._blocks[key]))
            self._packed[key] = np.packbits(events), events.shape
            if len(self._packed) > _KEPT:
                self._packed.popitem(last=False)
        self._packed.move_to_end(key)
        packed, shape = self._packed[key]
        return np.unpackbits(packed, count=int(np.prod(shape))).reshape(shape).astype(np.bool_)
