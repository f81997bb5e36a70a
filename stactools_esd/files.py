"""Files that are either whole or absent: atomic writes, JSON, checksums."""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from stactools_esd.errors import CatalogError, EsdError, OutputError

PARTIAL_MARK = ".partial-"
"""Every temporary file's name holds this; such a file may be deleted when nothing runs."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What the system says when a disk, a quota or the largest file is full."""

_RUST_ERROR = re.compile(r"\(os error (\d+)\)")
"""How libraries that are written in Rust, safetensors among them, quote what the system says."""

_CHUNK_BYTES = 1 << 20


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Lend a temporary sibling of `path`, and give it the final name when the body succeeds.

    The temporary name keeps the suffix, for writers choose the format by it. Missing parent folders are made. When
    the body fails, the temporary file is removed and an older file under the final name stays as it was.

    Args:
        path: Final name.

    Yields:
        Where to write.

    Raises:
        OutputError: The folder cannot be made or written, there is no room, or the final name is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"got the folder {path}, expected the name of a file to write; choose another output path")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {path.parent} ({error.strerror}); choose an output path that can be written"
        ) from error
    with scratch_path(path) as temporary:
        try:
            yield temporary
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise OutputError(f"cannot write {path} ({error.strerror}); make room and run again") from error
        except Exception as error:
            if (number := _RUST_ERROR.search(str(error))) is None:
                raise
            reason = os.strerror(int(number[1]))
            raise OutputError(f"cannot write {path} ({reason}); make room, if that is it, and run again") from error
        try:
            os.replace(temporary, path)  # noqa: PTH105
        except FileNotFoundError:
            raise
        except OSError as error:
            raise OutputError(
                f"cannot write {path} ({error.strerror}); choose an output path that can be written"
            ) from error


@contextmanager
def scratch_path(path: Path) -> Iterator[Path]:
    """Lend a temporary sibling of `path` with its suffix, and remove what is there in the end."""
    temporary = path.with_name(f".{path.stem}{PARTIAL_MARK}{uuid4().hex[:12]}{path.suffix}")
    try:
        yield temporary
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def remove_scratch(folder: Path, pattern: str = "*") -> None:
    """Remove temporary files and folders that a killed run left right in a folder; nobody may be writing there.

    Args:
        folder: Where.
        pattern: Which, by what their names begin with after the dot.
    """
    for path in folder.glob(f".{pattern}{PARTIAL_MARK}*"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder; when the body fails and the folder is new, leave none behind.

    Raises:
        OutputError: It cannot be made.
    """
    new = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    make_folder(folder)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # somebody else put something there
            for parent in new:
                parent.rmdir()
        raise


def is_file(path: Path | str) -> bool:
    """Tell whether there is a file; a name that no file can have, too long for one, is none."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        OutputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {folder} ({error.strerror}), expected one that can be written; choose another"
        ) from error


def said_of(error: OSError) -> str:
    """Say in one line what the system refused, where, and what to do."""
    where = f" at {error.filename}" if error.filename else ""
    todo = "room; make some" if error.errno in _NO_ROOM else "a file that works; check the path and its file system"
    return f"got {error.strerror or error}{where}, expected {todo} and run the same command again"


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits, read in pieces."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def multihash_file(path: Path) -> str:
    """Return the SHA-256 of a file as `file:checksum` has it: 1220 for "SHA-256, 32 bytes", then the digits."""
    return f"1220{sha256_file(path)}"


def json_text(content: Any) -> str:
    """Return JSON as this project writes it: keys in the order given, two spaces, UTF-8, a final newline.

    Raises:
        ValueError: A number is NaN or infinite, which JSON cannot hold.
    """
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically; equal content gives equal bytes.

    Raises:
        OutputError: The file cannot be written.
        ValueError: A number is NaN or infinite.
    """
    text = json_text(content)
    with atomic_path(path) as temporary:
        try:
            temporary.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise OutputError(
                f"cannot write {path} ({error.strerror}); choose an output path that can be written"
            ) from error


def read_json(path: Path, *, error: type[EsdError] = CatalogError) -> Any:
    """Read a JSON file.

    Args:
        path: File to read.
        error: What to raise on failure, for the caller knows what the file is.

    Raises:
        EsdError: The file is absent, unreadable or not JSON; of class `error`.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise error(f"cannot read {path} ({problem.strerror}), expected a JSON file; check the path") from problem
    except (ValueError, RecursionError) as problem:
        reason = str(problem).splitlines()[0]
        raise error(f"got no valid JSON in {path} ({reason}); restore or make the file again") from problem
