"""Learning curves: fixed tests in other blocks, equal draws for every head, figures with their spread."""

import csv
import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import tiny_map
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.curve_points import ALL, curve, halve, rows_of, shots_of
from esd_tasks.label_table import LabelTable
from esd_tasks.learning_curve import CurveRequest, make_plan, run_plan
from esd_tasks.map_run import MapResult
from esd_tasks.shots import draw
from stactools_esd.errors import EsdError, LabelsError, UsageError


def labels(n: int = 240, *, seed: int = 0, told: bool = True) -> LabelTable:
    """Return labels over ten kilometres, two pixels each; with `told` the first column holds the class."""
    generator = np.random.default_rng(seed)
    class_id = 1 + np.arange(n) % 3
    x, y = generator.uniform(0, 10_000, (2, n))
    label = np.repeat(np.arange(n), 2)
    pixels = generator.normal(size=(2 * n, 8)).astype(np.float32)
    if told:
        pixels[:, :3] += 3 * np.eye(3)[class_id[label] - 1]
    rows = pixels.reshape(n, 2, 8).mean(axis=1).astype(np.float64)
    return LabelTable(
        rows=rows, class_id=class_id, group=np.arange(n), x=x, y=y, lon=x, lat=y, pixels=pixels, label=label
    )


def points_of(table: LabelTable, heads: tuple[str, ...] = ("prototype", "3-NN")) -> tuple[Any, Any]:
    """Return halves and points of a short curve."""
    halves = halve(table, 1_000.0, seed=0)
    return halves, curve(table, halves, {"vectors": table.pixels}, heads, repeats=4, seed=0)


def test_what_is_tested_never_trains_and_lies_apart() -> None:
    """Pool and test share no block, and lie a tenth of a block apart; all classes are in both."""
    table = labels()
    halves = halve(table, 1_000.0, seed=0)
    pool, test = halves.dealt.pool, halves.dealt.test
    assert not set(halves.block[pool]) & set(halves.block[test])
    between = np.hypot(table.x[pool][:, None] - table.x[test], table.y[pool][:, None] - table.y[test])
    assert between.min() >= halves.dealt.buffer == 100.0
    assert halves.kept == (1, 2, 3)


def test_more_labels_are_better_and_all_are_one_draw() -> None:
    """The curve rises; k beyond what there is becomes `max`, which is drawn once and has no SD."""
    table = labels()
    halves, points = points_of(table)
    rows = [row for row in rows_of(points, table, halves) if row["head"] == "prototype"]
    assert [row["k"] for row in rows] == [1, 5, 10, "max"]
    assert rows[0]["mean"] < rows[2]["mean"]
    assert [row["draws"] for row in rows] == [4, 4, 4, 1]
    assert rows[-1]["sd"] is None
    assert all(row["low"] <= row["mean"] <= row["high"] for row in rows)
    assert [row["n_train"] for row in rows[:3]] == [3, 15, 30]


def test_labels_without_meaning_score_like_chance() -> None:
    """Nothing leaks from test to training: 1-NN on noise has a third, whatever the number of labels."""
    table = labels(told=False)
    halves, points = points_of(table, ("1-NN",))
    assert all(abs(row["mean"] - 1 / 3) < 0.15 for row in rows_of(points, table, halves))


def test_equal_columns_give_equal_figures() -> None:
    """Draws do not depend on features or heads: a copy of the features differs by exactly 0, pair by pair."""
    table = labels()
    halves = halve(table, 1_000.0, seed=0)
    tables = {"vectors": table.pixels, "copy": table.pixels.copy()}
    points = curve(table, halves, tables, ("prototype",), repeats=3, seed=0)
    copies = [row for row in rows_of(points, table, halves) if row["features"] == "copy"]
    assert [(row["difference"], row["difference_low"], row["difference_high"]) for row in copies] == [(0, 0, 0)] * 4


def test_trees_begin_with_ten_labels() -> None:
    """Below ten labels a class there is no figure of trees."""
    table = labels()
    _, points = points_of(table, ("trees", "prototype"))
    assert sorted(point.k for point in points if point.head == "trees") == [ALL, 10]
    assert shots_of(table, halve(table, 1_000.0, seed=0)) == (1, 5, 10, ALL)


