"""Long commands that are killed at any moment: the same command ends with the bytes of an undisturbed run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from kill import KILLS, Forker, Reference, survive
from long_commands import NAMES, command

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_command_ends_as_if_nothing_had_been(
    name: str,
    forker: Forker,
    inputs: Path,
    undisturbed: Callable[[str], Reference],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After SIGKILL at any moment no file under its final name is half, and a second run gives every byte and no more.

    `ESD_KILLS` says how often.
    """
    tally = survive(forker, command(name, inputs), undisturbed(name), tmp_path)
    with capsys.disabled():
        print(f"\n{name}: {tally.kills} kills: {tally.before} before, {tally.during} during, {tally.after} after")
    assert tally.faults == []
    assert tally.kills == KILLS
    assert tally.during >= KILLS // 2
