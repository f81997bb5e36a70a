"""A small disk of its own: it gets full, and it can be made to refuse writing."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PAGE = 4096
"""Bytes in which a file takes room."""


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A file system in memory."""

    root: Path
    """Where it is mounted."""

    def resize(self, size: int) -> None:
        """Give it so many bytes."""
        _call("mount", "-o", f"remount,size={max(size, PAGE)}", str(self.root))

    def protect(self) -> None:
        """Refuse to be written."""
        _call("mount", "-o", "remount,ro", str(self.root))

    def used(self) -> int:
        """Return the bytes that are taken."""
        state = os.statvfs(self.root)
        return (state.f_blocks - state.f_bfree) * state.f_frsize


@contextmanager
def mounted(root: Path) -> Iterator[Disk | None]:
    """Mount a disk of 64 MB; None where this user may not, or the system cannot."""
    root.mkdir()
    try:
        _call("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(root))
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield Disk(root=root)
    finally:
        _call("umount", "-l", str(root))


def _call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
