"""Pictures of codes."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rio_cogeo import cog_validate
from synthetic import AREA_CRS, AREA_TRANSFORM, counts, patchy_codes, random_codes, tags

from stactools_esd import fsq
from stactools_esd.cog import level_rgb, open_codes, write_codes, write_thumbnail, write_visual
from stactools_esd.errors import RasterError, UsageError
from stactools_esd.visual import VISUAL_TITLE


@pytest.fixture(scope="module")
def codes_cog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return codes of 530 x 700 pixels in patches, without data in a corner."""
    codes = patchy_codes(3, 530, 700, kinds=9, patch=35)
    codes[:, :100, :200] = 0
    path = tmp_path_factory.mktemp("visual") / "ESD_esdnet-small-v1_xdemo_2020.tif"
    write_codes(path, codes, counts(3, 530, 700), transform=AREA_TRANSFORM, crs=AREA_CRS, tags=tags())
    return path


def test_colours_are_means_of_vectors() -> None:
    """Each channel is the mean of two dimensions over three steps, written out here anew in floats."""
    codes = random_codes(5, 20, 20)
    vectors = fsq.codes_to_vectors(codes).astype(float)
    groups = (((0, 3), slice(3, 6)), ((1, 4), slice(5, 8)), ((2, 5), slice(7, 10)))
    for channel, (dimensions, steps) in zip(level_rgb(codes), groups, strict=True):
        mean = vectors[steps][..., list(dimensions)].mean(axis=(0, 3))
        expected = np.clip(1 + 254 * (mean + 0.75) / 1.5, 1, 255)
        assert np.abs(channel - expected).max() <= 0.5 + 1e-9


@given(st.integers(0, 2**32 - 1))
def test_only_pixels_without_data_are_black(seed: int) -> None:
    """Colour 0 says no data, and no valid pixel has it in any channel."""
    codes = random_codes(seed, 4, 4, nodata_share=0.3)
    np.testing.assert_array_equal(level_rgb(codes) != 0, np.broadcast_to(fsq.valid_pixels(codes), (3, 4, 4)))


def test_the_outermost_codes_have_the_outermost_colours() -> None:
    """The stretch is cut, never wrapped."""
    codes = np.full((12, 1, 2), 63999, dtype=np.uint16)
    codes[:, 0, 0] = 0
    codes[0, 0, 0] = 1
    assert level_rgb(codes).tolist() == [[[1, 255]], [[1, 255]], [[1, 255]]]


def test_the_quality_band_is_never_coloured() -> None:
    """Thirteen bands, and numbers that are no codes, are refused."""
    with pytest.raises(RasterError):
        level_rgb(np.ones((13, 2, 2), dtype=np.uint16))
    with pytest.raises(RasterError):
        level_rgb(np.full((12, 2, 2), 64000, dtype=np.uint16))


def test_the_visual_is_a_cog_that_browsers_read(codes_cog: Path, tmp_path: Path) -> None:
    """RGB, DEFLATE, overviews, and an internal mask where there is no data; georeferenced as the codes."""
    path = tmp_path / "visual.tif"
    with open_codes(codes_cog) as file:
        write_visual(path, file)
        block = file.read()
    with rasterio.open(path) as picture:
        np.testing.assert_array_equal(picture.read(), level_rgb(block.codes))
        np.testing.assert_array_equal(picture.dataset_mask() > 0, block.valid)
        assert picture.profile["compress"] == "deflate"
        assert picture.overviews(1)
        assert (picture.transform, picture.crs) == (AREA_TRANSFORM, AREA_CRS)
        assert picture.colorinterp[:3] == tuple(map(rasterio.enums.ColorInterp, (3, 4, 5)))
        assert picture.tags()["TIFFTAG_IMAGEDESCRIPTION"] == VISUAL_TITLE
    assert cog_validate(str(path), quiet=True) == (True, [], [])
    assert [file.name for file in tmp_path.iterdir()] == ["visual.tif"]


def test_the_thumbnail_is_small_and_see_through(codes_cog: Path, tmp_path: Path) -> None:
    """At most 512 pixels, the aspect kept, transparent without data, and no sidecar."""
    path = tmp_path / "thumbnail.png"
    with open_codes(codes_cog) as file:
        write_thumbnail(path, file)
        valid = file.read().valid
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path) as picture:
        rgba = picture.read()
    assert rgba.shape == (4, 265, 350)
    np.testing.assert_array_equal(rgba[3] == 255, valid[::2, ::2])
    assert (rgba[:3, rgba[3] == 0] == 0).all()
    assert [file.name for file in tmp_path.iterdir()] == ["thumbnail.png"]


@pytest.mark.parametrize(("size", "shape"), [(700, (530, 700)), (100, (76, 100)), (1, (1, 1))])
def test_thumbnails_average_valid_pixels_only(
    codes_cog: Path, tmp_path: Path, size: int, shape: tuple[int, int]
) -> None:
    """Whole squares of pixels are averaged, however the strips fall, and what has no data does not darken them."""
    with open_codes(codes_cog) as file:
        write_thumbnail(tmp_path / "t.png", file, size)
        rgb = level_rgb(file.read().codes).astype(float)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(tmp_path / "t.png") as picture:
        small = picture.read()
    assert small.shape[1:] == shape
    factor = -(-700 // size)
    last = rgb[:, (shape[0] - 1) * factor :, (shape[1] - 1) * factor :].reshape(3, -1)
    expected = last[:, last[0] > 0].mean(axis=1)
    np.testing.assert_allclose(small[:3, -1, -1], expected, atol=0.51)


def test_pictures_are_the_same_every_time(codes_cog: Path, tmp_path: Path) -> None:
    """Equal codes give equal bytes."""
    for name in ("a", "b"):
        with open_codes(codes_cog) as file:
            write_visual(tmp_path / f"{name}.tif", file)
            write_thumbnail(tmp_path / f"{name}.png", file)
    for suffix in ("tif", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_a_thumbnail_has_a_size(codes_cog: Path, tmp_path: Path) -> None:
    """No pixels is a usage error, and writes nothing."""
    with open_codes(codes_cog) as file, pytest.raises(UsageError):
        write_thumbnail(tmp_path / "t.png", file, 0)
    assert list(tmp_path.iterdir()) == []


def test_thumbnails_of_small_areas_can_be_seen(area_cog: Path, tmp_path: Path) -> None:
    """A small area is enlarged by repeating whole pixels: colours and aspect stay."""
    with open_codes(area_cog) as file:
        write_thumbnail(tmp_path / "t.png", file)
        expected = level_rgb(file.read().codes).repeat(4, axis=1).repeat(4, axis=2)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(tmp_path / "t.png") as picture:
        assert np.array_equal(picture.read([1, 2, 3]), expected)
