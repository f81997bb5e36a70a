"""Writing codes COGs, and checking them as a whole."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rasterio.windows import Window
from rio_cogeo import cog_validate
from synthetic import AREA_CRS, AREA_TRANSFORM, counts, random_codes, tags, write_official

from stactools_esd.blocks import plan_blocks
from stactools_esd.cog import check_codes_file, open_codes, write_code_blocks, write_codes
from stactools_esd.errors import EsdError, GridError, ProductNameError, RasterError
from stactools_esd.grid import tile
from stactools_esd.product import CODES_BANDS

CODES = random_codes(1, 300, 280, nodata_share=0.1)
CLEAR = counts(1, 300, 280)
AREA: dict[str, Any] = {"transform": AREA_TRANSFORM, "crs": AREA_CRS}
NAME = "ESD_esdnet-small-v1_xdemo_2020.tif"


@pytest.fixture(scope="module")
def codes_cog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a codes COG of ours."""
    path = tmp_path_factory.mktemp("cog") / NAME
    write_codes(path, CODES, CLEAR, **AREA, tags=tags(sources=("a", "b")))
    return path


def test_what_is_written_is_read_back(codes_cog: Path) -> None:
    """Codes, clear observations, georeference and tags survive."""
    with open_codes(codes_cog) as file:
        block = file.read()
        assert file.tags == tags(sources=("a", "b"))
        assert (file.transform, file.crs) == (AREA_TRANSFORM, AREA_CRS)
    np.testing.assert_array_equal(block.codes, CODES)
    np.testing.assert_array_equal(block.clear_obs, CLEAR)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hnp.arrays(np.uint16, st.tuples(st.just(12), st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 63999))
)
def test_any_codes_survive(tmp_path: Path, codes: np.ndarray) -> None:
    """Every legal raster, however small, is read back as it was."""
    clear = np.full(codes.shape[1:], 7)
    write_codes(tmp_path / NAME, codes, clear, **AREA, tags=tags())
    with open_codes(tmp_path / NAME) as file:
        np.testing.assert_array_equal(file.read().codes, codes)


def test_the_layout_is_the_decided_one(codes_cog: Path) -> None:
    """ZSTD with predictor 2, blocks of 256, pixel interleave, no overviews, no nodata tag, named bands."""
    with rasterio.open(codes_cog) as dataset:
        structure = dataset.tags(ns="IMAGE_STRUCTURE")
        assert structure == {"LAYOUT": "COG", "COMPRESSION": "ZSTD", "INTERLEAVE": "PIXEL", "PREDICTOR": "2"}
        assert set(dataset.block_shapes) == {(256, 256)}
        assert dataset.descriptions == CODES_BANDS
        assert dataset.overviews(1) == []
        assert dataset.nodata is None
    assert cog_validate(str(codes_cog), quiet=True) == (True, [], [])


def test_a_stranger_can_decode_from_the_tags(codes_cog: Path) -> None:
    """The rule, the radix, the recipe and who made it stand in the TIFF itself."""
    with rasterio.open(codes_cog) as dataset:
        texts = dataset.tags()
    assert texts["ESD_LEVELS"] == "8,8,8,5,5,5"
    assert texts["ESD_BASIS"] == "1,8,64,512,2560,12800"
    assert "(code // basis) % levels" in texts["ESD_RULE"]
    assert "all 12 codes are 0" in texts["ESD_NODATA_RULE"]
    assert texts["ESD_ENCODER"] == "esdnet-small-v1"
    assert json.loads(texts["ESD_INPUT_RECIPE"])["dem"] == "none"


def test_equal_input_gives_equal_bytes_and_no_other_file(codes_cog: Path, tmp_path: Path) -> None:
    """Whole or in blocks, now or later: the file is the same, and nothing lies beside it."""
    pieces = [
        (block.window, CODES[:, *block.window.toslices()], CLEAR[block.window.toslices()])
        for block in plan_blocks(300, 280, 128)
    ]
    write_codes(tmp_path / NAME, CODES, CLEAR, **AREA, tags=tags(sources=("a", "b")))
    assert (tmp_path / NAME).read_bytes() == codes_cog.read_bytes()
    write_code_blocks(tmp_path / NAME, pieces, shape=(300, 280), **AREA, tags=tags(sources=("a", "b")))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    with open_codes(tmp_path / NAME) as file:
        np.testing.assert_array_equal(file.read().codes, CODES)


