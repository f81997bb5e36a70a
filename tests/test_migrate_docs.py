"""What docs/tasks/migrate-labels.md shows runs, in order."""

from pathlib import Path

import geopandas
import pytest
from doc_pages import blocks, page, run_block

from esd_tasks.migrate.series_file import STATUSES

PAGE = page("migrate-labels")


@pytest.mark.slow
@pytest.mark.xdist_group("change-docs")
def test_the_page_runs(tmp_path: Path) -> None:
    """Its commands work one after the other, end with what to do next, and write the fields that the page names."""
    pytest.importorskip("torch")
    printed = "".join(run_block(language, code, tmp_path) for language, code in blocks(PAGE, "bash"))
    assert printed.count("next: ") == 4
    rows = geopandas.read_file(tmp_path / "changing" / "migrated.gpkg")
    for field in set(rows.columns) - {"geometry"}:
        assert f"`{field}`" in PAGE, field
    for name in ("migrated.gpkg", "migrated_series.npz", "migrated_report.html", "migrated_run.json"):
        assert f"`{name}`" in PAGE
        assert (tmp_path / "changing" / name).is_file()
    (restless,) = [
        line for line in printed.splitlines() if line.startswith("note: classes that look otherwise in other")
    ]
    assert "so that other years get none of them: double crop; where they follow one another" in restless
    assert "as with the double crop of the landscape above" in " ".join(PAGE.split())
    elsewhere = rows[rows["year"] != rows["label_year"]]
    assert not (elsewhere["label"] == "double crop").any()
    assert (elsewhere["label"] == "single crop").any()


def test_every_status_stands_on_the_page() -> None:
    """The page says what each status means."""
    assert {status for status in STATUSES if f"`{status}`" not in PAGE} == set()
