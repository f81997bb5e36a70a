"""What hurts users of maps over many tiles: seams, zone edges, memory that grows, nothing found taken for success."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import neighbours
import numpy as np
import pytest
import rasterio
import tiny_map
from numpy.typing import NDArray
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks import predict as job
from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.predict import predict
from esd_tasks.pull import Mosaic
from esd_tasks.request import MapRequest
from stactools_esd.cog import open_codes


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of three classes that looks at every step, saved with the identity of the simulated codes."""
    folder = tmp_path_factory.mktemp("model")
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 64_000, size=(600, 12)).astype(np.uint16)
    class_id = 1 + (codes[:, 0] // 8 % 8 + codes[:, 11] // 64 % 8) % 3
    path = tiny_map.write_place(folder)
    with open_codes(path) as file:
        identity = file.identity
    trained = Classifier(TreeParameters(rounds=10)).fit(codes, class_id)
    trained.save(folder, identity=identity, names={1: "a", 2: "b", 3: "c"}, software={})
    path.unlink()
    return folder


def classes_of(folder: Path, model: Path, place: Path, box: str) -> tuple[NDArray[Any], Any]:
    """Map a box, and return classes and transform."""
    result = predict(model, catalog=str(place), bbox=box, output=folder)
    with rasterio.open(result.paths["map"]) as dataset:
        return dataset.read(1), dataset.transform


def box_around(x: float, y: float, metres: float, epsg: int = 32631) -> str:
    """Return a box in degrees inside a projected square."""
    west, south = neighbours.to_wgs84(epsg, x - metres, y - metres)
    east, north = neighbours.to_wgs84(epsg, x + metres, y + metres)
    return f"{west},{south},{east},{north}"


def test_four_tiles_make_one_map_without_a_seam(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pixel is what the model says of the tile that owns it, however the map is cut into blocks."""
    place = neighbours.write_four(tmp_path / "tiles")
    box = box_around(*neighbours.CORNER, 600)
    whole, transform = classes_of(tmp_path / "whole", model, place, box)
    monkeypatch.setattr(job, "BLOCK_PIXELS", 7)
    cut, _ = classes_of(tmp_path / "cut", model, place, box)
    assert np.array_equal(whole, cut)
    assert (whole[1:-1, 1:-1] > 0).all()
    rows, columns = np.indices(whole.shape)
    x, y = transform * (columns + 0.5, rows + 0.5)
    mark = np.where(y > neighbours.CORNER[1], 2, 1) + np.where(x > neighbours.CORNER[0], 2, 0)
    codes = np.full((*whole.shape, 12), 7, dtype=np.uint16)
    codes[..., 0] = 1 + np.floor((x - 15) / 30) % 60_000
    codes[..., 1] = 1 + np.floor((y + 15) / 30) % 60_000
    codes[..., neighbours.MARK_STEP] = mark
    expected = Classifier.load(model)[0].predict(codes.reshape(-1, 12)).reshape(whole.shape)
    inside = (slice(1, -1), slice(1, -1))
    assert np.array_equal(whole[inside], expected[inside])


def test_an_area_across_a_zone_edge_is_mapped(model: Path, tmp_path: Path) -> None:
    """Tiles of two UTM zones that meet at 6 degrees east make one map without a hole."""
    for mark, lon in enumerate((5.99, 6.01), start=1):
        neighbours.write_tile(tmp_path / "tiles", neighbours.tile_at(lon, 50.0), 6.0, 50.0, mark=mark, size=(120, 120))
    classes, _ = classes_of(tmp_path / "out", model, tmp_path / "tiles", "5.995,49.997,6.005,50.003")
    rows, columns = classes.shape
    assert (classes[3 : rows - 3, 3 : columns - 3] > 0).all()


def test_memory_is_that_of_a_block(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the area, no more than a block is read and predicted at once."""
    place = neighbours.write_four(tmp_path / "tiles")
    monkeypatch.setattr(job, "BLOCK_PIXELS", 10)
    read, predicted = Mosaic.read, Classifier.most_probable
    sizes: list[int] = []

    def reading(self: Mosaic, grid: Any, window: Any = None) -> Any:
        sizes.append(int(window.width * window.height))
        return read(self, grid, window)

    def predicting(self: Classifier, codes: Any, covariates: Any = None) -> Any:
        sizes.append(len(codes))
        return predicted(self, codes, covariates)

    monkeypatch.setattr(Mosaic, "read", reading)
    monkeypatch.setattr(Classifier, "most_probable", predicting)
    classes_of(tmp_path / "out", model, place, box_around(*neighbours.CORNER, 600))
    assert len(sizes) > 20
    assert max(sizes) <= 100


def test_nothing_found_and_damaged_tiles_are_no_success(model: Path, tmp_path: Path) -> None:
    """A place without items ends in 3; a tile that cannot be read in 4, named and then mended; no tile to read in 1."""
    place = neighbours.write_four(tmp_path / "tiles")
    words = ["predict", str(model), "--catalog", str(place), "-o", str(tmp_path / "out")]
    nothing = CliRunner().invoke(cli.app, [*words, "--bbox", "-60,-10,-59.9,-9.9"])
    assert nothing.exit_code == 3
    broken = sorted(place.glob("*31UES*"))[0]
    whole = broken.read_bytes()
    content = bytearray(whole)
    content[len(content) * 4 // 5 :] = bytes(len(content) - len(content) * 4 // 5)
    broken.write_bytes(bytes(content))
    words += ["--bbox", box_around(*neighbours.CORNER, 600), "--quiet"]
    damaged = CliRunner().invoke(cli.app, words)
    assert damaged.exit_code == 4
    assert broken.name in damaged.stderr
    assert len(damaged.stderr.splitlines()) == 1
    broken.write_bytes(whole)
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    alone = box_around(neighbours.CORNER[0] + 400, neighbours.CORNER[1] + 400, 200)
    broken.write_bytes(bytes(content))
    nowhere = CliRunner().invoke(cli.app, [*words[:-5], "-o", str(tmp_path / "alone"), "--bbox", alone])
    assert nowhere.exit_code == 1
    assert not (tmp_path / "alone").exists()


def test_neither_torch_nor_osgeo_is_needed() -> None:
    """Making and using a model loads no torch and no osgeo."""
    code = "import sys, esd_tasks.classify, esd_tasks.predict; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "osgeo"} & set(done.stdout.split())


def test_the_default_folder_of_an_area_lies_beside_it() -> None:
    """A map of a file's area is named after it."""
    request = job.PredictRequest(model=Path("model"), geometry=Path("data/park.gpkg"))
    assert isinstance(request, MapRequest)
    assert request.output_or_default == Path("data/park-predict")
