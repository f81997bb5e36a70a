"""Codes read by several threads at once: each has its own open files, and results come in the order of the work.

GDAL decodes blocks without Python's lock, and a server answers several requests at a time.
"""

import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any, Final, Self, TypeVar

from rasterio.errors import NotGeoreferencedWarning

from esd_tasks.codes_item import CodesItem
from esd_tasks.failures import Failures
from esd_tasks.series import Series

Work = TypeVar("Work")
Result = TypeVar("Result")

MOST_THREADS: Final = 4
"""Threads where nobody says how many; more seldom pay."""

AHEAD: Final = 2
"""Pieces of work a thread that are begun or wait to be, so that memory is bounded."""

MOST_OPEN: Final = 256
"""Files that all threads together keep open; systems let a process open 1024."""


def default_threads() -> int:
    """Return how many threads read where nobody says: one a core that this process may use, but few."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


@contextmanager
def steady_warnings() -> Iterator[None]:
    """Keep GDAL quiet about missing georeferences while threads run: each read sets that and takes back the others'."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


class SeriesReaders:
    """Items of several years for some threads, a `Series` each; a context manager.

    Args:
        items: As `Series` takes them.
        threads: How many read at once; with one, everything happens where the results are taken.
    """

    def __init__(self, items: Iterable[CodesItem], threads: int) -> None:
        self.failures = Failures()
        self._items = tuple(items)
        self._threads = threads
        self._own = threading.local()
        self._all: list[_Reader] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(steady_warnings())
        return self

    def __exit__(self, *problem: Any) -> None:
        for reader in self._all:
            reader.series.close()
        self._stack.__exit__(*problem)

    @property
    def series(self) -> Series:
        """The series of the thread that asks."""
        return self._reader().series

    def each(self, read: Callable[[Series, Work], Result], work: Iterable[Work]) -> Iterator[Result]:
        """Read every piece of work, and yield the results in the order of the work.

        What could not be read is added to `failures` in that order too, so they are the same with any threads.

        Args:
            read: Called with the series of its thread and a piece of work; its result must not depend on other work.
            work: Taken as results are taken, a few pieces ahead.
        """
        for result, heard in self._in_order(read, work):
            self.failures.join(heard)
            yield result

    def _in_order(
        self, read: Callable[[Series, Work], Result], work: Iterable[Work]
    ) -> Iterator[tuple[Result, Failures]]:
        rest = iter(work)
        if self._threads == 1:
            yield from (self._read(read, piece) for piece in rest)
            return
        with ThreadPoolExecutor(self._threads, thread_name_prefix="esd-read") as pool:
            waiting: deque[Future[tuple[Result, Failures]]] = deque()
            try:
                waiting.extend(pool.submit(self._read, read, piece) for piece in islice(rest, AHEAD * self._threads))
                while waiting:
                    result = waiting.popleft().result()
                    waiting.extend(pool.submit(self._read, read, piece) for piece in islice(rest, 1))
                    yield result
            finally:
                for future in waiting:
                    future.cancel()

    def _read(self, read: Callable[[Series, Work], Result], piece: Work) -> tuple[Result, Failures]:
        reader = self._reader()
        reader.heard = Failures()
        return read(reader.series, piece), reader.heard

    def _reader(self) -> "_Reader":
        """Return the series of this thread, for open files belong to one."""
        if not hasattr(self._own, "reader"):
            self._own.reader = _Reader(self._items, MOST_OPEN // self._threads)
            self._all.append(self._own.reader)
        reader: _Reader = self._own.reader
        return reader


class _Reader:
    """The series of one thread, and what it could not read of the work that it is at."""

    def __init__(self, items: Iterable[CodesItem], most_open: int) -> None:
        self.heard = Failures()
        self.series = Series(items, on_failure=lambda item, error: self.heard.hear(item, error), most_open=most_open)
