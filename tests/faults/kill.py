"""Command lines that are killed, and run again: what they leave, and what comes of it."""

import json
import os
import random
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from made import Snapshot, differences, new, snapshot

KILLS = int(os.environ.get("ESD_KILLS", "10"))
"""Kills of each command."""

PATIENCE = 300.0
"""Seconds that a run may take before it counts as hung."""

MOMENT = "1700000000"
"""The time that files say they were made at, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A long command in a folder that holds nothing but its output."""

    name: str
    """What it is called in tests."""

    words: tuple[str, ...]
    """Program and options; the output is `out`, in the folder of the run."""

    unfinished: Callable[[str, bytes, bytes | None], bool] = lambda path, content, final: content == final
    """Tells whether what a killed run left under a name that is not hidden is whole; by default it is final."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run that is over."""

    code: int
    """Its exit status, -9 where it was killed."""

    said: str
    """What it printed."""

    changes: int
    """How many changes it made to its folder, where it was not killed."""

    seconds: float
    """How long it ran."""

    began: bool
    """Whether it had changed anything."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What an undisturbed run makes."""

    folder: Path
    """Where it ran."""

    files: Snapshot
    """What it made."""

    ended: Ended
    """How it ended."""

    @classmethod
    def of(cls, forker: "Forker", command: Command, root: Path) -> "Reference":
        """Run a command twice, and see that both runs make the same; the first also compiles what is kept compiled."""
        first = forker.run(command.words, new(root / f"{command.name}-first"))
        ended = forker.run(command.words, new(root / f"{command.name}-again"))
        assert (first.code, ended.code) == (0, 0), first.said + ended.said
        folder = root / f"{command.name}-again"
        made = cls(folder=folder, files=snapshot(folder), ended=ended)
        assert differences(snapshot(root / f"{command.name}-first"), made.files) == ""
        return made