def test_what_no_block_covers_has_no_data(tmp_path: Path) -> None:
    """A raster written in part is whole and says where there is nothing."""
    piece = (Window(3, 2, 4, 5), CODES[:, :5, :4] | 1, CLEAR[:5, :4])
    write_code_blocks(tmp_path / NAME, [piece], shape=(300, 300), **AREA, tags=tags())
    with open_codes(tmp_path / NAME) as file:
        block = file.read()
    assert block.valid.sum() == 20
    assert block.valid[2:7, 3:7].all()


@pytest.mark.parametrize(
    ("codes", "clear", "kind", "words"),
    [
        (np.full((12, 4, 4), 64000), np.ones((4, 4), int), RasterError, "got code 64000"),
        (np.full((12, 4, 4), -1), np.ones((4, 4), int), RasterError, "got code -1"),
        (np.ones((12, 4, 4)), np.ones((4, 4), int), RasterError, "float64"),
        (np.ones((13, 4, 4), int), np.ones((4, 4), int), RasterError, "shape"),
        (np.ones((12, 4, 4), int), np.ones((4, 5), int), RasterError, "shape"),
        (np.ones((12, 16), int), np.ones((4, 4), int), RasterError, "shape"),
        (np.ones((12, 4, 4), int), np.ones((4, 4)), RasterError, "not counts"),
        (np.ones((12, 4, 4), int), np.full((4, 4), -1), RasterError, "not counts"),
        (np.ones((12, 4, 4), int), np.full((4, 4), 65536), RasterError, "not counts"),
    ],
)
def test_what_is_no_code_is_never_written(
    tmp_path: Path, codes: np.ndarray, clear: np.ndarray, kind: type[EsdError], words: str
) -> None:
    """Wrong numbers and shapes are refused, and leave neither a file nor a part of one; an old file stays."""
    (tmp_path / NAME).write_bytes(b"old")
    with pytest.raises(kind, match=words):
        write_codes(tmp_path / NAME, codes, clear, **AREA, tags=tags())
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_bytes() == b"old"


def test_names_and_places_that_disagree_are_never_written(tmp_path: Path) -> None:
    """A tile is written only where it lies, under tags that can be read."""
    for kind, content in ((GridError, tags(tile="50TMK")), (ProductNameError, tags(tile="demo"))):
        with pytest.raises(kind):
            write_codes(tmp_path / NAME, CODES, CLEAR, **AREA, tags=content)
    assert list(tmp_path.iterdir()) == []


def test_valid_files_have_no_problems(codes_cog: Path, tmp_path: Path) -> None:
    """Our files and official ones pass the check, the Chinese variant without a warning."""
    assert check_codes_file(codes_cog) == []
    place = tile("50TMK")
    for name in ("SDC30_EBD_V001_50TMK_2020.tif", "SDC30_EBD_V001CHN_50TMK_2020.tif"):
        path = write_official(tmp_path / name, CODES, CLEAR, transform=place.transform, crs=place.epsg)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert check_codes_file(path) == []


def test_a_tagged_file_of_another_layout_is_told(codes_cog: Path, tmp_path: Path) -> None:
    """Tags do not make a COG: lost band names, layout and a nodata tag are each told."""
    with (
        rasterio.open(codes_cog) as source,
        rasterio.open(tmp_path / NAME, "w", **source.profile | {"nodata": 0}) as copy,
    ):
        copy.write(source.read())
        copy.update_tags(**source.tags())
    told = " ".join(check_codes_file(tmp_path / NAME))
    assert all(word in told for word in ("band names", "layout", "nodata tag"))


def test_damage_in_the_last_block_is_found(codes_cog: Path, tmp_path: Path) -> None:
    """The check reads every block, so bytes that were lost near the end are told, and so is a file cut off there."""
    content = codes_cog.read_bytes()
    (tmp_path / NAME).write_bytes(content[:-2000] + bytes(2000))
    (problem,) = check_codes_file(tmp_path / NAME)
    assert "cannot read" in problem
    (tmp_path / NAME).write_bytes(content[:-2000])
    (problem,) = check_codes_file(tmp_path / NAME)
    assert "the file is truncated" in problem
    assert "got no file" in check_codes_file(tmp_path / "none.tif")[0]
