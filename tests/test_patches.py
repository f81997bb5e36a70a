"""Small patches are merged exactly as GDAL's sieve merges them, however the map is cut into strips and blocks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray
from rasterio.features import sieve
from scipy.ndimage import gaussian_filter

from esd_tasks import patches
from esd_tasks.patches import without_patches
from stactools_esd.blocks import Block, plan_blocks
from stactools_esd.errors import RasterError

FOLDER = "patches"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for files in between."""
    return tmp_path_factory.mktemp(FOLDER)


def merged(classes: NDArray[Any], least: int, folder: Path, *, strip: int = 7, block: int = 5) -> NDArray[Any]:
    """Merge patches of a map that comes in blocks, in strips of a few pixels."""
    blocks = plan_blocks(*classes.shape, block)

    def pieces() -> Iterator[tuple[Block, NDArray[Any]]]:
        for one in blocks:
            yield one, classes[one.row : one.row + one.height, one.column : one.column + one.width]

    found = np.full_like(classes, 99)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patches, "STRIP_PIXELS", strip)
        for one, values in without_patches(pieces(), classes.shape, classes.dtype.name, least, folder):
            found[one.row : one.row + one.height, one.column : one.column + one.width] = values
    assert list(folder.iterdir()) == []
    return found


def by_gdal(classes: NDArray[Any], least: int) -> NDArray[Any]:
    """Return what GDAL makes of the whole map at once; rasterio wants more pixels than a patch, so there are more."""
    padded = np.pad(classes, ((0, least), (0, 1)))
    found: NDArray[Any] = sieve(padded, size=least, mask=padded != 0, connectivity=4)
    return np.where(padded == 0, 0, found)[:-least, :-1]


@settings(max_examples=60, deadline=None)
@given(
    classes=st_numpy.arrays(
        np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 3), fill=st.nothing()
    ),
    least=st.integers(2, 30),
    strip=st.integers(1, 60),
)
def test_any_map_is_merged_as_gdal_does(classes: NDArray[np.uint8], least: int, strip: int, folder: Path) -> None:
    """Ties, chains of small patches, circles and holes: the same class in every pixel, whatever the strips."""
    assert np.array_equal(merged(classes, least, folder, strip=strip), by_gdal(classes, least))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("blur", [0, 1, 3])
def test_maps_like_ours_are_merged_as_gdal_does(seed: int, blur: int, folder: Path) -> None:
    """Noise, speckled and smooth landscapes with a coast, five classes, of many patches that cross strips."""
    generator = np.random.default_rng(seed)
    fields = [gaussian_filter(generator.normal(size=(120, 90)), blur) for _ in range(5)]
    classes = (np.argmax(fields, axis=0) + 1).astype(np.uint16)
    classes[gaussian_filter(generator.normal(size=(120, 90)), 8) > 0.03] = 0
    classes[generator.random(classes.shape) < 0.02] = 300
    for least in (2, 5, 12, 400):
        assert np.array_equal(merged(classes, least, folder, strip=700, block=32), by_gdal(classes, least))


def test_a_patch_may_wind_through_all_strips(folder: Path) -> None:
    """A snake that touches itself only far below is one patch, though its pieces are joined late; a hook alike."""
    classes = np.ones((41, 31), dtype=np.uint8)
    classes[1::4, 1:] = classes[3::4, :-1] = 2
    classes[:, 15] = 3
    for least in (10, 60, 500):
        assert np.array_equal(merged(classes, least, folder, strip=31), by_gdal(classes, least))


def test_nothing_and_no_class_stay(folder: Path) -> None:
    """A map without classes, of one class, and of one small patch among unclassified pixels stay as they are."""
    empty = np.zeros((6, 5), dtype=np.uint8)
    assert np.array_equal(merged(empty, 9, folder), empty)
    assert (merged(empty + 4, 9, folder) == 4).all()
    alone = empty.copy()
    alone[2, 2] = 1
    assert np.array_equal(merged(alone, 9, folder), alone)


def test_files_go_also_when_something_breaks(folder: Path) -> None:
    """A failure while blocks are made leaves no file behind."""

    def broken() -> Iterator[tuple[Block, NDArray[Any]]]:
        yield Block(row=0, column=0, height=1, width=1), np.ones((1, 1), dtype=np.uint8)
        raise RasterError("broken")

    with pytest.raises(RasterError, match="broken"):
        list(without_patches(broken(), (2, 2), "uint8", 3, folder))
    assert list(folder.iterdir()) == []


def test_room_is_made_as_patches_are_met(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More patches than there was room for: files grow, and nothing that was known is lost."""
    monkeypatch.setattr(patches, "_GROWTH", 3)
    classes = np.random.default_rng(1).integers(1, 4, (40, 40)).astype(np.uint8)
    assert np.array_equal(merged(classes, 6, folder, strip=80), by_gdal(classes, 6))
