"""Blocks of a map of several years, each made once; where a tile cannot be read a block has a hole."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.change.area import ChangePlan
from esd_tasks.codes_item import CodesItem
from esd_tasks.engine import run_blocks
from esd_tasks.engine_work import Arrays, OnFailure
from esd_tasks.failures import Failures
from esd_tasks.map_run import OnProgress
from esd_tasks.map_store import MapStore
from esd_tasks.pull import pixels_inside
from esd_tasks.series import Series, SeriesBlock
from esd_tasks.target import Grid
from stactools_esd.blocks import Block
from stactools_esd.errors import NothingFoundError

MAPPED = "mapped_pixels"
"""What every block counts: pixels that the map says something of."""


@dataclass(frozen=True, kw_only=True)
class YearsRead:
    """What was read of a block."""

    pulled: SeriesBlock
    """Codes of all years."""

    usable: NDArray[np.bool_]
    """Pixels of the area that have data and enough clear observations (years, h, w)."""


OfYears = Callable[[Block, YearsRead | None], Arrays]
"""Turns the codes of a block into its arrays, `MAPPED` among them; None where no pixel is of the area."""


def make_blocks(
    plan: ChangePlan,
    store: MapStore,
    blocks: Sequence[Block],
    of_years: OfYears,
    *,
    block_bytes: int,
    stage: str,
    report: OnProgress,
) -> None:
    """Make every block that is not finished, and store it, with the threads or the cluster that the request names.

    Args:
        plan: Items, grid, area, least number of clear observations, and resources.
        store: Where blocks go, with what could not be read so far.
        blocks: All of them.
        of_years: Makes the arrays of a block; called from many threads at once.
        block_bytes: What a block takes, from reading until it is stored.
        stage: What is reported.
        report: Told how far the run is.

    Raises:
        EsdError: See `engine.run_blocks`.
    """
    work = YearsWork(
        items=tuple(plan.items),
        grid=plan.grid,
        area=plan.area,
        min_clear=plan.request.min_clear,
        of_years=of_years,
        block_bytes=block_bytes,
    )
    run_blocks(work, blocks, store, plan.request.resources, stage=stage, report=report)


@dataclass(frozen=True, kw_only=True)
class YearsWork:
    """A map of several years, as `engine.BlockWork`."""

    items: tuple[CodesItem, ...]
    grid: Grid
    area: shapely.Geometry
    min_clear: int
    of_years: OfYears
    block_bytes: int

    def open(self, on_failure: OnFailure) -> Series:
        """Open the items of all years."""
        return Series(self.items, on_failure=on_failure)

    def read(self, source: Series, block: Block) -> YearsRead | None:
        """Read all years of a block; None where the area has no pixel in it."""
        inside = pixels_inside(self.grid, self.area, block.window)
        if not inside.any():
            return None
        pulled = source.read(self.grid, block.window)
        return YearsRead(pulled=pulled, usable=inside & pulled.valid & (pulled.clear_obs >= self.min_clear))

    def compute(self, block: Block, given: YearsRead | None) -> Arrays:
        """Return the arrays of a block."""
        return self.of_years(block, given)

    def mapped(self, arrays: Arrays) -> int:
        """Return what the block counted."""
        return int(arrays[MAPPED])


@contextmanager
def telling(failures: Failures) -> Iterator[None]:
    """Where nothing is found because something could not be read, say so instead.

    Raises:
        EsdError: The first failure there was.
    """
    try:
        yield
    except NothingFoundError as error:
        if failures.first is not None:
            raise failures.first from error
        raise
