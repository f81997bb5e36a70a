"""How long it takes before anything happens: `esd-tasks --help`, and what is compiled before a first map.

    startup.py [--rounds 7]

`speed.help_s` is time by the clock, `speed.help_cpu_s` of the processor. For compiling, `esd-tasks predict` maps 256 x
256 pixels: with numba's cache empty, as after an installation, and with it filled. `speed.jit_first_s` is the first run
less a later one; `speed.jit_cached_s` is what loading the cache takes in a later run: the first prediction of a process
less its second. All are seconds of the processor but the first.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_forest import compile_seconds
from tile import TOOL, predict, save_model, usage
from tile_years import tile_years
from timing import figure, machine

SIDE = 256


def told(key: str, values: list[float], unit: str) -> None:
    """Print a figure: the median and the range."""
    spread = [min(values), max(values)]
    figure(f"speed.{key}", statistics.median(values), unit, n=len(values), spread=spread, split="simulated")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count")
    parser.add_argument("--compile", action="store_true", help="print the seconds of the first prediction")
    asked = parser.parse_args()
    if asked.compile:
        print(json.dumps(compile_seconds()))
        return
    usage([TOOL, "--help"])
    clock, processor = [], []
    for _ in range(asked.rounds):
        started = time.perf_counter()
        processor.append(usage([TOOL, "--help"])[0])
        clock.append(time.perf_counter() - started)
    told("help_s", clock, "s by the clock")
    told("help_cpu_s", processor, "CPU s")
    codes = tile_years(SIDE, 1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        cache = {"NUMBA_CACHE_DIR": str(folder / "cache")}
        model = save_model(folder / "model")
        first, _ = predict(model, codes, folder / "map", **cache)
        later = [predict(model, codes, folder / "map", **cache)[0] for _ in range(asked.rounds)]
        told("jit_first_s", [first - one for one in later], "CPU s")
        told("predict_small_cpu_s", later, "CPU s")
        words = [sys.executable, __file__, "--compile"]
        loads = [
            float(json.loads(subprocess.check_output(words, env=os.environ | cache))) for _ in range(asked.rounds + 1)
        ]
        told("jit_cached_s", loads[1:], "CPU s")
    print(machine())


if __name__ == "__main__":
    main()
