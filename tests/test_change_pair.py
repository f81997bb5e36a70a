"""`change pair`: a map of change between two years, its threshold stated or chosen, never ours."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import changing
import geopandas
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from esd_tasks.change import pair
from esd_tasks.change.pair import plan_pair, run_pair
from esd_tasks.change.population import draw_population
from esd_tasks.change.reference import read_pairs
from esd_tasks.change.request import PairRequest, parse_years
from esd_tasks.map_run import MapResult
from esd_tasks.series import Series
from stactools_esd.errors import IncomparableError, LabelsError, NothingFoundError, OutputError, UsageError

YEARS = (2018, 2020)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years of a place in which patches changed, and labelled points."""
    folder = tmp_path_factory.mktemp("place")
    broke = np.where(changing.break_years((2016, 2017, 2018, 2019, 2020, 2021)) == changing.NEVER, changing.NEVER, 2020)
    changing.write_place(folder / "codes", YEARS, broke=broke)
    rows, columns = changing.drawn_pixels(400)
    said = np.where(broke[rows, columns] == 2020, "changed", "unchanged")
    changing.write_points(folder / "places.gpkg", rows, columns, change=said)
    return folder


def truth() -> NDArray[np.bool_]:
    """Where the place changed."""
    return np.asarray(changing.break_years((2016, 2017, 2018, 2019, 2020, 2021)) != changing.NEVER)


def run(place: Path, output: Path, **options: Any) -> MapResult:
    """Run the task on the place."""
    return run_pair(
        plan_pair(PairRequest(year1=2018, year2=2020, catalog=str(place / "codes"), output=output, **options))
    )


def read(result: MapResult, name: str) -> NDArray[Any]:
    """Read a raster of a result."""
    with rasterio.open(result.paths[name]) as dataset:
        return np.asarray(dataset.read())


@pytest.fixture(scope="module")
def rated(place: Path, tmp_path_factory: pytest.TempPathFactory) -> MapResult:
    """The map for a stated rate, that of the place."""
    usable = truth()[4:]
    return run(place, tmp_path_factory.mktemp("rated") / "out", expected_rate=float(usable.mean()))


def test_a_stated_rate_finds_the_patches(rated: MapResult) -> None:
    """As many pixels as stated are changed, nearly all of them those that changed; pixels without data are 0."""
    change = read(rated, "change")[0]
    assert (change[:4] == 0).all()
    assert (change[4:] > 0).all()
    mapped = change[4:] == 2
    assert mapped.mean() == pytest.approx(truth()[4:].mean(), rel=0.05)
    assert (truth()[4:] & mapped).sum() / mapped.sum() > 0.95
    assert rated.record["result"]["mapped_share_changed"] == pytest.approx(mapped.mean())


def test_magnitudes_have_both_distances_and_the_score(rated: MapResult) -> None:
    """Level distance 0..1, cosine distance 0..2, score; NaN without data; the threshold stands in the tags."""
    level, cosine, score = read(rated, "magnitude")
    assert np.isnan(level[:4]).all()
    assert ((level[4:] >= 0) & (level[4:] <= 1) & (cosine[4:] >= 0) & (cosine[4:] <= 2)).all()
    with rasterio.open(rated.paths["magnitude"]) as dataset:
        threshold = float(dataset.tags()["THRESHOLD"])
        assert dataset.descriptions == ("level_distance", "cosine_distance", "score")
    assert ((score[4:] > threshold) == (read(rated, "change")[0][4:] == 2)).all()


def test_the_folder_says_what_was_done(rated: MapResult) -> None:
    """Item, record, style and picture are there; the item spans both years; the command would do the same."""
    item = json.loads(rated.paths["item"].read_text())
    assert item["properties"]["start_datetime"].startswith("2018-01-01")
    assert item["properties"]["end_datetime"].startswith("2020-12-31")
    assert {"change", "magnitude", "thumbnail", "style", "run"} <= set(item["assets"])
    assert "not its area" in item["properties"]["description"]
    assert rated.record["command"].startswith("esd-tasks change pair 2018 2020 --catalog")
    assert sorted(path.name for path in rated.folder.iterdir()) == sorted(path.name for path in rated.paths.values())


