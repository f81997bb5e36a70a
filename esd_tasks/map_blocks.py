"""Blocks of a map, each filled from the codes of its pixels; where a tile cannot be read a block has a hole."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.area_plan import AreaPlan
from esd_tasks.map_run import CLEAR_OBS, Beside, Layer, OfCodes, OnProgress
from esd_tasks.map_store import MapStore
from esd_tasks.maps import QUALITY_NODATA
from esd_tasks.pull import Mosaic, pixels_inside
from stactools_esd.blocks import Block


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
    """Make every block that is not finished, and store it.

    Where samples could not be read, the model is not that of a whole run: then all blocks are made, and none is kept.

    Args:
        plan: Items, grid, area and least number of clear observations.
        blocks: All blocks of the grid.
        store: Where blocks go; each holds the layers and `CLEAR_OBS`.
        layers: What `of_codes` returns.
        of_codes: Called with the usable pixels of a block, one at least.
        report: Told of the stage `predict`.
        beside: What `of_codes` takes as its second argument.

    Raises:
        RasterError: A file is damaged, and nothing else is on the map.
    """
    failures, mapped = store.failures, False
    whole_model = not failures.count
    report("predict", 0, len(blocks))
    with Mosaic(plan.items, on_failure=failures.hear) as mosaic:
        for position, block in enumerate(blocks, start=1):
            if whole_model and store.finished(block):
                mapped = True
            else:
                before = failures.count
                arrays = _fill(plan, mosaic, block, layers, of_codes, beside)
                put = store.put if whole_model and failures.count == before else store.put_holed
                put(block, **arrays)
                mapped = mapped or bool((arrays[CLEAR_OBS] != QUALITY_NODATA).any())
            report("predict", position, len(blocks))
    if failures.first is not None and not mapped:
        raise failures.first


def _fill(
    plan: AreaPlan,
    mosaic: Mosaic,
    block: Block,
    layers: Sequence[Layer],
    of_codes: OfCodes,
    beside: Beside | None,
) -> dict[str, NDArray[Any]]:
    """Return the layers and the clear observations of a block."""
    shape = (block.height, block.width)
    arrays = {layer.name: np.full(shape, layer.nodata, dtype=layer.dtype) for layer in layers}
    arrays[CLEAR_OBS] = np.full(shape, QUALITY_NODATA, dtype=np.uint16)
    inside = pixels_inside(plan.grid, plan.area, block.window)
    if inside.any():
        pulled = mosaic.read(plan.grid, block.window)
        there = inside & pulled.valid
        arrays[CLEAR_OBS][there] = np.minimum(pulled.clear_obs[there], QUALITY_NODATA - 1)
        usable = there & (pulled.clear_obs >= plan.request.min_clear)
        if usable.any():
            known = () if beside is None else (beside(block, usable),)
            for name, values in of_codes(pulled.codes[:, usable].T, *known).items():
                arrays[name][usable] = values
    return arrays
