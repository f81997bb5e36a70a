"""What users ask of labels and models: layers, classes left out, weights, caps, covariates, parent classes."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import tiny_map
from affine import Affine
from rasterio.windows import Window

from esd_tasks.classifier import TreeParameters
from esd_tasks.classify import ClassifyResult, run_plan
from esd_tasks.covariates import open_covariates, read_places
from esd_tasks.plan import make_plan
from esd_tasks.predict import predict
from esd_tasks.request import ClassifyRequest
from esd_tasks.target import WGS84, Grid, transformer
from esd_tasks.trees import class_weights
from stactools_esd.errors import LabelsError, RasterError, UsageError
from stactools_esd.schema import schema_problems


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes of one year, labels, and a raster of longitudes."""
    folder = tmp_path_factory.mktemp("options")
    tiny_map.write_place(folder / "codes")
    tiny_map.write_labels(folder / "samples.gpkg")
    write_longitudes(folder / "east.tif")
    return folder


@pytest.fixture(scope="module")
def plain(place: Path) -> ClassifyResult:
    """The map without any option."""
    return run(place, "plain")


def run(place: Path, name: str, **options: Any) -> ClassifyResult:
    """Run with few trees."""
    given = {"labels": place / "samples.gpkg", "catalog": str(place / "codes"), "output": place / name}
    plan = make_plan(ClassifyRequest(**given | options))
    return run_plan(replace(plan, parameters=replace(plan.parameters, rounds=10)))


def classes_of(result: ClassifyResult, kind: str = "map") -> Any:
    """Return the classes of a map."""
    with rasterio.open(result.paths[kind]) as dataset:
        return dataset.read(1)


