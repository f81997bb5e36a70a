"""A saved model maps other places and years without labels, and only codes like those it knows."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tiny_map
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.class_bands import entropy
from esd_tasks.classifier import TreeParameters
from esd_tasks.classify import ClassifyResult, run_plan
from esd_tasks.model_file import CHANGE
from esd_tasks.plan import make_plan
from esd_tasks.predict import STATEMENT, predict
from esd_tasks.request import ClassifyRequest
from stactools_esd.errors import IncomparableError, NothingFoundError, OutputError, UsageError
from stactools_esd.schema import schema_problems

BANDS = ("probability", "entropy")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes of two years, and labels of the first."""
    folder = tmp_path_factory.mktemp("predict")
    for year in (2019, 2020):
        tiny_map.write_place(folder / "codes", year=year)
    tiny_map.write_labels(folder / "samples.gpkg")
    return folder


@pytest.fixture(scope="module")
def trained(place: Path) -> ClassifyResult:
    """A map of the first year with every band, and its model."""
    request = ClassifyRequest(
        labels=place / "samples.gpkg", catalog=str(place / "codes"), year=2019, band=BANDS, output=place / "first"
    )
    return run_plan(replace(make_plan(request), parameters=TreeParameters(rounds=15)))


def whole(place: Path, **options: Any) -> Any:
    """Predict the box that the labels lie in."""
    return predict(place / "first", **{"catalog": str(place / "codes"), "band": BANDS} | options)


def box_of(result: Any) -> str:
    """Return the bounds of a map as a box in degrees."""
    with rasterio.open(result.paths["map"]) as dataset:
        bounds = rasterio.warp.transform_bounds(dataset.crs, 4326, *dataset.bounds)
    return ",".join(str(value) for value in bounds)


def test_the_same_place_and_year_give_the_same_map(place: Path, trained: ClassifyResult) -> None:
    """Where both maps lie, prediction equals the map that was made with the labels, in every raster."""
    result = whole(place, year=2019, bbox=box_of(trained), output=place / "again")
    for kind in ("map", "quality", *BANDS):
        with rasterio.open(trained.paths[kind]) as one, rasterio.open(result.paths[kind]) as other:
            left, _, _, top = one.bounds
            column, row = (round(value) for value in ~other.transform * (left, top))
            both = other.read(window=rasterio.windows.Window(column, row, one.width, one.height))
            mapped = one.read(1) != one.nodata
            assert mapped.any()
            assert np.array_equal(one.read()[:, mapped], both[:, mapped]), kind


def test_another_year_is_mapped_whole_and_said_to_be_a_transfer(place: Path, trained: ClassifyResult) -> None:
    """Without an area every pixel of the items is mapped; notes say that no accuracy is known."""
    result = whole(place, year=2020, output=place / "other")
    with rasterio.open(result.paths["map"]) as dataset:
        classes = dataset.read(1)
    assert classes.shape == (tiny_map.HEIGHT, tiny_map.WIDTH)
    truth = np.array([0, 3, 2, 1])[tiny_map.class_map()]
    assert (classes == truth)[classes > 0].mean() > 0.85
    assert result.notes[0] == STATEMENT
    assert "2019" in result.notes[1]
    assert "transferred in time" in result.notes[1]
    assert "accuracy" not in result.paths
    item = json.loads(result.paths["item"].read_text())
    assert list(schema_problems(item)) == []
    (link,) = [link for link in item["links"] if link["rel"] == "related"]
    assert (result.folder / link["href"]).resolve() == trained.paths["model_facts"].resolve()
    for asset in item["assets"].values():
        assert (result.folder / asset["href"]).is_file()


def test_bands_say_how_sure_the_model_is(place: Path, trained: ClassifyResult) -> None:
    """Probabilities sum to 100 %, the largest is the confidence of the mapped class, and entropy falls with it."""
    with rasterio.open(trained.paths["probability"]) as dataset:
        probability = dataset.read().astype(int)
        assert dataset.descriptions == ("crop", "forest", "water")
    with rasterio.open(trained.paths["entropy"]) as dataset:
        entropies = dataset.read(1)
    with rasterio.open(trained.paths["quality"]) as dataset:
        confidence = dataset.read(1)
    with rasterio.open(trained.paths["map"]) as dataset:
        classes = dataset.read(1)
    mapped = classes > 0
    assert np.abs(probability[:, mapped].sum(axis=0) - 100).max() <= 2
    assert np.array_equal(probability[:, mapped].max(axis=0), confidence[mapped])
    assert (probability[:, ~mapped] == 255).all()
    assert (entropies[~mapped] == 255).all()
    assert entropies[mapped].max() <= 100
    assert np.corrcoef(entropies[mapped], confidence[mapped])[0, 1] < -0.9


