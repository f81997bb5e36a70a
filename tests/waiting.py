"""Waiting for what another process or thread does, with an end."""

import time
from collections.abc import Callable
from pathlib import Path


def wait_for(happens: Callable[[], bool]) -> None:
    """Wait until something is so, two minutes at most."""
    deadline = time.monotonic() + 120
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Tell whether a process runs; one that ended and that nobody waits for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
