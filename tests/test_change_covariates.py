"""`change land-cover` with what lies beside the codes: the same in every year, by name, as `predict` takes it."""

from pathlib import Path
from typing import Any

import changing
import numpy as np
import pytest
import rasterio
from synthetic import AREA_CRS, AREA_TRANSFORM
from test_change_land_cover import YEARS, classes_of, codes_of
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.change.land_cover import plan_land_cover, run_land_cover
from esd_tasks.change.model_request import LandCoverRequest
from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.items import find_items
from esd_tasks.map_run import MapResult
from stactools_esd.errors import UsageError
from stactools_esd.files import write_json

NAMES = {3: "wood", 7: "high meadow", 9: "low meadow"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Years of wood beside meadows, which only their height tells apart: the northern half lies high."""
    folder = tmp_path_factory.mktemp("place")
    rows, columns = changing.SIZE
    truth = np.full(changing.SIZE, 3)
    truth[:, columns // 2 :] = 7
    for number, year in enumerate(YEARS):
        image = codes_of(truth, number).T.reshape(12, rows, columns).copy()
        path = changing.write_area(folder / "codes", image, year=year)
    height = np.full(changing.SIZE, 300, np.float32)
    height[: rows // 2] = 1500
    profile = {"driver": "GTiff", "count": 1, "height": rows, "width": columns, "dtype": "float32"}
    with rasterio.open(folder / "dem.tif", "w", crs=AREA_CRS, transform=AREA_TRANSFORM, **profile) as dataset:
        dataset.write(height, 1)
    classes = np.repeat([3, 7, 9], 150)
    model = Classifier(TreeParameters(rounds=15, learning_rate=0.4))
    model.fit(
        codes_of(np.where(classes == 9, 7, classes), 99),
        classes,
        covariates={"dem": np.where(classes == 7, 1500.0, np.where(classes == 9, 300.0, 900.0))},
    )
    (folder / "model").mkdir()
    model.save(folder / "model", identity=find_items(str(path))[0].identity, names=NAMES, software={})
    write_json(folder / "model" / "accuracy.json", {"overall_accuracy": 0.9})
    return folder


def run(place: Path, output: Path, **options: Any) -> MapResult:
    """Run the task on the place."""
    given = {"covariate": (f"dem={place / 'dem.tif'}",)} | options
    request = LandCoverRequest(model=place / "model", catalog=str(place / "codes"), output=output, **given)
    return run_land_cover(plan_land_cover(request))


@pytest.mark.parametrize("learn", [False, True])
def test_covariates_tell_classes_apart_in_every_year(place: Path, tmp_path: Path, learn: bool) -> None:
    """Meadows of equal codes go to their class by height in all years, whether transitions are stated or learnt."""
    result = run(place, tmp_path / "out", learn=learn)
    half = changing.SIZE[1] // 2
    meadows = classes_of(result)[:, :, half:]
    assert (meadows[:, 1:31] == 7).mean() > 0.97
    assert (meadows[:, 33:-1] == 9).mean() > 0.97
    assert result.record["parameters"]["covariates"][0]["name"] == "dem"
    assert f"--covariate dem={place / 'dem.tif'}" in result.record["command"]


def test_another_file_is_another_run(place: Path, tmp_path: Path) -> None:
    """The content of a covariate decides the run, so a changed file never passes for the same map."""
    other = tmp_path / "other.tif"
    other.write_bytes((place / "dem.tif").read_bytes())
    with rasterio.open(other, "r+") as dataset:
        dataset.write(dataset.read(1) + 10, 1)
    request = {"model": place / "model", "catalog": str(place / "codes")}
    one = plan_land_cover(LandCoverRequest(covariate=(f"dem={place / 'dem.tif'}",), **request))
    two = plan_land_cover(LandCoverRequest(covariate=(f"dem={other}",), **request))
    assert one.run_key != two.run_key


def test_covariates_must_be_those_of_the_model(place: Path) -> None:
    """One that is missing or strange is refused with what to do."""
    request = {"model": place / "model", "catalog": str(place / "codes")}
    with pytest.raises(UsageError, match="--covariate dem=FILE"):
        plan_land_cover(LandCoverRequest(**request))
    both = (f"dem={place / 'dem.tif'}", f"slope={place / 'dem.tif'}")
    with pytest.raises(UsageError, match="--covariate slope"):
        plan_land_cover(LandCoverRequest(covariate=both, **request))


def test_the_command_takes_the_option_of_predict(place: Path, tmp_path: Path) -> None:
    """`--covariate name=path` on the command line."""
    words = ["change", "land-cover", place / "model", "--catalog", place / "codes", "--dry-run"]
    done = CliRunner().invoke(cli.app, [*map(str, words), "--covariate", f"dem={place / 'dem.tif'}"])
    assert done.exit_code == 0, done.output
