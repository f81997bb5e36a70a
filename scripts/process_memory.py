"""How much memory a process and all below it take, by Linux's own count: an upper bound that misses no peak."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

PERIOD = 0.1


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    try:
        below = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return [pid]
    return [pid, *(each for child in below for each in tree(child))]


def peak_of(pid: int) -> int:
    """Return the most bytes that a process has held since it started (`VmHWM`), 0 where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def measured(words: Sequence[str | os.PathLike[str]], cwd: Path | None = None) -> tuple[int, str, int]:
    """Run a command; return its exit code, what it printed, and the sum of the peaks of all its processes in bytes.

    Its standard input is a pipe that closes when this process ends. The peaks need not fall together, and pages that
    processes share are counted in each: what is truly taken is less.
    """
    peaks: dict[int, int] = {}
    with subprocess.Popen(words, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            for pid in tree(process.pid):
                peaks[pid] = max(peaks.get(pid, 0), peak_of(pid))
            time.sleep(PERIOD)
        said = process.stdout.read() if process.stdout else ""
    return process.returncode, said, sum(peaks.values())
