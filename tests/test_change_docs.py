"""What docs/tasks/change.md shows runs, in order."""

from pathlib import Path

import pytest
from doc_pages import blocks, page, run_block

PAGE = page("change")


@pytest.mark.slow
@pytest.mark.xdist_group("change-docs")
def test_the_page_runs(tmp_path: Path) -> None:
    """Its commands work one after the other, and end with what to do next."""
    pytest.importorskip("torch")
    printed = "".join(run_block(language, code, tmp_path) for language, code in blocks(PAGE, "bash"))
    assert printed.count("next: ") == 8
    assert "exact year" in printed


def test_every_command_stands_on_the_page() -> None:
    """No command of `esd-tasks change` goes undescribed."""
    from esd_tasks.commands.change import app

    names = {info.name or (info.callback.__name__ if info.callback else "") for info in app.registered_commands}
    assert names == {"pair", "series", "train", "land-cover", "assess"}
    assert {name for name in names if f"esd-tasks change {name}" not in PAGE} == set()