@given(st.integers(0, 500), st.integers(1, 12))
def test_draws_are_without_replacement_and_from_different_blocks(seed: int, shots: int) -> None:
    """A draw holds each label once, at most k a class, and takes a block twice only when all were taken."""
    generator = np.random.default_rng(seed)
    class_id, block = generator.integers(0, 3, 60), generator.integers(0, 8, 60)
    pool = np.sort(generator.permutation(60)[:40])
    drawn = draw(class_id, block, pool, shots, seed)
    assert len(set(drawn.tolist())) == len(drawn)
    assert set(drawn.tolist()) <= set(pool.tolist())
    for one in np.unique(class_id[pool]):
        mine, available = drawn[class_id[drawn] == one], pool[class_id[pool] == one]
        assert len(mine) == min(shots, len(available))
        blocks = len(set(block[available].tolist()))
        assert len(set(block[mine].tolist())) == min(blocks, len(mine))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes of one year, labels all over it, and a class of three labels."""
    folder = tmp_path_factory.mktemp("curve")
    tiny_map.write_place(folder / "codes")
    frame = geopandas.read_file(tiny_map.write_labels(folder / "all.gpkg", n=150))
    frame.loc[:2, "class"] = "quarry"
    frame.to_file(folder / "samples.gpkg")
    return folder


def run(place: Path, name: str, **options: Any) -> MapResult:
    """Draw the curve of the place."""
    given = {"labels": place / "samples.gpkg", "catalog": str(place / "codes"), "output": place / name,
             "head": ("prototype", "logistic"), "draws": 3, "block_size": 240.0}  # fmt: skip
    return run_plan(make_plan(CurveRequest(**given | options)))


def test_files_hold_the_points_and_small_classes_are_listed(place: Path) -> None:
    """JSON, CSV and PNG say the same figures; a class too small for both halves is left out by name."""
    result = run(place, "both", features=("vectors", "one-hot"))
    content = json.loads(result.paths["curve"].read_text())
    with result.paths["table"].open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["mean"]) for row in table] == [point["mean"] for point in content["points"]]
    assert {(row["features"], row["head"]) for row in table} == {
        (kind, head) for kind in ("vectors", "one-hot") for head in ("prototype", "logistic")
    }
    assert [entry["class_name"] for entry in content["classes"] if entry["left_out"]] == ["quarry"]
    assert any("left out: quarry (3)" in note for note in result.notes)
    assert result.paths["plot"].read_bytes().startswith(b"\x89PNG")
    assert "not the accuracy of a map" in content["statement"]
    assert sorted(path.name for path in result.folder.iterdir()) == sorted(result.record["outputs"].values())
    again = run(place, "again/both", features=("vectors", "one-hot"))
    assert again.paths["curve"].read_bytes() == result.paths["curve"].read_bytes()
    assert (
        "--head prototype --head logistic --features vectors --features one-hot --draws 3" in result.record["command"]
    )


def test_the_command_prints_the_table(place: Path) -> None:
    """A line for each k and head, the paired difference with its interval, the protocol and the next step."""
    words = ["learning-curve", "--labels", place / "samples.gpkg", "--catalog", place / "codes", "--draws", 2,
             "--head", "prototype", "--head", "1-NN", "--block-size", 240, "-o", place / "command"]  # fmt: skip
    dry = CliRunner().invoke(cli.app, [str(word) for word in [*words, "--dry-run"]])
    assert "150 of 4 classes" in dry.stdout
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:3]] == [["1", "vectors", "prototype"], ["1", "vectors", "1-NN"]]
    assert "[" in lines[2]
    assert any("labels may train" in line for line in lines)
    assert lines[-1].startswith("next: look at ")


def test_labels_of_several_years_need_no_year(place: Path) -> None:
    """Each label meets the codes of its own year, also where no one year is chosen."""
    folder = place / "years"
    for year in (2019, 2020):
        tiny_map.write_place(folder / "codes", year=year)
    years = np.where(np.arange(150) % 2 == 0, 2019, 2020)
    dated = tiny_map.write_labels(folder / "dated.gpkg", n=150, years=years)
    result = run(place, "dated", labels=dated, catalog=str(folder / "codes"), year_field="year")
    assert len(result.record["items"]) == 2


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"head": ("oak",)}, UsageError, "prototype"),
        ({"features": ()}, UsageError, "one-hot"),
        ({"draws": 1}, UsageError, "2..100"),
        ({"block_size": 50_000.0}, LabelsError, "--block-size"),
    ],
)
def test_what_cannot_be_says_so(place: Path, options: dict[str, Any], error: type[EsdError], said: str) -> None:
    """Faults are one line that says what was expected, and leave no folder."""
    with pytest.raises(error, match=said):
        run(place, "refused", **options)
    assert not (place / "refused").exists()


def test_over_years_all_labels_of_the_years_train(tmp_path: Path) -> None:
    """With `--over years` the labels of one, two, .. years train, all tested labels stay, and no label is drawn."""
    years = (2019, 2020, 2021)
    (tmp_path / "codes").mkdir()
    for year in years:
        tiny_map.write_place(tmp_path / "codes", year=year)
    path = tiny_map.write_labels(tmp_path / "labels.gpkg", n=300, years=np.resize(years, 300))
    asked: dict[str, Any] = {"labels": path, "catalog": str(tmp_path / "codes"), "year_field": "year", "draws": 2}
    request = CurveRequest(**asked, class_field="class", head=("prototype",), over="years", output=tmp_path / "curve")
    result = run_plan(make_plan(request))
    points = result.record["result"]["points"]
    assert [point["k"] for point in points] == [1, 2, "max"]
    pool = result.record["result"]["protocol"]["n_pool"]
    assert points[-1]["n_train"] == pool
    assert abs(points[0]["n_train"] - pool / 3) < pool / 6
    assert "years with labels" in (tmp_path / "curve" / "report.html").read_text()


def test_over_years_needs_the_field_of_the_year() -> None:
    """A curve over years of labels without years is refused."""
    with pytest.raises(UsageError, match="--year-field"):
        CurveRequest(labels=Path("labels.gpkg"), over="years")
