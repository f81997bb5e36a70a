"""Samples that trained a map are known by pixel and year, whatever file they come in."""

import shutil
from pathlib import Path
from typing import Any

import changing
import geopandas
import numpy as np
import pytest
import tiny_map
from pyproj import Transformer
from rasterio import Affine
from rasterio.crs import CRS
from synthetic import AREA_CRS, AREA_TRANSFORM
from test_change_train import learn

from esd_tasks.assess import assess
from esd_tasks.assess_sample import TRAINED
from esd_tasks.change import assess as change_assess
from esd_tasks.change.land_cover import plan_land_cover, run_land_cover
from esd_tasks.change.model_request import LandCoverRequest
from esd_tasks.change.pair import plan_pair, run_pair
from esd_tasks.change.request import PairRequest
from esd_tasks.classifier import TreeParameters
from esd_tasks.classify import classify
from esd_tasks.predict import predict
from esd_tasks.training_pixels import FILE, UNKNOWN_TRAINING, TrainingPixels, training_of
from stactools_esd.errors import LabelsError, OutputError

BLOCK = 240.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years of a place, and a map of the first from 120 labels."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("esd_tasks.plan.TreeParameters", lambda seed: TreeParameters(rounds=5, seed=seed))
        for year in (2019, 2020):
            tiny_map.write_place(folder / "catalog", year=year)
        labels = tiny_map.write_labels(folder / "samples.gpkg")
        classify(labels, catalog=str(folder / "catalog"), year=2020, output=folder / "map")
    return folder


def saved_again(place: Path, path: Path, others: int = 0) -> Path:
    """Write the training samples to another kind of file, in another CRS and order, joined with other points."""
    frame = geopandas.read_file(place / "samples.gpkg").to_crs(AREA_CRS)
    rows, columns = np.divmod(np.arange(4 * tiny_map.WIDTH, tiny_map.HEIGHT * tiny_map.WIDTH), tiny_map.WIDTH)
    drawn = np.random.default_rng(9).permutation(len(rows))[:others]
    lon, lat = tiny_map.lonlat(rows[drawn] + 0.5, columns[drawn] + 0.5)
    names = [tiny_map.NAMES[value] for value in tiny_map.class_map(0)[rows[drawn], columns[drawn]].tolist()]
    other = geopandas.GeoDataFrame({"class": names}, geometry=geopandas.points_from_xy(lon, lat), crs=4326)
    joined = geopandas.pd.concat([frame.iloc[::-1], other.to_crs(AREA_CRS)], ignore_index=True)
    joined.to_file(path)
    return path


def test_the_model_keeps_its_pixels(place: Path) -> None:
    """`training_pixels.npz` lies beside the model with place and year of each sample, and is small."""
    found = TrainingPixels.load(place / "map")
    assert found is not None
    assert set(found.year.tolist()) == {2020}
    assert 100 < len(found.lon) <= 120
    assert (place / "map" / FILE).stat().st_size < 2500


def test_training_samples_saved_again_are_refused(place: Path, tmp_path: Path) -> None:
    """Another file of the same samples is refused as the first one is."""
    with pytest.raises(LabelsError, match="never saw"):
        assess(place / "map", reference=saved_again(place, tmp_path / "again.geojson"))


def test_only_what_was_not_seen_is_judged(place: Path, tmp_path: Path) -> None:
    """Joined with other points the training samples are left out and counted, and no figure rests on them."""
    mixed = saved_again(place, tmp_path / "mixed.gpkg", others=200)
    found = assess(place / "map", reference=mixed)
    trained = TrainingPixels.load(place / "map")
    assert trained is not None
    assert found.left_out[TRAINED] >= len(trained.lon)
    assert found.plain.n <= 200
    assert found.plain.n + sum(found.left_out.values()) == len(geopandas.read_file(mixed))


