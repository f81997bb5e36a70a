"""A map of a quantity: right where it can be, judged on blocks left out, with an interval that holds what it says."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import tiny_map
from accuracy_layout import check_order
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.classifier import TreeParameters
from esd_tasks.map_run import MapResult
from esd_tasks.regress import run_plan
from esd_tasks.regress_plan import RegressRequest, make_plan
from esd_tasks.regress_validation import Validation, interval_offset, measures
from esd_tasks.regression import Regression
from stactools_esd.errors import EsdError, LabelsError, OutputError, UsageError
from stactools_esd.schema import schema_problems

TYPICAL = np.array([0.0, 10, 80, 30])
"""Biomass of the classes 1..3 of the place."""


def write_plots(path: Path, *, n: int = 150, polygons: bool = False) -> Path:
    """Write plots with a biomass that follows the class of their pixels, with noise."""
    generator = np.random.default_rng(5)
    rows, columns = generator.integers(6, tiny_map.HEIGHT - 3, n), generator.integers(2, tiny_map.WIDTH - 3, n)
    classes = tiny_map.class_map()
    if polygons:
        corners = np.array([(0, 0), (0, 2), (2, 2), (2, 0)])
        places = [
            shapely.Polygon(zip(*tiny_map.lonlat(row + corners[:, 0], column + corners[:, 1]), strict=True))
            for row, column in zip(rows, columns, strict=True)
        ]
        cells = [(rows + a, columns + b) for a in (0, 1) for b in (0, 1)]
        value = np.mean([TYPICAL[classes[cell]] for cell in cells], axis=0)
    else:
        places = list(shapely.points(*tiny_map.lonlat(rows + 0.5, columns + 0.5)))
        value = TYPICAL[classes[rows, columns]]
    frame = geopandas.GeoDataFrame({"biomass": value + generator.normal(0, 2, n)}, geometry=places, crs=4326)
    frame.to_file(path)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes of one year, and plots."""
    folder = tmp_path_factory.mktemp("regress")
    tiny_map.write_place(folder / "codes")
    write_plots(folder / "plots.gpkg")
    return folder


def run(place: Path, name: str, **options: Any) -> MapResult:
    """Map the biomass of the place, with few trees."""
    given = {"labels": place / "plots.gpkg", "catalog": str(place / "codes"), "target_field": "biomass",
             "units": "t/ha", "output": place / name}  # fmt: skip
    request = RegressRequest(**given | options)
    return run_plan(replace(make_plan(request), parameters=TreeParameters(rounds=25, seed=request.seed)))


@pytest.fixture(scope="module")
def done(place: Path) -> MapResult:
    """The map with an interval of 80 %."""
    return run(place, "biomass", interval=0.8)


def bands(result: MapResult) -> tuple[Any, Any]:
    """Return prediction, lower and upper, and the true mean of the pixels."""
    with rasterio.open(result.paths["prediction"]) as dataset:
        values, transform = dataset.read(), dataset.transform
    column, row = (round(value) for value in ~tiny_map.AREA_TRANSFORM * (transform.c, transform.f))
    rows, columns = np.indices(values.shape[1:]) + np.array([row, column])[:, None, None]
    truth = TYPICAL[tiny_map.class_map()[np.minimum(rows, 71), np.minimum(columns, 95)]]
    return values, truth


def test_the_map_follows_the_truth_and_says_its_unit(done: MapResult) -> None:
    """Predictions explain the truth of the map; nodata is -9999; unit and field stand in the file."""
    (prediction, lower, upper), truth = bands(done)
    there = prediction != -9999
    assert measures(truth[there], prediction[there].astype(float))["r2"] > 0.5
    assert ((lower <= prediction) & (prediction <= upper))[there].all()
    assert np.array_equal(lower == -9999, ~there)
    with rasterio.open(done.paths["prediction"]) as dataset:
        assert dataset.units == ("t/ha",) * 3
        assert dataset.descriptions == ("prediction", "lower", "upper")
        assert dataset.tags()["TARGET"] == "biomass"
        assert dataset.overviews(1) == [] or dataset.overviews(1)[0] == 2


def test_errors_are_of_blocks_left_out(done: MapResult) -> None:
    """R2, RMSE, MAE and bias with a value for each fold; the random split stands beside; nothing is called accuracy."""
    accuracy = json.loads(done.paths["accuracy"].read_text())
    check_order(accuracy, "r2", "rmse", "mae", "bias")
    assert 0.3 < accuracy["r2"] < 1
    assert 0 < accuracy["mae"] < accuracy["rmse"] < 30
    assert abs(accuracy["bias"]) < 8
    assert all(len(accuracy["folds"][name]["values"]) == 5 for name in ("r2", "rmse", "mae", "bias"))
    assert accuracy["random_split"]["gap"] == pytest.approx(accuracy["random_split"]["r2"] - accuracy["r2"], abs=1e-5)
    assert accuracy["n"] == accuracy["protocol"]["n_tested"] == accuracy["protocol"]["n_samples"]
    assert "not the accuracy of the map" in accuracy["statement"]
    assert accuracy["interval"]["level"] == 0.8


def test_numbers_without_meaning_explain_nothing(place: Path) -> None:
    """No figure is of labels that the model saw: shuffled numbers give an R2 of about 0 or less."""
    frame = geopandas.read_file(place / "plots.gpkg")
    frame["biomass"] = np.random.default_rng(0).permutation(frame["biomass"])
    frame.to_file(place / "shuffled.gpkg")
    accuracy = run(place, "shuffled", labels=place / "shuffled.gpkg").record["result"]["accuracy"]
    assert accuracy["r2"] < 0.1
    assert accuracy["random_split"]["r2"] < 0.1


