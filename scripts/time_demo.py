"""Time `make demo` on a fresh clone, after one run has filled pip's cache: environment, install and the whole road."""

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 3


def minutes_of_one_run() -> float:
    """Clone what is committed, run `make demo` there, and return the minutes it took."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), folder], check=True)
        started = time.monotonic()
        subprocess.run(["make", "demo"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return (time.monotonic() - started) / 60


def main() -> None:
    """Print the median and the range."""
    minutes_of_one_run()
    times = [minutes_of_one_run() for _ in range(RUNS)]
    for minutes in times:
        print(f"make demo: {minutes:.2f} min")
    figure = {
        "key": "road.demo_minutes",
        "value": round(statistics.median(times), 2),
        "unit": "min",
        "n": RUNS,
        "spread": [round(min(times), 2), round(max(times), 2)],
        "split": "simulated",
    }
    print("FIGURE", json.dumps(figure))


if __name__ == "__main__":
    main()
