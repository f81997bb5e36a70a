"""How many small faults in the source the tests find: mutants of Cosmic Ray, each run against the tests of its module.

    mutation_score.py [--most 100] [--seed 0] [--processes 2] [--table docs/mutants.md] [NAME ...]

Works on a copy of the tree in a temporary folder. A worker imports every library once; for each mutant it forks, the
child puts the changed source in place of the module, and runs the tests of that module until one fails. A mutant is
killed where a test fails, an import fails, the child crashes, or it takes five times the processor time of the
unchanged module. numba compiles nothing (NUMBA_DISABLE_JIT=1), so that loops are Python as well; but `walk` and
`wide_values`, which write machine code themselves, have nothing to run without the compiler.

Not made are mutants of type annotations, and of the decorator `compiled`, which does nothing here. With `--most` a
drawn sample of the mutants of each module is run, and the score is that of all modules by their numbers of mutants.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
WORKER: Final = Path(__file__).resolve().parent / "mutation_worker.py"
NEEDED: Final = ("stactools_esd", "esd_tasks", "tests", "pyproject.toml")

TARGETS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "fsq": {"stactools_esd/fsq.py": ("fsq",)},
    "grid": {"stactools_esd/grid.py": ("grid", "grid_refusals")},
    "accuracy": {"esd_tasks/accuracy.py": ("accuracy",)},
    "forest": {
        "esd_tasks/forest/chains.py": ("chains",),
        "esd_tasks/forest/columns.py": ("forest_columns", "forest_loops"),
        "esd_tasks/forest/leaf_numbers.py": ("forest_loops",),
        "esd_tasks/forest/loops.py": ("forest_loops",),
        "esd_tasks/forest/model_text.py": ("forest_text",),
        "esd_tasks/forest/outputs.py": ("forest_probabilities",),
        "esd_tasks/forest/predictor.py": ("forest_choice",),
        "esd_tasks/forest/tables.py": ("forest_loops",),
        "esd_tasks/forest/text_booster.py": ("forest_choice", "forest_text"),
        "esd_tasks/forest/walk.py": ("forest_walk",),
        "esd_tasks/forest/wide_values.py": ("wide_values",),
    },
}
"""Files of each name, and the tests that each is run against."""

COMPILED: Final = ("walk.py", "wide_values.py")
"""Files that are run with the compiler."""


def copy_tree(folder: Path) -> None:
    """Copy what tests need, so that nothing here is ever changed."""
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.nbi", "*.nbc", ".hypothesis"))
        else:
            shutil.copy2(ROOT / name, folder / name)


def run_file(folder: Path, module: str, tests: tuple[str, ...], options: argparse.Namespace) -> dict[str, Any]:
    """Run the mutants of a file: how many there are, how many were run, and those that no test found."""
    env = os.environ | {
        "NUMBA_DISABLE_JIT": str(int(not module.endswith(COMPILED))),
        "OMP_NUM_THREADS": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.fspath(folder),
        "TMPDIR": os.fspath(folder),
    }
    asked = {
        "module": module,
        "tests": [f"tests/test_{name}.py" for name in tests],
        "most": options.most,
        "seed": options.seed,
        "processes": options.processes,
    }
    words = [sys.executable, os.fspath(WORKER), json.dumps(asked)]
    done = subprocess.run(words, cwd=folder, env=env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"Error: {module} left with {done.returncode}; its tests must pass before it is changed")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{module}: {found['killed']} of {found['run']} killed, {found['mutants']} mutants in all", flush=True)
    for line, operator, text in found["survivors"]:
        print(f"    {line}: {operator}: {text}", flush=True)
    return found


def figure(key: str, files: list[dict[str, Any]]) -> str:
    """Write the share of killed mutants of some files, each weighted by its number of mutants."""
    mutants, run = sum(one["mutants"] for one in files), sum(one["run"] for one in files)
    shares = [(one["mutants"] / mutants, one["killed"] / one["run"], one) for one in files]
    score = sum(weight * share for weight, share, _ in shares)
    variance = sum(
        weight**2 * share * (1 - share) / one["run"] * (1 - one["run"] / one["mutants"])
        for weight, share, one in shares
    )
    split = f"{run} of {mutants} mutants" if run < mutants else f"all {mutants} mutants"
    value = {"key": key, "value": round(100 * score, 2), "unit": "% killed", "n": run}
    spread = round(100 * math.sqrt(variance), 2) if run < mutants else None
    return f"FIGURE {json.dumps(value | {'spread': spread, 'split': split})}"


def table(found: dict[str, dict[str, Any]]) -> str:
    """Write the mutants of each file, and every survivor by its line."""
    rows = ["| file | mutants | run | killed | share |", "|---|---|---|---|---|"]
    for module, one in found.items():
        share = f"{100 * one['killed'] / one['run']:.1f} %"
        rows.append(f"| `{module}` | {one['mutants']} | {one['run']} | {one['killed']} | {share} |")
    for module, one in found.items():
        if one["survivors"]:
            rows += ["", f"### {module}", "", "| line | change | line as changed |", "|---|---|---|"]
            rows += [
                f"| {line} | {name} | `{text.replace('|', chr(92) + '|')}` |" for line, name, text in one["survivors"]
            ]
    return "\n".join(rows) + "\n"


def write_table(path: Path, found: dict[str, dict[str, Any]]) -> None:
    """Put the table between its marks in a document, and take out what it says has changed since the one before."""
    begin, end = "<!-- mutants -->\n", "<!-- end of mutants -->"
    text = path.read_text()
    before, after = text.partition(begin)[0], text.partition(end)[2]
    of_last, mark, others = after.partition("<!-- end of since -->\n\n")
    if mark:
        after = of_last.partition("<!-- since the run -->")[0] + others
    path.write_text(before + begin + table(found) + end + after)


def main() -> None:
    """Run the mutants that are named; all without names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TARGETS)}, or a file; all if none")
    parser.add_argument("--most", type=int, default=None, help="mutants of a file that are drawn and run; all without")
    parser.add_argument("--seed", type=int, default=0, help="decides the sample")
    parser.add_argument("--processes", type=int, default=2, help="mutants that run at once")
    parser.add_argument("--table", type=Path, help="document whose table of mutants is written again")
    options = parser.parse_args()
    every: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_tree(folder)
        for target, files in TARGETS.items():
            of_target = []
            for module, tests in files.items():
                if not options.names or {target, module, Path(module).stem} & set(options.names):
                    every[module] = run_file(folder, module, tests, options)
                    of_target.append(every[module])
            if of_target:
                print(figure(f"trust.mutation_score.{target}", of_target), flush=True)
    if not options.names:
        print(figure("trust.mutation_score", list(every.values())))
    if options.table:
        write_table(options.table, every)


if __name__ == "__main__":
    main()