def test_entropy_is_a_share_of_the_most_there_can_be() -> None:
    """A sure pixel has 0, one at a loss 1, two even classes of four a half."""
    rows = np.array([[1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]])
    assert entropy(rows) == pytest.approx([0, 1, 0.5], abs=1e-6)


def test_a_model_is_locked_to_its_encoder_and_recipe(place: Path, trained: ClassifyResult, tmp_path: Path) -> None:
    """Codes of another encoder, recipe or first day are refused in words, and nothing is written."""
    tiny_map.write_place(tmp_path / "encoder", encoder="esdnet-large-v1")
    tiny_map.write_place(tmp_path / "recipe", source="landsat-8")
    tiny_map.write_place(tmp_path / "start", window_start=date(2020, 7, 1))
    for name, said in (("encoder", "esdnet-large-v1"), ("recipe", "input recipe source"), ("start", "07-01")):
        with pytest.raises(IncomparableError, match=said):
            whole(place, catalog=str(tmp_path / name), output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_model_is_refused(place: Path, trained: ClassifyResult, tmp_path: Path) -> None:
    """A folder without a model, models of another kind or layout, and trees of another model are named."""
    with pytest.raises(OutputError, match=r"without model\.json"):
        predict(tmp_path, catalog=str(place / "codes"))
    (tmp_path / "model.json").write_text("[]")
    with pytest.raises(OutputError, match="no model"):
        predict(tmp_path, catalog=str(place / "codes"))
    for name in ("model.txt", "model.json"):
        (tmp_path / name).write_bytes((place / "first" / name).read_bytes())
    facts = json.loads((tmp_path / "model.json").read_text())
    for wrong, said in (
        ({"kind": CHANGE}, "esd-tasks classify, .*change pair --model` uses it"),
        ({"schema_version": "9"}, "9"),
    ):
        (tmp_path / "model.json").write_text(json.dumps(facts | wrong))
        with pytest.raises(OutputError, match=said):
            predict(tmp_path, catalog=str(place / "codes"), year=2019)
    more = facts["features"] | {"covariates": ["dem"]}
    (tmp_path / "model.json").write_text(json.dumps(facts | {"features": more}))
    with pytest.raises(OutputError, match="two models"):
        predict(tmp_path, catalog=str(place / "codes"), year=2019)
    (tmp_path / "model.json").write_text(json.dumps({key: facts[key] for key in facts if key != "input_recipe"}))
    with pytest.raises(OutputError, match="without its encoder or recipe"):
        predict(tmp_path, catalog=str(place / "codes"), year=2019)


def test_years_and_bands_are_chosen_or_refused(place: Path, trained: ClassifyResult) -> None:
    """Several years ask for --year, a year without items ends in 3, and a band that is none is a usage error."""
    with pytest.raises(UsageError, match="2019, 2020"):
        whole(place)
    with pytest.raises(NothingFoundError, match="1999"):
        whole(place, year=1999)
    with pytest.raises(UsageError, match="expected some of"):
        whole(place, band=("certainty",))


def test_a_map_of_nothing_is_none(place: Path, trained: ClassifyResult, tmp_path: Path) -> None:
    """Where no pixel has enough clear observations the command ends in 3, says what to lower, and leaves nothing."""
    words = ["predict", str(place / "first"), "--catalog", str(place / "codes"), "--year", "2019", "--min-clear", "366"]
    result = CliRunner().invoke(cli.app, [*words, "-o", str(tmp_path / "out")])
    assert result.exit_code == 3, result.output
    assert "lower --min-clear" in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_command_maps_and_repeats(place: Path, trained: ClassifyResult, tmp_path: Path) -> None:
    """`esd-tasks predict MODEL` prints classes, caveat, paths and a next step; the record's command does the same."""
    words = ["predict", str(place / "first"), "--catalog", str(place / "codes"), "--year", "2019"]
    cost = CliRunner().invoke(cli.app, [*words, "--dry-run", "--json"])
    assert json.loads(cost.stdout)["pixels"] == tiny_map.HEIGHT * tiny_map.WIDTH
    result = CliRunner().invoke(cli.app, [*words, "--band", "entropy", "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("class")
    assert f"note: {STATEMENT}" in lines
    assert lines[-1].startswith("next: ")
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["command"].startswith(f"esd-tasks predict {place / 'first'} ")
    again = CliRunner().invoke(cli.app, record["command"].split()[1:])
    assert again.stdout.startswith("already done")
