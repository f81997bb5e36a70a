"""Images of MODIS or VIIRS that guide the filling of finer ones: on cells of eight by eight of their pixels.

A cell takes the coarse pixel under its centre. Coarse pixels are sixteen fine ones wide and what they show is wider
still, so that nothing is lost, and a guide of 64 times fewer pixels is read, held and drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine

from stactools_esd.blocks import Block
from stactools_esd.errors import NothingFoundError, UsageError
from stactools_esd.guide import Guide, draw_curves
from stactools_esd.observations import Observations, YearWindow
from stactools_esd.pixel_series import pixel_series
from stactools_esd.product import BANDS
from stactools_esd.sources.find import find_source, recognise
from stactools_esd.sources.rows import ImageRows, read_rows
from stactools_esd.sources.source import Source, TargetGrid
from stactools_esd.temporal_context import TemporalContext, span

CELL: Final = 8
"""Pixels in a side of a cell."""

GUIDES: Final = ("modis", "viirs")
"""Types of source that can guide."""


@dataclass(frozen=True, kw_only=True)
class GuideSource:
    """Coarse images of an area and how its pixels lie on their cells; make one with `open_guide`."""

    source: Source
    """Images of the cells."""

    positions: tuple[int, ...]
    """Which of them are read, in the order of `source.dates`."""

    window: YearWindow
    """The 365 days that are filled."""

    context: TemporalContext
    """Years that filling looks at."""

    name: str
    """What they are, as the input recipe says it."""

    row: int
    """First row of the area, in pixels of the grid that the cells begin with."""

    column: int
    """First column."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images that are read."""
        return tuple(self.source.names[position] for position in self.positions)

    @property
    def files(self) -> tuple[tuple[Path, ...], ...]:
        """Files of each image that is read."""
        return tuple(self.source.files[position] for position in self.positions)

    @property
    def images_held(self) -> int:
        """How many images of the pixels take as much memory as those of the cells, two rows of cells for one of each.

        Rows of cells stick out of the rows of pixels above and below.
        """
        return -(-2 * len(self.positions) // CELL**2)

    def block_bytes(self, block: Block) -> int:
        """Return the bytes that drawing the guide of a block takes: its observations and its curves, twice."""
        cells = self.cells(block)
        first, last = span(self.window, self.context)
        days = (last - first).days + 1
        return 2 * (cells.height + 1) * cells.width * (len(self.positions) + days) * len(BANDS) * 4

    def cells(self, block: Block) -> Block:
        """Return the cells on which a block of pixels lies."""
        rows = _cells(self.row + block.row, block.height)
        columns = _cells(self.column + block.column, block.width)
        return Block(row=rows.start, column=columns.start, height=len(rows), width=len(columns))

    def read(self, blocks: Sequence[Block], *, skip_bad: bool = False) -> ImageRows:
        """Read the cells of neighbouring blocks of whole rows; each row of cells comes out alike in any company.

        Args:
            blocks: Blocks of whole rows of the area, each below the one before.
            skip_bad: Take a damaged image as not observed in the rows of cells where it is.

        Raises:
            RasterError: An image is damaged, and `skip_bad` was not said.
        """
        first, last = self.cells(blocks[0]), self.cells(blocks[-1])
        lines = [
            Block(row=row, column=first.column, height=1, width=first.width)
            for row in range(first.row, last.row + last.height)
        ]
        return read_rows(self.source, lines, self.positions, skip_bad=skip_bad)

    def damaged(self, rows: ImageRows, block: Block) -> tuple[int, ...]:
        """Return the positions of images that are damaged in a row of cells of a block."""
        cells = self.cells(block)
        lines = range(cells.row, cells.row + cells.height)
        return tuple(sorted({position for line in lines for position in rows.damaged.get(line, ())}))

    def guide(self, rows: ImageRows, block: Block) -> Guide:
        """Draw the guide of a block.

        Args:
            rows: What `read` gave of this block, and perhaps of more.
            block: Which.

        Returns:
            Guide of the block's pixels in row-major order.
        """
        cells = self.cells(block)
        lines = slice(cells.row - rows.first, cells.row - rows.first + cells.height)
        seen = Observations(
            dates=self.source.dates[list(self.positions)],
            reflectance=rows.reflectance[:, :, lines],
            valid=rows.valid[:, :, lines],
            transform=self.source.transform,
            crs=self.source.crs,
        )
        series = pixel_series(seen, *span(self.window, self.context))
        curves, first = draw_curves(series, self.window, self.context)
        down = (self.row + block.row + np.arange(block.height)) // CELL - cells.row
        across = (self.column + block.column + np.arange(block.width)) // CELL - cells.column
        row: NDArray[np.intp] = (down[:, None] * cells.width + across).ravel()
        return Guide(curves=curves, first=first, row=row)


def _cells(first: int, count: int) -> range:
    """Return the cells on which some pixels lie."""
    return range(first // CELL, -(-(first + count) // CELL))


def open_guide(
    path: Path, images: Source, whole: Source, window: YearWindow, context: TemporalContext, *, skip_bad: bool = False
) -> GuideSource:
    """Look at a folder of MODIS or VIIRS as a guide.

    Args:
        path: The folder.
        images: The images that are filled, perhaps a part of a grid.
        whole: The images before they were cut.
        window: The 365 days that will be filled.
        context: Years that filling looks at.
        skip_bad: Pass over damaged files.

    Raises:
        UsageError: The folder holds something else.
        NothingFoundError: No image lies in the window.
        RasterError: The folder cannot be read, or lies elsewhere.
    """
    kind = recognise(path)
    if kind not in GUIDES:
        raise UsageError(
            f"got a guide of type {kind} in {path}, expected MODIS or VIIRS; give the folder of such images"
        )
    rows, columns = (-(-side // CELL) for side in whole.shape)
    grid = TargetGrid(crs=whole.crs, transform=whole.transform * Affine.scale(CELL), shape=(rows, columns))
    found = find_source(path, "xguide", source_type=kind, grid=grid, skip_bad=skip_bad)
    dates = found.source.dates
    if not len(window.positions(dates)[0]):
        raise NothingFoundError(
            f"got no image of {window.first_day} to {window.last_day} in the guide {path}, expected some; the folder "
            f"holds {np.min(dates)} to {np.max(dates)}: add images, or leave the guide out"
        )
    first, last = span(window, context)
    start, stop = np.searchsorted(dates, [np.datetime64(first), np.datetime64(last) + 1])
    column, row = ~whole.transform * (images.transform.c, images.transform.f)
    return GuideSource(
        source=found.source,
        positions=tuple(range(int(start), int(stop))),
        window=window,
        context=context,
        name=found.name,
        row=round(row),
        column=round(column),
    )
