"""Blocks in the threads of this process: while some are computed the next are read, and finished ones are stored.

Reading and computing leave the interpreter lock alone for most of their time, so threads are enough for all cores.
"""

import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from rasterio.errors import NotGeoreferencedWarning

from esd_tasks.codes_item import CodesItem
from esd_tasks.engine_work import MOST_READERS, Arrays, BlockDone, BlockWork, bounded_libraries
from stactools_esd.blocks import Block
from stactools_esd.errors import EsdError

Keep = Callable[[Block, Arrays, bool], None]
"""Stores the arrays of a block; True for a block with holes. Called from many threads."""

Failed = tuple[tuple[CodesItem, EsdError], ...]


class Sources:
    """What blocks are read from, opened once for each thread that asks; a context manager."""

    def __init__(self, work: BlockWork) -> None:
        self._work = work
        self._own = threading.local()
        self._opened = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> "Sources":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close everything that was opened, when no thread reads any more."""
        self._opened.close()

    def read(self, block: Block) -> tuple[Any, Failed]:
        """Read what a block needs, and say what could not be read."""
        own = self._own
        if not hasattr(own, "heard"):
            own.heard = []
            context = self._work.open(lambda item, error: own.heard.append((item, error)))
            with self._lock:
                own.source = self._opened.enter_context(context)
        own.heard.clear()
        given = self._work.read(own.source, block)
        return given, tuple(own.heard)


def made_by_threads(
    work: BlockWork, blocks: Sequence[Block], keep: Keep, *, threads: int, slots: int
) -> Iterator[BlockDone]:
    """Make blocks, and yield news of each in the order of the blocks.

    Args:
        work: What is done.
        blocks: Which blocks.
        keep: Stores their arrays.
        threads: Threads that compute; as many read.
        slots: Blocks that are in work at once, read or computed.

    Raises:
        EsdError: What the work met, at the first block that met something.
    """
    free, ended = threading.Semaphore(slots), threading.Event()
    waiting: deque[Future[BlockDone]] = deque()
    readers = ThreadPoolExecutor(min(threads, MOST_READERS), "esd-read")
    computers = ThreadPoolExecutor(threads, "esd-compute")

    def read(block: Block) -> tuple[Any, Failed]:
        return (None, ()) if ended.is_set() else sources.read(block)

    def make(block: Block, reading: Future[tuple[Any, Failed]]) -> BlockDone:
        try:
            given, failures = reading.result()
            if ended.is_set():
                return BlockDone(block=block, mapped=0)
            arrays = work.compute(block, given)
            keep(block, arrays, bool(failures))
            return BlockDone(block=block, mapped=work.mapped(arrays), failures=failures)
        finally:
            free.release()

    # Filters of warnings are the process's, and readers set and restore them side by side: every list that they can
    # restore must hold this one.
    with bounded_libraries(), warnings.catch_warnings(), Sources(work) as sources:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            for block in blocks:
                free.acquire()
                waiting.append(computers.submit(make, block, readers.submit(read, block)))
                while waiting and waiting[0].done():
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            ended.set()
            for pool in (readers, computers):
                pool.shutdown(cancel_futures=True)
