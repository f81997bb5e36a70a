"""What docs/tasks/change.md shows runs, in order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "tasks" / "change.md").read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
@pytest.mark.xdist_group("change-docs")
def test_the_page_runs(tmp_path: Path) -> None:
    """Its commands work one after the other, and end with what to do next."""
    pytest.importorskip("torch")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "ESD_HOME": str(ROOT)}
    environment.pop("ESD_CATALOG", None)
    printed = ""
    for code in BLOCKS:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{code}\n{done.stderr}"
        printed += done.stdout
    assert printed.count("next: ") == 8
    assert "exact year" in printed


def test_every_command_stands_on_the_page() -> None:
    """No command of `esd-tasks change` goes undescribed."""
    from esd_tasks.commands.change import app

    names = {info.name or (info.callback.__name__ if info.callback else "") for info in app.registered_commands}
    assert names == {"pair", "series", "train", "land-cover", "assess"}
    assert {name for name in names if f"esd-tasks change {name}" not in PAGE} == set()
