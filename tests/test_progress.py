"""Progress bars: on a terminal, nowhere else."""

import io
import sys

import pytest

from esd_tasks.progress import Bars


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("stream", "quiet", "shown"), [(Terminal, False, True), (Terminal, True, False), (io.StringIO, False, False)]
)
def test_bars_show_on_a_terminal_only(
    stream: type[io.StringIO], quiet: bool, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stage has a bar on a terminal unless -q is given; a file or pipe gets nothing."""
    err = stream()
    monkeypatch.setattr(sys, "stderr", err)
    with Bars(quiet=quiet) as bars:
        for stage in ("validate", "predict"):
            for done in range(3):
                bars(stage, done, 2)
    assert ("validate" in err.getvalue() and "predict" in err.getvalue()) is shown
    assert (err.getvalue() == "") is not shown
