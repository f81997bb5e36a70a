"""Blocks of a map, each filled from the codes of its pixels; where a tile cannot be read a block has a hole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.area_plan import AreaPlan
from esd_tasks.codes_item import CodesItem
from esd_tasks.engine import run_blocks
from esd_tasks.engine_work import Arrays, OnFailure
from esd_tasks.map_run import BLOCK_PIXELS, CLEAR_OBS, Beside, Layer, OfCodes, OnProgress
from esd_tasks.map_store import MapStore
from esd_tasks.maps import QUALITY_NODATA
from esd_tasks.pull import Mosaic, pixels_inside
from esd_tasks.target import Grid
from stactools_esd.blocks import Block

PIXEL_BYTES: Final = 300
"""Of a pixel that is mapped, beside its layers: codes twice, where they lie in the file, features in pieces."""


def fill_blocks(
    plan: AreaPlan,
    blocks: Sequence[Block],
    store: MapStore,
    layers: Sequence[Layer],
    of_codes: OfCodes,
    report: OnProgress,
    *,
    beside: Beside | None = None,
) -> None:
    """Make every block that is not finished, and store it, with the threads or the cluster that the request names.

    Args:
        plan: Items, grid, area, least number of clear observations, and resources.
        blocks: All blocks of the grid.
        store: Where blocks go; each holds the layers and `CLEAR_OBS`.
        layers: What `of_codes` returns.
        of_codes: Called with the usable pixels of a block, one at least; from many threads at once.
        report: Told of the stage `predict`.
        beside: What `of_codes` takes as its second argument.

    Raises:
        EsdError: See `engine.run_blocks`.
    """
    work = MapWork(
        items=tuple(plan.items),
        grid=plan.grid,
        area=plan.area,
        min_clear=plan.request.min_clear,
        layers=tuple(layers),
        of_codes=of_codes,
        beside=beside,
    )
    run_blocks(work, blocks, store, plan.request.resources, stage="predict", report=report)


@dataclass(frozen=True, kw_only=True)
class PixelsRead:
    """What was read of a block."""

    inside: NDArray[np.bool_]
    """Pixels of the area (h, w)."""

    clear_obs: NDArray[np.uint16]
    """Clear observations (h, w), `QUALITY_NODATA` where there are no codes."""

    usable: NDArray[np.bool_]
    """Pixels that are mapped (h, w)."""

    codes: NDArray[np.uint16]
    """Their codes (n, 12); the memory of one step after the other, as files hold them."""

    beside: NDArray[np.float32] | None
    """What is known of them beside the codes (n, ..)."""


@dataclass(frozen=True, kw_only=True)
class MapWork:
    """A map of one year, as `engine.BlockWork`."""

    items: tuple[CodesItem, ...]
    grid: Grid
    area: shapely.Geometry
    min_clear: int
    layers: tuple[Layer, ...]
    of_codes: OfCodes
    beside: Beside | None = None

    def open(self, on_failure: OnFailure) -> Mosaic:
        """Open the items of the year."""
        return Mosaic(self.items, on_failure=on_failure)

    def read(self, source: Mosaic, block: Block) -> PixelsRead | None:
        """Read the pixels of the area that have data; None where the area has none in this block."""
        inside = pixels_inside(self.grid, self.area, block.window)
        if not inside.any():
            return None
        pulled = source.read(self.grid, block.window)
        there = inside & pulled.valid
        usable = there & (pulled.clear_obs >= self.min_clear)
        clear_obs = np.full(inside.shape, QUALITY_NODATA, dtype=np.uint16)
        clear_obs[there] = np.minimum(pulled.clear_obs[there], QUALITY_NODATA - 1)
        return PixelsRead(
            inside=inside,
            clear_obs=clear_obs,
            usable=usable,
            codes=(pulled.codes.reshape(len(pulled.codes), -1) if usable.all() else pulled.codes[:, usable]).T,
            beside=self.beside(block, usable) if self.beside is not None and usable.any() else None,
        )

    def compute(self, block: Block, given: PixelsRead | None) -> Arrays:
        """Return the layers and the clear observations of a block."""
        shape = (block.height, block.width)
        arrays: dict[str, NDArray[Any]] = {
            layer.name: np.full(shape, layer.nodata, dtype=layer.dtype) for layer in self.layers
        }
        if given is None:
            return arrays | {CLEAR_OBS: np.full(shape, QUALITY_NODATA, dtype=np.uint16)}
        if len(given.codes):
            known = () if given.beside is None else (given.beside,)
            for name, values in self.of_codes(given.codes, *known).items():
                arrays[name][given.usable] = values
        return arrays | {CLEAR_OBS: given.clear_obs}

    def mapped(self, arrays: Arrays) -> int:
        """Count pixels with codes of enough clear observations."""
        clear = arrays[CLEAR_OBS]
        return int(np.count_nonzero((clear != QUALITY_NODATA) & (clear >= self.min_clear)))

    @property
    def block_bytes(self) -> int:
        """Bytes of a block: its pixels, and three times its layers: made, spread out, and written."""
        layers = sum(np.dtype(layer.dtype).itemsize for layer in self.layers)
        return BLOCK_PIXELS * BLOCK_PIXELS * (PIXEL_BYTES + 3 * layers)
