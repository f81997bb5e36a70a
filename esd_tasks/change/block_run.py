"""Blocks of a map of several years, each made once; where a tile cannot be read a block has a hole."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from esd_tasks.failures import Failures
from esd_tasks.map_run import OnProgress
from esd_tasks.map_store import MapStore
from stactools_esd.blocks import Block
from stactools_esd.errors import NothingFoundError

MAPPED = "mapped_pixels"
"""What every block counts: pixels that the map says something of."""


def make_blocks(
    store: MapStore,
    blocks: Sequence[Block],
    make: Callable[[Block], Mapping[str, NDArray[Any]]],
    *,
    stage: str,
    report: OnProgress,
) -> None:
    """Make every block that is not finished, and store it.

    Where something could not be read before, what was learnt is not that of a whole run: then all blocks are made, and
    none is kept for the next run.

    Args:
        store: Where blocks go, with what could not be read so far.
        blocks: All of them.
        make: Returns the arrays of a block, `MAPPED` among them.
        stage: What is reported.
        report: Told how far the run is.

    Raises:
        RasterError: A file is damaged, and nothing else is on the map.
    """
    failures, mapped = store.failures, 0
    whole = not failures.count
    report(stage, 0, len(blocks))
    for position, block in enumerate(blocks, start=1):
        if not whole or not store.finished(block):
            before = failures.count
            arrays = make(block)
            put = store.put if whole and failures.count == before else store.put_holed
            put(block, **arrays)
        mapped += int(store.get(block)[MAPPED]) if failures.count else 1
        report(stage, position, len(blocks))
    if failures.first is not None and not mapped:
        raise failures.first


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
