"""Codes of an area pulled to files: block by block, year by year, continued after a kill, honest about what failed.

Finished blocks lie in `<output>/.partial`; files are assembled last. A block of which some tile could not be read is
not finished: the result is written without that tile, names what is missing, and the same command tries again.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks import output_folder, run_record
from esd_tasks.failures import Failures, see_whole
from esd_tasks.pull_files import Piece, write_files
from esd_tasks.pull_plan import PullPlan
from esd_tasks.series import Series
from esd_tasks.target import pixels_inside
from stactools_esd.blocks import Block, BlockStore, plan_blocks
from stactools_esd.errors import OutputError
from stactools_esd.files import read_json, write_json

BLOCK_PIXELS: Final = 512
"""Rows and columns of a block; a year of one takes 7 MB, whatever the size of the area and the number of years."""

OnProgress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class PullResult:
    """A finished pull, or one that misses something."""

    folder: Path
    """Where everything is."""

    paths: dict[str, Path]
    """Files by kind or year, and `run`."""

    years: tuple[int, ...]
    """Years, ascending."""

    valid: dict[int, int]
    """Pixels or points with data, by year."""

    missing: tuple[str, ...]
    """What could not be read, a line each; empty for a whole result."""

    notes: tuple[str, ...]
    """What the user should know, a line each."""

    already_done: bool
    """True where an earlier run had made the same result and nothing was done."""

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON content."""
        return {
            "folder": self.folder.as_posix(),
            "years": list(self.years),
            "already_done": self.already_done,
            "paths": {kind: path.as_posix() for kind, path in self.paths.items()},
            "valid": {str(year): count for year, count in self.valid.items()},
            "missing": list(self.missing),
            "notes": list(self.notes),
        }

    def see_whole(self) -> None:
        """See that nothing is missing.

        Raises:
            PartlyDoneError: Something is; the message lists it.
        """
        see_whole(self.missing)


def run_plan(plan: PullPlan, *, on_progress: OnProgress | None = None) -> PullResult:
    """Pull what a plan says, or continue; a whole result is returned as it is.

    Raises:
        OutputError: The folder belongs to another run, or another run is writing it.
        RasterError: A custom area cannot be opened, so nobody knows where it lies.
    """
    folder, request = plan.request.output_or_default, plan.request
    if not request.overwrite and (done := finished(folder, plan.run_key)) is not None:
        return done
    report = on_progress or (lambda *_: None)
    blocks = plan_blocks(plan.grid.height, plan.grid.width, BLOCK_PIXELS)
    failures = Failures()
    with output_folder.locked(folder):
        if request.overwrite:
            output_folder.clear(folder)
        marker = BlockStore(folder / output_folder.PARTIAL, plan.run_key)
        stores = {year: BlockStore(marker.folder / str(year), plan.run_key) for year in plan.years}
        partly = {year: _fresh(marker.folder / f"{year}-partly", plan.run_key) for year in plan.years}
        with Series(plan.items, on_failure=failures.hear) as series:
            _fill(plan, series, blocks, stores, partly, failures, report)
            tiles = series.tiles
        pieces = {year: Pieces(store, partly[year], blocks) for year, store in stores.items()}
        outputs = write_files(plan, folder, pieces, tiles=tiles, on_progress=report)
        _record(plan, folder, outputs, pieces, failures.missing)
        if not failures.lines:
            marker.discard()
    return read_result(folder)


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


def finished(folder: Path, run_key: str) -> PullResult | None:
    """Return the result in a folder where a run made all of it, else None.

    Raises:
        OutputError: The folder holds another run, or files that no run of ours made.
    """
    return read_result(folder, already_done=True) if output_folder.is_finished(folder, run_key) else None


def read_result(folder: Path, *, already_done: bool = False) -> PullResult:
    """Read a folder that a run has written."""
    record = read_json(folder / run_record.RUN_JSON, error=OutputError)
    return PullResult(
        folder=folder,
        paths={kind: folder / (name.split("/")[0]) for kind, name in record["outputs"].items()},  # a cube is a folder
        years=tuple(record["years"]),
        valid={int(year): count for year, count in record["valid"].items()},
        missing=tuple(record["missing"]),
        notes=tuple(record["notes"]),
        already_done=already_done,
    )


def _fill(
    plan: PullPlan,
    series: Series,
    blocks: Sequence[Block],
    stores: dict[int, BlockStore],
    partly: dict[int, BlockStore],
    failures: Failures,
    report: OnProgress,
) -> None:
    """Read every block of every year that is not finished, and store it; those that failed in part apart."""
    report("pull", 0, len(blocks))
    for position, block in enumerate(blocks, start=1):
        years = [year for year, store in stores.items() if not store.finished(block)]
        inside = pixels_inside(plan.grid, plan.area, block.window) if years else None
        if inside is not None and inside.any():
            owners = series.locate(plan.grid, block.window)
            if plan.tile is not None:
                inside &= owners.owner == series.tiles.index(plan.tile)
            for year in years:
                before = failures.count
                pulled = series.read_year(year, owners, plan.grid)
                there = inside & pulled.valid
                arrays: dict[str, NDArray[Any]] = {
                    "codes": np.where(there & (pulled.clear_obs >= plan.request.min_clear), pulled.codes, 0),
                    "clear_obs": np.where(there, pulled.clear_obs, 0),
                    "owner": pulled.owner,
                }
                store = stores[year] if failures.count == before else partly[year]
                store.put(block, **(arrays if there.any() else {}))
        else:
            for year in years:
                stores[year].put(block)
        report("pull", position, len(blocks))


def _fresh(folder: Path, run_key: str) -> BlockStore:
    """Return an empty store of blocks."""
    shutil.rmtree(folder, ignore_errors=True)
    return BlockStore(folder, run_key)


def _record(
    plan: PullPlan, folder: Path, outputs: dict[str, str], pieces: dict[int, Pieces], missing: Sequence[str]
) -> None:
    """Write `run.json`, last."""
    notes = []
    if plan.left_out:
        notes.append(
            f"not in all years, so not used: {', '.join(plan.left_out[:10])}; their pixels come from neighbours, "
            "or have no data"
        )
    record = run_record.run_record(
        run_key=plan.run_key,
        command=plan.command,
        facts=plan.facts,
        items=plan.items,
        folder=folder,
        outputs=outputs | {"run": run_record.RUN_JSON},
        valid={str(year): of_year.valid for year, of_year in pieces.items()},
        missing=list(missing),
        notes=notes,
    )
    write_json(folder / run_record.RUN_JSON, record)
