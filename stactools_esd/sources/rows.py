"""Rows of all images of a source, held in memory while they are worked on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd.blocks import Block
from stactools_esd.errors import RasterError
from stactools_esd.observations import Observations
from stactools_esd.product import BANDS
from stactools_esd.sources.source import Source


@dataclass(frozen=True, kw_only=True)
class ImageRows:
    """Neighbouring blocks of whole rows of some images, as they were read."""

    source: Source
    """Where they are from."""

    positions: tuple[int, ...]
    """Which images, rising, in the order of `source.dates` (t,)."""

    first: int
    """First row."""

    reflectance: NDArray[np.float32]
    """Reflectance as a share of 1, 0 where it was not observed (t, 6, rows, columns)."""

    valid: NDArray[np.bool_]
    """Where it was observed (t, 6, rows, columns)."""

    damaged: Mapping[int, tuple[int, ...]]
    """Positions of images that could not be read, by the first row of the block in which they count as not observed."""

    reasons: Mapping[int, str]
    """What was wrong with an image, by position."""

    def observations(self, block: Block, pixels: slice) -> Observations | None:
        """Return what was seen of some pixels of a block, laid out as one row; None where nothing was.

        Args:
            block: One of the blocks that were read.
            pixels: Pixels of the block in row-major order, without a step.
        """
        rows = slice(block.row - self.first, block.row - self.first + block.height)
        shape = (len(self.positions), len(BANDS), 1, block.height * block.width)
        valid = self.valid[:, :, rows].reshape(shape)[..., pixels]
        if not valid.any():
            return None
        return Observations(
            dates=self.source.dates[list(self.positions)],
            reflectance=self.reflectance[:, :, rows].reshape(shape)[..., pixels],
            valid=valid,
            transform=self.source.transform,
            crs=self.source.crs,
        )


def read_rows(
    source: Source, blocks: Sequence[Block], positions: Sequence[int], *, skip_bad: bool = False
) -> ImageRows:
    """Read neighbouring blocks of whole rows of some images at once.

    Where a damaged image is passed over, it is read again block by block, so that what is taken of it depends on the
    blocks alone and not on how many of them were read at once.

    Args:
        source: Where to read.
        blocks: Blocks of whole rows of the grid, each below the one before.
        positions: Which images, rising, in the order of `source.dates`.
        skip_bad: Take a damaged image as not observed in the blocks where it is, where it would else be an error.

    Raises:
        GridError: A block leaves the grid.
        RasterError: An image is damaged, and `skip_bad` was not said.
    """
    first, height = blocks[0].row, sum(block.height for block in blocks)
    shape = (len(positions), len(BANDS), height, blocks[0].width)
    reflectance, valid = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    damaged: dict[int, tuple[int, ...]] = {}
    reasons: dict[int, str] = {}
    window = Window(blocks[0].column, first, blocks[0].width, height)
    for place, position in enumerate(positions):
        try:
            reflectance[place], valid[place] = source.read_image(position, window)
        except RasterError as error:
            if not skip_bad:
                raise
            for block in _unreadable(source, position, blocks, reflectance[place], valid[place]):
                damaged[block.row] = (*damaged.get(block.row, ()), position)
                reasons[position] = str(error)
    return ImageRows(
        source=source,
        positions=tuple(positions),
        first=first,
        reflectance=reflectance,
        valid=valid,
        damaged=damaged,
        reasons=reasons,
    )


def _unreadable(
    source: Source,
    position: int,
    blocks: Sequence[Block],
    reflectance: NDArray[np.float32],
    valid: NDArray[np.bool_],
) -> list[Block]:
    """Read an image block by block into arrays (6, rows, columns), and return the blocks that cannot be read."""
    bad = []
    for block in blocks:
        rows = slice(block.row - blocks[0].row, block.row - blocks[0].row + block.height)
        try:
            reflectance[:, rows], valid[:, rows] = source.read_image(position, block.window)
        except RasterError:
            bad.append(block)
    return bad
