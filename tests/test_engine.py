"""Blocks are the same whoever makes them, are made once, in bounded memory, and what failed is told in their order."""

from pathlib import Path
from typing import Any

import pytest
from engine_works import Squares, Watched

from esd_tasks.engine import Resources, run_blocks
from esd_tasks.engine_work import PROCESS_BYTES, cores
from esd_tasks.failures import Failures
from esd_tasks.map_store import MapStore
from esd_tasks.request import MapRequest
from stactools_esd.blocks import plan_blocks
from stactools_esd.errors import RasterError, UsageError

BLOCKS = plan_blocks(30, 45, 10)
"""Fifteen blocks, in columns 0, 10, 20, 30, 40."""


def run(work: Any, folder: Path, *, store: MapStore | None = None, **resources: Any) -> MapStore:
    """Make all blocks into a folder."""
    store = store or MapStore(folder, "key", Failures())
    run_blocks(work, BLOCKS, store, Resources(**resources), stage="make", report=lambda *_: None)
    return store


def content(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all finished blocks."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.block"))}


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_blocks_do_not_depend_on_threads(threads: int, tmp_path: Path) -> None:
    """Any number of threads leaves the same bytes."""
    run(Squares(), tmp_path / "one", threads=1)
    run(Squares(seconds=0.002), tmp_path / "other", threads=threads)
    assert len(content(tmp_path / "one")) == len(BLOCKS)
    assert content(tmp_path / "one") == content(tmp_path / "other")


def test_the_next_block_is_read_while_one_is_computed(tmp_path: Path) -> None:
    """With one thread that computes, reading goes on meanwhile: the first block waits for the second to be read."""

    class Waiting(Watched):
        def compute(self, block: Any, given: Any) -> Any:
            assert self.second_is_read.wait(5)
            return super().compute(block, given)

    run(Waiting(), tmp_path / "blocks", threads=1)


def test_memory_bounds_the_blocks_in_work(tmp_path: Path) -> None:
    """No more blocks are in work than fit, whatever the threads; too little for one is an error before anything."""
    work = Watched(block_bytes=10_000_000, seconds=0.002)
    run(work, tmp_path / "blocks", threads=6, memory=PROCESS_BYTES + 25_000_000)
    assert 1 <= work.in_work[1] <= 2
    with pytest.raises(UsageError, match=r"expected at least 0\.5 GB"):
        run(work, tmp_path / "other", threads=1, memory=PROCESS_BYTES + 5_000_000)
    assert Resources(threads=6, memory=PROCESS_BYTES + 25_000_000).fit(10_000_000) == (2, 2)
    assert Resources().fit(1) == (cores(), 2 * cores())


def test_a_run_that_ended_goes_on(tmp_path: Path) -> None:
    """Finished blocks are not made again; damaged ones are."""
    with pytest.raises(RasterError, match="wrong at 30"):
        run(Watched(wrong=(30,)), tmp_path / "blocks", threads=2)
    kept = content(tmp_path / "blocks")
    assert 3 <= len(kept) < len(BLOCKS)
    damaged = tmp_path / "blocks" / min(kept)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    work = Watched()
    run(work, tmp_path / "blocks", threads=2)
    assert len(work.made_blocks) == len(BLOCKS) - len(kept) + 1
    run(Squares(), tmp_path / "whole")
    assert content(tmp_path / "blocks") == content(tmp_path / "whole")


@pytest.mark.parametrize("threads", [1, 4])
def test_what_cannot_be_read_leaves_holes(threads: int, tmp_path: Path) -> None:
    """Items are told in one order; blocks with holes are there for this run and are made again by the next."""
    store = run(Squares(lost=(40, 10)), tmp_path / "blocks", threads=threads)
    assert store.failures.missing == ("esd-10 (cut off at 10)", "esd-40 (cut off at 40)")
    assert str(store.failures.first) == "cut off at 10"
    assert all(store.get(block)["a"].size for block in BLOCKS)
    assert [block.column for block in MapStore(tmp_path / "blocks", "key").unfinished(BLOCKS)] == [10, 40] * 3


def test_nothing_at_all_is_an_error(tmp_path: Path) -> None:
    """Where no block says anything because it could not be read, the first error is raised; finished blocks count."""
    everything = (0, 10, 20, 30, 40)
    with pytest.raises(RasterError, match="cut off at 0"):
        run(Squares(lost=everything), tmp_path / "blocks", threads=3)
    store = MapStore(tmp_path / "blocks", "key", Failures())
    arrays = Squares().compute(BLOCKS[0], 0)
    store.put(BLOCKS[0], **arrays)
    run(Squares(lost=everything), tmp_path / "blocks", store=store, threads=3)


def test_a_run_that_lacked_something_before_keeps_no_block(tmp_path: Path) -> None:
    """What was learnt without a tile is not that of a whole run: its blocks are not taken over."""
    store = MapStore(tmp_path / "blocks", "key", Failures())
    store.put(BLOCKS[0], **Squares().compute(BLOCKS[0], 7))
    store.failures.hear(type("Item", (), {"id": "esd-1"})(), RasterError("gone"))  # type: ignore[arg-type]
    work = Watched()
    run(work, tmp_path / "blocks", store=store)
    assert len(work.made_blocks) == len(BLOCKS)
    assert len(MapStore(tmp_path / "blocks", "key").unfinished(BLOCKS)) == len(BLOCKS) - 1


def test_wrong_resources_are_refused() -> None:
    """Numbers below 1, and a cluster of two kinds, are usage errors; amounts of memory are read as elsewhere."""
    for wrong, said in (
        ({"threads": 0}, "--threads 0"),
        ({"workers": 0}, "--workers 0"),
        ({"workers": 2, "scheduler": "tcp://10.0.0.1:8786"}, "both --workers and --scheduler"),
        ({"scheduler": "workstation"}, "--scheduler 'workstation', expected an address as tcp://HOST:8786"),
        ({"scheduler": ""}, "--scheduler '', expected an address"),
        ({"memory": "much"}, "memory 'much'"),
    ):
        with pytest.raises(UsageError, match=said):
            MapRequest(**wrong)
    assert MapRequest(memory="2GB", threads=3).resources == Resources(memory=2 * 10**9, threads=3)