def write_longitudes(path: Path, *, nodata_columns: int = 0) -> None:
    """Write a raster in degrees, of pixels of about 70 m, that says its longitude times 1000; nodata is -9999."""
    transform = Affine(0.001, 0, 2.9, 0, -0.001, 50.65)
    values = np.tile(1000 * (2.9 + 0.001 * (np.arange(300) + 0.5)), (200, 1)).astype(np.float32)
    values[:, :nodata_columns] = -9999
    profile = {"driver": "GTiff", "height": 200, "width": 300, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(path, "w", transform=transform, nodata=-9999, **profile) as dataset:
        dataset.write(values, 1)


def test_layers_are_read_as_one(place: Path, plain: ClassifyResult) -> None:
    """Labels in two layers train as if they were in one; a layer named twice counts once."""
    frame = geopandas.read_file(place / "samples.gpkg")
    frame.iloc[:50].to_file(place / "layers.gpkg", layer="east")
    frame.iloc[50:].to_crs(3857).to_file(place / "layers.gpkg", layer="west")
    parts = run(place, "layers", labels=place / "layers.gpkg", layer=("east", "west", "east"))
    assert parts.accuracy["protocol"]["n_samples"] == plain.accuracy["protocol"]["n_samples"] == 120
    record = json.loads(parts.paths["run"].read_text())
    assert record["command"].count("--layer ") == 3


def test_classes_are_left_out_by_name_or_id(place: Path) -> None:
    """An excluded class is in neither model, map, legend nor accuracy, and its labels are counted."""
    result = run(place, "two", exclude=("water",))
    assert sorted(result.mapped_pixels) == [1, 2]
    assert set(np.unique(classes_of(result)).tolist()) <= {0, 1, 2}
    assert "water" not in result.paths["style"].read_text()
    assert [entry["class_name"] for entry in result.accuracy["classes"]] == ["crop", "forest"]
    assert any("class excluded" in note for note in result.notes)
    with pytest.raises(UsageError, match="--exclude ocean"):
        run(place, "ocean", exclude=("ocean",))
    with pytest.raises(LabelsError, match="one class only"):
        run(place, "single", exclude=("water", "1"))


def test_weights_decide_what_counts(place: Path) -> None:
    """Wrong labels of little weight do no harm; a label without weight is left out; a negative one is refused."""
    frame = geopandas.read_file(place / "samples.gpkg").assign(trust=1.0)
    wrong = frame.assign(**{"class": frame["class"].map({"water": "forest", "forest": "crop", "crop": "water"})})
    wrong = wrong.set_geometry(frame.to_crs(32631).translate(0, 30).to_crs(4326)).assign(trust=1e-4)
    both = geopandas.pd.concat([frame, wrong], ignore_index=True)
    both.loc[:9, "trust"] = None
    both.to_file(place / "trust.gpkg")
    options = {"labels": place / "trust.gpkg", "class_field": "class", "weight_field": "trust"}
    result = run(place, "trusted", **options)
    with rasterio.open(result.paths["map"]) as dataset:
        classes, transform = dataset.read(1), dataset.transform
    column, row = (round(value) for value in ~tiny_map.AREA_TRANSFORM * (transform.c, transform.f))
    truth = np.array([0, 3, 2, 1])[
        tiny_map.class_map()[row : row + classes.shape[0], column : column + classes.shape[1]]
    ]
    assert (classes == truth)[classes > 0].mean() > 0.8
    assert any(note.startswith("10 labels left out: no weight in field trust") for note in result.notes)
    both.assign(trust=-1.0).to_file(place / "negative.gpkg")
    with pytest.raises(LabelsError, match="from 0 up"):
        run(place, "negative", **options | {"labels": place / "negative.gpkg"})


def test_balanced_classes_count_the_same() -> None:
    """Sums of weights are equal for every class, and own weights still tell samples of one class apart."""
    class_id = np.array([1, 1, 1, 2])
    assert class_weights(class_id).tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    own = class_weights(class_id, [1, 2, 3, 6])
    assert own[:3].sum() == pytest.approx(own[3])
    assert own[1] == pytest.approx(2 * own[0])


def test_balance_gives_rare_classes_more_room(place: Path) -> None:
    """With --balance a class of few samples is mapped more often than without, and the model says so."""
    frame = geopandas.read_file(place / "samples.gpkg")
    kept = (frame["class"] != "water") | (frame.groupby("class").cumcount() < 6)
    frame[kept].to_file(place / "rare.gpkg")
    plain = run(place, "rare", labels=place / "rare.gpkg")
    balanced = run(place, "balanced", labels=place / "rare.gpkg", balance=True)
    assert balanced.mapped_pixels[3] > plain.mapped_pixels[3]
    assert json.loads(balanced.paths["model_facts"].read_text())["parameters"]["balance"] is True


def test_caps_bound_classes_and_polygons(place: Path) -> None:
    """No class has more samples than --class-cap, no polygon more than --polygon-cap; the rest is counted."""
    frame = geopandas.read_file(place / "samples.gpkg").to_crs(32631)
    frame.set_geometry(frame.buffer(70)).iloc[:40].to_file(place / "polygons.gpkg")
    result = run(place, "caps", labels=place / "polygons.gpkg", polygon_cap=4, class_cap=30)
    assert max(entry["n_reference"] for entry in result.accuracy["classes"]) <= 30
    dropped = result.accuracy["protocol"]["dropped_samples"]
    assert sum(dropped["beyond the cap of samples a class"].values()) > 0
    assert result.accuracy["protocol"]["polygon_cap"] == 4
    with pytest.raises(UsageError, match="--class-cap"):
        ClassifyRequest(labels=place / "samples.gpkg", class_cap=1)


def grid_of_place() -> Grid:
    """Return the grid of the place."""
    return Grid(crs=tiny_map.AREA_CRS, transform=tiny_map.AREA_TRANSFORM, width=tiny_map.WIDTH, height=tiny_map.HEIGHT)


def test_covariates_meet_the_grid_bilinearly(place: Path, tmp_path: Path) -> None:
    """A raster in degrees says at each pixel what it would say there by a straight line; nodata is missing."""
    grid = grid_of_place()
    (east,) = open_covariates([str(place / "east.tif")])
    values = east.read(grid, Window(5, 7, 40, 30))
    x, y = grid.centres(Window(5, 7, 40, 30))
    lon, lat = transformer(grid.crs, WGS84).transform(x, y)
    assert np.abs(values - 1000 * lon).max() < 0.02
    points = read_places([east], grid, lon.ravel(), lat.ravel())["east"]
    assert np.allclose(points, values.ravel(), rtol=0, atol=1e-3)
    whole = east.read(grid, Window(0, 0, grid.width, grid.height))
    assert np.allclose(whole[7:37, 5:45], values, rtol=0, atol=1e-3)
    write_longitudes(tmp_path / "east.tif", nodata_columns=120)
    (some,) = open_covariates([f"height={tmp_path / 'east.tif'}"])
    assert some.name == "height"
    missing = some.read(grid, Window(0, 0, grid.width, grid.height))
    assert 0 < np.isnan(missing).mean() < 1
    assert np.nanmin(missing) > 3000
    assert np.isnan(some.read(grid, Window(10**6, 0, 4, 4))).all()


def test_a_model_asks_for_its_covariates_again(place: Path) -> None:
    """`model.json` names them; `predict` refuses to go without or with another, and maps the same with them."""
    result = run(place, "east", covariate=(str(place / "east.tif"),), bbox="3.0,50.5,3.03,50.54")
    facts = json.loads(result.paths["model_facts"].read_text())
    assert facts["features"]["covariates"] == ["east"]
    assert facts["covariates"][0]["resampling"] == "bilinear"
    options: dict[str, Any] = {"catalog": str(place / "codes"), "bbox": "3.0,50.5,3.03,50.54"}
    with pytest.raises(UsageError, match="--covariate east=FILE"):
        predict(place / "east", **options)
    with pytest.raises(UsageError, match="was not trained with"):
        predict(place / "east", covariate=(str(place / "east.tif"), f"west={place / 'east.tif'}"), **options)
    again = predict(place / "east", covariate=(str(place / "east.tif"),), output=place / "again", **options)
    assert np.array_equal(classes_of(result), classes_of(again))  # type: ignore[arg-type]


def test_what_is_no_covariate_is_refused(place: Path, tmp_path: Path) -> None:
    """No file, no raster, a raster without place, and two of one name are named."""
    with pytest.raises(UsageError, match="which is no file"):
        open_covariates(["nothing.tif"])
    (tmp_path / "words.tif").write_text("words")
    with pytest.raises(RasterError, match="cannot be read as a raster"):
        open_covariates([str(tmp_path / "words.tif")])
    profile = {"driver": "GTiff", "height": 2, "width": 2, "count": 1, "dtype": "uint8"}
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(tmp_path / "no.tif", "w", **profile):
        pass
    with pytest.raises(RasterError, match="without a CRS"):
        open_covariates([str(tmp_path / "no.tif")])
    with pytest.raises(UsageError, match="two --covariate called east"):
        open_covariates([str(place / "east.tif")] * 2)


def parents(path: Path, rows: Sequence[str]) -> Path:
    """Write a legend with parents."""
    path.write_text("\n".join(["class_id,class_name,colour,parent", *rows]) + "\n")
    return path


def test_parent_classes_have_accuracy_and_a_map(place: Path) -> None:
    """Crop and forest are both land: accuracy of land and water is the merged matrix, and parents.tif shows them."""
    legend = parents(place / "legend.csv", ["11,crop,,land", "12,forest,,land", "21,water,#0000ff,"])
    result = run(place, "parents", legend=legend, band=("parent",))
    wider = result.accuracy["parents"]
    assert wider["matrix"]["class_names"] == ["land", "water"]
    matrix = np.array(result.accuracy["matrix"]["counts"])
    assert wider["matrix"]["counts"][0][0] == matrix[:2, :2].sum()
    assert wider["overall_accuracy"] >= result.accuracy["overall_accuracy"]
    classes, wide = classes_of(result), classes_of(result, "parent")
    assert np.array_equal(wide, np.array([0] * 11 + [1, 1] + [0] * 8 + [2], dtype=np.uint8)[classes])
    item = json.loads(result.paths["item"].read_text())
    assert list(schema_problems(item)) == []
    assert [entry["title"] for entry in item["assets"]["parent"]["classification:classes"]][1:] == ["land", "water"]
    assert json.loads(result.paths["model_facts"].read_text())["legend"][0]["parent"] == "land"
    assert "#0000ff" in (result.folder / "parents.qml").read_text()
    with pytest.raises(UsageError, match="column parent"):
        run(place, "no-parents", band=("parent",))


def test_default_parameters_are_those_of_the_request(place: Path) -> None:
    """The plan passes seed and balance on to the trees."""
    plan = make_plan(ClassifyRequest(labels=place / "samples.gpkg", catalog=str(place / "codes"), seed=4, balance=True))
    assert plan.parameters == TreeParameters(seed=4, balance=True)