def test_maps_by_a_saved_model_know_its_samples(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From another folder, with the model gone, moved, in another CRS, cut or joined: seen samples judge no map.

    Those of another year were not seen; where years were made consistent with each other they were seen in all.
    """
    again = saved_again(place, tmp_path / "again.gpkg")
    geopandas.read_file(again).to_crs(4326).iloc[::3].to_file(tmp_path / "third.geojson")
    shutil.copytree(place / "map", tmp_path / "model")
    monkeypatch.chdir(tmp_path)  # the model is named as a user in this folder would
    options = {"catalog": str(place / "catalog")}
    predict("model", year=2020, output=Path("same"), **options)
    predict("model", year=2019, output=Path("other"), **options)
    series = LandCoverRequest(model=Path("model"), output=Path("series"), class_error=0.1, **options)
    run_land_cover(plan_land_cover(series))
    (tmp_path / "model").rename(tmp_path / "moved")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for path in ("same", "series/classes_2019.tif", "series/classes_2020.tif"):
        for reference in (place / "samples.gpkg", again, tmp_path / "third.geojson"):
            with pytest.raises(LabelsError, match="never saw"):
                assess(tmp_path / path, reference=reference)
    found = assess(tmp_path / "other", reference=again)
    assert found.plain.n > 100
    assert UNKNOWN_TRAINING not in found.notes


def test_damaged_samples_are_told_before_the_work(place: Path, tmp_path: Path) -> None:
    """A model with a byte changed in its samples makes no map of which nobody could say what it saw."""
    shutil.copytree(place / "map", tmp_path / "model")
    content = bytearray((tmp_path / "model" / FILE).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "model" / FILE).write_bytes(content)
    asked = {"model": tmp_path / "model", "catalog": str(place / "catalog"), "output": tmp_path / "out"}
    with pytest.raises(OutputError, match=FILE):
        predict(**asked, year=2020)
    with pytest.raises(OutputError, match=FILE):
        plan_land_cover(LandCoverRequest(**asked, class_error=0.1))
    assert not (tmp_path / "out").exists()


def test_what_nobody_knows_is_said(place: Path, tmp_path: Path) -> None:
    """Of a model without its pixels a note says so; where a map has lost them that is an error."""
    shutil.copytree(place / "map", tmp_path / "bare", ignore=shutil.ignore_patterns(FILE))
    options = {"catalog": str(place / "catalog"), "year": 2019}
    predict(tmp_path / "bare", output=tmp_path / "untold", **options)
    assert UNKNOWN_TRAINING in assess(tmp_path / "untold", reference=place / "samples.gpkg").notes
    predict(place / "map", output=tmp_path / "lost", **options)
    (tmp_path / "lost" / FILE).unlink()
    with pytest.raises(OutputError, match="copy the file"):
        assess(tmp_path / "lost", reference=place / "samples.gpkg")


def test_grids_and_years_decide() -> None:
    """A place is the pixel that holds it, on any grid; pairs ask both years; places off the projection are nowhere."""
    x, y = AREA_TRANSFORM * (10.2, 5.9)
    lon, lat = Transformer.from_crs(AREA_CRS, 4326, always_xy=True).transform(x, y)
    found = TrainingPixels.of([lon, 10.0], [lat, 95.0], [2020, 2020], [2017, 2017])
    grid = {"crs": AREA_CRS, "transform": AREA_TRANSFORM}
    rows, columns = np.array([5, 5, 6]), np.array([10, 9, 10])
    assert found.seen(rows, columns, **grid, year=2020).tolist() == [True, False, False]
    assert found.seen(rows, columns, **grid, year=None)[0]
    assert not found.seen(rows, columns, **grid, year=2019).any()
    assert found.seen(rows, columns, **grid, year=2020, before=2017)[0]
    assert not found.seen(rows, columns, **grid, year=2020, before=2018).any()
    degrees = {"crs": CRS.from_epsg(4326), "transform": Affine(0.01, 0, lon - 0.005, 0, -0.01, lat + 0.005)}
    assert found.seen(np.array([0]), np.array([0]), **degrees, year=2020).all()


def test_what_cannot_be_known_is_not_guessed(tmp_path: Path) -> None:
    """Maps of others have no such file; a damaged one is an error."""
    assert training_of(tmp_path) is None
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(OutputError, match="train again"):
        training_of(tmp_path)


def test_places_that_made_a_map_of_change_are_refused_in_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that trained a model or chose a threshold do not judge the pair of their years; others do."""
    monkeypatch.setattr("esd_tasks.change.train.TreeParameters", lambda seed: TreeParameters(rounds=6, seed=seed))
    broke = changing.break_years((0, 2017, 2019, 2017, 2019, 2017))
    changing.write_place(tmp_path / "codes", (2015, 2017, 2019), broke=broke)
    rows, columns = changing.drawn_pixels(400)
    years = {"year1": np.full(400, 2015), "year2": np.full(400, 2017)}
    changed = (broke[rows, columns] == 2017).astype(int)
    changing.write_points(tmp_path / "pairs.gpkg", rows, columns, **years, change=changed)
    learn(tmp_path, tmp_path / "model", expected_rate=0.03)
    options = {"catalog": str(tmp_path / "codes")}
    frame = geopandas.read_file(tmp_path / "pairs.gpkg")
    frame.iloc[::-1].drop(columns=["year1", "year2"]).to_file(tmp_path / "again.geojson", driver="GeoJSON")
    chosen = {"reference": tmp_path / "again.geojson", "block_size": BLOCK}
    for name, years, rule in (
        ("trained", (2015, 2017), {"model": tmp_path / "model"}),
        ("later", (2017, 2019), {"model": tmp_path / "model"}),
        ("chosen", (2015, 2017), chosen),
    ):
        request = PairRequest(year1=years[0], year2=years[1], output=tmp_path / name, **rule, **options)
        run_pair(plan_pair(request))
    frame.iloc[:-1].to_crs(AREA_CRS).to_file(tmp_path / "cut.gpkg")
    (tmp_path / "model").rename(tmp_path / "moved")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for reference in ("pairs.gpkg", "again.geojson", "cut.gpkg"):
        for name in ("trained", "chosen"):
            with pytest.raises(LabelsError, match="had no part in it"):
                judge(tmp_path, name, reference)
    report = judge(tmp_path, "later", "cut.gpkg")
    assert report["n"] > 50
    assert report["notes"] == []


def judge(folder: Path, name: str, reference: str) -> dict[str, Any]:
    """Assess a map of change."""
    return change_assess.assess(change_assess.AssessRequest(folder=folder / name, reference=folder / reference))
