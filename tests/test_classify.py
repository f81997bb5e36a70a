"""The main job: from labels and codes to a map that is right, repeatable and honest."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import tiny_map
from numpy.typing import NDArray

from esd_tasks import classify as job
from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.classify import ClassifyResult, classify, run_plan
from esd_tasks.labels import read_labels
from esd_tasks.plan import area_of, make_plan
from esd_tasks.pull import Mosaic
from esd_tasks.request import ClassifyRequest
from stactools_esd.catalog import create_catalog
from stactools_esd.errors import IncomparableError, LabelsError, NothingFoundError, OutputError, UsageError
from stactools_esd.files import sha256_file
from stactools_esd.schema import schema_problems


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue of one year, labels, and the codes."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "codes").mkdir()
    tiny_map.write_place(folder / "codes")
    create_catalog([folder / "codes"], folder / "catalog")
    tiny_map.write_labels(folder / "samples.gpkg")
    return folder


@pytest.fixture(scope="module")
def done(place: Path) -> ClassifyResult:
    """The map of the place."""
    return run(place, output=place / "first" / "out")


def run(place: Path, **options: Any) -> ClassifyResult:
    """Run with few trees, which are enough here."""
    request = ClassifyRequest(**{"labels": place / "samples.gpkg", "catalog": str(place / "catalog")} | options)
    return run_plan(replace(make_plan(request), parameters=TreeParameters(rounds=15, seed=request.seed)))


def read(result: ClassifyResult, kind: str = "map") -> tuple[NDArray[Any], Any]:
    """Return bands and transform of an output."""
    with rasterio.open(result.paths[kind]) as dataset:
        return dataset.read(), dataset.transform


def truth_on(transform: Any, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the true classes where a map lies, ids by the sorted names: crop 1, forest 2, water 3."""
    column, row = (round(value) for value in ~tiny_map.AREA_TRANSFORM * (transform.c, transform.f))
    by_name = np.array([0, 3, 2, 1], dtype=np.uint8)
    return by_name[tiny_map.class_map()[row : row + shape[-2], column : column + shape[-1]]]


def test_the_map_is_right_where_it_is_and_empty_where_codes_are(done: ClassifyResult) -> None:
    """Most pixels have their true class at their true place; pixels without data are unclassified."""
    (classes,), transform = read(done)
    truth = truth_on(transform, classes.shape)
    assert (classes == truth)[classes > 0].mean() > 0.85
    rows_without_data = max(0, 4 - round((tiny_map.AREA_TRANSFORM.f - transform.f) / 30))
    assert (classes[:rows_without_data] == 0).all()
    assert (classes[rows_without_data + 1 : -1, 1:-1] > 0).all()


def test_quality_bands_are_percent_and_counts(done: ClassifyResult) -> None:
    """Confidence lies between chance and 100 where there is a class, clear observations are those of the codes."""
    (confidence, clear_obs), _ = read(done, "quality")
    mapped = read(done)[0][0] > 0
    assert (confidence[~mapped] == 65_535).all()
    assert confidence[mapped].min() >= 33
    assert confidence[mapped].max() <= 100
    assert set(clear_obs[mapped].tolist()) == {3, 20}


def test_outputs_are_complete_and_nothing_else_is_left(done: ClassifyResult) -> None:
    """The folder holds the outputs that `run.json` names: no lock, no blocks, no half files."""
    record = json.loads(done.paths["run"].read_text())
    assert sorted(path.name for path in done.folder.iterdir()) == sorted(record["outputs"].values())
    assert {"map", "quality", "style", "preview", "accuracy", "model", "model_facts", "item", "run"} <= set(done.paths)


