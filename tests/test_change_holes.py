"""Years that cannot be read: the maps of change go on without them, name them, end with 4, and are made whole later."""

import json
from pathlib import Path

import changing
import numpy as np
import pytest
import rasterio
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.classifier import TreeParameters

YEARS = tuple(range(2012, 2018))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Six years of a place, of which one is damaged within; the whole file lies beside."""
    changing.write_place(tmp_path / "codes", YEARS)
    (path,) = (tmp_path / "codes").glob("*_2014.tif")
    (tmp_path / "whole.tif").write_bytes(path.read_bytes())
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    path.write_bytes(content)
    return tmp_path


def mend(place: Path) -> None:
    """Put the whole file in place of the damaged one."""
    (place / "codes" / "ESD_esdnet-small-v1_xdemo_2014.tif").write_bytes((place / "whole.tif").read_bytes())


def read(path: Path) -> np.ndarray:  # type: ignore[type-arg]
    """Read a raster."""
    with rasterio.open(path) as dataset:
        return np.asarray(dataset.read())


def test_a_series_goes_on_without_a_year(place: Path) -> None:
    """Breaks are found in the other years, the year is named, the exit code is 4; mended, the whole map is made."""
    words = ["change", "series", "--catalog", str(place / "codes"), "-o", str(place / "out"), "--min-patch", "2"]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 4, result.output
    assert "2014" in result.stderr
    holed = read(place / "out" / "breaks.tif")
    assert (holed[0][30:40, 40:60] == 2015).mean() > 0.8  # the break of 2014 shows at the next year
    mend(place)
    again = CliRunner().invoke(cli.app, words)
    assert again.exit_code == 0, again.output
    assert (read(place / "out" / "breaks.tif")[0][30:40, 40:60] == 2014).mean() > 0.8
    whole = ["change", "series", "--catalog", str(place / "codes"), "-o", str(place / "other"), "--min-patch", "2"]
    assert CliRunner().invoke(cli.app, whole).exit_code == 0
    np.testing.assert_array_equal(read(place / "out" / "breaks.tif"), read(place / "other" / "breaks.tif"))


def test_a_pair_without_one_of_its_years_fails(place: Path) -> None:
    """With nothing to compare there is no map: one line names the damaged file, and nothing is left behind."""
    words = ["change", "pair", "2013", "2014", "--expected-rate", "0.05", "--catalog", str(place / "codes")]
    result = CliRunner().invoke(cli.app, [*words, "-o", str(place / "out")])
    assert result.exit_code == 1
    assert "_2014.tif" in result.stderr
    assert not (place / "out").exists()


def test_a_model_is_trained_on_the_years_that_can_be_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels of a damaged year are left out, the year is named, the exit code is 4; mended, all labels train."""
    monkeypatch.setattr("esd_tasks.change.train.TreeParameters", lambda seed: TreeParameters(rounds=6, seed=seed))
    broke = changing.break_years(YEARS)
    rows, columns = changing.drawn_pixels(600)
    first = np.where(np.arange(600) % 3 == 0, 2012, 2013)
    changed = (broke[rows, columns] > first) & (broke[rows, columns] <= first + 2)
    years = {"year1": first, "year2": first + 2}
    changing.write_points(place / "pairs.gpkg", rows, columns, **years, change=changed.astype(int))
    words = ["change", "train", str(place / "pairs.gpkg"), "--catalog", str(place / "codes"), "--block-size", "240"]
    words += ["-o", str(place / "model")]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 4, result.output
    assert "2014" in result.stderr
    assert "could not be read" in result.stdout
    holed = json.loads((place / "model" / "run.json").read_text())
    assert len(holed["missing"]) == 1
    n = json.loads((place / "model" / "accuracy.json").read_text())["protocol"]["n_samples"]
    assert n == 400
    again = CliRunner().invoke(cli.app, words)
    assert again.exit_code == 4, "a model with holes is not taken for finished"
    mend(place)
    whole = CliRunner().invoke(cli.app, words)
    assert whole.exit_code == 0, whole.output
    assert json.loads((place / "model" / "accuracy.json").read_text())["protocol"]["n_samples"] == 600
    assert json.loads((place / "model" / "run.json").read_text())["missing"] == []


def test_nothing_to_learn_from_fails(place: Path) -> None:
    """Where all labels are of the damaged year there is no model: exit code 1, the file named, nothing left behind."""
    rows, columns = changing.drawn_pixels(100)
    years = {"year1": np.full(100, 2013), "year2": np.full(100, 2014)}
    changing.write_points(place / "pairs.gpkg", rows, columns, **years, change=np.arange(100) % 2)
    words = ["change", "train", str(place / "pairs.gpkg"), "--catalog", str(place / "codes"), "--block-size", "240"]
    result = CliRunner().invoke(cli.app, [*words, "-o", str(place / "model")])
    assert result.exit_code == 1
    assert "_2014.tif" in result.stderr
    assert not (place / "model").exists()
