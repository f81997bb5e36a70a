"""Measure every contest with pytest-benchmark, processor time, and print its figures.

    contests.py [--side 1024] [--rounds 7] [CONTEST ..]

For each contest `speed.<contest>_ratio` says how many times faster ours is than the way that is named second in
`ways.py`, `speed.<contest>_ratio.<way>` the same for each other, all a pixel (a point, a pixel-year). Ways take turns:
a ratio is the median of those of the rounds, and its spread their quartiles. `_ns` and `_mb` are time a pixel and peak
memory of a process for one call, libraries and input included.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from landscape_codes import FOLDER
from timing import figure, machine, quartiles, ratio
from ways import CONTESTS

HERE = Path(__file__).resolve().parent


def measured(contests: list[str], side: int, rounds: int) -> list[dict[str, Any]]:
    """Run pytest, and return what its plugin measured.

    Raises:
        SystemExit: A way failed, or two ways of a contest say different things.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    report = FOLDER / "contests.json"
    words = ["-m", "pytest", "-c", HERE / "pytest.ini", "--rootdir", HERE, HERE / "test_contests.py"]
    wanted = ["-k", " or ".join(contests)] if contests else []
    surroundings = os.environ | {
        "BENCH_SIDE": str(side),
        "BENCH_ROUNDS": str(rounds),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(HERE),
    }
    done = subprocess.run([sys.executable, *words, *wanted, "--benchmark-json", report], env=surroundings, check=False)
    if done.returncode:
        sys.exit(f"Error: pytest left with {done.returncode}")
    return [one["extra_info"] | one["stats"] for one in json.loads(report.read_text())["benchmarks"]]


def report(contest: str, ways: dict[str, list[dict[str, Any]]]) -> None:
    """Print the figures of a contest, of each way the rounds in their order."""
    seconds = {way: [one["median"] / one["n"] for one in rounds] for way, rounds in ways.items()}
    for place, (way, rounds) in enumerate(ways.items()):
        facts = {"n": rounds[0]["n"], "split": "simulated"}
        nanoseconds = [1e9 * one for one in seconds[way]]
        figure(f"speed.{contest}_ns.{way}", median(nanoseconds), "ns", spread=quartiles(nanoseconds), **facts)
        figure(f"speed.{contest}_mb.{way}", rounds[0]["peak_bytes"] / 1e6, "MB", **facts)
        if way != "ours":
            key = f"speed.{contest}_ratio" + ("" if place == 1 else f".{way}")
            if contest == "predict":
                key = f"speed.predict_over_{way}"
            value, spread = ratio(seconds[way], seconds["ours"])
            figure(key, value, "times", spread=spread, **facts)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contests", nargs="*", metavar="CONTEST", help=f"{', '.join(CONTESTS)}; else all")
    parser.add_argument("--side", type=int, default=1024, help="rows and columns of the landscape")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count")
    asked = parser.parse_args()
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for one in measured(asked.contests, asked.side, asked.rounds):
        found.setdefault(one["contest"], {}).setdefault(one["way"], []).append(one)
    for contest, ways in found.items():
        report(contest, ways)
    print(machine())


if __name__ == "__main__":
    main()
