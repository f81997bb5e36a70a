"""What docs/tasks/migrate-labels.md shows runs, in order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import geopandas
import pytest

from esd_tasks.migrate.series_file import STATUSES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "tasks" / "migrate-labels.md").read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
@pytest.mark.xdist_group("change-docs")
def test_the_page_runs(tmp_path: Path) -> None:
    """Its commands work one after the other, end with what to do next, and write the fields that the page names."""
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
    assert printed.count("next: ") == 4
    rows = geopandas.read_file(tmp_path / "changing" / "migrated.gpkg")
    for field in set(rows.columns) - {"geometry"}:
        assert f"`{field}`" in PAGE, field
    for name in ("migrated.gpkg", "migrated_series.npz", "migrated_report.html", "migrated_run.json"):
        assert f"`{name}`" in PAGE
        assert (tmp_path / "changing" / name).is_file()


def test_every_status_stands_on_the_page() -> None:
    """The page says what each status means."""
    assert {status for status in STATUSES if f"`{status}`" not in PAGE} == set()
