"""How many lines of both packages the tests run: with the compiler, and once more without it for the compiled loops.

    coverage_score.py                    every test, then the loops; leaves with 1 where a test fails
    coverage_score.py --part 3 --of 12   a twelfth of the tests, kept beside the others; 0 is the loops
    coverage_score.py --report           the figures of what is kept, if all of it is there and no test failed

Lines of compiled functions are seen only where numba compiles nothing (NUMBA_DISABLE_JIT=1): there the tests of
`LOOPS` run once more. Child processes count. The faults of `tests/faults`, which end processes by force, do not.

`trust.coverage` is of both runs together; `.with_compiler` and `.without_compiler` are each of one of them, over the
same lines; `.compiled_modules` is of the run without the compiler, over the modules that have compiled functions.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import coverage

ROOT: Final = Path(__file__).resolve().parent.parent
KEPT: Final = ROOT / "build" / "coverage"
TARGET: Final = 90.0
PACKAGES: Final = ("stactools_esd", "esd_tasks")

LOOPS: Final = (
    "accuracy area chains change_distances change_from_to change_hidden_markov change_matching change_segments "
    "change_year_steps encoder_intake encoder_pentads features forest_choice forest_columns forest_loops "
    "forest_outputs forest_probabilities fsq fusion gaussian_process guide migrate_labels observations patches "
    "reconstruct seamless seamless_guide screening simulation_pixels snow straight_lines temporal_context terrain"
)
"""Tests of compiled functions."""

LOOP_SECONDS: Final = 120
"""After so long a file of these is ended: what it ran until then counts. Without the compiler some take hours."""

COMPILED: Final = re.compile(r"^@(compiled|vectorised|inlined)$", re.MULTILINE)
"""How a module says that a function of it is compiled."""


def test_files() -> list[Path]:
    """List the files of tests."""
    return sorted((ROOT / "tests").glob("test_*.py"))


def loop_files() -> list[Path]:
    """List those of compiled functions."""
    return [path for path in test_files() if path.stem.removeprefix("test_") in LOOPS.split()]


def run_tests(name: str, files: list[Path], *options: str, jit: bool = True) -> bool:
    """Run some tests, keep what they ran by name, and tell whether they passed; a failure is kept as well."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for old in KEPT.iterdir():
        if name in old.name.split(".")[1:2]:
            old.unlink()
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
        process.wait()
        left = 0
        print(f"the tests of {name} were ended after {LOOP_SECONDS} s", flush=True)
    if left:
        (KEPT / f"failed.{name}").touch()
        print(f"the tests of {name} left with {left}", flush=True)
    return not left


def complaint() -> str:
    """Say why there is nothing to report, or nothing if there is."""
    names = {path.name.split(".")[1] for path in KEPT.glob("data.*")}
    if not names:
        return f"got no data in {KEPT}, expected those of the tests; run make coverage first"
    if failed := sorted(path.name.removeprefix("failed.") for path in KEPT.glob("failed.*")):
        return f"got tests that failed in {', '.join(failed)}, expected none; mend them and run make coverage again"
    parts = {int(name.rpartition("_")[2]) for name in names if name[0].isdigit()}
    wanted = {f"loops_{path.stem}" for path in loop_files()} | {"1_of_1"}
    if len(parts) == 1:
        (of,) = parts
        wanted = wanted - {"1_of_1"} | {f"{part}_of_{of}" for part in range(1, of + 1)}
    if missing := sorted(wanted - names):
        return f"got no data of {', '.join(missing)}, expected those of all tests; run make coverage first"
    return ""


def lines_seen(name: str, pattern: str) -> dict[Path, tuple[int, int, str]]:
    """Return of every module how many lines it has, how many were not run, and which; of the data of a pattern."""
    found = coverage.Coverage(data_file=os.fspath(KEPT / name), config_file=os.fspath(ROOT / "pyproject.toml"))
    found.combine([os.fspath(path) for path in sorted(KEPT.glob(pattern))], keep=True)
    modules = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            _, statements, _, missing, shown = found.analysis2(os.fspath(path))
            if statements:
                modules[path.relative_to(ROOT)] = (len(statements), len(missing), shown)
    return modules


def share_of(modules: Iterable[tuple[int, int, str]]) -> tuple[float, int]:
    """Return the share of lines that were run, in per cent, and how many there are."""
    each = list(modules)
    lines = sum(count for count, _, _ in each)
    return 100 * (1 - sum(missed for _, missed, _ in each) / lines), lines


def report() -> float:
    """Print every module below the target, and the figures; return that of both runs."""
    both = lines_seen("all", "data.*")
    for path, one in sorted(both.items(), key=lambda item: share_of([item[1]])):
        if (share := share_of([one])[0]) < TARGET:
            print(f"{share:5.1f} % {path}: {one[2]}")
    without = lines_seen("without", "data.loops_*")
    loops = {path: one for path, one in without.items() if COMPILED.search((ROOT / path).read_text())}
    for suffix, modules, split in (
        ("", both, "both packages"),
        (".with_compiler", lines_seen("with", "data.[0-9]*"), "both packages, all tests"),
        (".without_compiler", without, f"both packages, {len(loop_files())} files of tests"),
        (".compiled_modules", loops, f"modules with compiled functions, {len(loop_files())} files of tests"),
    ):
        share, lines = share_of(modules.values())
        figure = {"key": f"trust.coverage{suffix}", "value": round(share, 2), "unit": "% of lines", "n": lines}
        print("FIGURE", json.dumps(figure | {"spread": None, "split": f"{split}, {len(modules)} modules"}))
    return share_of(both.values())[0]


def main() -> None:
    """Run what is asked for; leaves with 1 where a test fails, and a report below the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=int, help="which part of the tests, from 1; 0 is the loops without the compiler")
    parser.add_argument("--of", type=int, default=1, help="how many parts there are")
    parser.add_argument("--report", action="store_true", help="only the figures")
    parser.add_argument("-n", dest="processes", default="2", help="processes that run tests at once")
    options = parser.parse_args()
    if options.report:
        if said := complaint():
            sys.exit(f"Error: {said}")
        sys.exit(0 if report() >= TARGET else 1)
    passed = True
    if options.part != 0:
        part = options.part or 1
        files = test_files()[part - 1 :: options.of]
        passed = run_tests(f"{part}_of_{options.of}", files, "-n", options.processes, "--dist", "loadgroup")
    if not options.part:
        for path in loop_files():
            passed = run_tests(f"loops_{path.stem}", [path], jit=False) and passed
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
