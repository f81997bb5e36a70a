"""The whole road, through the command lines: simulated observations to a map that is right."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from stactools_esd.cog import open_codes
from stactools_esd.encoder import load_encoder
from stactools_esd.observations import YearWindow
from stactools_esd.seamless import prepare
from stactools_esd.simulation import Landscape
from stactools_esd.sources.folder import open_folder

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("road")]

CODES = "tiles/esd-esdnet-small-v1-xdemo-2020/ESD_esdnet-small-v1_xdemo_2020.tif"


def read_map(road: Path) -> tuple[np.ndarray, rasterio.Affine, dict[int, str]]:
    """Return the demo's class map, its transform and its class names."""
    with rasterio.open(road / "demo/map/map.tif") as dataset:
        class_id, transform = dataset.read(1), dataset.transform
    facts = json.loads((road / "demo/map/model.json").read_text())
    return class_id, transform, {entry["class_id"]: entry["class_name"] for entry in facts["classes"]}


def test_the_map_agrees_with_the_simulated_truth(road: Path) -> None:
    """The map made from 600 points has most pixels of the landscape right, and says in accuracy.json about how many."""
    class_id, transform, names = read_map(road)
    landscape = Landscape(seed=7, size=(128, 128), years=(2019, 2020))
    left, top = ~landscape.transform * (transform.c, transform.f)
    rows, columns = class_id.shape
    truth = landscape.class_map(2020)[round(top) : round(top) + rows, round(left) : round(left) + columns]
    mapped = class_id > 0
    right = np.array([names[i] for i in class_id[mapped]]) == np.array(landscape.class_names)[truth[mapped]]
    assert mapped.mean() > 0.9
    assert right.mean() > 0.75
    accuracy = json.loads((road / "demo/map/accuracy.json").read_text())
    assert abs(accuracy["overall_accuracy"] - right.mean()) < 0.2
    assert "not the accuracy of the map" in accuracy["statement"]


def test_the_codes_are_those_of_the_library(road: Path) -> None:
    """The command writes what the functions give: read the images, prepare a year, encode."""
    source = open_folder(road / "demo/observations/2020")
    series, clear_obs = prepare(source.read(slice(0, 8)), YearWindow(year=2020))
    codes = load_encoder("esdnet-small").encode(series, source.read_terrain(slice(0, 8)))
    with open_codes(road / "demo" / CODES) as file:
        block = file.read(rasterio.windows.Window(0, 0, 128, 8))
    assert np.array_equal(block.codes.reshape(12, -1).T, codes)
    assert np.array_equal(block.clear_obs.ravel(), clear_obs)


def test_the_run_names_what_it_stands_on(road: Path) -> None:
    """run.json names the items with checksums, the encoder with its weights, the recipe, versions and the seed."""
    run = json.loads((road / "demo/map/run.json").read_text())
    text = json.dumps(run)
    assert load_encoder("esdnet-small").identity.weights_sha256 in text
    assert "hampel-linear-circular-v1" in text
    assert [item["id"] for item in run["items"]] == ["esd-esdnet-small-v1-xdemo-2020"]
    assert all(item["checksum"].startswith("1220") for item in run["items"])


def test_nothing_unfinished_is_left(road: Path) -> None:
    """A finished road leaves no partial file or folder behind."""
    assert [path for path in (road / "demo").rglob("*") if "partial" in path.name or path.name.endswith(".lock")] == []
