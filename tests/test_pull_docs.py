"""What docs/tasks/pull.md shows runs, and prints what it says."""

import re
from pathlib import Path

import pytest
from doc_pages import ROOT, blocks, page, run_block


def _without_sizes(text: str) -> str:
    """Leave out sizes of files, which change when the catalogue is made again."""
    return re.sub(r"[\d.]+ (?:kB|MB|B)\b", "SIZE", text)


@pytest.mark.slow
def test_the_page_runs_and_says_what_is_printed(tmp_path: Path) -> None:
    """Its commands and Python lines work in order beside the repository's catalogue."""
    pytest.importorskip("xarray")
    (tmp_path / "catalog").symlink_to(ROOT / "catalog")
    printed = ""
    for language, code in blocks(page("pull"), "bash", "python", "text"):
        if language == "text":
            assert _without_sizes(code) in _without_sizes(printed)
        else:
            printed += run_block(language, code, tmp_path)
    assert "xsimulated" in printed
