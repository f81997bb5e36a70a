"""Disks that are full or refuse to be written: one line, nothing half-written, and the same command goes on."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from disk import PAGE, Disk
from kill import KILLS, Forker, Reference, halves
from long_commands import NAMES, command
from made import differences, new, snapshot, the_error

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

SIZES = max(2, KILLS // 5)
"""Sizes of the disk that are tried with each command."""


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_is_one_line_and_room_ends_the_run(
    name: str, forker: Forker, inputs: Path, undisturbed: Callable[[str], Reference], disk: Disk
) -> None:
    """The error says that there is no room, and where; with room the same command gives every byte, and no more."""
    asked, whole = command(name, inputs), undisturbed(name)
    sizes = [path.stat().st_size for path in whole.folder.rglob("*") if path.is_file()]
    needed = sum(-(-size // PAGE) * PAGE for size in sizes)
    generator, full = random.Random(name), 0
    for number in range(SIZES):
        disk.resize(int(needed * (number + generator.random()) / SIZES))
        stopped = forker.run(asked.words, disk.root)
        if stopped.code:
            full += 1
            assert stopped.code == 1, stopped.said
            line = the_error(stopped.said)
            assert "No space left on device" in line or "make room" in line, line
            assert "out" in line, line
        assert halves(asked, disk.root, whole.folder) == []
        disk.resize(1 << 26)
        again = forker.run(asked.words, disk.root)
        assert again.code == 0, again.said
        assert differences(snapshot(disk.root), whole.files) == ""
        shutil.rmtree(disk.root / "out")
    assert full >= SIZES // 2


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_refuses_to_be_written_is_one_line(name: str, forker: Forker, inputs: Path, disk: Disk) -> None:
    """No command begins its work where it cannot put what it makes; the disk is as it was."""
    disk.protect()
    stopped = forker.run(command(name, inputs).words, disk.root)
    assert stopped.code == 1, stopped.said
    assert "Read-only file system" in the_error(stopped.said)
    assert list(disk.root.iterdir()) == []


@pytest.mark.parametrize("name", ["classify", "predict", "series"])
def test_codes_on_a_disk_that_refuses_to_be_written_are_read(
    name: str, forker: Forker, inputs: Path, tmp_path: Path, disk: Disk
) -> None:
    """Nothing is written beside codes, labels or models: a catalogue that cannot be written is as good as another."""
    shutil.copytree(inputs, disk.root / "given")
    disk.protect()
    ended = forker.run(command(name, disk.root / "given").words, new(tmp_path / "run"))
    assert ended.code == 0, ended.said
