"""`change land-cover`: yearly classes of a saved model, made consistent; mapped area is never called area."""

import csv
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import changing
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.change import land_cover
from esd_tasks.change.land_cover import plan_land_cover, run_land_cover
from esd_tasks.change.model_request import LandCoverRequest
from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.design import design
from esd_tasks.map_run import MapResult
from stactools_esd import fsq
from stactools_esd.errors import IncomparableError, NothingFoundError, OutputError, UsageError
from stactools_esd.files import write_json

YEARS = (2015, 2016, 2017, 2018, 2019)
NAMES = {3: "wood", 7: "field, dry", 9: "town"}


def truth() -> NDArray[np.int64]:
    """Return the class of each pixel and year: wood, of which a patch becomes town, and fields."""
    rows, columns = changing.SIZE
    classes = np.full((len(YEARS), rows, columns), 3)
    classes[:, :, columns // 2 :] = 7
    classes[2:, 10:30, 5:25] = 9
    return classes


def codes_of(classes: NDArray[np.int64], seed: int) -> NDArray[np.uint16]:
    """Return codes (n, 12) that tell classes apart but for noise."""
    typical = np.random.default_rng(3).integers(0, 5, (10, 12, 6))
    generator = np.random.default_rng(seed)
    levels = typical[classes.ravel()] + generator.normal(0, 2.6, (classes.size, 12, 6))
    return fsq.level_indices_to_codes(np.clip(np.rint(levels), 0, changing.LEVELS - 1).astype(np.int64))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five years of a place, and a model that was trained on codes like its own."""
    folder = tmp_path_factory.mktemp("place")
    for number, year in enumerate(YEARS):
        image = codes_of(truth()[number], number).T.reshape(12, *changing.SIZE).copy()
        image[:, :4] = 0
        if year == 2017:
            image[:, 50:] = 0
        path = changing.write_area(folder / "codes", image, year=year)
    from esd_tasks.items import find_items

    classes = np.repeat([3, 7, 9], 150)
    model = Classifier(TreeParameters(rounds=15, learning_rate=0.4)).fit(codes_of(classes, 99), classes)
    identity = find_items(str(path))[0].identity
    (folder / "model").mkdir()
    model.save(folder / "model", identity=identity, names=NAMES, software={})
    write_json(folder / "model" / "accuracy.json", {"overall_accuracy": 0.85})
    return folder


def run(place: Path, output: Path, **options: Any) -> MapResult:
    """Run the task on the place."""
    request = LandCoverRequest(model=place / "model", catalog=str(place / "codes"), output=output, **options)
    return run_land_cover(plan_land_cover(request))


@pytest.fixture(scope="module")
def mapped(place: Path, tmp_path_factory: pytest.TempPathFactory) -> MapResult:
    """The maps of the place with a stated rate."""
    return run(place, tmp_path_factory.mktemp("mapped") / "out", expected_rate=0.05)


def classes_of(result: MapResult) -> NDArray[np.int64]:
    """Read all class maps."""
    out = []
    for year in YEARS:
        with rasterio.open(result.paths[f"classes_{year}"]) as dataset:
            out.append(dataset.read(1).astype(np.int64))
    return np.stack(out)


def test_classes_are_consistent_and_right(mapped: MapResult) -> None:
    """Smoothed classes are right more often than single years, ids are those of the model, nodata stays 0."""
    classes, true = classes_of(mapped), truth()
    assert (classes[:, :4] == 0).all()
    assert set(np.unique(classes)) == {0, 3, 7, 9}
    assert (classes[:, 4:] == true[:, 4:]).mean() > 0.97
    tallies = mapped.record["result"]["tallies"]
    assert tallies["flips_smoothed"] < 0.3 * tallies["flips_single"]
    assert mapped.record["result"]["class_error"] == pytest.approx(0.15)


def test_a_year_without_codes_follows_its_neighbours(mapped: MapResult) -> None:
    """Pixels without codes in one year have a class there, and a note counts them."""
    assert (classes_of(mapped)[2, 50:] > 0).all()
    assert mapped.record["result"]["tallies"]["years_filled"] == 14 * changing.SIZE[1]
    assert any("without codes" in note for note in mapped.notes)


def test_what_became_what_adds_up(mapped: MapResult) -> None:
    """Rows of from_to.csv sum to the mapped pixels of both years, the whole span among them."""
    with mapped.paths["from_to"].open() as file:
        rows = list(csv.DictReader(file))
    classes = classes_of(mapped)
    spans = {(int(row["year_from"]), int(row["year_to"])) for row in rows}
    assert spans == {*pairwise(YEARS), (2015, 2019)}
    for start, stop in spans:
        for row in rows:
            if (int(row["year_from"]), int(row["year_to"])) == (start, stop):
                a, b = classes[YEARS.index(start)], classes[YEARS.index(stop)]
                assert int(row["pixels"]) == ((a == int(row["from_id"])) & (b == int(row["to_id"]))).sum()
    assert {row["from_class"] for row in rows} <= set(NAMES.values())


def test_kinds_of_change_are_strata(mapped: MapResult, tmp_path: Path) -> None:
    """`from_to.tif` says what was and what is, named and coloured, and `design` draws from it."""
    classes = classes_of(mapped)
    was, came = classes[0], classes[-1]
    with rasterio.open(mapped.paths["from_to_map"]) as dataset:
        kinds, colours = dataset.read(1).astype(np.int64), dataset.colormap(1)
        names = {int(key): name for key, name in json.loads(dataset.tags(1)["CLASS_NAMES"]).items()}
    assert np.array_equal(kinds, np.where(was > 0, 10 * was + came, 0))
    assert names[39] == "wood to town"
    assert names[33] == "wood stays"
    assert set(names) == set(np.unique(kinds)) - {0}
    assert len({colours[kind] for kind in names}) == len(names)
    assert mapped.paths["from_to_map_style"].is_file()
    item = json.loads(mapped.paths["item"].read_text())
    counts = {one["value"]: one.get("count") for one in item["assets"]["from_to_map"]["classification:classes"]}
    assert counts[39] == (kinds == 39).sum()
    drawn = design(mapped.paths["from_to_map"], total=260, output=tmp_path / "points.gpkg")
    assert {stratum.stratum for stratum in drawn.plan.strata} == set(names)


def test_mapped_area_is_called_mapped(mapped: MapResult) -> None:
    """Columns and notes say mapped; hectares are true ones, not those of the projection; nothing is called an area."""
    with mapped.paths["mapped_area"].open() as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"year", "class_id", "class_name", "pixels", "mapped_ha", "mapped_share"}
    assert len(rows) == len(YEARS) * len(NAMES)
    for row in rows:
        assert float(row["mapped_ha"]) == pytest.approx(int(row["pixels"]) * 0.09 / 0.9996**2, rel=1e-5, abs=0.01)
    item = json.loads(mapped.paths["item"].read_text())
    assert "not estimates of area" in item["properties"]["description"]
    assert "not estimates of area" in mapped.notes[0]


def test_changes_name_years_and_classes(mapped: MapResult) -> None:
    """`changes.tif` counts changes and names first and last year and class; 65535 without classes."""
    classes = classes_of(mapped)
    with rasterio.open(mapped.paths["changes"]) as dataset:
        bands = dict(zip(dataset.descriptions, dataset.read().astype(np.int64), strict=True))
    assert (bands["changes"][:4] == 65_535).all()
    moved = classes[1:] != classes[:-1]
    assert (bands["changes"][4:] == moved.sum(axis=0)[4:]).all()
    assert (bands["first_change"][12:28, 7:23] == 2017).mean() > 0.75
    assert (bands["last_class"][4:] == classes[-1][4:]).all()


def test_blocks_do_not_show_and_a_killed_run_continues(
    place: Path, mapped: MapResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small blocks give the same maps; finished ones are not made again."""
    monkeypatch.setattr(land_cover, "BLOCK_PIXELS", 23)
    monkeypatch.setattr(land_cover, "_ROWS", 100)
    with monkeypatch.context() as patch:
        patch.setattr("esd_tasks.change.land_cover_outputs.write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(place, tmp_path / "out", expected_rate=0.05)
    monkeypatch.setattr(land_cover, "_classify", lambda *_: pytest.fail("a finished block was made again"))
    again = run(place, tmp_path / "out", expected_rate=0.05)
    np.testing.assert_array_equal(classes_of(again), classes_of(mapped))
    assert run(place, tmp_path / "out", expected_rate=0.05).already_done


def test_transitions_may_be_learnt(place: Path, tmp_path: Path) -> None:
    """--learn finds that fields stay and that wood becomes town, from a far stated rate on."""
    result = run(place, tmp_path / "out", expected_rate=0.3, learn=True)
    matrix = np.array(result.record["result"]["transitions"])
    assert result.record["result"]["transition_classes"] == [3, 7, 9]
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
    assert matrix[1, 1] > 0.9
    assert matrix[0, 2] > matrix[0, 1]


def test_classes_of_no_pixel_are_none(place: Path, tmp_path: Path) -> None:
    """Where no year of any pixel has enough clear observations, that is said, and nothing is left."""
    for learn in (False, True):
        with pytest.raises(NothingFoundError, match="lower --min-clear"):
            run(place, tmp_path / "out", expected_rate=0.05, min_clear=366, learn=learn)
        assert not (tmp_path / "out").exists()


def test_models_that_do_not_fit(place: Path, tmp_path: Path) -> None:
    """No model, one of other codes, one without its accuracy: each says what to do."""
    with pytest.raises(OutputError, match="esd-tasks classify"):
        plan_land_cover(LandCoverRequest(model=tmp_path, catalog=str(place / "codes")))
    changing.write_place(tmp_path / "codes", YEARS, source="landsat-8")
    with pytest.raises(IncomparableError, match="recipe"):
        plan_land_cover(LandCoverRequest(model=place / "model", catalog=str(tmp_path / "codes")))
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("model.txt", "model.json"):
        (bare / name).write_bytes((place / "model" / name).read_bytes())
    with pytest.raises(UsageError, match="--class-error"):
        plan_land_cover(LandCoverRequest(model=bare, catalog=str(place / "codes")))
    stated = plan_land_cover(LandCoverRequest(model=bare, catalog=str(place / "codes"), class_error=0.2))
    assert stated.class_error == 0.2


def test_the_command_line(place: Path, tmp_path: Path) -> None:
    """Mapped shares of the first and last year, notes, paths and the next step."""
    words = [
        "change",
        "land-cover",
        str(place / "model"),
        "--catalog",
        str(place / "codes"),
        "-o",
        str(tmp_path / "out"),
    ]
    done = CliRunner().invoke(cli.app, [*words, "--years", "2015,2019"])
    assert done.exit_code == 0, done.output
    assert "mapped 2015" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("next: ")
    assert f"esd-tasks design {tmp_path / 'out' / 'classes_2019.tif'}" in last
    assert not any("names" in line.partition("  ")[0] for line in done.stdout.splitlines()), "styles hide the maps"
    assert "not estimates of area" in done.stdout
