"""The folder of one item: whole or absent, and describing what lies beside it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from stactools_esd import item_folder
from stactools_esd.cog import check_codes_file, open_codes
from stactools_esd.errors import EsdError, OutputError, RasterError
from stactools_esd.item_folder import write_item
from stactools_esd.validate import validate


def test_a_cog_of_ours_is_copied_byte_for_byte(area_cog: Path, tmp_path: Path) -> None:
    """The folder holds codes, visual, thumbnail and item; the codes are the very file."""
    made = write_item(area_cog, tmp_path / "items")
    folder = tmp_path / "items" / "esd-esdnet-small-v1-xdemo-2020"
    assert sorted(path.name for path in folder.iterdir()) == [
        "ESD_esdnet-small-v1_xdemo_2020.tif",
        "ESD_esdnet-small-v1_xdemo_2020_thumbnail.png",
        "ESD_esdnet-small-v1_xdemo_2020_visual.tif",
        "esd-esdnet-small-v1-xdemo-2020.json",
    ]
    assert Path(made.codes).read_bytes() == area_cog.read_bytes()
    assert [path.name for path in (tmp_path / "items").iterdir()] == [folder.name]
    assert validate(made.item).problems == []


def test_assets_are_named_relatively(area_cog: Path, tmp_path: Path) -> None:
    """The folder can be moved: assets lie beside the item."""
    made = write_item(area_cog, tmp_path / "items")
    hrefs = [asset["href"] for asset in json.loads(made.item.read_text())["assets"].values()]
    assert hrefs == [
        "./ESD_esdnet-small-v1_xdemo_2020.tif",
        "./ESD_esdnet-small-v1_xdemo_2020_visual.tif",
        "./ESD_esdnet-small-v1_xdemo_2020_thumbnail.png",
    ]
    shutil.move(tmp_path / "items", tmp_path / "elsewhere")
    assert validate(tmp_path / "elsewhere").problems == []


def test_an_official_tile_keeps_codes_and_name_and_gains_tags(official_tile: Path, tmp_path: Path) -> None:
    """The copy of an official tile says of itself what it is, in our layout; every code is the same."""
    made = write_item(official_tile, tmp_path / "items")
    assert Path(made.codes).name == official_tile.name
    with open_codes(official_tile) as before, open_codes(made.codes) as after:
        assert not before.tagged
        assert after.tagged
        assert after.identity == before.identity
        np.testing.assert_array_equal(after.read().codes, before.read().codes)
        np.testing.assert_array_equal(after.read().clear_obs, before.read().clear_obs)
    assert check_codes_file(made.codes) == []
    assert validate(made.item).problems == []


def test_no_copy_points_at_the_source(official_tile: Path, tmp_path: Path) -> None:
    """--no-copy writes the item alone, with a relative href to a local file."""
    made = write_item(official_tile, tmp_path / "items", copy=False)
    assert list(made.item.parent.iterdir()) == [made.item]
    href = json.loads(made.item.read_text())["assets"]["embeddings"]["href"]
    assert href == "../../official/SDC30_EBD_V001_50TMK_2020.tif"
    assert validate(made.item).problems == []


def test_no_copy_names_pictures_that_lie_beside(area_cog: Path, tmp_path: Path) -> None:
    """Pictures under the file's own name are found."""
    first = write_item(area_cog, tmp_path / "items")
    again = write_item(first.codes, tmp_path / "others", copy=False)
    assert set(json.loads(again.item.read_text())["assets"]) == {"embeddings", "visual", "thumbnail"}
    assert validate(again.item).problems == []


def test_a_second_run_gives_equal_bytes(area_cog: Path, tmp_path: Path) -> None:
    """Making an item again, from its source or from its own copy, changes nothing."""
    made = write_item(area_cog, tmp_path / "items")
    before = {path.name: path.read_bytes() for path in made.item.parent.iterdir()}
    write_item(area_cog, tmp_path / "items")
    write_item(made.codes, tmp_path / "items")
    assert {path.name: path.read_bytes() for path in made.item.parent.iterdir()} == before


def test_a_failure_leaves_no_item(area_cog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When anything fails nothing lies there under a final name."""

    def fail(*_: Any) -> None:
        raise RasterError("got a failure")

    monkeypatch.setattr(item_folder, "write_thumbnail", fail)
    with pytest.raises(RasterError):
        write_item(area_cog, tmp_path / "items")
    assert not (tmp_path / "items").exists()


def test_damaged_codes_leave_no_item(official_tile: Path, tmp_path: Path) -> None:
    """A code above 63999 is found before anything is written under a final name."""
    with rasterio.open(official_tile, "r+") as dataset:
        band = dataset.read(3)
        band[5, 5] = 64000
        dataset.write(band, 3)
    for copy in (True, False):
        with pytest.raises(EsdError, match="64000"):
            write_item(official_tile, tmp_path / "items", copy=copy)
    assert not (tmp_path / "items").exists()


def test_a_file_in_the_way_is_named(area_cog: Path, tmp_path: Path) -> None:
    """A destination that is a file is one line."""
    (tmp_path / "items").write_text("")
    with pytest.raises(OutputError, match="items"):
        write_item(area_cog, tmp_path / "items")
