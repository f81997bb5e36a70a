"""Class maps without salt and pepper, by a vote of the neighbourhood.

It is optional, as merging small patches is (`patches`); both are said in `run.json` and the tags of the map, and take
detail away with the noise: a narrow river is salt to them. Accuracy by cross-validation is that of the model before.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.legend import UNCLASSIFIED
from stactools_esd.blocks import Block, BlockStore


def smoothed(
    store: BlockStore, blocks: Sequence[Block], names: Sequence[str], class_ids: Sequence[int], window: int, nodata: int
) -> Iterator[tuple[Block, NDArray[Any]]]:
    """Yield for every block the class with the largest sum of probabilities in a window around each pixel.

    Neighbouring blocks are read as far as the window reaches, so there is no seam. Unclassified pixels have no vote and
    stay unclassified.

    Args:
        store: Finished blocks with the probabilities.
        blocks: All blocks of the grid.
        names: Layer of the probability of each class.
        class_ids: These classes.
        window: Pixels a side, odd.
        nodata: Value of probabilities of pixels without a class.
    """
    from scipy.ndimage import uniform_filter1d

    reach = window // 2
    by_corner = {(block.row, block.column): block for block in blocks}
    size = max(block.height for block in blocks), max(block.width for block in blocks)
    for block in blocks:
        votes = np.zeros((len(names), block.height + 2 * reach, block.width + 2 * reach), dtype=np.float32)
        for near in _around(by_corner, block, size, reach):
            top, left = near.row - block.row + reach, near.column - block.column + reach
            rows = slice(max(top, 0), min(top + near.height, votes.shape[1]))
            columns = slice(max(left, 0), min(left + near.width, votes.shape[2]))
            arrays = store.get(near)
            for position, name in enumerate(names):
                part = arrays[name][rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
                votes[position, rows, columns] = np.where(part == nodata, 0, part)
        own = store.get(block)["class_id"]
        for axis in (1, 2):
            votes = uniform_filter1d(votes, window, axis=axis, mode="constant")
        inner = votes[:, reach : reach + block.height, reach : reach + block.width]
        # Rounding keeps equal sums equal, whatever the order in which they were added.
        winner = np.asarray(class_ids)[np.round(inner, 3).argmax(axis=0)]
        yield block, np.where(own == UNCLASSIFIED, UNCLASSIFIED, winner).astype(own.dtype)


def _around(
    by_corner: dict[tuple[int, int], Block], block: Block, size: tuple[int, int], reach: int
) -> Iterator[Block]:
    """Yield the blocks that lie within reach of a block, itself included."""
    down, across = -(-reach // size[0]), -(-reach // size[1])
    for rows in range(-down, down + 1):
        for columns in range(-across, across + 1):
            near = by_corner.get((block.row + rows * size[0], block.column + columns * size[1]))
            if near is not None:
                yield near
