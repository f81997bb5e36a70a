"""What docs/tasks/pull.md shows runs, and prints what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "tasks" / "pull.md").read_text()
BLOCKS = re.findall(r"^```(bash|python|text)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def _without_sizes(text: str) -> str:
    """Leave out sizes of files, which change when the catalogue is made again."""
    return re.sub(r"[\d.]+ (?:kB|MB|B)\b", "SIZE", text)


@pytest.mark.slow
def test_the_page_runs_and_says_what_is_printed(tmp_path: Path) -> None:
    """Its commands and Python lines work in order beside the repository's catalogue."""
    pytest.importorskip("xarray")
    (tmp_path / "catalog").symlink_to(ROOT / "catalog")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("ESD_CATALOG", None)
    printed = ""
    for language, code in BLOCKS:
        if language == "text":
            assert _without_sizes(code) in _without_sizes(printed)
            continue
        command = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-c"]
        done = subprocess.run(
            [*command, code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{code}\n{done.stderr}"
        printed += done.stdout
    assert "xsimulated" in printed
