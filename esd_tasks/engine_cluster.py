"""The blocks of a map on a Dask cluster: processes of this machine, or a scheduler that is there already.

Each block is one task. A worker that sees the folder of the run stores its blocks there, under their checksums; one
that does not sends them back. A worker that is lost takes nothing with it but what it was computing: the scheduler
gives that to another, and equal work gives equal bytes.
"""

import logging
import warnings
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, Final
from uuid import uuid4

import rasterio
from rasterio.errors import NotGeoreferencedWarning

from esd_tasks.engine_threads import Keep, Sources
from esd_tasks.engine_work import BlockDone, BlockWork, Resources
from esd_tasks.extras import needed
from stactools_esd.blocks import RUN_FILE, Block, BlockStore
from stactools_esd.errors import EsdError, OutputError, PartlyDoneError
from stactools_esd.files import read_json
from stactools_esd.memory import CACHE_BYTES

PATIENCE: Final = 30
"""Seconds in which a scheduler must answer, and a first worker be there."""

_SURROUNDINGS: Final = "distributed.nanny.pre-spawn-environ"
"""Name of the setting of Dask that holds variables of workers."""

_ONE_THREAD: Final = {"OMP_NUM_THREADS": 1, "MKL_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1}
"""Variables of workers, as Dask sets them but for `MALLOC_TRIM_THRESHOLD_`.

With that, memory that is let go goes back to the system at once, and every array of the next block is new memory that
the system fills with zeros first: a tenth of a worker's time, and more of it the more workers there are.
"""

_JOBS: Final = 4
"""Jobs whose files a worker keeps open."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the tasks of a run have in common; it travels to every worker once."""

    key: str
    work: BlockWork
    folder: str
    run_key: str
    whole: bool


def made_by_cluster(
    work: BlockWork, blocks: Sequence[Block], store: BlockStore, keep: Keep, resources: Resources, *, whole: bool
) -> Generator[BlockDone, None, None]:
    """Make blocks on a cluster, and yield news of each in the order of the blocks.

    Args:
        work: What is done.
        blocks: Which blocks.
        store: Where they are kept.
        keep: Stores the arrays of blocks that workers send.
        resources: Which cluster.
        whole: True where blocks without holes are finished for good.

    Raises:
        MissingExtraError: Dask is not installed.
        UsageError: The memory does not do for so many workers.
        PartlyDoneError: The cluster was lost; the run can be continued.
        EsdError: What the work met.
    """
    folder = store.folder.resolve().as_posix()
    job = Job(key=uuid4().hex, work=work, folder=folder, run_key=store.run_key, whole=whole)
    with _client(resources, work.block_bytes) as client:
        ready: dict[Block, BlockDone] = {}
        waiting = list(reversed(blocks))
        for done in _collected(client, job, blocks, store, keep):
            ready[done.block] = done
            while waiting and waiting[-1] in ready:
                yield ready.pop(waiting.pop())


@contextmanager
def _client(resources: Resources, block_bytes: int) -> Iterator[Any]:
    """Lend a client of the cluster; one that was started for it ends with it."""
    distributed, dask = needed("distributed", "distributed"), needed("dask", "distributed")
    patience = {"distributed.comm.timeouts.connect": f"{PATIENCE}s"}
    if resources.scheduler is not None:
        with dask.config.set(patience):
            try:
                client = distributed.Client(resources.scheduler, timeout=PATIENCE)
                client.wait_for_workers(1, timeout=PATIENCE)
            except (OSError, ValueError) as error:  # a TimeoutError is an OSError
                raise PartlyDoneError(
                    f"got no Dask scheduler with workers at {resources.scheduler} within {PATIENCE} s, expected one; "
                    "see that it runs, and run the same command again"
                ) from error
            with _closing(client):
                yield client
        return
    with local_cluster(*resources.fit_workers(block_bytes)) as cluster, _closing(distributed.Client(cluster)) as client:
        yield client


@contextmanager
def local_cluster(workers: int, threads: int) -> Iterator[Any]:
    """Lend a cluster of processes of this machine.

    Args:
        workers: Processes.
        threads: Threads of each.
    """
    distributed, dask = needed("distributed", "distributed"), needed("dask", "distributed")
    settings = {
        "distributed.comm.timeouts.connect": f"{PATIENCE}s",
        "distributed.worker.profile.enabled": False,  # it looks at every thread a hundred times a second
        _SURROUNDINGS: _ONE_THREAD,
    }
    with dask.config.set(settings):
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=threads,
            processes=True,
            dashboard_address="127.0.0.1:0",
            memory_limit=0,  # what is in work is bounded, and a worker that is killed for its memory helps nobody
            silence_logs=logging.CRITICAL,
        )
        with _closing(cluster):
            yield cluster


