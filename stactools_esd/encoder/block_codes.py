"""One block of rows from images to codes: what every worker does again and again."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd.blocks import Block, BlockStore
from stactools_esd.encoder.inference import MIN_VALID_DAYS, Encoder
from stactools_esd.fusion import Fusion
from stactools_esd.memory import CACHE_BYTES, CHUNK_PIXELS
from stactools_esd.observations import YearWindow
from stactools_esd.product import NODATA_CODE, STEPS
from stactools_esd.sources.guide_source import GuideSource
from stactools_esd.sources.rows import ImageRows, read_rows
from stactools_esd.sources.source import Source

STAGES: Final = ("read", "prepare", "encode", "store")
"""What a block goes through, in order."""

Group = tuple[Block, ...]
"""Neighbouring blocks that are read at once."""


class Terrain(Protocol):
    """Elevation, slope and aspect on the grid of the images; can be pickled."""

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return elevation in metres, slope and aspect in degrees of a window (3, rows, columns), NaN where unknown."""


@dataclass(frozen=True, kw_only=True)
class EncodeJob:
    """What the blocks of one run have in common; can be sent to another process."""

    source: Source
    """Where images are read."""

    positions: tuple[int, ...]
    """Which images, in the order of `source.dates`."""

    window: YearWindow
    """The 365 days."""

    fusion: Fusion
    """How gaps are filled."""

    terrain: Terrain | None
    """What the encoder is told of the ground; None where it is unknown."""

    skip_bad: bool
    """Whether damaged images are passed over."""

    guide: GuideSource | None = None
    """What guides the filling; None where nothing does."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all images that there are, those of the guide behind the others."""
        return (*self.source.names, *(self.guide.source.names if self.guide else ()))


@dataclass(frozen=True, kw_only=True)
class BlockDone:
    """News of a finished block."""

    block: Block
    """Which."""

    reasons: dict[str, str]
    """What was wrong with images that were passed over in it, by name."""

    seconds: dict[str, float]
    """Processor seconds by stage; those of reading are divided among the rows that were read at once."""


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A group of blocks in memory."""

    rows: ImageRows
    terrain: NDArray[np.float32] | None
    guide: ImageRows | None
    seconds: float


@contextmanager
def bounded_libraries() -> Iterator[None]:
    """Run torch on one thread, whose sums never depend on the machine, and GDAL with a small cache."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
            yield
    finally:
        torch.set_num_threads(threads)


def encode_groups(job: EncodeJob, encoder: Encoder, groups: Iterable[Group], store: BlockStore) -> Iterator[BlockDone]:
    """Encode blocks and store them; while one group is computed the next is read.

    Args:
        job: What they have in common.
        encoder: The encoder.
        groups: Groups of neighbouring blocks; taken one ahead.
        store: Where finished blocks go.

    Yields:
        News of each block when it is stored.

    Raises:
        RasterError: An image is damaged, and the job does not pass over such.
        ObservationsError: The values are not reflectance.
        OutputError: A block cannot be stored.
    """
    for group, read in _read_ahead(job, groups):
        height = sum(block.height for block in group)
        for block in group:
            arrays, spent = encode_block(job, encoder, read.rows, read.terrain, block, read.guide)
            started = time.thread_time()
            store.put(block, **arrays)
            spent |= {"read": read.seconds * block.height / height, "store": time.thread_time() - started}
            names = {job.source.names[position]: reason for position, reason in read.rows.reasons.items()}
            if job.guide and read.guide:
                names |= {job.guide.source.names[position]: why for position, why in read.guide.reasons.items()}
            yield BlockDone(block=block, reasons=names, seconds=spent)
        del read  # before the group after the next is read


def _read_ahead(job: EncodeJob, groups: Iterable[Group]) -> Iterator[tuple[Group, _Read]]:
    """Read each group in another thread while the one before it is worked on: two are in memory at most."""
    with ThreadPoolExecutor(1) as reader:
        waiting: tuple[Group, Future[_Read]] | None = None
        for group in groups:
            following = (group, reader.submit(_read, job, group))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = following
            del following
        if waiting is not None:
            yield waiting[0], waiting[1].result()


def _read(job: EncodeJob, group: Group) -> _Read:
    started = time.thread_time()
    rows = read_rows(job.source, group, job.positions, skip_bad=job.skip_bad)
    height = sum(block.height for block in group)
    window = Window(group[0].column, group[0].row, group[0].width, height)
    terrain = None if job.terrain is None else job.terrain.read(window)
    guide = None if job.guide is None else job.guide.read(group, skip_bad=job.skip_bad)
    return _Read(rows=rows, terrain=terrain, guide=guide, seconds=time.thread_time() - started)


def encode_block(
    job: EncodeJob,
    encoder: Encoder,
    rows: ImageRows,
    terrain: NDArray[np.float32] | None,
    block: Block,
    guide: ImageRows | None = None,
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Prepare and encode one block.

    Args:
        job: What all blocks have in common.
        encoder: The encoder.
        rows: Images of the block, and perhaps of more.
        terrain: Terrain of the same rows (3, rows, columns), or None.
        block: Which.
        guide: What `job.guide` read for the block, and perhaps for more.

    Returns:
        Arrays to store: `codes` (12, height, width), `clear_obs` (height, width), and `damaged`, positions in
        `job.names` of images that count as not observed. And processor seconds of preparing and encoding.
    """
    pixels = block.height * block.width
    codes = np.full((STEPS, pixels), NODATA_CODE, np.uint16)
    clear_obs = np.zeros(pixels, np.uint16)
    ground = None if terrain is None else terrain[:, block.row - rows.first :][:, : block.height].reshape(3, -1).T
    started = time.thread_time()
    led = job.guide.guide(guide, block) if job.guide and guide else None
    seconds = {"prepare": time.thread_time() - started, "encode": 0.0}
    for first in range(0, pixels, CHUNK_PIXELS):
        chunk = slice(first, min(first + CHUNK_PIXELS, pixels))
        started = time.thread_time()
        observations = rows.observations(block, chunk)
        if observations is None:
            continue
        series, clear = job.fusion.prepare(observations, job.window, led.take(chunk) if led else None)
        prepared = time.thread_time()
        # Filling makes 365 days of one observation: what was observed decides whether there are data.
        seen = clear >= MIN_VALID_DAYS
        if seen.any():
            below = None if ground is None else ground[chunk][seen]
            codes[:, first + np.flatnonzero(seen)] = encoder.encode(series if seen.all() else series[seen], below).T
        clear_obs[chunk] = clear
        seconds["prepare"] += prepared - started
        seconds["encode"] += time.thread_time() - prepared
    shape = (block.height, block.width)
    damaged = list(rows.damaged.get(block.row, ()))
    if job.guide and guide:
        damaged += [len(job.source.names) + position for position in job.guide.damaged(guide, block)]
    arrays: dict[str, NDArray[Any]] = {
        "codes": codes.reshape(STEPS, *shape),
        "clear_obs": clear_obs.reshape(shape),
        "damaged": np.array(damaged, np.int32),
    }
    return arrays, seconds