def test_reference_samples_choose_the_threshold_on_training_blocks(place: Path, tmp_path: Path) -> None:
    """Accuracy is of blocks that did not choose; the threshold of the map is that of all out-of-fold scores."""
    result = run(place, tmp_path / "out", reference=place / "places.gpkg", block_size=240.0)
    accuracy = json.loads(result.paths["accuracy"].read_text())
    assert accuracy["as_sampled"]["f1"] > 0.85
    assert accuracy["as_sampled"]["pr_auc"] > 0.95
    assert "at_expected_rate" not in accuracy
    assert np.array(accuracy["matrix"]["counts"]).sum() == accuracy["n"] == 400
    assert result.record["result"]["threshold"] == pytest.approx(accuracy["threshold"]["map"], abs=1e-4)
    assert any("state --expected-rate" in note for note in result.notes)
    rarer = run(place, tmp_path / "rarer", reference=place / "places.gpkg", block_size=240.0, expected_rate=0.005)
    assert rarer.record["result"]["threshold"] >= result.record["result"]["threshold"]
    assert rarer.record["result"]["accuracy"]["at_expected_rate"]["share_changed"] == 0.005


def test_small_patches_go_across_the_borders_of_blocks(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lonely pixel goes, a patch cut by blocks stays; the result does not depend on the blocks."""
    whole = run(place, tmp_path / "whole", expected_rate=0.095, min_patch=12)
    monkeypatch.setattr(pair, "BLOCK_PIXELS", 9)
    cut = run(place, tmp_path / "cut", expected_rate=0.095, min_patch=12)
    np.testing.assert_array_equal(read(whole, "change"), read(cut, "change"))
    change = read(whole, "change")[0]
    assert change[25, 70] == 1
    assert (change[8:16, 10:22] == 2).mean() > 0.9


def test_few_clear_observations_are_left_out(place: Path, tmp_path: Path) -> None:
    """Pixels below --min-clear in either year have no class."""
    change = read(run(place, tmp_path / "out", expected_rate=0.1, min_clear=5), "change")[0]
    assert (change[:, -6:] == 0).all()
    assert (change[4:, :-6] > 0).all()


@pytest.mark.parametrize("rule", ["reference", "expected_rate"])
def test_without_clear_observations_nothing_is_compared(place: Path, tmp_path: Path, rule: str) -> None:
    """Where no pixel has enough of them in both years, --min-clear is named, and nothing is left."""
    given = {"reference": place / "places.gpkg", "expected_rate": 0.1}
    with pytest.raises(NothingFoundError, match="--min-clear"):
        run(place, tmp_path / "out", min_clear=366, **{rule: given[rule]})
    assert not (tmp_path / "out").exists()


def test_the_threshold_comes_from_the_tiles_not_from_the_area(place: Path, tmp_path: Path) -> None:
    """In a box within a burn everything has changed, and is mapped so."""
    frame = geopandas.read_file(place / "places.gpkg")
    rows, columns = changing.drawn_pixels(400)
    inside = frame[(rows >= 8) & (rows < 16) & (columns >= 10) & (columns < 22)]
    west, south, east, north = inside.total_bounds
    result = run(place, tmp_path / "out", expected_rate=0.1, bbox=f"{west},{south},{east},{north}")
    change = read(result, "change")[0]
    assert (change[change > 0] == 2).mean() > 0.9


def test_a_killed_run_continues_and_a_second_does_nothing(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished blocks are kept, the result is that of one go, and the same command again ends at once."""
    whole = run(place, tmp_path / "whole", expected_rate=0.1)
    with monkeypatch.context() as patch:
        patch.setattr("esd_tasks.change.pair_outputs.write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(place, tmp_path / "killed", expected_rate=0.1)
        patch.setattr(pair, "_compare", lambda *_: pytest.fail("a finished block was made again"))
    again = run(place, tmp_path / "killed", expected_rate=0.1)
    np.testing.assert_array_equal(read(again, "change"), read(whole, "change"))
    assert run(place, tmp_path / "killed", expected_rate=0.1).already_done
    with pytest.raises(OutputError, match="--overwrite"):
        run(place, tmp_path / "killed", expected_rate=0.2)


def test_a_population_is_the_same_for_the_same_seed(place: Path) -> None:
    """Pixels are drawn by the seed alone, and those without data are not among them."""
    plan = plan_pair(PairRequest(year1=2018, year2=2020, catalog=str(place / "codes"), expected_rate=0.1))
    with Series(plan.items) as series:
        one = draw_population(series, plan.area, min_clear=0, seed=1, most=500)
        other = draw_population(series, plan.area, min_clear=0, seed=1, most=500)
    np.testing.assert_array_equal(one.codes, other.codes)
    assert one.codes.shape == (2, 500, 12)
    assert one.usable.all()
    assert one.typical_clear == 20


def test_windows_of_large_tiles_are_some_of_them(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a tile with more windows than are read, some are drawn, whole ones within the tile."""
    monkeypatch.setattr("esd_tasks.change.population.WINDOW", 8)
    monkeypatch.setattr("esd_tasks.change.population.WINDOWS", 5)
    seen: list[Window] = []
    plan = plan_pair(PairRequest(year1=2018, year2=2020, catalog=str(place / "codes"), expected_rate=0.1))
    with Series(plan.items) as series:
        read_of = series.read
        monkeypatch.setattr(series, "read", lambda grid, window: (seen.append(window), read_of(grid, window))[1])
        draw_population(series, plan.area, min_clear=0, seed=1)
    assert len(seen) == 5
    assert len({window.flatten() for window in seen}) == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "--expected-rate"),
        ({"expected_rate": 0.7}, "0.5"),
        ({"expected_rate": 0.1, "model": Path("m")}, "alone"),
        ({"expected_rate": 0.1, "min_patch": 0}, "--min-patch"),
        ({"expected_rate": 0.1, "year1": 2020, "year2": 2018}, "swap"),
    ],
)
def test_unsound_requests_are_refused(options: dict[str, Any], said: str) -> None:
    """No threshold of ours stands in for a missing one; values out of range are named."""
    with pytest.raises(UsageError, match=said):
        PairRequest(**({"year1": 2018, "year2": 2020} | options))


def test_years_in_words() -> None:
    """Ranges and lists are read; what is neither is refused."""
    assert parse_years("2000-2003,2010") == (2000, 2001, 2002, 2003, 2010)
    for text in ("2000", "2003-2000", "last year", "20-30", ""):
        with pytest.raises(UsageError, match="--years"):
            parse_years(text)


def test_years_that_are_not_there_are_named(place: Path, tmp_path: Path) -> None:
    """A year without items ends with exit code 3 and the years that there are."""
    with pytest.raises(NothingFoundError, match="here are 2018, 2020"):
        plan_pair(PairRequest(year1=2018, year2=2019, catalog=str(place / "codes"), expected_rate=0.1))


def test_codes_of_two_recipes_never_meet(place: Path, tmp_path: Path) -> None:
    """Years of different input recipes are refused."""
    changing.write_place(tmp_path / "codes", (2018,), broke=np.full(changing.SIZE, changing.NEVER))
    changing.write_place(tmp_path / "codes", (2020,), broke=np.full(changing.SIZE, changing.NEVER), source="landsat-8")
    with pytest.raises(IncomparableError, match="recipe"):
        plan_pair(PairRequest(year1=2018, year2=2020, catalog=str(tmp_path / "codes"), expected_rate=0.1))


def test_reference_files_say_change_in_many_words(tmp_path: Path) -> None:
    """0 and 1, yes and no, booleans and names are read; one kind alone is refused, missing classes are counted."""
    rows, columns = changing.drawn_pixels(6)
    for values in ([0, 1, 0, 1, 0, 1], ["no", "yes"] * 3, [False, True] * 3, ["No change", "CHANGED"] * 3):
        path = changing.write_points(
            tmp_path / f"{type(values[0]).__name__}{values[1]}.gpkg", rows, columns, change=values
        )
        pairs = read_pairs(path, years=(2018, 2020))
        assert pairs.labels.class_id.tolist() == [1, 2, 1, 2, 1, 2]
        assert pairs.pairs == [(2018, 2020)]
    both = changing.write_points(tmp_path / "both.gpkg", rows, columns, change=[0, 1] * 3, **{"class": ["wood"] * 6})
    assert read_pairs(both, years=(2018, 2020)).labels.class_field == "change"
    told = changing.write_points(tmp_path / "to.gpkg", rows, columns, change=["stable", "forest to crop", None] * 2)
    pairs = read_pairs(told, years=(2018, 2020))
    assert pairs.labels.names == {1: "no change", 2: "forest to crop"}
    assert sum(pairs.labels.dropped.values()) == 2
    alone = changing.write_points(tmp_path / "one.gpkg", rows, columns, change=["changed"] * 6)
    with pytest.raises(LabelsError, match="no place without change"):
        read_pairs(alone, years=(2018, 2020))
    with pytest.raises(UsageError, match="--class-field"):
        read_pairs(changing.write_points(tmp_path / "f.gpkg", rows, columns, a=rows, b=rows), years=(2018, 2020))


def test_a_plan_knows_its_cost_and_its_files(place: Path) -> None:
    """--dry-run says years, pixels and bytes; another reference is another run."""
    plan = plan_pair(PairRequest(year1=2018, year2=2020, catalog=str(place / "codes"), expected_rate=0.1))
    assert plan.cost()["years"] == [2018, 2020]
    assert plan.cost()["pixels"] == changing.SIZE[0] * changing.SIZE[1]
    assert replace(plan, parameters={"expected_rate": 0.2}).run_key != plan.run_key
