"""A whole tile through `esd-tasks predict`: processor time and peak memory of the process, start to end.

    tile.py [--side 3600] [--rounds 3]

The committed model of ten classes, 200 rounds and 31 leaves maps the codes of a simulated landscape; out come class
map, confidence, style, picture, report and item. What is compiled is compiled before. The portable figure is that of
code that numba made for any x86-64 processor (`NUMBA_CPU_NAME=generic`).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from bench_forest import load_model
from landscape_codes import FIRST_YEAR
from tile_years import TAGS, tile_years
from timing import figure, machine

TOOL = Path(sys.executable).with_name("esd-tasks")
PORTABLE = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
_START = """
import os, sys
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet), 0)
print([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss * 1024])
"""
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def save_model(folder: Path) -> Path:
    """Write the committed model as `classify` saves one."""
    from esd_tasks.classifier import Classifier

    model = Classifier()
    model._booster, model._classes = load_model(), np.arange(1, 11)
    folder.mkdir()
    names = {class_id: f"class {class_id}" for class_id in model.classes}
    model.save(folder, identity=TAGS, names=names, software={}, further={"years": [2000]})
    return folder


def usage(words: list[str | Path], **environment: str) -> tuple[float, int]:
    """Run a command; return its seconds of the processor, system included, and its peak memory in bytes.

    A small process starts it: Linux counts the memory of whoever starts a process among that of the process.

    Raises:
        SystemExit: It failed.
    """
    starter = [sys.executable, "-S", "-c", _START, *map(str, words)]
    said = subprocess.run(starter, env=os.environ | THREADS | environment, stdout=subprocess.PIPE, check=True).stdout
    code, seconds, peak = json.loads(said)
    if code:
        sys.exit(f"Error: {words[0]} left with {code}")
    return seconds, peak


def predict(model: Path, codes: Path, output: Path, **environment: str) -> tuple[float, int]:
    """Map the first year of a folder of codes with one thread."""
    words = [TOOL, "predict", model, "--catalog", codes, "--year", str(FIRST_YEAR), "--threads", "1", "--overwrite"]
    return usage([*words, "--quiet", "-o", output], **environment)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=3600, help="rows and columns")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count")
    asked = parser.parse_args()
    codes, small = tile_years(asked.side, 1), tile_years(256, 1)
    facts = {"n": asked.side**2, "split": "simulated"}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = save_model(folder / "model")
        for name, environment in (("", {}), ("portable_", {"NUMBA_CACHE_DIR": str(folder / "portable"), **PORTABLE})):
            predict(model, small, folder / "map", **environment)
            rounds = [predict(model, codes, folder / "map", **environment) for _ in range(asked.rounds)]
            for what, unit, values in (
                ("cpu_s", "CPU s", [seconds for seconds, _ in rounds]),
                ("peak_gb", "GB", [peak / 1e9 for _, peak in rounds]),
            ):
                figure(f"speed.tile_{name}{what}", median(values), unit, spread=[min(values), max(values)], **facts)
    print(machine())


if __name__ == "__main__":
    main()
