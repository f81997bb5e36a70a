"""From the archives' own files to codes, through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import test_sdc30
from click.testing import CliRunner
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window
from tiny_images import YEAR_2020, observations, write_images

from stactools_esd.cog import open_codes
from stactools_esd.commands import esd
from stactools_esd.encoder import load_encoder
from stactools_esd.encoder.inference import MIN_VALID_DAYS
from stactools_esd.grid import tile
from stactools_esd.observations import Observations
from stactools_esd.seamless import prepare
from stactools_esd.sources.landsat import open_landsat
from stactools_esd.sources.landsat_writer import write_landsat
from stactools_esd.sources.source import TargetGrid, read
from stactools_esd.validate import validate


def encode(*words: str | Path) -> Path:
    """Run `stac esd encode` and return the codes that it names first."""
    result = CliRunner().invoke(esd, ["encode", *map(str, words), "--year", "2020"])
    assert result.exit_code == 0, result.output
    paths = [Path(line) for line in result.stdout.splitlines()[:-1]]
    assert validate(paths[-1]).problems == []
    return paths[0]


def expected(images: Observations) -> np.ndarray:
    """Return the codes of images, (12, rows, columns)."""
    series, clear = prepare(images, YEAR_2020)
    codes = load_encoder().encode(series)
    codes[clear < MIN_VALID_DAYS] = 0
    return codes.T.reshape(12, *images.shape)


def test_landsat_on_the_grid_of_a_raster(tmp_path: Path) -> None:
    """Scenes of several sensors become codes of an area of one's own, on the grid that a raster has."""
    images, _ = observations()
    missions = ["LE07", "LC08"] * 6
    write_landsat(images, tmp_path / "scenes", missions=missions)
    like = sorted(write_images(tmp_path / "images").glob("SR_*.tif"))[0]
    words = (tmp_path / "scenes", tmp_path / "tiles", "--name", "field", "--harmonise", "etm")
    codes = encode(*words, "--like", like)
    grid = TargetGrid(crs=images.crs, transform=images.transform, shape=images.shape)
    source = open_landsat(tmp_path / "scenes", grid, harmonise="etm")
    with open_codes(codes) as file:
        np.testing.assert_array_equal(file.read().codes, expected(read(source, Window(0, 0, 7, 11), range(12))[0]))
        recipe = file.identity.recipe
    assert (recipe.source, recipe.harmonisation, recipe.dem) == ("landsat-c2-l2", "roy-2016-etm-to-oli", "none")
    links = json.loads(next(codes.parent.glob("*.json")).read_text())["links"]
    assert len([link for link in links if link["rel"] == "derived_from"]) == 12 * 8
    refused = CliRunner().invoke(esd, ["encode", *map(str, words), "--year", "2020"])
    assert refused.exit_code == 2
    assert "--like" in refused.stderr


@pytest.mark.parametrize("source_type", ["auto", "sdc30"])
def test_a_window_of_an_sdc30_tile(source_type: str, tmp_path: Path) -> None:
    """Files of 3661 pixels become codes of a part of the product tile, which lies where the tile's rule says."""
    images, _ = observations()
    numbers = np.rint(images.reflectance * 10_000).clip(1).astype(np.int16)
    (folder := tmp_path / "files").mkdir()
    for date, image in zip(images.dates, numbers, strict=True):
        name = f"SDC30_V003_50TMK_{str(date).replace('-', '')}.tif"
        test_sdc30.write(folder / name, image, at=(40, 60))
    words = (folder, tmp_path / "tiles", "--window", "40,60,11,7", "--source-type", source_type)
    codes = encode(*words, "--tile", "50TMK")
    stored = Observations(
        dates=images.dates,
        reflectance=(numbers * 0.0001).astype(np.float32),
        valid=np.ones(numbers.shape, np.bool_),
        transform=tile("50TMK").transform * Affine.translation(60, 40),
        crs=CRS.from_epsg(32650),
    )
    with open_codes(codes) as file:
        np.testing.assert_array_equal(file.read().codes, expected(stored))
        assert file.transform == stored.transform
        assert (file.identity.recipe.source, file.identity.recipe.harmonisation) == ("SDC30_V003", "SDC30_V003")
    refused = CliRunner().invoke(esd, ["encode", *map(str, words), "--year", "2020", "--tile", "50TNK"])
    assert refused.exit_code == 1
    assert "off tile 50TNK" in refused.stderr
