"""A map of committed codes by a committed model: whoever changes a result does so knowingly.

`ESD_REGENERATE=1` makes the map's hashes anew, and codes and model where `tests/golden/map` is not there; a change of
`tests/golden/map.json` belongs into the changelog.
"""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tiny_map
from golden_files import GOLDEN, Golden
from synthetic import AREA_CRS, AREA_TRANSFORM, tags

from esd_tasks import classify
from esd_tasks.classifier import TreeParameters
from esd_tasks.plan import make_plan
from esd_tasks.predict import predict
from esd_tasks.request import ClassifyRequest
from stactools_esd.cog import write_codes

FOLDER = GOLDEN / "map"
"""Codes, labels and model."""

BANDS = ("probability", "entropy")

HEIGHT, WIDTH = 48, 64
"""Rows and columns."""


def train(output: Path) -> classify.ClassifyResult:
    """Make a map from the committed labels."""
    request = ClassifyRequest(
        labels=FOLDER / "labels.csv", catalog=str(FOLDER / "codes"), no_curve=True, output=output, threads=1
    )
    return classify.run_plan(replace(make_plan(request), parameters=TreeParameters(rounds=4)))


def write_inputs(folder: Path) -> None:
    """Write codes, labels, and the model that they make."""
    classes = tiny_map.class_map()[:HEIGHT, :WIDTH]
    name = "ESD_esdnet-small-v1_xdemo_2020.tif"
    clear = np.full(classes.shape, 20, np.uint16)
    codes = tiny_map.codes_of(classes)
    write_codes(folder / "codes" / name, codes, clear, transform=AREA_TRANSFORM, crs=AREA_CRS, tags=tags())
    rows, columns = np.divmod(np.random.default_rng(5).permutation(classes.size)[:90], WIDTH)
    names = [tiny_map.NAMES[number] for number in classes[rows, columns].tolist()]
    places = zip(*tiny_map.lonlat(rows + 0.5, columns + 0.5), names, strict=True)
    lines = ["lon,lat,class", *(f"{lon:.6f},{lat:.6f},{name}" for lon, lat, name in places)]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    made = train(folder / "made")
    (folder / "model").mkdir()
    for kind in ("model", "model_facts"):
        shutil.copy(made.paths[kind], folder / "model")
    shutil.rmtree(folder / "made")


@pytest.fixture(scope="module", autouse=True)
def inputs() -> None:
    """What is committed, made where it is not there and somebody asks for it."""
    if os.environ.get("ESD_REGENERATE") == "1" and not FOLDER.exists():
        write_inputs(FOLDER)


def pixels(path: Path) -> dict[str, Any]:
    """Return what a raster holds, its pixels as the SHA-256 of their values: not of the file, which is compressed."""
    with rasterio.open(path) as dataset:
        values = dataset.read()
    order = values.astype(values.dtype.newbyteorder("<"))
    return {
        "shape": list(values.shape),
        "dtype": values.dtype.name,
        "sha256": hashlib.sha256(order.tobytes()).hexdigest(),
    }


@pytest.mark.parametrize("threads", [1, 3])
def test_the_map_of_committed_codes_and_model_is_the_golden_one(threads: int, golden: Golden, tmp_path: Path) -> None:
    """Every pixel of classes, confidence, probabilities and entropy is as it was, with one thread and with many."""
    made = predict(
        FOLDER / "model", catalog=str(FOLDER / "codes"), band=BANDS, output=tmp_path / "out", threads=threads
    )
    golden("map", {kind: pixels(made.paths[kind]) for kind in ("map", "quality", *BANDS)})


def test_a_model_of_the_committed_labels_makes_almost_the_same_map(tmp_path: Path) -> None:
    """Growing trees anew, which rounds as the machine does, moves one pixel in two hundred at most."""
    anew = train(tmp_path / "out")
    with rasterio.open(anew.paths["map"]) as dataset:
        classes = dataset.read(1)
        place, shape = dataset.transform, dataset.shape
    again = predict(FOLDER / "model", catalog=str(FOLDER / "codes"), output=tmp_path / "again")
    with rasterio.open(again.paths["map"]) as dataset:
        column, row = (round(value) for value in ~dataset.transform * (place.c, place.f))
        kept = dataset.read(1)[row : row + shape[0], column : column + shape[1]]
    assert np.mean(classes[classes > 0] == kept[classes > 0]) >= 0.995
