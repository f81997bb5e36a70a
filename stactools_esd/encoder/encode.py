"""Images to the item of a codes COG: block by block in bounded memory, and a killed run continues."""

import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window
from tqdm import tqdm

from stactools_esd.blocks import BlockStore, group_rows
from stactools_esd.codes_file import open_codes
from stactools_esd.encoder.block_codes import BlockDone
from stactools_esd.encoder.encode_plan import EncodePlan, make_plan
from stactools_esd.encoder.encode_request import EncodeRequest
from stactools_esd.encoder.engines import REFERENCE
from stactools_esd.encoder.inference import MIN_VALID_DAYS, Encoder
from stactools_esd.encoder.workers import encode_apart, encode_here
from stactools_esd.errors import EsdError, NothingFoundError, OutputError, SkippedImageWarning
from stactools_esd.files import remove_scratch
from stactools_esd.fsq import valid_pixels
from stactools_esd.item_folder import ItemFolder, write_encoded
from stactools_esd.memory import CACHE_BYTES, MemoryPlan, plan_memory
from stactools_esd.run_lock import run_lock

OnBlock = Callable[[BlockDone], None]
"""Hears of each block that is finished."""

_SHARES = 2
"""Groups for each worker in what is left, at least, so that all end at about the same time."""


def encode_source(
    source: str | Path, destination: str | Path, *, on_block: OnBlock | None = None, **options: Any
) -> ItemFolder:
    """Encode images.

    Args:
        source: Folder of images, or another path that `sources.find` knows.
        destination: Folder that gets the folder of the item; made where it does not exist.
        on_block: Hears of each block that is finished.
        **options: Other fields of `EncodeRequest`: window, tile, encoder, fill, memory, workers, ..

    Returns:
        The folder of the item, `<destination>/<item id>`.

    Raises:
        EsdError: As `EncodeRequest`, `make_plan` and `run_plan`.
    """
    request = EncodeRequest(source=Path(source), destination=Path(destination), **options)
    return run_plan(make_plan(request), on_block=on_block)


def run_plan(plan: EncodePlan, *, on_block: OnBlock | None = None) -> ItemFolder:
    """Encode what a plan says, or continue it.

    Finished blocks lie in a hidden folder of the destination. A run that was killed, or stopped at a damaged image,
    takes them over where nothing that decides a code was changed, whatever its memory and workers.

    Args:
        plan: What to do.
        on_block: Hears of each block that is finished.

    Returns:
        The folder of the item.

    Raises:
        NothingFoundError: No pixel has enough clear observations.
        RasterError: An image is damaged, and the request does not pass over such.
        ObservationsError: The images do not hold reflectance.
        UsageError: The memory is too little.
        OutputError: The destination cannot be written, or holds another run and the request does not overwrite it.
        PartlyDoneError: A worker died; the run can be continued.
        InUseError: Another run is at work on the same tile, year and destination; its blocks are left alone.

    Warns:
        UnlockedWarning: The file system has no locks, so that another run would not be noticed.
        SkippedImageWarning: Once for each damaged image that was passed over.
    """
    request = plan.request
    fits = _fit(plan, plan.blocks)
    if request.overwrite:
        _drop_unfinished(plan.unfinished)
    else:
        _refuse_other(plan)
    store = BlockStore(plan.unfinished, plan.run_key)
    with run_lock(store.folder):
        for folder in (request.destination, plan.codes_path.parent):  # what a run left that was killed at its end
            remove_scratch(folder, plan.tags.name.item_id)
        return _run(plan, fits, store, on_block)


def _run(plan: EncodePlan, fits: MemoryPlan, store: BlockStore, on_block: OnBlock | None) -> ItemFolder:
    """Encode what is left, and make the item."""
    request, source = plan.request, plan.job.source
    skipped = _Skipped(names=plan.job.names)
    for name in plan.bad:
        skipped.tell(name, "it is damaged or incomplete; the same command without --skip-bad says how")
    try:
        _encode(plan, fits, store, skipped, on_block)
    except EsdError:
        if len(store.unfinished(plan.blocks)) == len(plan.blocks):
            store.discard()
        raise
    finished = _look_through(plan, store)
    if not finished.some_valid:
        store.discard()
        raise NothingFoundError(
            f"got no pixel with at least {MIN_VALID_DAYS} clear days of {request.window.first_day} to "
            f"{request.window.last_day} in {request.source}, expected some; add images or choose another window"
        )
    for position in finished.damaged:  # of blocks that an earlier run finished
        skipped.tell(plan.job.names[position], "it is damaged")
    gone = (position for position, count in finished.damaged.items() if count == len(plan.blocks))
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        made = write_encoded(
            request.destination,
            _pieces(plan, store),
            shape=source.shape,
            transform=source.transform,
            crs=source.crs,
            tags=replace(plan.tags, skipped_images=len(skipped.told)),
            inputs=plan.inputs(without=gone),
        )
    store.discard()
    return made


