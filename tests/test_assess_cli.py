"""`esd-tasks design` and `assess`: tables for people, JSON for programs, and one line for every fault."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
from tiny_reference import answered, random_points, write_place
from typer.testing import CliRunner, Result

from esd_tasks import cli

ROOT = Path(__file__).parent.parent


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `map.tif`, as the working directory."""
    monkeypatch.chdir(write_place(tmp_path))
    return tmp_path


def esd_tasks(*words: Any) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def test_the_worked_example_of_the_documentation_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/tasks/assess.md says that the command prints is what it prints."""
    monkeypatch.chdir(ROOT)
    text = (ROOT / "docs" / "tasks" / "assess.md").read_text()
    match = re.search(r"```bash\n(?P<command>.*?)\n```\n\n```text\n(?P<output>.*?)```", text, re.DOTALL)
    assert match is not None
    words = shlex.split(match["command"])
    assert words[0] == "esd-tasks"
    assert esd_tasks(*words[1:]).stdout == match["output"]
    python = re.search(r"```python\n(?P<code>.*?)```", text, re.DOTALL)
    assert python is not None
    exec(compile(python["code"], "assess.md", "exec"), {})  # the lines of our own page


def test_both_accuracies_are_printed_and_labelled(place: Path) -> None:
    """Area-weighted and plain figures stand side by side under their names, and mapped beside estimated areas."""
    result = esd_tasks("assess", "map.tif", "--reference", answered(place))
    assert result.exit_code == 0, result.output
    for said in ("area-weighted; plain 0.", "plain user's", "producer's ± 95 %", "mapped ha", "estimated ha ± 95 %"):
        assert said in result.stdout
    assert "projection's 900 m2 are off by -0.08 %" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("next: ")
    assert {path.name for path in (place / "sample-accuracy").iterdir()} == {
        "accuracy.json",
        "error_matrix.csv",
        "error_matrix_shares.csv",
        "report.html",
    }
    content = json.loads((place / "sample-accuracy" / "accuracy.json").read_text())
    assert content["schema_version"] == "1"


def test_json_is_the_result_and_nothing_else(place: Path) -> None:
    """--json prints the figures and paths; --dry-run writes nothing."""
    path = answered(place)
    result = json.loads(esd_tasks("assess", "map.tif", "--reference", path, "--json", "--dry-run").stdout)
    assert result["area_weighted"]["overall_accuracy"]["estimate"] > 0.6
    assert result["paths"] == {}
    assert not (place / "sample-accuracy").exists()


def test_an_assessment_is_not_replaced_by_another(place: Path) -> None:
    """The same again is fine; other figures in the same folder need --overwrite."""
    path = answered(place)
    first = esd_tasks("assess", "map.tif", "--reference", path, "-o", "out")
    assert esd_tasks("assess", "map.tif", "--reference", path, "-o", "out").stdout == first.stdout
    other = esd_tasks("assess", "map.tif", "--reference", path, "-o", "out", "--sampling", "convenience")
    assert other.exit_code == 1
    assert "--overwrite" in other.stderr
    assert esd_tasks(
        "assess", "map.tif", "--reference", path, "-o", "out", "--sampling", "convenience", "--overwrite"
    ).stdout.count("design-based intervals not valid")
    assert not (place / "out" / "error_matrix_shares.csv").exists()


def test_a_convenience_sample_is_named_so(place: Path) -> None:
    """Without a design the table has no intervals and no estimated areas, and says what would be needed."""
    result = esd_tasks("assess", "map.tif", "--reference", random_points(place / "points.gpkg"))
    assert result.exit_code == 0
    assert "design-based intervals not valid" in result.stdout
    assert "±" not in result.stdout
    assert "estimated" not in result.stdout
    assert result.stdout.splitlines()[-1].startswith("next: for intervals draw a probability sample: esd-tasks design")


def test_design_says_how_many_and_what_next(place: Path) -> None:
    """--dry-run prints sizes and draws nothing; a draw prints paths and the next step; quiet prints nothing."""
    dry = esd_tasks("design", "map.tif", "--dry-run", "--total", 230)
    assert "230 samples (olofsson)" in dry.stdout
    assert not list(place.glob("*.gpkg"))
    done = esd_tasks("design", "map.tif", "--total", 230, "--blind", "--seed", 5)
    assert "map-sample.gpkg" in done.stdout
    assert "next: fill in the field reference" in done.stdout
    assert len(geopandas.read_file(place / "map-sample.gpkg")) == 230
    assert esd_tasks("design", "map.tif", "--total", 230, "-q", "-o", "again.gpkg").output == ""
    plan = json.loads(esd_tasks("design", "map.tif", "--total", 230, "--json", "--dry-run").stdout)
    assert [entry["samples"] for entry in plan["strata"]][-1] == 50


def test_the_folder_of_a_map_is_a_map(place: Path) -> None:
    """A folder that classify wrote may be named in place of its map.tif; the sample goes beside the folder."""
    result = esd_tasks("design", place, "--total", 230, "--dry-run", "--json")
    assert json.loads(result.stdout)["output"] == str(place.with_name(f"{place.name}-sample.gpkg"))


FAULTS = {
    "no map": (["assess", "absent.tif", "--reference", "p.gpkg"], 2, "absent.tif"),
    "no reference": (["assess", "map.tif"], 2, "--reference"),
    "absent reference": (["assess", "map.tif", "--reference", "absent.gpkg"], 2, "absent.gpkg"),
    "nothing on the map": (["assess", "map.tif", "--reference", "far.gpkg"], 3, "outside the map: 3"),
    "strata and simple": (
        ["assess", "map.tif", "--reference", "p.gpkg", "--strata", "x", "--sampling", "simple"],
        2,
        "leave one out",
    ),
    "table and reference": (["assess", "t.csv", "--reference", "p.gpkg"], 2, "leave it out"),
    "no table": (["assess", "t.csv"], 2, "t.csv"),
    "table of words": (["assess", "words.csv"], 1, "class_id"),
    "pixel size of nothing": (["assess", "words.csv", "--pixel-size", "-3"], 2, "--pixel-size"),
    "empty class": (["assess", "map.tif", "--reference", "p.gpkg", "--sampling", "stratified"], 1, "--exclude"),
    "small total": (["design", "map.tif", "--total", "20"], 2, "expected 200"),
    "percent": (["design", "map.tif", "--expected-accuracy", "85"], 2, "fractions"),
    "standard error": (["design", "map.tif", "--standard-error", "5"], 2, "0.01 is 1 %"),
    "not a geopackage": (["design", "map.tif", "-o", "s.shp"], 2, ".gpkg"),
    "no such class": (["design", "map.tif", "--exclude", "tundra"], 2, "tundra"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_end_in_one_line_and_an_exit_code(fault: str, place: Path) -> None:
    """Each fault prints one line that says what to do, leaves with its code, and writes nothing."""
    frame = geopandas.read_file(random_points(place / "all.gpkg"))
    frame[frame["class"] != "built"].iloc[:3].to_file(place / "p.gpkg")
    frame.set_geometry(frame.geometry.translate(40, -30)).iloc[:3].to_file(place / "far.gpkg")
    (place / "words.csv").write_text("hello\nworld\n")
    before = sorted(place.rglob("*"))
    words, exit_code, said = FAULTS[fault]
    result = esd_tasks(*words)
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert said in line
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class_id,pixels,1,2\n1,10,5,1\n2,20,0,x\n", "ValueError"),
        ("class_id,pixels,1,2\n1,10,5,1\n", "KeyError"),
        ("class_id,pixels,1,2\n1,10,5,1\n1,20,0,1\n", "KeyError"),
        ("class_id,pixels,1,2\n1,10,5,1\n2,0,3,1\n", "0 pixels"),
        ("class_id,pixels,1,2\n1,10,5,-1\n2,1,3,1\n", "negative"),
    ],
)
def test_a_table_that_is_no_error_matrix_is_refused(text: str, said: str, place: Path) -> None:
    """Words for counts, missing rows, classes twice, samples of a class without pixels, negative counts."""
    (place / "table.csv").write_text(text)
    result = esd_tasks("assess", "table.csv", "--sampling", "stratified")
    assert result.exit_code == 1
    assert said in result.stderr


def test_a_table_may_have_semicolons_and_no_areas(place: Path) -> None:
    """A spreadsheet's semicolons are read; without areas shares are estimated and areas are dashes and nulls."""
    (place / "table.csv").write_text("class_id;pixels;1;2\n1;100;9;1\n2;300;2;28\n")
    result = esd_tasks("assess", "table.csv", "--sampling", "stratified", "--json", "--dry-run")
    first = json.loads(result.stdout)["area_weighted"]["classes"][0]
    assert first["share"]["estimate"] == pytest.approx(np.round(0.25 * 0.9 + 0.75 * 2 / 30, 6))
    assert first["area"]["estimate"] is None
