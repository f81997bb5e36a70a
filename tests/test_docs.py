"""The documentation says what is true: its commands run, its figures are the stored ones, its links lead somewhere."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?P<language>bash|python)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
FIELDS = {"value", "unit", "n", "spread", "split", "command", "commit", "log_sha256"}


@pytest.mark.slow
@pytest.mark.xdist_group("road")
def test_every_block_of_the_readme_runs(road: Path) -> None:
    """The README's commands and Python lines work, in order, for somebody who ran the demo before."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    blocks = list(BLOCK.finditer((ROOT / "README.md").read_text()))
    assert len(blocks) >= 4
    for block in blocks:
        command = ["bash", "-euo", "pipefail", "-c"] if block["language"] == "bash" else [sys.executable, "-c"]
        done = subprocess.run(
            [*command, block["code"]], cwd=road, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{block['code']}\n{done.stderr}"


def test_tables_say_what_the_figures_say() -> None:
    """No figure is typed by hand: each table equals what docs/figures.json renders to."""
    subprocess.run([sys.executable, ROOT / "scripts" / "figures.py", "check"], check=True)


def test_each_figure_names_its_origin() -> None:
    """A figure has value, unit, n, spread, split, command, commit and log; its split, of trust, is what was tried."""
    figures = json.loads((ROOT / "docs" / "figures.json").read_text())
    for key, figure in figures.items():
        assert set(figure) == FIELDS, key
        assert figure["split"] in {"train", "dev", "test", "simulated"} or (
            key.startswith("trust.") and figure["split"]
        ), key
        assert re.fullmatch(r"[0-9a-f]{12}", figure["commit"]), key
        assert re.fullmatch(r"[0-9a-f]{64}", figure["log_sha256"]), key


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """A relative link or picture in the documentation names a file of the project."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_examples_are_short(example: Path) -> None:
    """An example is read in one glance: at most sixty lines of code."""
    lines = [line for line in example.read_text().splitlines() if line.strip()]
    assert len(lines) <= 60


def test_every_command_is_documented() -> None:
    """README or docs name every command of `stac esd` and `esd-tasks`."""
    from typer.main import get_command

    from esd_tasks.cli import app
    from stactools_esd.commands import esd

    text = "\n".join(document.read_text() for document in DOCUMENTS)
    assert {name for name in esd.commands if f"stac esd {name}" not in text} == set()
    tasks = get_command(app)
    assert {name for name in tasks.commands if f"esd-tasks {name}" not in text} == set()
