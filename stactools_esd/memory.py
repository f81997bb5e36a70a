"""How much memory encoding takes, and how many rows and workers fit into what is given.

The model, in bytes, of a run of n workers that read r rows of c columns of t images at once:

    peak <= parent + n x (process + reader + t x c x r x 60 + c x r x 24 + c x r x 200 + 2048 x (43,800 + 144 t))

- `process`: interpreter, torch, numba, GDAL with its cache, and the network at work. With one worker there is no
  parent; else it holds the libraries, too, and assembles the files in the end.
- `reader`: what a reader keeps between images, where it does.
- 60 is twice 30: rows are computed while the next ones are read, six bands of 4 + 1 bytes each.
- 24 is twice the terrain: three numbers of 4 bytes.
- 200 bounds what reading one image takes beside its result: stored numbers, and float64 while they are scaled.
- 2048 pixels are prepared at once: five times 365 x 6 x 4 bytes of daily series, and copies of their observations.

It counts pages that processes share as often as they are shared, so it errs on the safe side.
"""

import os
import re
from dataclasses import dataclass
from typing import Final

from stactools_esd.errors import UsageError
from stactools_esd.product import BANDS, DAYS

DEFAULT_MEMORY: Final = 8_000_000_000
"""Bytes of the whole process tree where nothing is said."""

PROCESS_BYTES: Final = 600_000_000
"""Of one process beside its arrays; 440 MB were measured with torch 2.13 on one thread."""

CACHE_BYTES: Final = 64 << 20
"""Of GDAL's block cache in each process, which would else take a share of the machine's memory."""

CHUNK_PIXELS: Final = 2048
"""Pixel-years that are prepared and encoded at once; a multiple of the encoder's batch."""

MOST_ROWS: Final = 256
"""Rows that are read at once, at most: those of a tile of the usual GeoTIFFs."""

WORKER_PIXELS: Final = 65_536
"""Pixels for which another worker is worth its start, some seconds."""

_VALUE_BYTES = 4 + 1
_READ_BYTES = 200
_UNITS: Final = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate("KMGT", start=1)},
    **{f"{unit}I": 1024**power for power, unit in enumerate("KMGT", start=1)},
}


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """How a run fits into memory."""

    workers: int
    """Processes that encode."""

    rows: int
    """Rows that a worker reads at once, at most."""

    bytes: int
    """Peak of the process tree by the model."""


def parse_memory(text: str) -> int:
    """Turn `8GB`, `512MB` or `7.5GiB` into bytes.

    Raises:
        UsageError: The text is no positive amount.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", text.upper())
    amount = float(match[1]) * _UNITS.get(match[2], 0) if match else 0
    if amount < 1:
        raise UsageError(f"got memory {text!r}, expected an amount such as 8GB or 512MB; give a number and its unit")
    return int(amount)


def plan_memory(
    memory: int, *, dates: int, width: int, block_rows: int, pixels: int, workers: int | None = None, reader: int = 0
) -> MemoryPlan:
    """Choose workers and rows so that a run stays below its memory.

    Args:
        memory: Bytes that the process tree may take.
        dates: Images that are read.
        width: Columns of the grid.
        block_rows: Rows of a block, the fewest that can be read.
        pixels: Pixels that are to be encoded.
        workers: Processes; None for as many as there are cores, and memory, and pixels for.
        reader: Bytes that the reader keeps between images.

    Raises:
        UsageError: Not even one block fits, or not one for each of the workers that were asked for.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"got {workers} workers, expected at least 1; give a positive number or leave it out")
    wanted = workers or max(1, min(_cores(), pixels // WORKER_PIXELS))
    while True:
        room = _room(memory, wanted, dates, reader)
        rows = min(MOST_ROWS, int(room // _row_bytes(dates, width)))
        if rows >= block_rows:
            return MemoryPlan(
                workers=wanted, rows=rows, bytes=peak(wanted, rows, dates=dates, width=width, reader=reader)
            )
        if workers is not None or wanted == 1:
            needed = peak(wanted, block_rows, dates=dates, width=width, reader=reader)
            raise UsageError(
                f"got {memory / 1e9:.2g} GB of memory for workers: {wanted}, images: {dates}, columns: {width}; "
                f"expected at least {needed / 1e9 + 0.05:.1f} GB; give more --memory, fewer --workers or a narrower "
                "--window"
            )
        wanted -= 1


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak(workers: int, rows: int, *, dates: int, width: int, reader: int = 0) -> int:
    """Return the bytes that a run takes at most by the model of this module."""
    return _fixed(workers, dates, reader) + workers * rows * _row_bytes(dates, width)


def _room(memory: int, workers: int, dates: int, reader: int) -> float:
    """Return the bytes that a worker has for rows."""
    return (memory - _fixed(workers, dates, reader)) / workers


def _fixed(workers: int, dates: int, reader: int) -> int:
    """Return the bytes that do not depend on the rows."""
    series = 5 * DAYS * len(BANDS) * 4
    chunk = CHUNK_PIXELS * (series + dates * len(BANDS) * 24)
    parent = PROCESS_BYTES + CACHE_BYTES if workers > 1 else 0
    return parent + workers * (PROCESS_BYTES + CACHE_BYTES + reader + chunk)


def _row_bytes(dates: int, width: int) -> int:
    """Return the bytes that one row takes in a worker."""
    return width * (2 * dates * len(BANDS) * _VALUE_BYTES + 2 * 3 * 4 + _READ_BYTES)
