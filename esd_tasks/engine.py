"""Blocks of a map: read, computed and stored side by side, by threads or by a cluster, and the same whoever makes them.

Every block is stored with its checksum when it is made, so a run that ends early goes on where it was. What could not
be read is told in the order of the blocks, whichever was made first.
"""

from collections.abc import Generator, Sequence
from contextlib import closing

from esd_tasks.engine_threads import made_by_threads
from esd_tasks.engine_work import Arrays, BlockDone, BlockWork, Resources
from esd_tasks.map_run import OnProgress
from esd_tasks.map_store import MapStore
from stactools_esd.blocks import Block
from stactools_esd.errors import NothingFoundError

__all__ = ["BlockWork", "Resources", "run_blocks"]


def run_blocks(
    work: BlockWork,
    blocks: Sequence[Block],
    store: MapStore,
    resources: Resources,
    *,
    stage: str,
    report: OnProgress,
) -> None:
    """Make every block that is not finished, and store it.

    Where something could not be read before, what was learnt is not that of a whole run: then all blocks are made, and
    none is kept for the next run.

    Args:
        work: What is done for a block.
        blocks: All blocks.
        store: Where they go, with what could not be read so far.
        resources: Threads, memory and processes.
        stage: What is reported.
        report: Told how far the run is.

    Raises:
        UsageError: A block does not fit into the memory.
        PartlyDoneError: Workers or scheduler of a cluster were lost; the run can be continued.
        NothingFoundError: Nothing at all is mapped: no pixel has codes of enough clear observations.
        EsdError: What the work met; where items could not be read and nothing at all is mapped, the first of these.
    """
    failures, whole = store.failures, not store.failures.count
    left = store.unfinished(blocks) if whole else list(blocks)
    done, mapped = len(blocks) - len(left), 0
    report(stage, done, len(blocks))
    with closing(_made(work, left, store, resources, whole)) as news:
        for one in news:
            for item, error in one.failures:
                failures.hear(item, error)
            done, mapped = done + 1, mapped + one.mapped
            report(stage, done, len(blocks))
    failures.sort()
    if mapped:
        return
    older = set(blocks) - set(left)
    if not any(work.mapped(store.get(block)) for block in blocks if block in older):
        raise failures.first or NothingFoundError(
            "got no pixel of the area with codes and enough clear observations, expected one at least; lower "
            "--min-clear, or choose another area or year"
        )


def _made(
    work: BlockWork, left: Sequence[Block], store: MapStore, resources: Resources, whole: bool
) -> Generator[BlockDone, None, None]:
    """Yield news of the blocks that are left as they are stored, in their order."""
    if not left:
        return

    def keep(block: Block, arrays: Arrays, holed: bool) -> None:
        put = store.put if whole and not holed else store.put_holed
        put(block, **arrays)

    if resources.clustered:
        from esd_tasks.engine_cluster import made_by_cluster

        yield from made_by_cluster(work, left, store, keep, resources, whole=whole)
    else:
        threads, slots = resources.fit(work.block_bytes)
        yield from made_by_threads(work, left, keep, threads=threads, slots=slots)
