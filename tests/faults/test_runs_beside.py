"""Runs of the same output at once, and machines with other habits: the same bytes, or one line."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kill import Forker, Reference
from long_commands import NAMES, command
from made import differences, new, snapshot, the_error

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

ABROAD = {
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "tr_TR.UTF-8",
    "LANGUAGE": "tr",
    "PYTHONHASHSEED": "4711",
    "COLUMNS": "40",
}
"""A machine 14 hours east of Greenwich, in a language that knows two kinds of i and writes 1,5."""

BARE = {
    "TZ": "America/St_Johns",
    "LC_ALL": "POSIX",
    "PYTHONHASHSEED": "1",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
}
"""A machine without a language."""


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_of_an_output_is_refused_and_spoils_nothing(
    name: str, forker: Forker, inputs: Path, undisturbed: Callable[[str], Reference], tmp_path: Path
) -> None:
    """While one run is at work another is told so in one line and leaves with 4; the first ends as if alone."""
    words, whole = command(name, inputs).words, undisturbed(name)
    with forker.held(words, new(tmp_path / "run"), before_change=whole.ended.changes // 2) as first:
        second = forker.run(words, tmp_path / "run")
    assert second.code == 4, second.said
    assert "in use by process" in the_error(second.said)
    assert first[0].code == 0, first[0].said
    assert differences(snapshot(tmp_path / "run"), whole.files) == ""


@pytest.fixture(params=["abroad", "bare"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Forker]:
    """A process of a machine with another clock and another language."""
    with Forker(**{"abroad": ABROAD, "bare": BARE}[request.param]) as made:
        yield made


def test_clock_and_language_change_no_byte(
    elsewhere: Forker, inputs: Path, undisturbed: Callable[[str], Reference], tmp_path: Path
) -> None:
    """Time zone, locale, hash seed and width of the terminal leave every byte as it is; all inputs are of 2096."""
    for name in NAMES:
        whole, folder = undisturbed(name), new(tmp_path / name)
        ended = elsewhere.run(command(name, inputs).words, folder)
        assert ended.code == 0, ended.said
        assert differences(snapshot(folder), whole.files) == "", name
