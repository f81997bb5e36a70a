"""The pages on few labels, quantities and clusters: every line of theirs runs, on the catalogue of the repository."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from esd_tasks import cli

ROOT = Path(__file__).parent.parent
PAGES = ("few-shot", "regress", "cluster")
BLOCK = re.compile(r"^```(?P<language>bash|python)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the catalogue and the examples of the repository."""
    for name in ("catalog", "examples"):
        (tmp_path / name).symlink_to(ROOT / name, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_a_page_runs(page: str, folder: Path) -> None:
    """Commands end with their next step, and every file that a table of the page names is there afterwards."""
    text = (ROOT / "docs" / "tasks" / f"{page}.md").read_text()
    blocks = list(BLOCK.finditer(text))
    assert blocks
    for block in blocks:
        if block["language"] == "python":
            run([sys.executable, "-c", block["code"]])
            continue
        for line in block["code"].splitlines():
            words = shlex.split(line)
            if words[0] == "esd-tasks":
                result = CliRunner().invoke(cli.app, words[1:])
                assert result.exit_code == 0, f"{line}\n{result.output}"
                assert result.stdout.splitlines()[-1].startswith("next: ")
            else:
                run([sys.executable, *words[1:]])
    first_cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = {name for cell in first_cells for name in re.findall(r"`([\w.-]+\.\w+)`", cell)}
    assert named
    assert named <= {path.name for path in (folder / "demo").rglob("*")}


def run(command: list[str]) -> None:
    """Run a process in the working directory."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
