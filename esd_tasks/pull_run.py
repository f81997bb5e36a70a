"""Codes of an area pulled to files: block by block, year by year, continued after a kill, honest about what failed.

Finished blocks lie in `<output>/.partial`; files are assembled last. A block of which some tile could not be read is
not finished: the result is written without that tile, names what is missing, and the same command tries again.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.pull_files import Piece, write_files
from esd_tasks.pull_plan import PullPlan
from esd_tasks.pull_result import OnProgress, PullResult, finished, opened, record, see_read
from esd_tasks.pull_threads import SeriesReaders
from esd_tasks.series import Series
from esd_tasks.target import pixels_inside
from stactools_esd.blocks import Block, BlockStore, plan_blocks

BLOCK_PIXELS: Final = 512
"""Rows and columns of a block; a year of one takes 7 MB, whatever the size of the area and the number of years."""


def run_plan(plan: PullPlan, *, on_progress: OnProgress | None = None) -> PullResult:
    """Pull what a plan says, or continue; a whole result is returned as it is.

    Raises:
        OutputError: The folder belongs to another run, or another run is writing it.
        RasterError: A custom area cannot be opened, so nobody knows where it lies.
        EsdError: Nothing has values, for what was needed could not be read; nothing is written.
    """
    if (earlier := finished(plan)) is not None:
        return earlier
    report = on_progress or (lambda *_: None)
    blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
    with opened(plan) as marker:
        stores = {year: BlockStore(marker.folder / str(year), plan.run_key) for year in plan.years}
        partly = {year: _fresh(marker.folder / f"{year}-partly", plan.run_key) for year in plan.years}
        with SeriesReaders(plan.items, plan.threads) as readers:
            report("pull", 0, len(blocks))
            done = readers.each(_Filler(plan, stores, partly), _work(plan, blocks, stores))
            for position, _ in enumerate(done, start=1):
                report("pull", position, len(blocks))
            tiles, missing = readers.series.tiles, readers.failures.missing
        pieces = {year: Pieces(store, partly[year], blocks) for year, store in stores.items()}
        see_read(marker, readers.failures, (int(piece.valid.sum()) for of_year in pieces.values() for piece in of_year))
        outputs = write_files(plan, pieces, tiles=tiles, on_progress=report)
        valid = {year: of_year.valid for year, of_year in pieces.items()}
        return record(plan, marker, outputs, valid=valid, missing=missing, notes=list(plan.notes()))


class Pieces:
    """The blocks of one year, each read from its store when its turn comes; may be walked several times."""

    def __init__(self, store: BlockStore, partly: BlockStore, blocks: Sequence[Block]) -> None:
        """Join finished blocks and those that failed in part."""
        self._store, self._partly, self._blocks = store, partly, blocks
        self.valid = 0

    def __iter__(self) -> Iterator[Piece]:
        """Yield blocks that hold data."""
        self.valid = 0
        for block in self._blocks:
            arrays = (self._store if self._store.finished(block) else self._partly).get(block)
            if arrays:
                piece = Piece(block=block, **arrays)
                self.valid += int(piece.valid.sum())
                yield piece


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A block that is not finished in some years."""

    block: Block
    inside: NDArray[np.bool_]
    """Shape (h, w), pixels whose middle lies in the area."""

    years: list[int]


def _work(plan: PullPlan, blocks: Sequence[Block], stores: dict[int, BlockStore]) -> Iterator[_Part]:
    """Yield every block with the years in which it is not finished."""
    for block in blocks:
        years = [year for year, store in stores.items() if not store.finished(block)]
        inside = pixels_inside(plan.grid, plan.area, block.window) if years else np.zeros(0, dtype=np.bool_)
        yield _Part(block=block, inside=inside, years=years)


@dataclass(frozen=True)
class _Filler:
    """Reads the years of a block and stores them; those that failed in part apart."""

    plan: PullPlan
    stores: dict[int, BlockStore]
    partly: dict[int, BlockStore]

    def __call__(self, series: Series, part: _Part) -> None:
        """Read a block."""
        if not part.inside.any():
            for year in part.years:
                self.stores[year].put(part.block)
            return
        plan, inside = self.plan, part.inside
        owners = series.locate(plan.grid, part.block.window)
        if plan.tile is not None:
            inside = inside & (owners.owner == series.tiles.index(plan.tile))
        for year in part.years:
            pulled = series.read_year(year, owners)
            there = inside & pulled.valid
            arrays: dict[str, NDArray[Any]] = {
                "codes": np.where(there & (pulled.clear_obs >= plan.request.min_clear), pulled.codes, 0),
                "clear_obs": np.where(there, pulled.clear_obs, 0),
                "owner": pulled.owner,
            }
            store = self.partly[year] if pulled.failed else self.stores[year]
            store.put(part.block, **(arrays if there.any() else {}))


def _fresh(folder: Path, run_key: str) -> BlockStore:
    """Return an empty store of blocks."""
    shutil.rmtree(folder, ignore_errors=True)
    return BlockStore(folder, run_key)
