"""Small patches of a class map, merged into their largest neighbours: as GDAL's sieve does it, but for any size of map.

A patch is what hangs together by the sides of its pixels; it may reach over the whole map, so no window of it can be
sieved alone. The map is passed over three times in strips of whole rows: patches are numbered, counted and joined
(union-find; Rosenfeld and Pfaltz 1966, Journal of the ACM 13, 471), then the largest neighbour of each is found, then
small ones are merged. The map between the passes, and what is known of each patch, lie in files; memory holds a strip.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks import patch_loops as loops
from stactools_esd.blocks import Block
from stactools_esd.files import scratch_path

STRIP_PIXELS: Final = 1_000_000
"""Pixels of a strip, about: 30 MB with what is made of it."""

_GROWTH: Final = 1_000_000
"""Patches for which room is made at once, at least."""

_COLUMNS: Final = {"parent": 0, "size": 0, "value": 0, "largest": -1, "goal": loops.UNKNOWN}
"""What is known of each piece of a patch, and what it is at first: 40 bytes a piece."""

Classes = NDArray[Any]


def without_patches(
    pieces: Iterator[tuple[Block, Classes]], shape: tuple[int, int], dtype: str, least: int, folder: Path
) -> Iterator[tuple[Block, Classes]]:
    """Yield classes with every patch of fewer pixels merged into its largest neighbour.

    Where that one is small as well, it goes where its own largest neighbour goes. Patches of which no way leads to one
    that is large enough stay; unclassified pixels (0) are no patch.

    Args:
        pieces: Blocks with their classes.
        shape: Rows and columns of the map.
        dtype: Data type of the classes.
        least: Pixels of the smallest patch that stays.
        folder: Where files may lie meanwhile: the map, and 40 bytes for each piece of a patch.
    """
    with scratch_path(folder / "patches") as scratch:
        scratch.mkdir()
        classes = np.memmap(scratch / "classes", dtype=dtype, mode="w+", shape=shape)
        blocks = []
        for block, values in pieces:
            classes[block.row : block.row + block.height, block.column : block.column + block.width] = values
            blocks.append(block)
        _merge(classes, least, _Table(scratch))
        for block in blocks:
            yield block, np.array(classes[block.row : block.row + block.height, block.column :][:, : block.width])


def _merge(classes: Classes, least: int, table: "_Table") -> None:
    """Merge small patches in place."""
    used = 0
    for _, strip, patch, following in _strips(classes):
        table.see_room(following, used)
        loops.join(strip, patch, table["parent"], table["size"], table["value"])
        used = following
    if not used:
        return
    loops.flatten(table["parent"], table["size"], used)
    for _, _, patch, _ in _strips(classes):
        loops.look_around(patch, table["parent"], table["size"], table["largest"])
    loops.send(table["parent"], table["size"], table["largest"], table["goal"], used, least)
    for row, strip, patch, _ in _strips(classes):
        loops.merge(strip, patch, table["parent"], table["goal"], table["value"])
        classes[row : row + len(strip) - 1] = strip[1:]


def _strips(classes: Classes) -> Iterator[tuple[int, NDArray[np.int32], NDArray[np.int64], int]]:
    """Yield first row, classes and numbers of patches of strips, each below the last row above, and the next number.

    What is yielded is the caller's: the map may be written meanwhile, for each strip is read before the one above is
    given away.
    """
    height, width = classes.shape
    rows, used = max(1, STRIP_PIXELS // max(width, 1)), 0
    last, numbers = np.zeros((1, width), dtype=np.int32), np.full((1, width), -1, dtype=np.int64)
    for row in range(0, height, rows):
        strip = np.concatenate([last, classes[row : row + rows].astype(np.int32)])
        patch = np.concatenate([numbers, np.empty((len(strip) - 1, width), dtype=np.int64)])
        used = loops.number(strip, patch, used)
        last, numbers = strip[-1:].copy(), patch[-1:].copy()
        yield row, strip, patch, used


class _Table:
    """What is known of the pieces of patches, in files that grow."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._room = folder, 0
        self._columns: dict[str, NDArray[np.int64]] = {}

    def __getitem__(self, name: str) -> NDArray[np.int64]:
        return self._columns[name]

    def see_room(self, needed: int, used: int) -> None:
        """Make room for pieces, and set the new ones, `used` and on, to what they are at first."""
        if needed > self._room or not self._columns:
            self._room = max(needed, 2 * self._room, _GROWTH)
            for name in _COLUMNS:
                path = self._folder / name
                path.touch()
                os.truncate(path, 8 * self._room)
                self._columns[name] = np.asarray(np.memmap(path, dtype=np.int64, mode="r+", shape=(self._room,)))
        for name, first in _COLUMNS.items():
            self._columns[name][used:needed] = np.arange(used, needed) if name == "parent" else first