def test_outputs_are_complete_and_the_item_is_valid(done: MapResult) -> None:
    """The folder holds what `run.json` names; the item names bands with their unit."""
    assert sorted(path.name for path in done.folder.iterdir()) == sorted(done.record["outputs"].values())
    item = json.loads(done.paths["item"].read_text())
    assert list(schema_problems(item)) == []
    assert [band["unit"] for band in item["assets"]["prediction"]["bands"]] == ["t/ha"] * 3
    assert "biomass (t/ha)" in item["properties"]["description"]


def test_the_saved_model_predicts_the_map_again(done: MapResult, tmp_path: Path) -> None:
    """Trees and `model.json` are enough; another layout is refused."""
    model, facts = Regression.load(done.folder)
    (prediction, lower, _), _ = bands(done)
    with rasterio.open(done.paths["prediction"]) as dataset:
        transform = dataset.transform
    column, row = (round(value) for value in ~tiny_map.AREA_TRANSFORM * (transform.c, transform.f))
    codes = tiny_map.codes_of(tiny_map.class_map(), 2020)[:, row + 30, column + 5 : column + 60]
    found = model.predict(codes.T)
    np.testing.assert_allclose(found["prediction"], prediction[30, 5:60], rtol=1e-6)
    np.testing.assert_allclose(found["lower"], lower[30, 5:60], rtol=1e-6)
    assert facts["target_field"] == "biomass"
    (tmp_path / "model.json").write_text('{"schema_version": "1"}')
    with pytest.raises(OutputError, match="expected a model of esd-tasks"):
        Regression.load(tmp_path)


def test_a_polygon_is_one_label_judged_by_its_mean(place: Path) -> None:
    """Plots of several pixels are never split, count once, and explain their mean; the default has one band."""
    labels = write_plots(place / "polygons.gpkg", polygons=True, n=90)
    result = run(place, "polygons", labels=labels)
    accuracy = result.record["result"]["accuracy"]
    assert accuracy["protocol"]["n_samples"] <= 90
    assert accuracy["protocol"]["n_pixels"] > 2 * accuracy["protocol"]["n_samples"]
    assert accuracy["r2"] > 0.2
    with rasterio.open(result.paths["prediction"]) as dataset:
        assert dataset.count == 1


def test_measures_are_those_of_the_textbook() -> None:
    """Worked by hand: y 1, 2, 3 and p 2, 2, 2; what was not predicted is left out."""
    found = measures(np.array([1.0, 2, 3, 9]), np.array([2.0, 2, 3.5, np.nan]))
    assert found == pytest.approx({"r2": 1 - 1.25 / 2, "rmse": np.sqrt(1.25 / 3), "mae": 0.5, "bias": 0.5})
    assert np.isnan(measures(np.ones(3), np.ones(3))["r2"])


def test_the_offset_holds_the_stated_share() -> None:
    """Of 99 labels whose ends are all 0, the offset is the 90th smallest distance: 90 % of them lie inside."""
    reference = np.arange(1.0, 100)
    ends = np.zeros((99, 2))
    validation = Validation(reference=reference, predicted=reference, fold=np.zeros(99, dtype=int), interval=ends)
    assert interval_offset(validation, 0.9) == 90
    assert interval_offset(validation, 0.99) == 99


FAULTS: list[tuple[dict[str, Any], type[EsdError], str]] = [
    ({"target_field": "height"}, UsageError, "biomass"),
    ({"interval": 1.5}, UsageError, "0.5..0.99"),
    ({"block_size": 0.0}, UsageError, "1 metre"),
    ({"labels": "words.gpkg"}, LabelsError, "numbers"),
    ({"labels": "few.gpkg"}, LabelsError, "20 or more"),
    ({"labels": "same.gpkg"}, LabelsError, "differ"),
]


@pytest.mark.parametrize(("options", "error", "said"), FAULTS)
def test_what_cannot_be_says_so(place: Path, options: dict[str, Any], error: type[EsdError], said: str) -> None:
    """Faults are one line that says what was expected, and leave no folder."""
    frame = geopandas.read_file(place / "plots.gpkg")
    frame.assign(biomass="much").to_file(place / "words.gpkg")
    frame.head(12).to_file(place / "few.gpkg")
    frame.assign(biomass=4.0).to_file(place / "same.gpkg")
    if "labels" in options:
        options = options | {"labels": place / options["labels"]}
    with pytest.raises(error, match=said):
        run(place, "refused", **options)
    assert not (place / "refused").exists()


def test_numbers_as_text_and_gaps_are_read(place: Path) -> None:
    """Text that spells numbers counts; missing ones are left out and counted; the command says R2 and next."""
    frame = geopandas.read_file(place / "plots.gpkg")
    frame["biomass"] = [None if n < 3 else f" {value:.3f}" for n, value in enumerate(frame["biomass"])]
    frame.to_file(place / "text.gpkg")
    words = ["regress", "--labels", place / "text.gpkg", "--target-field", "BIOMASS", "--catalog", place / "codes"]
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    assert "R2 0." in result.stdout
    assert "3 labels left out: no number in field biomass" in result.stdout
    assert "trees never predict beyond the labels" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("next: ")
    assert (place / "text-BIOMASS" / "prediction.tif").is_file()
