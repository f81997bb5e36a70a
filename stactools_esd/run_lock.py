"""One run at a time in a folder that it writes.

The lock is the kernel's (`flock`) on a hidden file of the folder: it ends with the process that holds it, however that
ends, so there are no stale locks. It is seen by all processes of one machine. Between machines it is seen where the
file system carries such locks: NFS on Linux and Lustre mounted with `flock` do; Lustre mounted with `localflock` keeps
it to one machine; other mounts refuse it, and then the run goes on without, warned of it. Without a lock two runs do
the same work twice, and the one that ends later may fail: blocks and files are written atomically, so neither spoils
the other's.
"""

import errno
import os
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from stactools_esd.errors import InUseError, OutputError, UnlockedWarning
from stactools_esd.files import make_folder

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK_FILE: Final = ".lock"
"""Name of the locked file, which says who holds it."""

_HELD: Final = {errno.EWOULDBLOCK, errno.EACCES}
_MOST_BYTES: Final = 1000


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold a folder of unfinished work while the body runs; the folder may be removed meanwhile.

    Args:
        folder: A folder that is there.

    Raises:
        InUseError: Another process holds it, or has just finished and removed it.
        OutputError: The folder cannot be written.

    Warns:
        UnlockedWarning: The file system has no locks.
    """
    path = folder / LOCK_FILE
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except FileNotFoundError as error:
        raise InUseError(_words(folder, "another run, which has just ended")) from error
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder} ({error.strerror}); choose a folder that can be written"
        ) from error
    try:
        if _locked(file, folder):
            _say_who(file)
        yield
    finally:
        os.close(file)


@contextmanager
def locked_folder(folder: Path) -> Iterator[bool]:
    """Make a folder of results where there is none, and hold it while the body runs.

    The file of the lock goes in the end, and so do folders that were made here and are still empty.

    Args:
        folder: Where results are written.

    Yields:
        True where a run that was killed may have left something: it could not remove its lock.

    Raises:
        InUseError: As `run_lock`.
        OutputError: The folder cannot be made or written.

    Warns:
        UnlockedWarning: As `run_lock`.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    make_folder(folder)
    killed = (folder / LOCK_FILE).exists()
    try:
        with run_lock(folder):
            try:
                yield killed
            finally:
                (folder / LOCK_FILE).unlink(missing_ok=True)
    finally:
        with suppress(OSError):  # one holds something
            for parent in made:
                parent.rmdir()


def _locked(file: int, folder: Path) -> bool:
    """Lock an open file; False where there are no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            raise InUseError(_words(folder, os.pread(file, _MOST_BYTES, 0).decode(errors="replace"))) from error
        warnings.warn(
            f"got no lock on {folder} ({error.strerror}), expected a file system with locks; see that no other run "
            "works on this tile",
            UnlockedWarning,
            stacklevel=4,
        )
        return False
    try:
        same = os.path.samestat(os.fstat(file), (folder / LOCK_FILE).stat())
    except FileNotFoundError:
        same = False
    if not same:  # what was locked is the file of a run that ended between opening and locking
        raise InUseError(_words(folder, "another run, which has just ended"))
    return True


def _say_who(file: int) -> None:
    """Write who holds the lock; where there is no room for that it is held all the same."""
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()} since {now}".encode(), 0)


def _words(folder: Path, holder: str) -> str:
    return (
        f"got {folder} in use by {holder or 'another process'}, expected one run at a time there; wait until it ends "
        "and run again, or choose another destination"
    )
