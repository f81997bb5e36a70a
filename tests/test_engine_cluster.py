"""Blocks made by a Dask cluster are those of threads, bit for bit, whoever is lost on the way."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import changing
import numpy as np
import pytest
import rasterio
import tiny_map
from engine_works import Squares, noted
from test_engine import BLOCKS, content, run
from typer.testing import CliRunner

from esd_tasks import classify, cli, engine_cluster, predict, similar
from esd_tasks.change import pair
from esd_tasks.change.request import PairRequest
from esd_tasks.classifier import TreeParameters
from esd_tasks.engine import Resources, run_blocks
from esd_tasks.engine_work import PROCESS_BYTES
from esd_tasks.failures import Failures
from esd_tasks.map_store import MapStore
from esd_tasks.plan import make_plan
from esd_tasks.request import ClassifyRequest
from stactools_esd.errors import PartlyDoneError, RasterError, UsageError

distributed = pytest.importorskip("distributed")

SCALE = Path(__file__).parent.parent / "docs" / "scale.md"
"""The page on large areas."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two processes, each with one thread."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        memory_limit=0,
        silence_logs=50,
    ) as made:
        yield made


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The blocks as one thread makes them."""
    folder = tmp_path_factory.mktemp("threads") / "blocks"
    run(Squares(), folder, threads=1)
    return content(folder)


def test_a_worker_that_is_killed_changes_nothing(cluster: Any, expected: dict[str, bytes], tmp_path: Path) -> None:
    """A process is killed in the middle of a block: another makes the block, and the bytes are those of threads."""
    notes, stuck = (tmp_path / "notes").as_posix(), BLOCKS[5]
    Path(notes).mkdir()
    killed: list[int] = []

    def kill(stage: str, done: int, total: int) -> None:
        for _ in range(1000 if done == 5 and not killed else 0):
            if began := noted(notes, stuck):
                assert began[0] in workers
                killed.append(began[0])
                os.kill(began[0], signal.SIGKILL)
                break
            time.sleep(0.01)

    with distributed.Client(cluster) as client:
        workers = set(client.run(os.getpid).values())
    store = MapStore(tmp_path / "blocks", "key", Failures())
    work = Squares(notes=notes, stuck=stuck.name)
    run_blocks(work, BLOCKS, store, Resources(scheduler=cluster.scheduler_address), stage="make", report=kill)
    assert noted(notes, stuck)[:1] == killed
    assert noted(notes, stuck)[1] != killed[0]
    assert content(tmp_path / "blocks") == expected


def test_a_lost_scheduler_is_one_line_and_the_run_goes_on(
    expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scheduler and workers vanish in the middle: an error of exit code 4; later threads make what is missing."""
    monkeypatch.setattr(engine_cluster, "PATIENCE", 3)
    code = (
        "from distributed import LocalCluster\n"
        "cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address='127.0.0.1:0')\n"
        "print(cluster.scheduler_address, flush=True)\n"
        "input()"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", code.replace("processes=False,", "processes=False, protocol='tcp://',")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        store = MapStore(tmp_path / "blocks", "key", Failures())

        def kill(stage: str, done: int, total: int) -> None:
            if done == 4:
                process.kill()

        resources = Resources(scheduler=address)
        with pytest.raises(PartlyDoneError, match="run the same command again to continue") as caught:
            run_blocks(Squares(seconds=0.1), BLOCKS, store, resources, stage="make", report=kill)
    assert "\n" not in str(caught.value)
    assert 4 <= len(content(tmp_path / "blocks")) < len(BLOCKS)
    run(Squares(), tmp_path / "blocks")
    assert content(tmp_path / "blocks") == expected
    with pytest.raises(PartlyDoneError, match="no Dask scheduler"):
        run(Squares(), tmp_path / "other", scheduler=address)


def test_workers_that_do_not_see_the_folder_send_their_blocks(
    cluster: Any, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder of the run is not that of the workers, or is another, the client stores what they send."""
    elsewhere = tmp_path / "elsewhere"
    MapStore(elsewhere, "key")

    class Job(engine_cluster.Job):
        def __init__(self, **facts: Any) -> None:
            super().__init__(**facts | {"folder": folder.as_posix()})

    monkeypatch.setattr(engine_cluster, "Job", Job)
    for folder, name in ((tmp_path / "nowhere", "one"), (elsewhere, "two")):  # noqa: B007, `Job` reads it
        run(Squares(), tmp_path / name, scheduler=cluster.scheduler_address)
        assert content(tmp_path / name) == expected
    assert not (tmp_path / "nowhere").exists()


def test_holes_and_errors_are_told_as_by_threads(cluster: Any, tmp_path: Path) -> None:
    """What a worker could not read, or met, comes back in the order of the blocks."""
    scheduler = cluster.scheduler_address
    store = run(Squares(lost=(40, 10)), tmp_path / "blocks", scheduler=scheduler)
    assert store.failures.missing == ("esd-10 (cut off at 10)", "esd-40 (cut off at 40)")
    assert all(store.get(block)["a"].size for block in BLOCKS)
    assert [block.column for block in MapStore(tmp_path / "blocks", "key").unfinished(BLOCKS)] == [10, 40] * 3
    with pytest.raises(RasterError, match="wrong at"):
        run(Squares(wrong=(30,)), tmp_path / "wrong", scheduler=scheduler)


def test_workers_of_this_machine_come_and_go(expected: dict[str, bytes], tmp_path: Path) -> None:
    """With a number of workers a cluster is started for the run; its memory must do for all of them."""
    run(Squares(), tmp_path / "blocks", workers=2)
    assert content(tmp_path / "blocks") == expected
    with pytest.raises(UsageError, match="--workers"):
        run(Squares(), tmp_path / "other", workers=20, memory=10 * PROCESS_BYTES)


def test_maps_are_those_of_threads(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps by a model, by places alike, and of two years are the same byte for byte, with a worker killed, too.

    The commands of the page on scale are run as they stand.
    """
    monkeypatch.setattr(similar, "BLOCK_PIXELS", 32)
    monkeypatch.setattr(predict, "BLOCK_PIXELS", 32)
    codes = tmp_path / "codes"
    tiny_map.write_place(codes, year=2020)
    tiny_map.write_labels(tmp_path / "labels.gpkg")
    plan = make_plan(ClassifyRequest(labels=tmp_path / "labels.gpkg", catalog=str(codes), output=tmp_path / "model"))
    classify.run_plan(replace(plan, parameters=TreeParameters(rounds=5)))
    changing.write_place(tmp_path / "years", (2013, 2014, 2015))
    made = {}
    for name, how in (("threads", {}), ("cluster", {"scheduler": cluster.scheduler_address})):
        out = tmp_path / name / "out"
        asked = {"catalog": str(codes), **how}
        predict.predict(tmp_path / "model", output=out / "predict", band=("entropy",), **asked)
        similar.run_plan(similar.make_plan(similar.SimilarRequest(
            examples=tmp_path / "labels.gpkg", output=out / "similar", **asked
        )))  # fmt: skip
        pair.run_pair(pair.plan_pair(PairRequest(
            year1=2014, year2=2015, expected_rate=0.1, output=out / "pair", **asked | {"catalog": f"{tmp_path}/years"}
        )))  # fmt: skip
        made[name] = {path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*.tif"))}
    assert len(made["threads"]) >= 5
    assert made["threads"] == made["cluster"]
    with distributed.Client(cluster) as client:
        victims = list(client.run(os.getpid).values())[:1]

    def kill(stage: str, done: int, total: int) -> None:
        if 0 < done < total and victims:
            os.kill(victims.pop(), signal.SIGKILL)

    asked = {"catalog": str(codes), "scheduler": cluster.scheduler_address}
    out = predict.predict(
        tmp_path / "model", output=tmp_path / "killed" / "out" / "predict", band=("entropy",), on_progress=kill, **asked
    )
    assert victims == []
    found = {Path("predict") / path.name: path.read_bytes() for path in out.folder.glob("*.tif")}
    assert found == {path: content for path, content in made["threads"].items() if path in found}
    assert len(found) >= 3
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```bash\n(.*?)^```$", SCALE.read_text(), re.DOTALL | re.MULTILINE)
    for line in block.splitlines():
        done = CliRunner().invoke(cli.app, shlex.split(line)[1:])
        assert done.exit_code == 0, done.output
    with rasterio.open("map/map.tif") as one, rasterio.open("by-workers/map.tif") as other:
        assert np.array_equal(one.read(), other.read())
