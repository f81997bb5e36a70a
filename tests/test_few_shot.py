"""Few labels to a finished map: right where it can be, and honest about how little is known."""

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import tiny_few
import tiny_map
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.few_shot import few_shot
from esd_tasks.few_shot_model import FewShotModel
from esd_tasks.map_run import MapResult
from stactools_esd.errors import OutputError, UsageError
from stactools_esd.files import sha256_file
from stactools_esd.schema import schema_problems


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes of one year and labels, four a class."""
    folder = tmp_path_factory.mktemp("few")
    tiny_map.write_place(folder / "codes")
    tiny_few.write_few(folder / "few.gpkg")
    return folder


def run(place: Path, name: str, **options: Any) -> MapResult:
    """Map a part of the place, which all labels lie around."""
    lon, lat = tiny_map.lonlat(np.array([72.0, 0]), np.array([0.0, 96]))
    box = f"{lon[0]},{lat[0]},{lon[1]},{lat[1]}"
    given = {"labels": place / "few.gpkg", "catalog": str(place / "codes"), "bbox": box, "output": place / name}
    return few_shot(**given | options)


@pytest.fixture(scope="module")
def done(place: Path) -> MapResult:
    """The map of four labels a class."""
    return run(place, "first")


def shares(result: MapResult) -> float:
    """Return the share of mapped pixels that have their true class: crop 1, forest 2, water 3."""
    with rasterio.open(result.paths["map"]) as dataset:
        classes, transform = dataset.read(1), dataset.transform
    column, row = (round(value) for value in ~tiny_map.AREA_TRANSFORM * (transform.c, transform.f))
    rows, columns = np.indices(classes.shape) + np.array([row, column])[:, None, None]
    there = (classes > 0) & (rows < tiny_map.HEIGHT) & (columns < tiny_map.WIDTH)
    truth = np.array([0, 3, 2, 1])[tiny_map.class_map()[rows[there], columns[there]]]
    return float((classes[there] == truth).mean())


def test_four_labels_a_class_make_a_map(done: MapResult) -> None:
    """The map is far better than chance, complete, and its item is valid and tells that scores are no accuracy."""
    assert shares(done) > 0.55
    assert sorted(path.name for path in done.folder.iterdir()) == sorted(done.record["outputs"].values())
    item = json.loads(done.paths["item"].read_text())
    assert list(schema_problems(item)) == []
    assert "not the accuracy of the map" in item["properties"]["description"]
    assert item["assets"]["quality"]["bands"][0]["name"] == "margin"
    assert item["assets"]["map"]["file:checksum"] == "1220" + sha256_file(done.paths["map"])
    with rasterio.open(done.paths["quality"]) as dataset:
        margin, clear_obs = dataset.read()
        assert dataset.descriptions == ("margin", "clear_obs")
    assert margin[margin < 65_535].max() <= 100
    assert set(clear_obs[clear_obs < 65_535].tolist()) == {3, 20}


def test_scores_are_of_labels_left_out(done: MapResult) -> None:
    """Every head is scored on all twelve labels, by leaving out one; the best is chosen; trees are not tried."""
    choice = json.loads(done.paths["heads"].read_text())
    assert (choice["protocol"], choice["n_tested"], choice["chosen_by"]) == ("leave-one-out", 12, "score")
    scores = {score["head"]: score["balanced_accuracy"] for score in choice["scores"]}
    assert set(scores) == {"prototype", "1-NN", "3-NN", "logistic"}
    assert scores[choice["head"]] == max(scores.values())
    assert all(0 < score["standard_error"] < 0.5 for score in choice["scores"])


def test_random_labels_score_like_chance(place: Path) -> None:
    """No score is of labels that the head saw: classes dealt at random score about a third, 1-NN as well."""
    frame = geopandas.read_file(tiny_few.write_few(place / "many.gpkg", k=15))
    frame["class"] = np.random.default_rng(0).permutation(frame["class"])
    frame.to_file(place / "random.gpkg")
    result = run(place, "random", labels=place / "random.gpkg", head="prototype")
    choice = result.record["result"]["choice"]
    assert choice["protocol"] == "repeated folds"  # trees are tried from ten labels a class on
    assert {score["head"] for score in choice["scores"]} >= {"trees"}
    assert all(score["balanced_accuracy"] < 0.6 for score in choice["scores"])
    assert choice["head"] == "prototype"
    assert choice["chosen_by"] == "user"


def test_one_label_a_class_maps_and_says_that_nothing_was_tested(place: Path) -> None:
    """With one label a class the nearest class mean is taken, no score is printed, and the classes are named."""
    labels = tiny_few.write_few(place / "one.gpkg", k=1)
    result = run(place, "one", labels=labels)
    choice = result.record["result"]["choice"]
    assert (choice["head"], choice["protocol"], choice["chosen_by"]) == ("prototype", "none", "default")
    assert {score["balanced_accuracy"] for score in choice["scores"]} == {None}
    assert any("never tested: crop, forest, water" in note for note in result.notes)
    assert shares(result) > 0.4


def test_a_polygon_counts_once(place: Path) -> None:
    """Polygons are one label each, by the mean of their pixels, and are left out whole."""
    labels = tiny_few.write_few(place / "polygons.gpkg", polygons=True)
    result = run(place, "polygons", labels=labels)
    assert result.record["result"]["choice"]["n_tested"] == 12
    assert len(FewShotModel.load(result.folder)[0].rows) == 12
    assert shares(result) > 0.6


def test_the_saved_model_predicts_the_map_again(done: MapResult, tmp_path: Path) -> None:
    """`model.json` is enough to predict; another layout is refused."""
    model, facts = FewShotModel.load(done.folder)
    with rasterio.open(done.paths["map"]) as dataset:
        classes, transform = dataset.read(1), dataset.transform
    column, row = (round(value) for value in ~tiny_map.AREA_TRANSFORM * (transform.c, transform.f))
    codes = tiny_map.codes_of(tiny_map.class_map(), 2020)[:, row + 30, column + 5 : column + 60]
    assert np.array_equal(model.predict(codes.T)[0], classes[30, 5:60])
    assert facts["encoder"] == "esdnet-small-v1"
    (tmp_path / "model.json").write_text('{"schema_version": "1", "kind": "trees"}')
    with pytest.raises(OutputError, match="expected a model of esd-tasks"):
        FewShotModel.load(tmp_path)


def test_the_same_run_again_is_done_already_and_elsewhere_the_same(place: Path, done: MapResult) -> None:
    """Equal options give equal bytes in another folder; in the same folder nothing is done."""
    assert run(place, "first").already_done
    again = run(place, "again/first")
    for kind in ("map", "quality", "heads", "model", "preview", "item"):
        assert again.paths[kind].read_bytes() == done.paths[kind].read_bytes(), kind


def test_the_command_prints_all_scores_and_the_caveat(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes, every head with its score and SE, the chosen one, the caveat and the next step."""
    monkeypatch.chdir(place)
    words = ["few-shot", "--labels", "few.gpkg", "--catalog", "codes"]
    planned = CliRunner().invoke(cli.app, [*words, "--dry-run"])
    assert "12 of 3 classes" in planned.stdout
    assert not (place / "few-few-shot").exists()
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 0, result.output
    assert result.stdout.count(" ± ") == 5  # four heads and the title
    assert "<- chosen" in result.stdout
    assert "not the accuracy of the map" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("next: look at few-few-shot/preview.png")


@pytest.mark.parametrize(("option", "said"), [({"head": "oak"}, "prototype"), ({"buffer": -1.0}, "0 or more")])
def test_options_that_cannot_be_are_usage_errors(place: Path, option: dict[str, Any], said: str) -> None:
    """Unknown heads and negative distances are refused before anything is read."""
    with pytest.raises(UsageError, match=said):
        run(place, "refused", **option)
