"""A tile that cannot be read is a hole in the map, a list, and exit code 4; once it is mended the map is whole."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas
import neighbours
import numpy as np
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from typer.testing import CliRunner

from esd_tasks import classify, cli, predict
from esd_tasks.failures import Failures
from esd_tasks.map_store import MapStore
from esd_tasks.pull import Mosaic
from esd_tasks.request import ClassifyRequest
from stactools_esd.blocks import Block
from stactools_esd.catalog import create_catalog
from stactools_esd.errors import PartlyDoneError

LOST = "ESD_esdnet-small-v1_31UES_2020.tif"
"""The tile that is damaged: the upper right quarter of the place."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiles with their catalogue, a hundred labels all over them, and labels in the upper right quarter alone."""
    folder = tmp_path_factory.mktemp("place")
    create_catalog([neighbours.write_four(folder / "tiles")], folder / "catalog")
    steps = np.arange(-540, 541, 120)
    x, y = (axis.ravel() for axis in np.meshgrid(neighbours.CORNER[0] + steps, neighbours.CORNER[1] + steps))
    frame = geopandas.GeoDataFrame(
        {"class": np.where((x // 360 + y // 360) % 2 > 0, "a", "b"), "height": x % 1000},
        geometry=shapely.points(*neighbours.to_wgs84(32631, x, y)),
        crs=4326,
    )
    frame.to_file(folder / "labels.gpkg")
    frame[(x > neighbours.CORNER[0]) & (y > neighbours.CORNER[1])].to_file(folder / "corner.gpkg")
    return folder


@contextmanager
def damaged(place: Path) -> Iterator[None]:
    """Cut a tile in half for a while."""
    path = place / "tiles" / LOST
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        yield
    finally:
        path.write_bytes(whole)


def read(path: Path) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the first band of a map, and which of its pixels the damaged tile owns."""
    with rasterio.open(path) as dataset:
        rows, columns = np.indices(dataset.shape)
        x, y = dataset.transform * (columns + 0.5, rows + 0.5)
        return dataset.read(1), (x > neighbours.CORNER[0]) & (y > neighbours.CORNER[1])


def see_told(folder: Path) -> None:
    """See that run.json and the STAC item name the damaged tile."""
    record = json.loads((folder / "run.json").read_text())
    (line,) = record["missing"]
    assert "31ues-2020" in line
    assert any("could not be read" in note and line in note for note in record["notes"])
    item = json.loads((folder / record["outputs"]["item"]).read_text())
    assert len(item["properties"]["missing_items"]) == 1
    assert item["properties"]["missing_items"][0] in item["properties"]["description"]


def request_of(place: Path, folder: Path) -> ClassifyRequest:
    """Map the envelope of the labels."""
    return ClassifyRequest(
        labels=place / "labels.gpkg", catalog=str(place / "catalog"), class_field="class", block_size=300, output=folder
    )


def test_classify_and_predict_leave_a_hole_and_continue(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The map stands with a hole, labels in it are left out and told; once mended both maps are those of one go.

    A model that lacked samples has left no block behind; blocks of a saved model are made once.
    """
    plan = classify.make_plan(request_of(place, tmp_path / "out"))
    with damaged(place):
        result = classify.run_plan(plan)
        classes, hole = read(result.paths["map"])
        assert not classes[hole].any()
        assert (classes[~hole][:-1] > 0).mean() > 0.9
        assert "25 pixels or labels left out: in a tile that could not be read: " in "\n".join(result.notes)
        assert sum(entry["n_reference"] for entry in result.accuracy["classes"]) == 75
        with pytest.raises(PartlyDoneError, match="31ues-2020") as caught:
            result.see_whole()
        assert caught.value.exit_code == 4
        see_told(result.folder)
        assert "31ues-2020" in result.paths["report"].read_text()
    mended = classify.run_plan(plan)
    mended.see_whole()
    assert not mended.already_done
    assert not (result.folder / ".partial").exists()
    whole = classify.run_plan(classify.make_plan(request_of(place, tmp_path / "whole")))
    assert np.array_equal(read(mended.paths["map"])[0], read(whole.paths["map"])[0])
    assert classify.run_plan(plan).already_done

    monkeypatch.setattr(predict, "BLOCK_PIXELS", 16)
    reads: list[Any] = []
    read_block = Mosaic.read
    monkeypatch.setattr(Mosaic, "read", lambda *given: reads.append(given) or read_block(*given))
    words = ["predict", str(whole.folder), "--catalog", str(place / "catalog"), "-o", str(tmp_path / "predicted")]
    words += ["--geometry", str(place / "labels-area.gpkg")]
    area = geopandas.read_file(place / "labels.gpkg").union_all().envelope
    geopandas.GeoDataFrame(geometry=[area], crs=4326).to_file(place / "labels-area.gpkg")
    with damaged(place):
        said = CliRunner().invoke(cli.app, words)
        first = len(reads)
        assert said.exit_code == 4, said.output
        assert "note: could not be read" in said.stdout
        assert said.stderr.splitlines()[-1].startswith("Error: got 1 items that could not be read")
        see_told(tmp_path / "predicted")
        assert "31ues-2020" in (tmp_path / "predicted" / "report.html").read_text()
        classes, hole = read(tmp_path / "predicted" / "map.tif")
        assert not classes[hole].any()
        assert classes[~hole].any()
    said = CliRunner().invoke(cli.app, [*words, "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["missing"] == []
    assert 0 < len(reads) - first < first / 2
    classes, hole = read(tmp_path / "predicted" / "map.tif")
    assert classes[hole].any()


OTHERS = {
    "few-shot": ["--labels", "labels.gpkg", "--class-field", "class", "--head", "prototype"],
    "similar": ["--examples", "labels.gpkg"],
    "regress": ["--labels", "labels.gpkg", "--target-field", "height", "--block-size", "300"],
    "cluster": ["--n-clusters", "2"],
}


@pytest.mark.parametrize("task", OTHERS)
def test_every_map_with_a_hole_says_so(task: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command that makes a map writes it, names the tile in run.json, item and stderr, and leaves with 4."""
    monkeypatch.chdir(place)
    west, south = neighbours.to_wgs84(32631, *(side - 500 for side in neighbours.CORNER))
    east, north = neighbours.to_wgs84(32631, *(side + 500 for side in neighbours.CORNER))
    words = [task, *OTHERS[task], "--catalog", "catalog", "--bbox", f"{west},{south},{east},{north}"]
    with damaged(place):
        said = CliRunner().invoke(cli.app, [*words, "--quiet", "-o", str(tmp_path / "out")])
    assert said.exit_code == 4, said.output
    assert "31ues-2020" in said.stderr
    assert said.stdout == ""
    see_told(tmp_path / "out")


def test_a_curve_of_the_labels_that_are_left_says_so(place: Path, tmp_path: Path) -> None:
    """`learning-curve` goes on without the labels of a damaged tile, names it, ends with 4, and mended runs anew."""
    words = ["learning-curve", "--labels", str(place / "labels.gpkg"), "--class-field", "class", "--block-size", "200"]
    words += ["--head", "prototype", "--draws", "2", "--catalog", str(place / "catalog"), "-o", str(tmp_path / "out")]
    with damaged(place):
        said = CliRunner().invoke(cli.app, words)
    assert said.exit_code == 4, said.output
    assert "31ues-2020" in said.stderr.splitlines()[-1]
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert sum(entry["labels"] for entry in record["result"]["classes"]) == 75
    assert "31ues-2020" in record["missing"][0]
    assert "31ues-2020" in (tmp_path / "out" / "report.html").read_text()
    said = CliRunner().invoke(cli.app, [*words, "--json"])
    assert said.exit_code == 0, said.output
    told = json.loads(said.stdout)
    assert not told["already_done"]
    assert sum(entry["labels"] for entry in told["result"]["classes"]) == 100


def test_labels_in_the_damaged_tile_alone_are_too_few(place: Path, tmp_path: Path) -> None:
    """Where no class is left there is no map: one line that names the tile, exit code 1."""
    words = ["few-shot", "--labels", str(place / "corner.gpkg"), "--catalog", str(place / "catalog")]
    with damaged(place):
        said = CliRunner().invoke(cli.app, [*words, "--class-field", "class", "-o", str(tmp_path / "out")])
    assert said.exit_code == 1
    assert "31ues-2020" in said.stderr
    assert not (tmp_path / "out").exists()


def test_blocks_with_holes_are_of_one_run(tmp_path: Path) -> None:
    """A block with holes is read back in its run, is never finished, and is gone in the next run."""
    block = Block(row=0, column=0, height=1, width=2)
    store = MapStore(tmp_path / "store", "key", Failures())
    store.put_holed(block, values=np.array([1, 2]))
    assert store.get(block)["values"].tolist() == [1, 2]
    assert not store.finished(block)
    assert store.is_empty
    again = MapStore(tmp_path / "store", "key")
    assert not (tmp_path / "store" / "holed").exists()
    again.put(block, values=np.array([3, 4]))
    assert again.get(block)["values"].tolist() == [3, 4]
    assert not again.is_empty
