"""What the engine is given: work that is done block by block, and the resources for it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import rasterio
from numpy.typing import NDArray

from esd_tasks.codes_item import CodesItem
from stactools_esd.blocks import Block
from stactools_esd.errors import EsdError, UsageError
from stactools_esd.memory import CACHE_BYTES, DEFAULT_MEMORY

PROCESS_BYTES: Final = 400_000_000
"""Of one process beside its blocks: interpreter, libraries, a model, and GDAL's cache."""

MOST_READERS: Final = 8
"""Threads that read, at most; each holds files of its own open."""

_ADDRESS: Final = re.compile(r"\w+://\S+|[^\s/]+:\d+")
"""Of a scheduler; without a protocol Dask takes TCP."""

Arrays = Mapping[str, NDArray[Any]]
"""Arrays of a block by their names."""

OnFailure = Callable[[CodesItem, EsdError], None]
"""Hears of an item that cannot be read."""


class BlockWork(Protocol):
    """What is done for every block; it must be possible to send it to another process.

    The arrays of a block may depend on nothing but the work and the block, not on other blocks and not on their order:
    then they are the same whoever makes them.
    """

    def open(self, on_failure: OnFailure) -> AbstractContextManager[Any]:
        """Open what blocks are read from, once for each thread that reads."""

    def read(self, source: Any, block: Block) -> Any:
        """Read what a block needs."""

    def compute(self, block: Block, given: Any) -> Arrays:
        """Turn what was read into the arrays of a block; called from many threads at once."""

    def mapped(self, arrays: Arrays) -> int:
        """Count what the arrays of a block say something of; 0 for a block that is all hole."""

    @property
    def block_bytes(self) -> int:
        """Bytes that a block takes, at most, from reading until it is stored."""


@dataclass(frozen=True, kw_only=True)
class BlockDone:
    """News of a block that is stored."""

    block: Block
    """Which."""

    mapped: int
    """As the work counts it."""

    failures: tuple[tuple[CodesItem, EsdError], ...] = ()
    """What could not be read of it; such a block has holes."""

    arrays: Arrays | None = None
    """The arrays, where they are not stored yet."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """With what a run is carried out; none of it changes the result.

    Raises:
        UsageError: Options that exclude each other, or a value out of range.
    """

    threads: int | None = None
    """Threads that compute: of this process, all cores if None; with `workers` of each of them, one if None."""

    memory: int = DEFAULT_MEMORY
    """Bytes that the processes of this machine may take; those of `scheduler` have what was given to them."""

    workers: int | None = None
    """Processes of a Dask cluster on this machine; None to work in this process."""

    scheduler: str | None = None
    """Address of the scheduler of a Dask cluster that is there already."""

    def __post_init__(self) -> None:
        for option, value in (("--threads", self.threads), ("--workers", self.workers)):
            if value is not None and value < 1:
                raise UsageError(f"got {option} {value}, expected 1 or more; correct it")
        if self.workers is not None and self.scheduler is not None:
            raise UsageError("got both --workers and --scheduler, expected one of them; leave one out")
        if self.scheduler is not None and not _ADDRESS.fullmatch(self.scheduler):
            raise UsageError(f"got --scheduler {self.scheduler!r}, expected an address as tcp://HOST:8786; correct it")

    @property
    def clustered(self) -> bool:
        """True where a Dask cluster does the work."""
        return self.workers is not None or self.scheduler is not None

    def fit(self, block_bytes: int) -> tuple[int, int]:
        """Fit the work of this process into its memory.

        Returns:
            Threads that compute, and blocks that may be in work at once.

        Raises:
            UsageError: Not even one block fits.
        """
        threads = self.threads or cores()
        slots = (self.memory - PROCESS_BYTES) // block_bytes
        if slots < 1:
            raise self._too_little(PROCESS_BYTES + block_bytes)
        return min(threads, slots), min(2 * threads, slots)

    def fit_workers(self, block_bytes: int) -> tuple[int, int]:
        """Fit the work of the processes on this machine into its memory.

        Returns:
            Processes, and threads of each.

        Raises:
            UsageError: One block for each does not fit.
        """
        workers, threads = self.workers or 1, self.threads or 1
        needed = PROCESS_BYTES * (1 + workers) + block_bytes * workers * threads
        if needed > self.memory:
            raise self._too_little(needed)
        return workers, threads

    def _too_little(self, needed: int) -> UsageError:
        return UsageError(
            f"got {self.memory / 1e9:.2g} GB of memory, expected at least {needed / 1e9 + 0.05:.1f} GB; give more "
            "--memory, or fewer --workers and --threads"
        )


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def bounded_libraries() -> Iterator[None]:
    """Keep the libraries below from starting threads and caches of their own: blocks are what runs side by side.

    Sums of linear algebra, too, are then in one order, whatever the machine.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES), threadpool_limits(limits=1):
        yield
