"""Coverage-guided fuzzing of every parser: `run.py [--seconds 60 | --runs 2000] [TARGET ...]`.

Each target runs in a process of its own under atheris (libFuzzer), with the branches of both packages as its guide. It
begins with the inputs of `corpus/` and `regressions/`, and keeps what it discovers in `build/fuzz/` for the next time.
An input that ends in anything but an `EsdError` or a right answer, takes longer than `HANG_SECONDS` or more memory than
`MEMORY_MB` is a finding: it is kept in `build/fuzz/findings/`, and the run leaves with 1. Mend the parser and put the
input into `regressions/<target>/`, where `tests/test_fuzz.py` reads it from then on.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

HANG_SECONDS = 60
"""Wall time of one input, on a machine that may do other things; the slowest seed takes a tenth of a second."""

MEMORY_MB = {"config": 2048, "card": 2048, "weights": 2048}
"""Memory of the whole process, with what it imports (torch, for these three); the others have 1,024."""

MOST_BYTES = {"labels": 131_072, "index_parquet": 32_768, "weights": 16_384, "series": 16_384}
"""Length of an input; the others have 8,192."""

JSON = ("item", "catalogue", "api", "model_json", "card", "listing_jsonl")
"""Targets whose inputs are JSON, and are changed as such."""

NPZ = ("series", "training_pixels")
"""Targets whose inputs are arrays behind checksums, which bytes alone seldom get through."""

BUILD = HERE.parent / "build" / "fuzz"


def child(target: str, arguments: list[str]) -> None:
    """Fuzz one target in this process; does not return."""
    import atheris

    with atheris.instrument_imports(include=["stactools_esd", "esd_tasks"]):
        import parsers

        try:
            for seed in sorted((HERE / "corpus" / target).iterdir()):
                parsers.TARGETS[target](seed.read_bytes())  # imports what it needs while imports are instrumented
        except Exception as error:
            print(f"{target}: a seed fails: {error!r}", file=sys.stderr)
            raise
    from mutations import mutate_json_bytes, mutate_npz

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        """Change JSON and arrays by their structure every other time, and whatever else as libFuzzer does."""
        if seed % 2 and target in (*JSON, *NPZ):
            return (mutate_npz if target in NPZ else mutate_json_bytes)(data, random.Random(seed))[:most]
        return atheris.Mutate(data, most)

    atheris.Setup([f"fuzz-{target}", *arguments], parsers.TARGETS[target], custom_mutator=mutate)
    atheris.Fuzz()


def fuzz(target: str, *, seconds: int | None, runs: int | None, seed: int) -> tuple[int, int, str]:
    """Fuzz one target in a process of its own; return executions, exit status and the end of what it said."""
    kept, findings = BUILD / "corpus" / target, BUILD / "findings"
    for folder in (kept, findings):
        folder.mkdir(parents=True, exist_ok=True)
    committed = [str(folder) for name in ("corpus", "regressions") if (folder := HERE / name / target).is_dir()]
    arguments = [
        str(kept),
        *committed,
        f"-seed={seed}",
        f"-timeout={HANG_SECONDS}",
        f"-rss_limit_mb={MEMORY_MB.get(target, 1024)}",
        f"-max_len={MOST_BYTES.get(target, 8192)}",
        f"-artifact_prefix={findings}/{target}-",
        "-print_final_stats=1",
        *([f"-max_total_time={seconds}"] if seconds is not None else []),
        *([f"-runs={runs}"] if runs is not None else []),
    ]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, __file__, "--child", target, *arguments], env=environment, capture_output=True, text=True
    )
    said = (done.stdout + done.stderr).replace("\0", "")
    executed = re.findall(r"stat::number_of_executed_units: (\d+)", said) or re.findall(r"^#(\d+)", said, re.MULTILINE)
    return int(executed[-1]) if executed else 0, done.returncode, said


def main() -> int:
    """Fuzz what was asked for, and say how much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help="Names of targets; all if none.")
    parser.add_argument("--seconds", type=int, help="Time of each target.")
    parser.add_argument("--runs", type=int, help="Executions of each target.")
    parser.add_argument("--seed", type=int, default=1, help="Equal seeds and corpora give equal runs.")
    given = parser.parse_args()
    if given.seconds is None and given.runs is None:
        given.seconds = 60
    import parsers

    total = bad = 0
    for target in given.targets or parsers.TARGETS:
        executions, status, said = fuzz(target, seconds=given.seconds, runs=given.runs, seed=given.seed)
        total += executions
        bad += status != 0
        print(f"{target:16} {executions:>10,} executions  {'no finding' if not status else 'FINDING'}", flush=True)
        if status:
            start = said.find("=== Uncaught")  # libFuzzer's own words follow what a target printed
            print(said[start : start + 6000] if start >= 0 else said[-6000:], flush=True)
    figure = {"key": "trust.fuzz_executions", "value": total, "unit": "executions", "n": len(parsers.TARGETS)}
    if not given.targets and not bad:
        print(f"FIGURE {json.dumps(figure | {'split': 'seeds'})}")
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
    sys.exit(main())
