"""The output folder: one run at a time, never somebody else's files."""

import os
import socket
from pathlib import Path

import pytest

from esd_tasks.output_folder import LOCK, PARTIAL, clear, is_finished, locked
from stactools_esd.blocks import BlockStore
from stactools_esd.errors import OutputError
from stactools_esd.files import PARTIAL_MARK, write_json


def finished(folder: Path, key: str = "a") -> Path:
    """Make the folder of a finished run with two outputs."""
    folder.mkdir()
    (folder / "map.tif").write_text("map")
    write_json(folder / "run.json", {"run_key": key, "outputs": {"map": "map.tif", "run": "run.json"}})
    return folder


def test_absent_and_empty_folders_are_free(tmp_path: Path) -> None:
    """Nothing there is not finished, and no error."""
    assert not is_finished(tmp_path / "new", "a")
    assert not is_finished(tmp_path, "a")


def test_a_finished_run_is_known_by_its_key_and_its_files(tmp_path: Path) -> None:
    """The same key with every output is finished; with one missing it is not; another key is refused."""
    folder = finished(tmp_path / "out")
    assert is_finished(folder, "a")
    with pytest.raises(OutputError, match=r"another run.*--overwrite"):
        is_finished(folder, "b")
    (folder / "map.tif").unlink()
    assert not is_finished(folder, "a")


def test_an_unfinished_run_continues_only_itself(tmp_path: Path) -> None:
    """Blocks of the same run may be continued, those of another are refused."""
    BlockStore(tmp_path / PARTIAL, "a")
    assert not is_finished(tmp_path, "a")
    with pytest.raises(OutputError, match="unfinished result of another run"):
        is_finished(tmp_path, "b")


def test_foreign_files_and_a_file_in_place_of_the_folder_are_refused(tmp_path: Path) -> None:
    """A folder with anything else is never taken for ours."""
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.doc"):
        is_finished(tmp_path, "a")
    with pytest.raises(OutputError, match="is a file"):
        is_finished(tmp_path / "thesis.doc", "a")
    with pytest.raises(OutputError, match="is a file"), locked(tmp_path / "thesis.doc"):
        pass


def test_clearing_removes_what_a_run_made_and_nothing_else(tmp_path: Path) -> None:
    """Outputs named by `run.json` go, foreign files stay, and a name with a path in it is not followed."""
    folder = finished(tmp_path / "out")
    (folder / "notes.txt").write_text("mine")
    (tmp_path / "outside.txt").write_text("mine")
    write_json(folder / "run.json", {"run_key": "a", "outputs": {"map": "map.tif", "evil": "../outside.txt"}})
    BlockStore(folder / PARTIAL, "a")
    clear(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert (tmp_path / "outside.txt").exists()


def test_two_runs_do_not_write_at_once(tmp_path: Path) -> None:
    """While one run holds the folder, another is told who holds it; afterwards it is free."""
    with locked(tmp_path / "out"), pytest.raises(OutputError, match=f"process {os.getpid()}"), locked(tmp_path / "out"):
        pass
    with locked(tmp_path / "out"):
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    """A killed run does not lock its folder for ever; a run on another host may be alive and is respected."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    (tmp_path / LOCK).write_text(f"{socket.gethostname()} {child}")
    with locked(tmp_path):
        assert str(os.getpid()) in (tmp_path / LOCK).read_text()
    (tmp_path / LOCK).write_text("another-host 1")
    with pytest.raises(OutputError, match="another-host"), locked(tmp_path):
        pass


def test_a_failed_run_leaves_no_empty_folder_and_no_scratch(tmp_path: Path) -> None:
    """Where nothing was written, nothing is left; temporary files of a killed run are removed."""
    with pytest.raises(RuntimeError, match="stop"), locked(tmp_path / "out"):
        raise RuntimeError("stop")
    assert not (tmp_path / "out").exists()
    (tmp_path / f".map{PARTIAL_MARK}abc.tif").write_text("half")
    with locked(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
