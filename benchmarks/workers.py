"""Two workers over one: the blocks of a class map by threads of one process, and by processes of a Dask cluster.

    workers.py [--side 3600] [--rounds 5]

A forest of 10 classes x 200 rounds x 31 leaves is grown on the landscape's own pixels; reading, predicting and storing
the blocks is timed by the clock, one worker and two in turns. The start of two workers until each has made a block,
with its libraries, loops and model, stands apart. Beside both stands what the machine allows: the same loop of
arithmetic in two processes over one. Beside the workers stands a third process, which hands out the blocks. A worker
reads and computes one after the other; of threads another one reads meanwhile, so that one thread already takes more
than one core, and two gain less.
"""

import argparse
import multiprocessing
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tile_years import tile_years
from timing import figure, machine, ratio

SIDE = 3600
CLASSES, SAMPLES = 10, 5000


def spin(rounds: int) -> float:
    """Do arithmetic that needs no memory, and return the seconds by the clock."""
    started, value = time.perf_counter(), 1
    for _ in range(rounds):
        value = value * 48271 % 2147483647
    return time.perf_counter() - started


def allowed(rounds: int = 20_000_000) -> float:
    """Return how many times the work of one process two get done in the same time."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(spin, [1000, 1000])
        alone = pool.apply(spin, (rounds,))
        return 2 * alone / max(pool.map(spin, [rounds, rounds], chunksize=1))


def trained(codes: NDArray[np.uint16], identity: Any) -> Any:
    """Grow a forest on pixels, whose classes are tenths of a mixture of their levels, and read it as `predict` does."""
    from esd_tasks.classifier import Classifier, TreeParameters
    from esd_tasks.features import level_features

    generator = np.random.default_rng(0)
    rows = codes[generator.permutation(len(codes))[:SAMPLES]]
    mixture = level_features(rows) @ generator.normal(size=72) + generator.normal(size=SAMPLES)
    class_id = 1 + np.searchsorted(np.quantile(mixture, np.arange(1, CLASSES) / CLASSES), mixture)
    grown = Classifier(TreeParameters(rounds=200, num_leaves=31)).fit(rows, class_id)
    with tempfile.TemporaryDirectory() as folder:
        names = {number: f"tenth {number}" for number in grown.classes}
        grown.save(Path(folder), identity=identity, names=names, software={})
        return Classifier.load(Path(folder))[0]


def measure(side: int, rounds: int) -> None:
    """Print the figures."""
    from esd_tasks.engine import Resources, run_blocks
    from esd_tasks.engine_cluster import local_cluster
    from esd_tasks.items import find_items
    from esd_tasks.map_blocks import MapWork
    from esd_tasks.map_run import Layer
    from esd_tasks.map_store import MapStore
    from esd_tasks.pull import grid_for, read_window
    from stactools_esd.blocks import Block, plan_blocks

    items = tuple(find_items(tile_years(side, 1))[:1])
    grid = grid_for(items, items[0].footprint)
    blocks = plan_blocks(grid.height, grid.width, 512)
    model = trained(read_window(items, grid, blocks[0].window).codes.reshape(12, -1).T, items[0].identity)
    work = MapWork(
        items=items,
        grid=grid,
        area=items[0].footprint,
        min_clear=0,
        layers=(Layer(name="class_id", dtype="uint8", nodata=0),),
        of_codes=lambda codes: {"class_id": model.predict(codes)},
    )

    def seconds(resources: Resources, some: list[Block]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            store = MapStore(Path(folder) / "blocks", "key")
            started = time.perf_counter()
            run_blocks(work, some, store, resources, stage="predict", report=lambda *_: None)
            return time.perf_counter() - started

    taken: dict[tuple[str, int], list[float]] = {(kind, n): [] for kind in ("threads", "processes") for n in (1, 2)}
    begun: dict[int, float] = {}
    machines: list[float] = []
    with ExitStack() as clusters:
        ways = {("threads", n): Resources(threads=n) for n in (1, 2)}
        for n in (1, 2):
            started = time.perf_counter()
            cluster = clusters.enter_context(local_cluster(n, 1))
            ways["processes", n] = Resources(scheduler=cluster.scheduler_address)
            # The first block also waits for libraries, compiled loops and the model.
            seconds(ways["processes", n], blocks[: 2 * n])
            begun[n] = time.perf_counter() - started
        seconds(ways["threads", 1], blocks[:1])
        for _ in range(rounds):
            for way, resources in ways.items():
                taken[way].append(seconds(resources, blocks))
            machines.append(allowed())
    facts = {"n": side * side, "split": "simulated"}
    for kind, key in (("processes", "speed.workers_ratio"), ("threads", "speed.threads_ratio")):
        value, spread = ratio(taken[kind, 1], taken[kind, 2])
        figure(key, value, "times", spread=spread, **facts)
        for n in (1, 2):
            figure(f"speed.{kind}_s.{n}", median(taken[kind, n]), "s by the clock", **facts)
    figure("speed.processes_start_s", begun[2], "s by the clock", **facts)
    spread = (min(machines), max(machines))
    figure("speed.workers_allowed", median(machines), "times", spread=spread, n=rounds, split="simulated")
    print(machine())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=SIDE, help="rows and columns")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count")
    arguments = parser.parse_args()
    measure(arguments.side, arguments.rounds)