@contextmanager
def _closing(one: Any) -> Iterator[Any]:
    """Close a client or a cluster, which may be lost."""
    try:
        yield one
    finally:
        with suppress(OSError):
            one.close(timeout=PATIENCE)


def _collected(
    client: Any, job: Job, blocks: Sequence[Block], store: BlockStore, keep: Keep
) -> Generator[BlockDone, None, None]:
    """Yield news of blocks as they are stored; a few for each thread of the cluster are under way at once."""
    distributed = needed("distributed", "distributed")
    try:
        # A task, not scattered data: where every holder of it is lost, it is made again.
        carried = client.submit(_carried, job, key=f"esd-job-{job.key}")
        running = distributed.as_completed()
        asked: dict[str, Block] = {}

        def ask(block: Block, *, send: bool = False) -> None:
            name = f"esd-block-{job.key}-{block.name}{'-sent' if send else ''}"
            asked[name] = block
            running.add(client.submit(make_block, carried, block, send=send, key=name))

        left = iter(blocks)
        for block in islice(left, 2 * max(1, sum(client.nthreads().values()))):
            ask(block)
        for future in running:
            done = _result(future, distributed)
            block = asked.pop(future.key)
            if done.arrays is not None:
                keep(block, done.arrays, bool(done.failures))
            elif not store.finished(block):  # the worker's folder of this name is not ours
                ask(block, send=True)
                continue
            yield BlockDone(block=block, mapped=done.mapped, failures=done.failures)
            for following in islice(left, 1):
                ask(following)
    except (distributed.CancelledError, OSError) as error:
        raise PartlyDoneError(
            "the scheduler of the Dask cluster was lost, expected it to be there until the end; finished blocks are "
            "kept: run the same command again to continue"
        ) from error


def _result(future: Any, distributed: Any) -> BlockDone:
    """Return what a task gave.

    Raises:
        EsdError: What the work met.
        PartlyDoneError: Workers died at it, one after the other.
    """
    if future.status != "error":
        done: BlockDone = future.result()
        return done
    error = future.exception()
    if isinstance(error, distributed.KilledWorker):
        raise PartlyDoneError(
            "workers of the Dask cluster died at the same block one after the other, expected them to finish it; run "
            "the same command again to continue, with fewer --workers or --threads if memory ran out"
        ) from error
    if isinstance(error, OSError):  # of a task, not of the cluster
        raise OutputError(f"a worker failed ({error}); mend what it says and run the same command again") from error
    raise error


# What follows runs on workers.

_open: "OrderedDict[str, Sources]" = OrderedDict()
_lock = Lock()


def _carried(job: Job) -> Job:
    return job


def make_block(job: Job, block: Block, *, send: bool) -> BlockDone:
    """Make a block on a worker: stored where the folder of the run is seen, else with its arrays.

    Args:
        job: What all blocks have in common.
        block: Which.
        send: Send the arrays in any case.

    Raises:
        EsdError: What the work met.
    """
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        given, failures = _sources(job).read(block)
        arrays = job.work.compute(block, given)
        stored = not send and not failures and job.whole and _seen(job)
        if stored:
            BlockStore(Path(job.folder), job.run_key).put(block, **arrays)
        mapped = job.work.mapped(arrays)
        return BlockDone(block=block, mapped=mapped, failures=failures, arrays=None if stored else arrays)


def _seen(job: Job) -> bool:
    """Tell whether the folder of the run is seen from here."""
    try:
        return bool(read_json(Path(job.folder) / RUN_FILE, error=OutputError).get("run_key") == job.run_key)
    except EsdError:
        return False


def _sources(job: Job) -> Sources:
    """Return what blocks of a job are read from; those of jobs long past are let go."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with _lock:
        if job.key not in _open:
            threadpool_limits(limits=1)  # for good: tasks are what runs side by side in a worker
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            _open[job.key] = Sources(job.work)
            while len(_open) > _JOBS:
                _open.popitem(last=False)
        return _open[job.key]
