"""`predict` takes every model that a command saves, and makes of it what that command would."""

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
from esd_tasks.cluster import ClusterRequest
from esd_tasks.cluster import make_plan as plan_clusters
from esd_tasks.cluster import run_plan as run_clusters
from esd_tasks.few_shot import few_shot
from esd_tasks.map_run import MapResult
from esd_tasks.predict import predict
from esd_tasks.regress import run_plan as run_regression
from esd_tasks.regress_plan import RegressRequest
from esd_tasks.regress_plan import make_plan as plan_regression
from stactools_esd.errors import IncomparableError, OutputError, UsageError
from stactools_esd.schema import schema_problems

KINDS = ("few-shot", "clusters", "regression")
RASTERS = {"few-shot": ("map", "quality"), "clusters": ("map", "quality"), "regression": ("prediction",)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes of two years, few labels, and places with a quantity."""
    folder = tmp_path_factory.mktemp("models")
    for year in (2019, 2020):
        tiny_map.write_place(folder / "codes", year=year)
    tiny_few.write_few(folder / "few.gpkg")
    points = geopandas.read_file(tiny_map.write_labels(folder / "points.gpkg", n=60))
    points["biomass"] = points["class"].map({"water": 0.0, "forest": 90.0, "crop": 30.0})
    points.to_file(folder / "values.gpkg")
    return folder


def box() -> str:
    """Return a box around the whole place."""
    lon, lat = tiny_map.lonlat(np.array([72.0, 0]), np.array([0.0, 96]))
    return f"{lon[0]},{lat[0]},{lon[1]},{lat[1]}"


@pytest.fixture(scope="module")
def trained(place: Path) -> dict[str, MapResult]:
    """A map of the first year by each kind of model."""
    given: dict[str, Any] = {"catalog": str(place / "codes"), "bbox": box(), "year": 2019}
    values = RegressRequest(
        labels=place / "values.gpkg", target_field="biomass", units="t/ha", interval=0.8, output=place / "r", **given
    )
    clusters = ClusterRequest(n_clusters=4, output=place / "c", **given)
    return {
        "few-shot": few_shot(place / "few.gpkg", output=place / "f", **given),
        "clusters": run_clusters(plan_clusters(clusters)),
        "regression": run_regression(plan_regression(values)),
    }


def apply(place: Path, result: MapResult, name: str, **options: Any) -> MapResult:
    """Predict the whole place with a saved model."""
    given = {"catalog": str(place / "codes"), "year": 2019, "output": place / name}
    return predict(result.folder, **given | options)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_codes_give_the_same_map(place: Path, trained: dict[str, MapResult], kind: str) -> None:
    """A saved model maps the codes that it was trained on as its own command did, pixel by pixel, colours included."""
    result = apply(place, trained[kind], f"again-{kind}", bbox=box())
    for raster in RASTERS[kind]:
        with rasterio.open(trained[kind].paths[raster]) as one, rasterio.open(result.paths[raster]) as other:
            assert one.descriptions == other.descriptions
            assert one.units == other.units
            assert (one.read(1) != one.nodata).any()
            assert np.array_equal(one.read(), other.read())
            if raster == "map":
                assert one.colormap(1) == other.colormap(1)


@pytest.mark.parametrize("kind", KINDS)
def test_another_year_is_told_as_a_transfer(place: Path, trained: dict[str, MapResult], kind: str) -> None:
    """Every kind says that its model is of another year and that nothing here says how right the map is."""
    result = apply(place, trained[kind], f"other-{kind}", year=2020)
    assert result.record["result"]["kind"] == kind
    said = " ".join(result.notes)
    assert "transferred in time to 2020" in said
    assert "nothing here says how right" in said or "no accuracy can be given" in said
    item = json.loads(result.paths["item"].read_text())
    assert list(schema_problems(item)) == []
    (link,) = [link for link in item["links"] if link["rel"] == "related"]
    assert (result.folder / link["href"]).resolve() == (trained[kind].folder / "model.json").resolve()
    assert all((result.folder / asset["href"]).is_file() for asset in item["assets"].values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_locked_to_its_codes(
    place: Path, trained: dict[str, MapResult], kind: str, tmp_path: Path
) -> None:
    """Codes of another encoder or recipe are refused, and nothing is written."""
    tiny_map.write_place(tmp_path / "encoder", encoder="esdnet-large-v1")
    tiny_map.write_place(tmp_path / "recipe", source="landsat-8")
    for name, said in (("encoder", "esdnet-large-v1"), ("recipe", "input recipe source")):
        with pytest.raises(IncomparableError, match=said):
            apply(place, trained[kind], "x", year=None, catalog=str(tmp_path / name), output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_options_of_classify_are_refused_for_others(place: Path, trained: dict[str, MapResult], kind: str) -> None:
    """Bands, cleaning and covariates belong to models of `classify`: for others they are a usage error, named."""
    for options in ({"band": ("entropy",)}, {"smooth": 3}, {"mmu": 4}, {"covariate": ("dem.tif",)}):
        with pytest.raises(UsageError, match=f"--{next(iter(options))} for a model of esd-tasks"):
            apply(place, trained[kind], "x", **options)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_models_are_named(place: Path, trained: dict[str, MapResult], kind: str, tmp_path: Path) -> None:
    """A file that lacks what its kind needs is an error that names the folder."""
    facts = json.loads((trained[kind].folder / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({key: facts[key] for key in ("schema_version", "kind")}))
    with pytest.raises(OutputError, match=str(tmp_path)):
        predict(tmp_path, catalog=str(place / "codes"), year=2019)


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_says_what_was_made(place: Path, trained: dict[str, MapResult], kind: str, tmp_path: Path) -> None:
    """`esd-tasks predict` prints shares or the range of the quantity, and a next step."""
    words = ["predict", str(trained[kind].folder / "model.json"), "--catalog", str(place / "codes"), "--year", "2020"]
    result = CliRunner().invoke(cli.app, [*words, "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    first = result.stdout.splitlines()[0]
    assert first.startswith("biomass (t/ha): 96 % of the map" if kind == "regression" else "class")
    assert result.stdout.splitlines()[-1].startswith("next: look at ")