def test_run_record_names_inputs_by_checksum(place: Path, done: ClassifyResult) -> None:
    """Items have checksums and relative hrefs; encoder, recipe, versions, seed and a command are there."""
    record = json.loads(done.paths["run"].read_text())
    (item,) = record["items"]
    codes = place / "codes" / "ESD_esdnet-small-v1_xdemo_2020.tif"
    assert item["checksum"] == "1220" + sha256_file(codes)
    assert (done.folder / item["href"]).resolve() == codes.resolve()
    assert record["encoder"] == "esdnet-small-v1"
    assert record["input_recipe"]["source"] == "simulation"
    assert record["labels"]["sha256"] == sha256_file(place / "samples.gpkg")
    assert record["parameters"]["seed"] == 0
    assert "lightgbm" in record["software"]
    assert record["command"].startswith("esd-tasks classify --labels ")


def test_item_is_valid_and_links_to_what_the_map_was_made_of(done: ClassifyResult) -> None:
    """The STAC item is valid, has the classes with their shares, and its relative links and assets exist."""
    item = json.loads(done.paths["item"].read_text())
    assert list(schema_problems(item)) == []
    assert done.paths["item"].stem == item["id"] == "out-2020"
    for asset in item["assets"].values():
        assert (done.folder / asset["href"]).is_file()
    (link,) = [link for link in item["links"] if link["rel"] == "derived_from"]
    assert json.loads((done.folder / link["href"]).read_text())["id"] == "esd-esdnet-small-v1-xdemo-2020"
    classes = item["assets"]["map"]["classification:classes"]
    assert [entry["name"] for entry in classes] == ["unclassified", "crop", "forest", "water"]
    assert sum(entry.get("percentage", 0) for entry in classes) == pytest.approx(100, abs=1e-3)
    assert item["assets"]["map"]["file:checksum"] == "1220" + sha256_file(done.paths["map"])
    assert not any(key.startswith("esd:") for key in item["properties"])


def test_model_predicts_the_map_again(place: Path, done: ClassifyResult) -> None:
    """The saved model gives the classes of the map: it needs no labels any more."""
    model, facts = Classifier.load(done.folder)
    (classes,), transform = read(done)
    codes = tiny_map.codes_of(tiny_map.class_map(), 2020)
    row = round((tiny_map.AREA_TRANSFORM.f - transform.f) / 30) + 30
    column = round((transform.c - tiny_map.AREA_TRANSFORM.c) / 30)
    predicted = model.predict(codes[:, row, column : column + classes.shape[1]].T)
    assert np.array_equal(predicted, classes[30])
    assert facts["input_recipe"]["source"] == "simulation"


def test_a_second_run_elsewhere_gives_the_same_bytes(place: Path, done: ClassifyResult) -> None:
    """Equal inputs and options give equal files, whatever folder and number of threads; only run.json has a time."""
    again = run(place, output=place / "second" / "out", threads=3)
    for kind in ("map", "quality", "style", "accuracy", "model", "model_facts", "preview", "item"):
        assert again.paths[kind].read_bytes() == done.paths[kind].read_bytes(), kind


