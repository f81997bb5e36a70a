"""The job script of docs/production.md turns exit codes into what a scheduler has to do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "examples" / "slurm_tiles.sh"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


def run(folder: Path, code: int, task: int = 2, restarts: int = 0) -> tuple[int, str]:
    """Run the script where `stac` leaves with a code; return its own, and what was called."""
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    for name, leaves in (("stac", code), ("scontrol", 0)):
        (commands / name).write_text(f'#!/bin/bash\necho {name} "$@" >> "$TILES/calls.txt"\nexit {leaves}\n')
        (commands / name).chmod(0o755)
    (folder / "tile-years.txt").write_text("50SMJ 2019\n50TMK 2020\n")
    environment = os.environ | {
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "ARCHIVE": "/archive",
        "TILES": str(folder),
        "DEM": "/dem",
        "SLURM_ARRAY_TASK_ID": str(task),
        "SLURM_ARRAY_JOB_ID": "7",
        "SLURM_RESTART_COUNT": str(restarts),
    }
    done = subprocess.run(["bash", SCRIPT, folder / "tile-years.txt"], env=environment, check=False)
    calls = folder / "calls.txt"
    return done.returncode, calls.read_text() if calls.exists() else ""


def test_a_task_encodes_its_line(tmp_path: Path) -> None:
    """Task 2 encodes the second tile-year, once, within its memory."""
    code, calls = run(tmp_path, 0)
    assert code == 0
    (call,) = calls.splitlines()
    assert call.startswith(f"stac esd encode /archive/50TMK/2020 {tmp_path} --tile 50TMK --year 2020")
    assert "--workers 1 --memory 4GB" in call


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    """A task whose item exists, or whose line does not, has nothing to do."""
    item = tmp_path / "esd-esdnet-small-v1-50tmk-2020"
    item.mkdir()
    (item / f"{item.name}.json").touch()
    assert run(tmp_path, 1) == (0, "")
    assert run(tmp_path, 1, task=3) == (0, "")


def test_an_empty_tile_is_noted_and_done(tmp_path: Path) -> None:
    """Exit code 3 is nobody's fault."""
    assert run(tmp_path, 3)[0] == 0
    assert (tmp_path / "nothing-found-7.txt").read_text() == "50TMK 2020\n"


@pytest.mark.parametrize(("restarts", "requeued"), [(0, True), (2, True), (3, False)])
def test_a_partly_done_tile_is_queued_again(tmp_path: Path, restarts: int, requeued: bool) -> None:
    """Exit code 4 asks for the same command again, three times at most."""
    code, calls = run(tmp_path, 4, restarts=restarts)
    assert code == 4
    assert ("scontrol requeue 7_2" in calls) == requeued


@pytest.mark.parametrize("code", [1, 2, 137])
def test_failures_are_listed_for_a_person(tmp_path: Path, code: int) -> None:
    """What repeating does not mend is written down with its exit code."""
    left, calls = run(tmp_path, code)
    assert left == code
    assert "scontrol" not in calls
    assert (tmp_path / "failed-7.txt").read_text() == f"50TMK 2020 {code}\n"
