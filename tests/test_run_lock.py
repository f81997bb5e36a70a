"""One run at a time in a folder, whatever becomes of the others."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stactools_esd import run_lock as locks
from stactools_esd.errors import InUseError, OutputError, UnlockedWarning
from stactools_esd.run_lock import LOCK_FILE, run_lock

HOLDER = """
import sys
from pathlib import Path
from stactools_esd.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_run(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold the lock in a process of its own."""
    words = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_run_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    """The message is one line that names process and machine and what to do; a scheduler may try again: exit code 4."""
    with another_run(tmp_path) as process:
        with pytest.raises(InUseError, match=rf"in use by process {process.pid} on .* since .*; wait until") as refused:
            run_lock(tmp_path).__enter__()
        assert refused.value.exit_code == 4
        assert "\n" not in str(refused.value)
        assert (tmp_path / LOCK_FILE).read_text().startswith(f"process {process.pid} on ")


def test_the_lock_of_a_killed_run_is_taken_over(tmp_path: Path) -> None:
    """There is no stale lock: what a killed process held is free, and says then who holds it."""
    with another_run(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with run_lock(tmp_path):
            assert (tmp_path / LOCK_FILE).read_text().startswith(f"process {os.getpid()} on ")


def test_an_older_longer_word_is_written_over(tmp_path: Path) -> None:
    """Who held the lock before leaves nothing in the file."""
    (tmp_path / LOCK_FILE).write_text("x" * 500)
    with run_lock(tmp_path):
        assert "x" * 10 not in (tmp_path / LOCK_FILE).read_text()


def test_runs_follow_one_another(tmp_path: Path) -> None:
    """The lock ends with the body, also where that fails or removes the folder."""
    with pytest.raises(KeyboardInterrupt), run_lock(tmp_path):
        raise KeyboardInterrupt
    folder = tmp_path / "partial"
    folder.mkdir()
    with run_lock(folder):
        (folder / LOCK_FILE).unlink()
        folder.rmdir()
    with run_lock(tmp_path):
        pass


def test_a_run_that_ends_while_the_next_begins_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who locks a file that was removed meanwhile holds nothing."""
    flock = locks.fcntl.flock

    def late(file: int, how: int) -> None:
        (tmp_path / LOCK_FILE).unlink()
        flock(file, how)

    monkeypatch.setattr(locks.fcntl, "flock", late)
    with pytest.raises(InUseError, match="another run, which has just ended"):
        run_lock(tmp_path).__enter__()
    with pytest.raises(InUseError, match="another run, which has just ended"):
        run_lock(tmp_path / "gone").__enter__()


def test_without_locks_the_run_goes_on_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that has no locks is no reason to refuse work."""

    def refuse(file: int, how: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with pytest.warns(UnlockedWarning, match=r"no lock .*Operation not supported"), run_lock(tmp_path):
        assert (tmp_path / LOCK_FILE).read_bytes() == b""


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A lock file that is a folder cannot be opened: one line, not a traceback."""
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(OutputError, match="cannot write to"):
        run_lock(tmp_path).__enter__()