class Forker:
    """A `forker.py` at work; a context manager.

    Args:
        environment: Variables of all its runs.
    """

    def __init__(self, **environment: str) -> None:
        common = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "SOURCE_DATE_EPOCH": MOMENT}
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("forker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | common | environment,
        )
        self._heard = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
        assert self._line(PATIENCE) == "ready"

    def __enter__(self) -> "Forker":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        try:
            self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise

    def run(
        self,
        words: tuple[str, ...],
        folder: Path,
        *,
        after: float | None = None,
        before_change: int | None = None,
    ) -> Ended:
        """Run a command line to its end, or until it is killed.

        Args:
            words: Program and options.
            folder: Where it runs.
            after: Seconds after which its whole process group is killed.
            before_change: Change to its folder before which it kills itself.
        """
        pid, said = self._start(words, folder, before_change, "SIGKILL")
        patience = PATIENCE if after is None else after
        start, began, killed = time.monotonic(), False, False
        while True:
            line = self._line(PATIENCE if killed else max(0.0, start + patience - time.monotonic()))
            if line is None:
                assert not killed, f"{' '.join(words)} cannot be killed"
                _signal(pid, signal.SIGKILL)
                killed = True
            elif line == "began":
                began = True
            else:
                assert after is not None or not killed, f"{' '.join(words)} hangs"
                return self._ended(line, said, time.monotonic() - start, began)

    @contextmanager
    def held(self, words: tuple[str, ...], folder: Path, *, before_change: int) -> Iterator[list[Ended]]:
        """Stop a run right before a change to its folder while the body runs, then let it go on to its end.

        Yields:
            Gets what became of the run, in the end.
        """
        pid, said = self._start(words, folder, before_change, "SIGSTOP")
        while (line := self._line(PATIENCE)) == "began":
            pass
        assert line == "stopped", line
        ended: list[Ended] = []
        try:
            yield ended
        finally:
            _signal(pid, signal.SIGCONT)
            self._order({"wait": pid})
            ended.append(self._ended(str(self._line(PATIENCE)), said, 0.0, True))

    def _start(self, words: tuple[str, ...], folder: Path, before_change: int | None, how: str) -> tuple[int, Path]:
        """Start a run; return its process and the file of what it says."""
        said = folder.parent / f"{folder.name}.said"
        order = {
            "module": "esd_tasks.cli" if words[0] == "esd-tasks" else "stactools_esd.commands",
            "words": words[1:] if words[0] == "esd-tasks" else words[2:],
            "folder": str(folder),
            "said": str(said),
            "before_change": before_change,
            "signal": how,
        }
        self._order(order)
        return int(str(self._line(PATIENCE)).removeprefix("started ")), said

    @staticmethod
    def _ended(line: str, said: Path, seconds: float, began: bool) -> Ended:
        _, code, changes = line.split()
        words = said.read_text() if said.exists() else ""  # it may be killed before it says anything
        return Ended(code=int(code), said=words, changes=int(changes), seconds=seconds, began=began)

    def _order(self, order: Mapping[str, Any]) -> None:
        self._process.stdin.write(json.dumps(order).encode() + b"\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]

    def _line(self, seconds: float) -> str | None:
        """Return the next line, or None where none comes in time."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._heard:
            if not self._selector.select(max(0.0, deadline - time.monotonic())):
                return None
            heard = os.read(self._process.stdout.fileno(), 4096)  # type: ignore[union-attr]
            assert heard, f"the forker ended: {self._process.communicate()[1].decode()}"
            self._heard += heard
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode()


def _signal(pid: int, number: signal.Signals) -> None:
    """Signal a run and all that it started; one that has just ended is past it."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


@dataclass
class Tally:
    """What became of the kills of a command."""

    before: int = 0
    """Kills before anything was changed."""

    during: int = 0
    """Kills of a run at work."""

    after: int = 0
    """Kills that came too late: the run had ended."""

    lost: int = 0
    """Kills after which something was not as it must be."""

    faults: list[str] = field(default_factory=list)
    """What was not as it must be, a line each."""

    @property
    def kills(self) -> int:
        """All of them."""
        return self.before + self.during + self.after

    def count(self, ended: Ended) -> None:
        """Count a run."""
        if ended.code != -signal.SIGKILL:
            self.after += 1
        elif ended.began:
            self.during += 1
        else:
            self.before += 1


def survive(
    forker: Forker, command: Command, reference: Reference, root: Path, *, kills: int = KILLS, seed: int = 0
) -> Tally:
    """Kill a command and run it again, many times; half of them at a moment, half before a change to its folder.

    Moments and changes are spread over the run: one is drawn in each of equal parts.

    Args:
        forker: Runs it.
        command: What is run.
        reference: What it makes undisturbed.
        root: Folder for the runs; as deep as that of the reference, for outputs name their inputs relatively.
        kills: How many.
        seed: Decides moments and changes.
    """
    usual, generator, tally = reference.ended, random.Random(f"{command.name} {seed}"), Tally()
    moments, changes = kills // 2, kills - kills // 2
    plan = [(usual.seconds * (n + generator.random()) / moments, None) for n in range(moments)]
    plan += [(None, 1 + int(usual.changes * (n + generator.random()) / changes)) for n in range(changes)]
    for number, (after, before_change) in enumerate(plan):
        folder = new(root / f"kill{number}")
        where = f"after {after:.3f} of {usual.seconds:.3f} s" if after else f"{before_change} of {usual.changes}"
        known = len(tally.faults)
        tally.count(forker.run(command.words, folder, after=after, before_change=before_change))
        tally.faults += [f"{where}: {name} is not whole" for name in halves(command, folder, reference.folder)]
        again = forker.run(command.words, folder)
        if again.code:
            tally.faults.append(f"{where}: the second run leaves with {again.code}: {again.said.strip()[-300:]}")
        elif found := differences(snapshot(folder), reference.files):
            tally.faults.append(f"{where}: {found}")
        tally.lost += len(tally.faults) > known
    return tally


def halves(command: Command, folder: Path, whole: Path) -> list[str]:
    """Return the files of a killed run that have a name for good and are not whole."""
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    found = []
    for name in names:
        if not any(part.startswith(".") for part in name.parts):
            final = (whole / name).read_bytes() if (whole / name).is_file() else None
            if not command.unfinished(name.name, (folder / name).read_bytes(), final):
                found.append(name.as_posix())
    return found
