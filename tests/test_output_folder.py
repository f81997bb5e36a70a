"""The output folder: one run at a time, never somebody else's files."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esd_tasks.map_run import opened
from esd_tasks.output_folder import PARTIAL, clear, is_finished, locked
from stactools_esd.blocks import BlockStore
from stactools_esd.errors import InUseError, OutputError
from stactools_esd.files import PARTIAL_MARK, write_json
from stactools_esd.run_lock import LOCK_FILE


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


def test_a_run_that_was_killed_before_its_blocks_were_named_is_no_stranger(tmp_path: Path) -> None:
    """A folder for blocks that says no run and holds none blocks nobody; with something in it, it is refused."""
    blocks = tmp_path / "out" / PARTIAL
    blocks.mkdir(parents=True)
    assert not is_finished(blocks.parent, "a")
    BlockStore(blocks, "a")
    (blocks / "run_key.json").unlink()
    (blocks / "0001.block").write_text("somebody's")
    with pytest.raises(OutputError, match="not of this run"):
        is_finished(blocks.parent, "a")


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
    with locked(tmp_path / "out"), pytest.raises(InUseError, match=f"process {os.getpid()}"), locked(tmp_path / "out"):
        pass
    with locked(tmp_path / "out"):
        pass


@pytest.mark.parametrize("holder", [f"{socket.gethostname()} 1", "another-host 1", "", "process 1 on here since then"])
def test_what_a_dead_run_left_as_its_lock_blocks_nobody(holder: str, tmp_path: Path) -> None:
    """A lock ends with its process: what its file says, such as a process id that is used again, is no lock."""
    (tmp_path / LOCK_FILE).write_text(holder)
    with locked(tmp_path):
        assert f"process {os.getpid()} on" in (tmp_path / LOCK_FILE).read_text()
    assert not (tmp_path / LOCK_FILE).exists()


def test_a_run_of_another_process_is_respected(tmp_path: Path) -> None:
    """While another process writes the folder a second run is refused, whatever the folder of the first looks like."""
    code = "import sys; from pathlib import Path; from esd_tasks.output_folder import locked\n"
    code += "with locked(Path(sys.argv[1])):\n    print('held', flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", code, str(tmp_path / "out")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(InUseError, match=f"process {process.pid} on"), locked(tmp_path / "out"):
            pass
        process.communicate("")
    assert not (tmp_path / "out").exists()


def test_what_a_run_left_that_was_killed_after_its_last_output_goes(tmp_path: Path) -> None:
    """A finished folder is finished, and its blocks and its lock are no use to anybody."""
    folder = finished(tmp_path / "out")
    BlockStore(folder / PARTIAL, "a")
    (folder / LOCK_FILE).write_text("process 1 on another-host")
    assert is_finished(folder, "a")
    assert sorted(path.name for path in folder.iterdir()) == ["map.tif", "run.json"]


def test_a_failed_run_leaves_no_empty_folder_and_no_scratch(tmp_path: Path) -> None:
    """Where nothing was written, nothing is left; temporary files of a killed run are removed."""
    with pytest.raises(RuntimeError, match="stop"), locked(tmp_path / "out"):
        raise RuntimeError("stop")
    assert not (tmp_path / "out").exists()
    (tmp_path / f".map{PARTIAL_MARK}abc.tif").write_text("half")
    with locked(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]


def test_a_run_that_failed_between_two_outputs_is_known_again(tmp_path: Path) -> None:
    """Outputs without blocks keep what says whose they are; where there are neither, nothing is left."""
    request = SimpleNamespace(output_or_default=tmp_path / "out", overwrite=False, command="esd-tasks cluster")
    plan: Any = SimpleNamespace(request=request, run_key="a")
    with pytest.raises(OutputError, match="no room"), opened(plan):
        raise OutputError("no room")
    assert not (tmp_path / "out").exists()

    def write() -> None:
        with opened(plan):
            (tmp_path / "out" / "table.csv").write_text("whole")
            raise OutputError("no room")

    with pytest.raises(OutputError, match="no room"):
        write()
    assert not is_finished(tmp_path / "out", "a")
    with pytest.raises(OutputError, match="unfinished result of another run"):
        is_finished(tmp_path / "out", "b")
