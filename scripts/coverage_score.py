"""How many lines of both packages the tests run: with the compiler, and once more without it for the compiled loops.

    coverage_score.py                    every test, then the loops
    coverage_score.py --part 3 --of 12   a twelfth of the tests, kept beside the others; 0 is the loops
    coverage_score.py --report           the figure of what is kept

Lines of compiled functions are seen only where numba compiles nothing (NUMBA_DISABLE_JIT=1): there the tests of
`LOOPS` run once more. Child processes count. The faults of `tests/faults`, which end processes by force, do not.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import coverage

ROOT: Final = Path(__file__).resolve().parent.parent
KEPT: Final = ROOT / "build" / "coverage"
TARGET: Final = 90.0

LOOPS: Final = (
    "accuracy area chains change_distances change_from_to change_hidden_markov change_matching change_segments "
    "change_year_steps covariance forest_columns forest_loops forest_outputs forest_probabilities forest_choice "
    "encoder_intake encoder_pentads fsq fusion gaussian_process guide migrate_labels patches reconstruct seamless "
    "seamless_guide screening straight_lines temporal_context terrain"
)
"""Tests of compiled functions."""

LOOP_SECONDS: Final = 120
"""After so long a file of these is ended: what it ran until then counts. Without the compiler some take hours."""


def test_files() -> list[Path]:
    """List the files of tests."""
    return sorted((ROOT / "tests").glob("test_*.py"))


def run_tests(name: str, files: list[Path], *options: str, jit: bool = True) -> None:
    """Run some tests and keep what they ran, by name; a failure is said, and the lines count all the same."""
    KEPT.mkdir(parents=True, exist_ok=True)
    paths = [os.fspath(ROOT), os.fspath(ROOT / "plugin"), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {
        "COVERAGE_FILE": os.fspath(KEPT / f"data.{name}"),
        "NUMBA_DISABLE_JIT": str(int(not jit)),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    words = [sys.executable, "-m", "pytest", "--cov", "--cov-report=", *options, *map(os.fspath, files)]
    process = subprocess.Popen(words, cwd=ROOT, env=env)
    try:
        left = process.wait(None if jit else LOOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
        left = process.wait()
    if left:
        print(f"the tests of {name} left with {left}", flush=True)


def report() -> float:
    """Print every module below the target, and the figure."""
    found = coverage.Coverage(data_file=os.fspath(KEPT / "all"), config_file=os.fspath(ROOT / "pyproject.toml"))
    found.combine([os.fspath(path) for path in sorted(KEPT.glob("data.*"))], keep=True)
    shares, lines, missed = {}, 0, 0
    for package in ("stactools_esd", "esd_tasks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            _, statements, _, missing, shown = found.analysis2(os.fspath(path))
            lines, missed = lines + len(statements), missed + len(missing)
            if statements:
                shares[path.relative_to(ROOT)] = (100 * (1 - len(missing) / len(statements)), shown)
    for path, (share, shown) in sorted(shares.items(), key=lambda item: item[1][0]):
        if share < TARGET:
            print(f"{share:5.1f} % {path}: {shown}")
    share = 100 * (1 - missed / lines)
    figure = {"key": "trust.coverage", "value": round(share, 2), "unit": "% of lines", "n": lines, "spread": None}
    print("FIGURE", json.dumps(figure | {"split": f"both packages, {len(shares)} modules"}))
    return share


def main() -> None:
    """Run what is asked for; a report leaves with 1 below the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=int, help="which part of the tests, from 1; 0 is the loops without the compiler")
    parser.add_argument("--of", type=int, default=1, help="how many parts there are")
    parser.add_argument("--report", action="store_true", help="only the figure")
    parser.add_argument("-n", dest="processes", default="2", help="processes that run tests at once")
    options = parser.parse_args()
    loops = [path for path in test_files() if path.stem.removeprefix("test_") in LOOPS.split()]
    if options.report:
        sys.exit(0 if report() >= TARGET else 1)
    if options.part != 0:
        part = options.part or 1
        files = test_files()[part - 1 :: options.of]
        run_tests(f"{part}_of_{options.of}", files, "-n", options.processes, "--dist", "loadgroup")
    if not options.part:
        for path in loops:
            run_tests(f"loops_{path.stem}", [path], jit=False)


if __name__ == "__main__":
    main()