def _fit(plan: EncodePlan, blocks: Any) -> MemoryPlan:
    """Fit the work into memory."""
    return plan_memory(
        plan.request.memory,
        dates=plan.images_held,
        width=plan.job.source.shape[1],
        block_rows=plan.blocks[0].height,
        pixels=sum(block.height * block.width for block in blocks),
        workers=1 if isinstance(plan.request.encoder, Encoder) else plan.request.workers,
        reader=plan.reader_bytes,
    )


class _Skipped:
    """Images that were passed over, each told of once."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.told: set[str] = set()

    def tell(self, name: str, reason: str) -> None:
        if name not in self.told:
            self.told.add(name)
            warnings.warn(f"passed over {name}: {reason}", SkippedImageWarning, stacklevel=5)


def _encode(plan: EncodePlan, fits: MemoryPlan, store: BlockStore, skipped: _Skipped, on_block: OnBlock | None) -> None:
    """Encode all blocks that are not finished."""
    left = store.unfinished(plan.blocks)
    workers, encoder, part = fits.workers, plan.request.encoder, plan.request.part
    shares = _SHARES * workers if workers > 1 else 1  # one worker waits for nobody
    groups = group_rows(left, fits.rows, shares, part[0] if part else 0)
    if workers == 1 or len(groups) < 2 or isinstance(encoder, Encoder):
        news = encode_here(plan.job, plan.encoder, groups, store)
    else:
        news = encode_apart(plan.job, encoder, plan.request.engine, groups, store, workers)
    title = f"encode {plan.tags.tile} {plan.tags.year}"
    done_before = len(plan.blocks) - len(left)
    with (
        closing(news),
        tqdm(total=len(plan.blocks), initial=done_before, desc=title, unit="block", disable=None) as bar,
    ):
        for done in news:
            for name, reason in done.reasons.items():
                skipped.tell(name, reason)
            bar.update()
            if on_block is not None:
                on_block(done)


@dataclass(frozen=True, kw_only=True)
class _Finished:
    """What all blocks together say."""

    some_valid: bool
    damaged: Mapping[int, int]


def _look_through(plan: EncodePlan, store: BlockStore) -> _Finished:
    """Look through finished blocks: whether any pixel has data, and in how many blocks each image was damaged."""
    some_valid, damaged = False, Counter[int]()
    for block in plan.blocks:
        arrays = store.get(block)
        some_valid = some_valid or bool(valid_pixels(arrays["codes"]).any())
        damaged.update(arrays["damaged"].tolist())
    return _Finished(some_valid=some_valid, damaged=damaged)


def _pieces(plan: EncodePlan, store: BlockStore) -> Iterator[tuple[Window, NDArray[np.uint16], NDArray[np.uint16]]]:
    for block in plan.blocks:
        arrays = store.get(block)
        yield block.window, arrays["codes"], arrays["clear_obs"]


def _drop_unfinished(folder: Path) -> None:
    """Remove the blocks of a run that was killed, and of no other."""
    if folder.is_dir():
        with run_lock(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _refuse_other(plan: EncodePlan) -> None:
    """See that codes of an item that is there already may be made again: of one recipe, engine, window and grid."""
    kept, tags, source = plan.codes_path, plan.tags, plan.job.source
    if not kept.is_file():
        return
    with open_codes(kept) as older:
        differences = tags.identity.differences(older.identity)
        if tags.engine != (engine := older.tags.engine or REFERENCE):  # files of before engines were made by it
            differences.append(f"engine {tags.engine} against {engine}")
        if tags.window_start != older.tags.window_start:
            differences.append(f"first day {tags.window_start} against {older.tags.window_start}")
        shape = (older.height, older.width)
        if shape != source.shape or not older.transform.almost_equals(source.transform):
            differences.append(
                f"{source.shape} pixels from {source.transform * (0, 0)} against {shape} from "
                f"{older.transform * (0, 0)}"
            )
    if differences:
        raise OutputError(
            f"got {kept} with codes of another run ({'; '.join(differences)}), expected those of this one or none; "
            "choose another destination, or replace them with --overwrite"
        )
