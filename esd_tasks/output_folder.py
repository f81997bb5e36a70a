"""The folder of a result: which run it belongs to, and that no two runs write it at once."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

from esd_tasks.run_record import RUN_JSON, content_of
from stactools_esd.blocks import RUN_FILE
from stactools_esd.errors import InUseError, OutputError
from stactools_esd.files import PARTIAL_MARK, remove_scratch
from stactools_esd.run_lock import LOCK_FILE, locked_folder

PARTIAL: Final = ".partial"
"""Folder of finished blocks of a run that is not finished."""

CUBE_SUFFIX: Final = ".zarr"
"""End of the name of a folder that is one output."""


def is_finished(folder: Path, run_key: str) -> bool:
    """Tell whether a folder holds every output of a run, and nothing was missing that it should have read.

    If so, what a run left that was killed right after its last output is removed.

    Args:
        folder: Output folder; may be absent.
        run_key: Key of the run.

    Raises:
        OutputError: The folder holds another run, or files that no run of ours made.
    """
    _refuse_file(folder)
    if not folder.exists():
        return False
    record = _record(folder)
    if record.get("run_key") == run_key:
        outputs = record.get("outputs", {}).values()
        if record.get("missing") or not all((folder / name).is_file() for name in outputs):
            return False
        _tidy(folder)
        return True
    if _partial_key(folder) == run_key:
        return False
    if record:
        raise OutputError(
            f"got {folder} with the result of another run (other input, options or versions); "
            "choose another folder with -o, or replace that result with --overwrite"
        )
    if _partial_key(folder) is not None:
        raise OutputError(
            f"got {folder} with the unfinished result of another run; finish that one, choose another folder with -o, "
            "or replace it with --overwrite"
        )
    if foreign := sorted(path.name for path in folder.iterdir() if not _is_scratch(path)):
        raise OutputError(
            f"got {folder} with files that are not of this run ({', '.join(foreign[:3])}), expected an empty folder; "
            "choose another with -o, or write beside them with --overwrite"
        )
    return False


def is_mended(folder: Path, run_key: str, command: str) -> bool:
    """Tell whether a folder holds what the same command made with holes, of input that has changed since.

    Plain files have other checksums when they are mended, which is another run: the first one need not be kept.

    Args:
        folder: Output folder; may be absent.
        run_key: Key of the run.
        command: Command line of the run.
    """
    record = _record(folder)
    return bool(record.get("missing")) and record["run_key"] != run_key and record.get("command") == command


def starts_anew(folder: Path, run_key: str, command: str, *, overwrite: bool) -> bool:
    """Tell whether what lies in an output folder goes: by the user's word, or as a result with holes that were mended.

    Args:
        folder: Output folder; may be absent.
        run_key: Key of the run.
        command: Command line of the run.
        overwrite: The user's word.
    """
    return overwrite or is_mended(folder, run_key, command)


def clear(folder: Path) -> None:
    """Remove the outputs and the blocks of an earlier run; files that no run of ours made stay."""
    record = _record(folder)
    (folder / RUN_JSON).unlink(missing_ok=True)
    for name in map(PurePosixPath, record.get("outputs", {}).values()):
        if len(name.parts) == 1:
            (folder / name).unlink(missing_ok=True)
        elif len(name.parts) == 2 and name.parts[0].endswith(CUBE_SUFFIX):  # a cube is named by its first document
            shutil.rmtree(folder / name.parts[0], ignore_errors=True)
    shutil.rmtree(folder / PARTIAL, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder and keep other runs out of it, as `run_lock.locked_folder`; temporary files in it are removed.

    Raises:
        InUseError: Another run writes the folder.
        OutputError: It cannot be made or written.
    """
    _refuse_file(folder)
    with locked_folder(folder):
        remove_scratch(folder)
        yield


def _tidy(folder: Path) -> None:
    """Remove blocks and lock that stayed where a run was killed when all outputs were there."""
    if any((folder / name).exists() for name in (PARTIAL, LOCK_FILE)):
        with suppress(InUseError, OutputError), locked(folder):  # somebody writes here, or nobody can
            shutil.rmtree(folder / PARTIAL, ignore_errors=True)


def _refuse_file(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"got output {folder}, which is a file; expected a folder, choose another with -o")


def _record(folder: Path) -> dict[str, Any]:
    """Return `run.json` of a folder, or nothing where there is none that can be read."""
    content = content_of(folder / RUN_JSON)
    return content if "run_key" in content else {}


def _partial_key(folder: Path) -> str | None:
    """Return the key of the unfinished run in a folder, or None."""
    content = content_of(folder / PARTIAL / RUN_FILE)
    return str(content["run_key"]) if "run_key" in content else None


def _is_scratch(path: Path) -> bool:
    """Tell whether a file is what a killed run may leave; so is a folder of blocks that was made and never begun."""
    if path.name == PARTIAL:
        return path.is_dir() and not any(path.glob("[!.]*"))
    return path.name == LOCK_FILE or (path.name.startswith(".") and PARTIAL_MARK in path.name)