def test_a_finished_run_is_not_done_again(place: Path, done: ClassifyResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command on a finished folder reads no codes and changes nothing."""
    before = {path: path.stat().st_mtime_ns for path in done.folder.iterdir()}
    monkeypatch.setattr(Mosaic, "read_points", None)
    again = run(place, output=done.folder)
    assert again.already_done
    assert again.accuracy == done.accuracy
    assert {path: path.stat().st_mtime_ns for path in done.folder.iterdir()} == before


def test_a_killed_run_continues_where_it_was(
    place: Path, done: ClassifyResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a stop in the middle the next run reads only blocks that were not finished, and the map is the same."""
    monkeypatch.setattr(job, "BLOCK_PIXELS", 32)
    folder = place / "killed" / "out"
    read_whole, windows = Mosaic.read, []

    def reading(self: Mosaic, grid: Any, window: Any = None) -> Any:
        windows.append((window.row_off, window.col_off))
        if len(windows) == 5:
            raise KeyboardInterrupt
        return read_whole(self, grid, window)

    monkeypatch.setattr(Mosaic, "read", reading)
    with pytest.raises(KeyboardInterrupt):
        run(place, output=folder, threads=1)
    assert sorted(path.name for path in folder.iterdir()) == [".partial"]
    first = list(windows)
    result = run(place, output=folder, threads=1)
    again = windows[len(first) :]
    assert again[0] == first[4]
    assert not set(again) & set(first[:4])
    for kind in ("map", "quality", "accuracy", "item", "preview"):
        assert result.paths[kind].read_bytes() == done.paths[kind].read_bytes(), kind
    assert not (folder / ".partial").exists()


def test_damaged_blocks_are_made_again(place: Path, done: ClassifyResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block whose checksum does not hold is not trusted."""
    monkeypatch.setattr(job, "BLOCK_PIXELS", 32)
    folder = place / "damaged" / "out"
    with monkeypatch.context() as patch:
        patch.setattr(job, "write_outputs", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(place, output=folder)
    block = sorted((folder / ".partial").glob("*.block"))[0]
    content = bytearray(block.read_bytes())
    content[-40] ^= 255
    block.write_bytes(bytes(content))
    assert run(place, output=folder).paths["map"].read_bytes() == done.paths["map"].read_bytes()


def test_another_run_is_not_overwritten_unless_asked(place: Path) -> None:
    """Other options in the same folder are refused; --overwrite replaces the map, and foreign files stay."""
    folder = place / "other" / "out"
    first = run(place, output=folder, seed=1)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        run(place, output=folder, seed=2)
    assert json.loads(first.paths["run"].read_text())["parameters"]["seed"] == 1
    second = run(place, output=folder, seed=2, overwrite=True)
    assert json.loads(second.paths["run"].read_text())["parameters"]["seed"] == 2
    assert (folder / "notes.txt").read_text() == "mine"


def test_few_clear_observations_leave_samples_and_pixels_out(place: Path) -> None:
    """With --min-clear, pixels below it stay unclassified but keep their count, and samples there are counted."""
    result = run(place, output=place / "clear", min_clear=5)
    (classes,), _ = read(result)
    (confidence, clear_obs), _ = read(result, "quality")
    few = clear_obs == 3
    assert few.any()
    assert (classes[few] == 0).all()
    assert (confidence[few] == 65_535).all()
    dropped = result.accuracy["protocol"]["dropped_samples"]
    assert sum(sum(counts.values()) for counts in dropped.values()) > 0
    assert any("clear observations" in note for note in result.notes)


def test_legend_ids_names_and_colours_are_kept(place: Path) -> None:
    """With a legend, its ids stand in the map, also a class that was never sampled stands in the style."""
    legend = place / "legend.csv"
    legend.write_text("class_id,class_name,colour\n211,Crop,#ffffa8\n311,Forest,\n512,Water,\n335,Glaciers,\n")
    labels = geopandas.read_file(place / "samples.gpkg")
    labels["class"] = labels["class"].str.capitalize()
    labels.to_file(place / "capital.gpkg")
    result = run(place, labels=place / "capital.gpkg", legend=legend, output=place / "legend-map")
    (classes,), transform = read(result)
    mapped = classes[classes > 0]
    truth = np.array([0, 211, 311, 512])[truth_on(transform, classes.shape)][classes > 0]
    assert (mapped == truth).mean() > 0.85
    assert result.mapped_pixels[335] == 0
    assert "Glaciers" in result.paths["style"].read_text()
    with rasterio.open(result.paths["map"]) as dataset:
        assert dataset.colormap(1)[211][:3] == (255, 255, 168)


def test_only_the_true_polygon_is_mapped(place: Path) -> None:
    """--geometry maps pixels whose middle lies in the polygon, not in its box."""
    lon, lat = tiny_map.lonlat(np.array([10.0, 60, 60]), np.array([10.0, 10, 80]))
    triangle = shapely.Polygon(zip(lon, lat, strict=True))
    geopandas.GeoDataFrame(geometry=[triangle], crs=4326).to_file(place / "aoi.geojson")
    result = run(place, geometry=place / "aoi.geojson", output=place / "triangle")
    (classes,), _ = read(result)
    assert classes.shape == (50, 70)
    assert 0.45 < (classes > 0).mean() < 0.55
    assert classes[-1, 0] > 0
    assert classes[0, -1] == 0


def test_a_box_and_the_labels_envelope_are_areas(place: Path, done: ClassifyResult) -> None:
    """--bbox maps the box; without it every label lies on a mapped or no-data pixel."""
    lon, lat = tiny_map.lonlat(np.array([40.0, 20]), np.array([20.0, 50]))
    result = run(place, bbox=f"{lon[0]},{lat[0]},{lon[1]},{lat[1]}", output=place / "box")
    assert read(result)[0].shape[1:] == pytest.approx((20, 30), abs=2)
    points = geopandas.read_file(place / "samples.gpkg").to_crs(32631).geometry
    (classes,), transform = read(done)
    columns, rows = ~transform * (points.x.to_numpy(), points.y.to_numpy())
    assert (classes[np.floor(rows).astype(int), np.floor(columns).astype(int)] > 0).all()


def test_the_envelope_has_a_margin_of_a_pixel_everywhere(tmp_path: Path) -> None:
    """The default area reaches at least half a pixel beyond the outermost labels, near the poles as well."""
    for latitude in (0.0, 50.0, 71.0, -78.0):
        geometry = shapely.points([25.0, 25.2, 25.2], [latitude, latitude, latitude + 0.1])
        frame = geopandas.GeoDataFrame({"class": ["a", "b", "a"]}, geometry=geometry, crs=4326)
        frame.to_file(tmp_path / "labels.gpkg")
        area = area_of(ClassifyRequest(labels=tmp_path / "labels.gpkg"), read_labels(tmp_path / "labels.gpkg"))
        west, south, _, _ = area.bounds
        metres = 111_000.0
        assert (25.0 - west) * metres * np.cos(np.deg2rad(latitude)) > 15
        assert (latitude - south) * metres > 15


def test_labels_of_several_years_train_one_model(place: Path) -> None:
    """With --year-field each label meets the codes of its year; a mapped year without labels is noted."""
    folder = place / "years"
    folder.mkdir()
    for year in (2019, 2020, 2021):
        tiny_map.write_place(folder, year=year)
    years = np.where(np.arange(120) % 2 == 0, 2019, 2020)
    tiny_map.write_labels(folder / "dated.gpkg", years=years)
    options = {"labels": folder / "dated.gpkg", "catalog": str(folder), "year_field": "year"}
    with pytest.raises(UsageError, match="2019, 2020, 2021"):
        run(place, **options)
    result = run(place, **options, year=2021, output=folder / "out")
    assert result.accuracy["protocol"]["years"] == [2019, 2020]
    assert any("2021" in note for note in result.notes)
    (classes,), transform = read(result)
    assert (classes == truth_on(transform, classes.shape))[classes > 0].mean() > 0.85
    tiny_map.write_labels(folder / "old.gpkg", years=np.full(120, 1999))
    with pytest.raises(NothingFoundError, match="1999"):
        run(place, **options | {"labels": folder / "old.gpkg"}, year=2021)


def test_random_labels_score_like_chance(place: Path, tmp_path: Path) -> None:
    """No figure is computed on samples that the model saw: labels without meaning score about a third."""
    labels = geopandas.read_file(place / "samples.gpkg")
    labels["class"] = np.random.default_rng(0).permutation(labels["class"])
    labels.to_file(tmp_path / "random.gpkg")
    result = run(place, labels=tmp_path / "random.gpkg", output=tmp_path / "out")
    assert result.accuracy["overall_accuracy"] < 0.5
    assert result.accuracy["random_split"]["overall_accuracy"] < 0.5


def test_codes_of_two_encoders_are_refused(place: Path, tmp_path: Path) -> None:
    """Codes that cannot be compared are never mixed, and nothing is written."""
    tiny_map.write_place(tmp_path)
    tiny_map.write_place(tmp_path, encoder="esdnet-large-v1")
    with pytest.raises(IncomparableError, match="encoder"):
        run(place, catalog=str(tmp_path), output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_years_that_start_on_other_days_are_refused(place: Path, tmp_path: Path) -> None:
    """A model of calendar years is not put on a year from July to June."""
    tiny_map.write_place(tmp_path, year=2019)
    tiny_map.write_place(tmp_path, year=2020, window_start=date(2020, 7, 1))
    labels = tiny_map.write_labels(tmp_path / "dated.gpkg", years=np.full(120, 2019))
    with pytest.raises(IncomparableError, match="different days"):
        run(place, labels=labels, catalog=str(tmp_path), year_field="year", year=2020)


def test_labels_that_cannot_be_validated_leave_nothing(place: Path, tmp_path: Path) -> None:
    """Too few spatial blocks is an error that names the option, before anything is written."""
    with pytest.raises(LabelsError, match="--block-size"):
        run(place, block_size=5_000, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_plan_counts_the_cost_and_writes_nothing(place: Path, tmp_path: Path) -> None:
    """A dry run says items, bytes and pixels; a smaller area needs fewer bytes."""
    request = ClassifyRequest(labels=place / "samples.gpkg", catalog=str(place / "catalog"), output=tmp_path / "out")
    whole = make_plan(request).cost()
    lon, lat = tiny_map.lonlat(np.array([40.0, 20]), np.array([20.0, 50]))
    part = make_plan(replace(request, bbox=f"{lon[0]},{lat[0]},{lon[1]},{lat[1]}")).cost()
    assert [item["id"] for item in whole["items"]] == ["esd-esdnet-small-v1-xdemo-2020"]
    assert 0 < part["bytes_to_read"] < whole["bytes_to_read"] <= whole["bytes"]
    assert part["pixels"] == part["width"] * part["height"] < whole["pixels"]
    assert not (tmp_path / "out").exists()


def test_library_entry_takes_options_by_name(place: Path, done: ClassifyResult) -> None:
    """`classify(labels, catalog=.., ..)` reports progress; unknown options are refused by Python itself."""
    stages: list[str] = []
    result = classify(
        place / "samples.gpkg",
        catalog=str(place / "catalog"),
        output=place / "library" / "out",
        on_progress=lambda stage, done, total: stages.append(f"{stage} {done}/{total}"),
    )
    assert stages[-1] == "predict 1/1"
    assert "validate 25/25" in stages
    assert result.as_dict()["accuracy"]["schema_version"] == "1"
    with pytest.raises(TypeError, match="labelz"):
        classify(place / "samples.gpkg", labelz=1)


@pytest.mark.parametrize(
    "options",
    [
        {"geometry": Path("a.gpkg"), "bbox": "1,2,3,4"},
        {"polygon_rule": "centroid"},
        {"block_size": 0.0},
        {"block_size": float("nan")},
        {"block_size": float("inf")},
        {"min_clear": -1},
        {"workers": 0},
        {"seed": -1},
    ],
    ids=str,
)
def test_options_that_cannot_be_are_usage_errors(options: dict[str, Any]) -> None:
    """Contradicting options and impossible values are refused before anything is read."""
    with pytest.raises(UsageError, match="expected"):
        ClassifyRequest(labels=Path("samples.gpkg"), **options)


def test_defaults_come_from_the_environment_and_the_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """$ESD_CATALOG, then ./catalog; the output is named after the labels, beside them; the command says both."""
    request = ClassifyRequest(labels=Path("data/samples.gpkg"))
    monkeypatch.delenv("ESD_CATALOG", raising=False)
    assert request.catalog_or_default == "catalog"
    monkeypatch.setenv("ESD_CATALOG", "/archive")
    assert request.catalog_or_default == "/archive"
    assert request.output_or_default == Path("data/samples-map")
    assert request.command == "esd-tasks classify --labels data/samples.gpkg --catalog /archive"
