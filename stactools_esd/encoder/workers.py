"""Processes that encode the blocks of a run, one group after the other."""

import multiprocessing
import signal
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from stactools_esd.blocks import BlockStore
from stactools_esd.encoder.block_codes import BlockDone, EncodeJob, Group, bounded_libraries, encode_groups
from stactools_esd.encoder.inference import Encoder, load_encoder
from stactools_esd.errors import EsdError, PartlyDoneError

_AHEAD = 2
"""Groups that a worker holds: one that is computed and one that is read."""


@dataclass(frozen=True, kw_only=True)
class _GroupDone:
    """A worker's word that it can take another group."""


@dataclass(frozen=True, kw_only=True)
class _Worker:
    """One process, and the two ways between it and this one."""

    process: SpawnProcess
    orders: Connection
    news: Connection


def encode_here(
    job: EncodeJob, encoder: Encoder, groups: Sequence[Group], store: BlockStore
) -> Generator[BlockDone, None, None]:
    """Encode groups of blocks in this process.

    Raises:
        EsdError: As `block_codes.encode_groups`.
    """
    with bounded_libraries():
        yield from encode_groups(job, encoder, groups, store)


def encode_apart(
    job: EncodeJob, weights: str | Path, engine: str, groups: Sequence[Group], store: BlockStore, workers: int
) -> Generator[BlockDone, None, None]:
    """Encode groups of blocks in other processes; the codes are those of `encode_here`, bit for bit.

    The processes are spawned, so a script that calls this needs the usual guard `if __name__ == "__main__":`. They end
    when this process does, however it ends.

    Args:
        job: What the blocks have in common.
        weights: Name of the encoder, or path of its weights.
        engine: What runs its network in each worker.
        groups: Groups of blocks; each worker takes the next that is left.
        store: Where finished blocks go.
        workers: How many processes.

    Yields:
        News of each block when it is stored, in no certain order.

    Raises:
        EsdError: What a worker met, as `block_codes.encode_groups`.
        PartlyDoneError: A worker died.
    """
    waiting = list(reversed(groups))
    running = [_start(job, weights, engine, store) for _ in range(min(workers, len(groups)))]
    try:
        for worker in running * _AHEAD:
            _order(worker, waiting)
        left = {worker.news: worker for worker in running}
        while left:
            for news in wait(list(left)):
                worker = left[news]  # type: ignore[index]
                said = _heard(worker)
                if said is None:
                    del left[worker.news]
                elif isinstance(said, BlockDone):
                    yield said
                else:
                    _order(worker, waiting)
    finally:
        for worker in running:
            worker.process.terminate()
            worker.process.join()
            worker.orders.close()
            worker.news.close()


def _start(job: EncodeJob, weights: str | Path, engine: str, store: BlockStore) -> _Worker:
    """Start one process."""
    context = multiprocessing.get_context("spawn")
    taken, orders = context.Pipe(duplex=False)
    news, told = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, weights, engine, store, taken, told), daemon=True)
    process.start()
    taken.close()  # so that each side sees when the other is gone
    told.close()
    return _Worker(process=process, orders=orders, news=news)


def _order(worker: _Worker, waiting: list[Group]) -> None:
    """Give a worker the next group, or the word that there is none."""
    with suppress(BrokenPipeError):  # it died: its silence is heard later
        worker.orders.send(waiting.pop() if waiting else None)


def _heard(worker: _Worker) -> BlockDone | _GroupDone | None:
    """Return what a worker says; None when it is done.

    Raises:
        EsdError: What it met.
        PartlyDoneError: It died.
    """
    try:
        said: BlockDone | _GroupDone | EsdError | None = worker.news.recv()
    except EOFError as error:
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"left with {code}"
        raise PartlyDoneError(
            f"a worker {how}, expected it to finish its blocks; run the same command again to continue, with fewer "
            "--workers or less --memory if memory ran out"
        ) from error
    if isinstance(said, EsdError):
        raise said
    return said


def _work(
    job: EncodeJob, weights: str | Path, engine: str, store: BlockStore, orders: Connection, news: Connection
) -> None:
    """Encode what is ordered: the life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends its workers
    try:
        with suppress(BrokenPipeError, EOFError):  # the parent is gone
            try:
                encoder = load_encoder(weights, engine)
                with bounded_libraries():
                    for done in encode_groups(job, encoder, _ordered(orders, news), store):
                        news.send(done)
                news.send(None)
            except EsdError as error:
                news.send(error)
    finally:
        news.close()


def _ordered(orders: Connection, news: Connection) -> Iterator[Group]:
    """Yield groups as they come; each one that is asked for beyond the first two tells that one is done."""
    taken = 0
    while (group := orders.recv()) is not None:
        yield group
        taken += 1
        if taken >= _AHEAD:
            news.send(_GroupDone())
