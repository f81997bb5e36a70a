"""Encoding with a guide: what the codes, the item and the plan tell of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from click.testing import CliRunner
from coarse_files import GRID, modis_layers, write_layers
from rasterio.windows import Window
from tiny_images import OPTIONS, YEAR_2020, observations

from stactools_esd.blocks import Block
from stactools_esd.cog import open_codes
from stactools_esd.commands import esd
from stactools_esd.encoder.encode import encode_source
from stactools_esd.encoder.encode_plan import make_plan
from stactools_esd.encoder.encode_request import EncodeRequest
from stactools_esd.encoder.inference import MIN_VALID_DAYS, load_encoder
from stactools_esd.errors import SkippedImageWarning, UsageError
from stactools_esd.seamless import prepare_process
from stactools_esd.sources.folder import open_folder, write_folder
from stactools_esd.sources.guide_source import open_guide
from stactools_esd.sources.source import read
from stactools_esd.validate import validate

GUIDED: dict[str, Any] = {**OPTIONS, "fill": "gp", "context": "year"}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Twelve images, and composites of MODIS over them with a season of their own."""
    made, _ = observations()
    write_folder(replace(made, transform=GRID.transform, crs=GRID.crs), tmp_path / "images")
    for day in range(1, 366, 60):
        number = 2000 + int(2500 * np.sin(np.pi * day / 365) ** 4)
        write_layers(tmp_path / "modis", modis_layers(sur_refl_b02=number), day=f"2020{day:03}")
    return tmp_path / "images", tmp_path / "modis"


def test_codes_are_those_of_guided_years(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Through the command line: codes, recipe, lineage and a link to every file that was read, of both folders."""
    images, modis = folders
    words = ["encode", str(images), str(tmp_path / "tiles"), "--year", "2020", "--name", "test"]
    result = CliRunner().invoke(esd, [*words, "--fill", "gp", "--context", "year", "--guide", str(modis)])
    assert result.exit_code == 0, result.output
    codes, item = (Path(result.stdout.splitlines()[line]) for line in (0, -2))
    source = open_folder(images)
    whole = Block(row=0, column=0, height=11, width=7)
    opened = open_guide(modis, source, source, YEAR_2020, "year")
    guide = opened.guide(opened.read([whole]), whole)
    seen = read(source, Window(0, 0, 7, 11), range(12))[0]
    filled, plain = (prepare_process(seen, YEAR_2020, context="year", guide=each) for each in (guide, None))
    assert np.nanmax(np.abs(filled.reflectance - plain.reflectance)) > 0.01
    expected = load_encoder().encode(filled.reflectance)
    expected[filled.clear_obs < MIN_VALID_DAYS] = 0
    with open_codes(codes) as file:
        np.testing.assert_array_equal(file.read().codes.reshape(12, -1).T, expected)
        recipe = file.identity.recipe
    assert (recipe.source, recipe.fusion) == ("unspecified guided by MOD09A1", "hampel-snow-process-year-guided-v1")
    links = [link["href"] for link in json.loads(item.read_text())["links"] if link["rel"] == "derived_from"]
    assert len([link for link in links if "MOD09A1" in link]) == 7 * 8
    assert len(links) == 7 * 8 + 12
    assert "modis as a guide" in item.read_text()
    assert validate(item).problems == []


def test_a_damaged_guide_image_is_named_and_counted(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Passed over when asked, it is told once, counted in the item, and linked to nowhere."""
    images, modis = folders
    damaged = next(modis.glob("*2020121*b02.tif"))
    damaged.write_bytes(b"no image")
    with pytest.warns(SkippedImageWarning, match=r"passed over MOD09A1.A2020121"):
        made = encode_source(images, tmp_path / "tiles", **GUIDED, guide=modis, skip_bad=True)
    assert json.loads(made.item.read_text())["properties"]["esd:skipped_images"] == 1
    assert "A2020121" not in made.item.read_text()


def test_a_guide_counts_in_the_plan(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """It takes memory, and codes with it are of another run than codes without."""
    images, modis = folders
    request = EncodeRequest(source=images, destination=tmp_path / "tiles", **GUIDED)
    plain, guided = make_plan(request), make_plan(replace(request, guide=modis))
    assert guided.run_key != plain.run_key
    assert guided.images_held > plain.images_held == 12
    assert guided.reader_bytes > plain.reader_bytes == 0
    assert set(guided.inputs()) - set(plain.inputs()) == set(modis.iterdir())


def test_straight_lines_have_no_guide(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Only the Gaussian process can be guided."""
    with pytest.raises(UsageError, match="--fill gp"):
        encode_source(folders[0], tmp_path / "tiles", **OPTIONS, guide=folders[1])
