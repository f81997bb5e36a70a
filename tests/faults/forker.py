"""A process that has imported everything and forks a command line whenever it is told to; run by `kill.Forker`.

Importing takes most of a short command: a kill at a random moment would mostly hit imports. So they are done once, and
each run is a fork in a process group of its own. Blocks are made small, so that a tiny place has several.

It reads orders from stdin, a JSON object a line, and writes to stdout: `began` at the first change below the folder of
the run, and `ended STATUS CHANGES` when the run is over. A run may be told to send itself a signal right before its
n-th change: SIGKILL, or SIGSTOP, which is answered by `stopped`; then the order `wait` waits for its end.
"""

import importlib
import json
import locale
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
"""Audit events that change a folder; beside these, a file that is opened to be written."""

MODULES = (
    "matplotlib.pyplot", "lightgbm", "sklearn.model_selection", "geopandas", "pyarrow.parquet", "torch", "exactextract",
    "safetensors.torch", "esd_tasks.cli", "esd_tasks.classify", "esd_tasks.predict", "esd_tasks.change.series",
    "esd_tasks.pull_run", "stactools_esd.commands", "stactools_esd.catalog_listing", "stactools_esd.encoder.encode",
    "stactools_esd.encoder.train", "stactools_esd.encoder.pictures", "torch._dynamo", "pydantic",
)  # fmt: skip

SMALL = {
    "stactools_esd.blocks": {"ROW_BLOCK_PIXELS": 32},
    "esd_tasks.classify": {"BLOCK_PIXELS": 32},
    "esd_tasks.predict": {"BLOCK_PIXELS": 32},
    "esd_tasks.change.series": {"BLOCK_PIXELS": 32},
    "esd_tasks.pull_run": {"BLOCK_PIXELS": 32},
}
"""Sizes of blocks in pixels."""


def main() -> None:
    """Import, then fork whatever is ordered."""
    with suppress(locale.Error):  # one that is not installed changes nothing
        locale.setlocale(locale.LC_ALL, "")
    for name in MODULES:
        importlib.import_module(name)
    for name, values in SMALL.items():
        for key, value in values.items():
            setattr(importlib.import_module(name), key, value)
    say("ready")
    reports: dict[int, int] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            pid = order["wait"]
        else:
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(reading)
                run(order, writing)
            os.close(writing)
            reports[pid] = reading
            lead(pid)
            say(f"started {pid}")
        _, status = os.waitpid(pid, 0 if "wait" in order else os.WUNTRACED)
        if os.WIFSTOPPED(status):
            say("stopped")
            continue
        with os.fdopen(reports.pop(pid)) as file:
            changes = file.read() or "0"
        say(f"ended {os.waitstatus_to_exitcode(status)} {changes}")


def say(text: str) -> None:
    """Write a line at once."""
    os.write(1, f"{text}\n".encode())


def lead(pid: int) -> None:
    """Let a fork lead a group that can be killed: fork and parent do it, so that it is done whichever comes first."""
    with suppress(ProcessLookupError):  # it has ended already
        os.setpgid(pid, pid)


def run(order: dict[str, Any], report: int) -> None:
    """Be the command: the life of a fork."""
    lead(0)
    os.chdir(order["folder"])
    told = os.dup(1)
    with Path(order["said"]).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    seen = Changes(order["folder"], told, order["before_change"], signal.Signals[order["signal"]])
    sys.addaudithook(seen.hear)
    try:
        program = importlib.import_module(order["module"])
        words = order["words"]
        if order["module"] == "esd_tasks.cli":
            program.app(words, prog_name="esd-tasks")
        else:
            program.esd(words, prog_name="stac esd")
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1 if error.code else 0
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(report, str(seen.count).encode())
    os._exit(code)


class Changes:
    """Counts what a run changes in its folder."""

    def __init__(self, folder: str, told: int, before: int | None, how: signal.Signals) -> None:
        self.here, self.folder = folder, folder + os.sep
        self.told, self.before, self.how, self.count = told, before, how, 0

    def hear(self, event: str, details: tuple[Any, ...]) -> None:
        """Count a change, and end the process before the one that was named."""
        if event == "open":
            path, _, flags = details
            changes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        else:
            path, changes = (details[0] if details else None), event in CHANGES
        if not changes or not isinstance(path, str | os.PathLike | bytes):
            return
        apart = event in ("os.remove", "os.rmdir") and details[-1] != -1  # of a folder that is open: its own
        if not apart and not os.path.join(self.here, os.fsdecode(path)).startswith(self.folder):  # noqa: PTH118
            return
        self.count += 1
        if self.count == 1:
            os.write(self.told, b"began\n")
        if self.count == self.before:
            os.kill(os.getpid(), self.how)


if __name__ == "__main__":
    main()
