"""Files of a run that lie among the user's own: whose they are, and that one run at a time writes them.

While a run is at work, a hidden folder lies beside its `samples.gpkg`: `.samples`. It holds the lock and, from the
first file that is written on, the key of the run, so that a run that was killed knows its files again.
"""

import glob
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from esd_tasks.migrate.outputs import paths_of, record_path
from esd_tasks.run_record import content_of
from stactools_esd.blocks import RUN_FILE
from stactools_esd.errors import InUseError, OutputError, UsageError
from stactools_esd.files import PARTIAL_MARK, remove_scratch, write_json
from stactools_esd.run_lock import locked_folder


def lock_folder(output: Path) -> Path:
    """Return the folder that is there while a run is at work or unfinished."""
    return output.with_name(f".{output.stem}")


def see_apart(output: Path, inputs: Mapping[str, Path | None]) -> None:
    """See that a run replaces nothing that it reads, whatever else may be replaced.

    Args:
        output: The GeoPackage of the run.
        inputs: Files by the option that names them.

    Raises:
        UsageError: A file of the run would replace one.
    """
    for option, given in inputs.items():
        if given is None:
            continue
        for path in paths_of(output).values():
            if _is_same(path, given):
                raise UsageError(
                    f"got {path} to write and as {option}, which would be lost, expected another name; choose one "
                    "with -o"
                )


def is_finished(output: Path, run_key: str, command: str) -> bool:
    """Tell whether all files of a run are there, and nothing was missing that it should have read.

    If so, what a run left that was killed right after its last file is removed.

    Args:
        output: The GeoPackage of the run.
        run_key: Key of the run.
        command: Command line of the run.

    Raises:
        OutputError: Files are there that are not of this run.
    """
    paths, record = paths_of(output), content_of(record_path(output))
    if record.get("run_key") == run_key and not record.get("missing") and all(map(Path.is_file, paths.values())):
        if lock_folder(output).exists():
            with suppress(InUseError, OutputError), locked(output):  # somebody writes here, or nobody can
                release(output)
        return True
    unfinished = content_of(lock_folder(output) / RUN_FILE).get("run_key")
    there = next((path for path in paths.values() if path.exists()), None)
    if there is None or run_key in (record.get("run_key"), unfinished):
        return False
    if record.get("missing") and record.get("command") == command:
        return False  # tiles that could not be read were mended since, which makes another run of the same command
    if unfinished is not None and not record:
        raise OutputError(
            f"got {there} of the unfinished result of another run; finish that one, choose another name with -o, or "
            "replace it with --overwrite"
        )
    raise OutputError(
        f"got {there}, which is of another run or somebody's; choose another name with -o, or replace it with "
        "--overwrite"
    )


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Keep other runs out of the files of an output; temporary ones that a killed run left are removed.

    Raises:
        InUseError: Another run writes them.
        OutputError: Their folder cannot be made or written.
    """
    folder = lock_folder(output)
    try:
        with locked_folder(folder):
            remove_scratch(folder)
            for path in paths_of(output).values():
                # With the suffix and what SQLite adds to it: the rest of the folder is not of this run.
                for left in path.parent.glob(f".{glob.escape(path.stem)}{PARTIAL_MARK}*{glob.escape(path.suffix)}*"):
                    left.unlink(missing_ok=True)
            yield
    finally:
        with suppress(OSError):  # a key stays in it until the run is finished; or it is another's
            folder.rmdir()


def claim(output: Path, run_key: str) -> None:
    """Say whose the files are that are written from now on; an older record goes, for it tells of other files."""
    write_json(lock_folder(output) / RUN_FILE, {"run_key": run_key})
    record_path(output).unlink(missing_ok=True)


def release(output: Path) -> None:
    """Say that all files are written: their record tells whose they are."""
    (lock_folder(output) / RUN_FILE).unlink(missing_ok=True)


def _is_same(path: Path, other: Path) -> bool:
    """Tell whether two names are of one file, by links or by a file system that does not tell cases apart."""
    try:
        return path.resolve() == other.resolve() or path.samefile(other)
    except (OSError, RuntimeError):  # one is not there, or a circle of links
        return False
