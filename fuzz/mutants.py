"""Mutants of codes COGs, items and weights, read as a user would: `mutants.py [--count 12000] [--seed 1] [FAMILY ...]`.

Each is read in a worker process whose memory may grow by `MEMORY_BYTES` above what it has after the first sound file,
within `HANG_SECONDS`. A mutant is bad where it ends in anything but an `EsdError` or a right answer (`readers.py`), in
a hang, in a crash, or with a word on stderr. Equal seeds make equal mutants; `--only FAMILY NUMBER` reads one again in
this process and shows its traceback.
"""

import argparse
import json
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.path.insert(0, str(Path(__file__).parent))

import parsers  # noqa: E402
from readers import READERS, expected, expected_codes, read_mutant  # noqa: E402

HANG_SECONDS = 10
"""CPU time of one mutant, and a thirtieth of its wall time; a sound file takes a tenth of a second."""

MEMORY_BYTES = 1 << 30
"""Address space that reading may add."""


def work(channel: Connection, family: str, first: int, last: int, seed: int) -> None:
    """Read mutants one after the other, and say of each how it ended."""
    parsers.folder.cache_clear()
    noise = tempfile.TemporaryFile()  # noqa: SIM115 - open until the process ends
    os.dup2(noise.fileno(), 2)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for number in range(first, last):
            before = os.fstat(noise.fileno()).st_size
            try:
                ended, said = read_mutant(family, number, seed), ""
            except Exception:
                ended, said = "bad", traceback.format_exc()
            if os.fstat(noise.fileno()).st_size > before:
                noise.seek(before)
                ended, said = "bad", said + f"on stderr: {noise.read()[:2000].decode(errors='replace')}"
            channel.send((number, ended, said))
    finally:
        parsers.clean()


def read_all(family: str, numbers: range, seed: int) -> tuple[Counter[str], list[tuple[int, str]]]:
    """Read mutants in workers, a new one after each that crashed or hung; return how they ended, and what was bad."""
    context = multiprocessing.get_context("fork")
    ends: Counter[str] = Counter()
    bad: list[tuple[int, str]] = []
    number = numbers.start
    while number < numbers.stop:
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=work, args=(theirs, family, number, numbers.stop, seed))
        worker.start()
        theirs.close()
        alive = True
        while alive and number < numbers.stop:
            try:
                if not _answers(ours, worker.pid or 0):
                    worker.kill()
                    alive = False
                    said = (number, "bad", f"no answer within {HANG_SECONDS} s of the processor")
                else:
                    said = ours.recv()
            except EOFError:
                worker.join()
                alive, code = False, worker.exitcode or 0
                said = (number, "bad", f"the reader died: {signal.Signals(-code).name if code < 0 else code}")
            ends[said[1]] += 1
            if said[1] == "bad":
                bad.append((number, said[2]))
            number += 1
        worker.join()
        ours.close()
    return ends, bad


def _answers(channel: Connection, process: int) -> bool:
    """Wait for an answer, or for the end of the process; False after a hang."""
    before = _cpu_seconds(process)
    return any(channel.poll(1) or _cpu_seconds(process) - before > HANG_SECONDS for _ in range(30 * HANG_SECONDS)) and (
        channel.poll()
    )


def _cpu_seconds(process: int) -> float:
    """Return what a process has used of the processor."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tried(count: int, seed: int, families: list[str]) -> tuple[int, list[tuple[str, int, str]]]:
    """Read so many mutants of some families, and print how they ended; return how many, and the bad ones."""
    expected()
    if "weights" in families:
        expected_codes()
    share, found = -(-count // len(families)), []
    for family in families:
        ends, bad = read_all(family, range(share), seed)
        words = ", ".join(f"{number} {end}" for end, number in sorted(ends.items()))
        print(f"{family:8} {share:>6} mutants: {words}", flush=True)
        found += [(family, number, said) for number, said in bad]
    return share * len(families), found


def main() -> int:
    """Read mutants, and say how many were bad."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", help=f"Some of {', '.join(READERS)}; all if none.")
    parser.add_argument("--count", type=int, default=12_000, help="Mutants in all.")
    parser.add_argument("--seed", type=int, default=1, help="Equal seeds give equal mutants.")
    parser.add_argument("--only", nargs=2, metavar=("FAMILY", "NUMBER"), help="Read one mutant in this process.")
    given = parser.parse_args()
    try:
        if given.only:
            print(read_mutant(given.only[0], int(given.only[1]), given.seed))
            return 0
        families = given.families or list(READERS)
        count, bad = tried(given.count, given.seed, families)
    finally:
        parsers.clean()
    for family, number, said in bad[:20]:
        print(f"\n{family} {number} (mutants.py --seed {given.seed} --only {family} {number}):\n{said}")
    figure: dict[str, Any] = {"unit": "mutants", "n": count, "split": f"seed {given.seed}"}
    if families == list(READERS):
        for key, value in (("trust.mutants_tried", count), ("trust.mutants_bad", len(bad))):
            print(f"FIGURE {json.dumps({'key': key, 'value': value} | figure)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
