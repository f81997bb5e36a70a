"""Folders of SDC30 tiles, cropped to the product's grid."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.errors import GridError, RasterError
from stactools_esd.grid import tile
from stactools_esd.sources.sdc30 import PARENT_PIXELS, open_sdc30
from stactools_esd.sources.source import Source, TargetGrid, read, tile_grid

TILE = tile("50TMK")
MARK = np.arange(1, 6 * 32 * 32 + 1, dtype=np.int16).reshape(6, 32, 32)
"""Numbers that differ from pixel to pixel and band to band."""


def write(path: Path, numbers: np.ndarray, *, at: tuple[int, int] = (0, 0), **profile: Any) -> Path:
    """Write numbers at a row and column of a raster, by default of a parent grid that begins where the tile does."""
    scales = profile.pop("scales", None)
    options: dict[str, Any] = {
        "driver": "GTiff",
        "count": numbers.shape[0],
        "height": PARENT_PIXELS,
        "width": PARENT_PIXELS,
        "dtype": numbers.dtype,
        "crs": CRS.from_epsg(TILE.epsg),
        "transform": TILE.transform,
        "tiled": True,
        "sparse_ok": True,
    }
    with rasterio.open(path, "w", **options | profile) as dataset:
        dataset.write(numbers, window=Window(at[1], at[0], numbers.shape[2], numbers.shape[1]))
        if scales:
            dataset.scales = (scales,) * dataset.count
    return path


def small(path: Path, numbers: np.ndarray, **profile: Any) -> Path:
    """Write a raster no larger than its numbers, whose corner is the tile's."""
    return write(path, numbers, height=numbers.shape[1], width=numbers.shape[2], **profile)


def grid_within(shape: tuple[int, int], row: int = 0, column: int = 0) -> TargetGrid:
    """Return a grid on the tile's pixels."""
    return TargetGrid(
        crs=CRS.from_epsg(TILE.epsg), transform=TILE.transform * Affine.translation(column, row), shape=shape
    )


def shifted(columns: float, rows: float, id: str = "50TMK") -> Affine:
    """Return a tile's transform with its corner moved right and down by pixels."""
    return tile(id).transform * Affine.translation(columns, rows)


def test_the_leading_pixels_of_a_parent_grid_are_the_tile(tmp_path: Path) -> None:
    """A file whose corner is the tile's is cropped at its far edges only; reflectance is 0.0001 times its numbers."""
    write(tmp_path / "SDC30_V003_50TMK_20200501.tif", MARK)
    source: Source = open_sdc30(tmp_path)
    assert (source.crs, source.transform, source.shape) == (CRS.from_epsg(32650), TILE.transform, (3600, 3600))
    reflectance, valid = source.read_image(0, Window(0, 0, 32, 32))
    np.testing.assert_array_equal(reflectance, (MARK * 0.0001).astype(np.float32))
    assert valid.all()
    assert source.names == ("SDC30_V003_50TMK_20200501.tif",)
    assert source.files == ((tmp_path / source.names[0],),)
    assert source.harmonisation == open_sdc30(tmp_path).archive == "SDC30_V003"


def test_the_crop_comes_from_the_georeference(tmp_path: Path) -> None:
    """Where a file begins left of and above the tile, the tile begins that many pixels within it."""
    write(tmp_path / "CSDC30_50TMK_2020122.tif", MARK, at=(7, 5), transform=shifted(-5, -7))
    source = open_sdc30(tmp_path)
    assert source.transform == TILE.transform
    assert str(source.dates[0]) == "2020-05-01"
    np.testing.assert_array_equal(source.read_image(0, Window(0, 0, 32, 32))[0], (MARK * 0.0001).astype(np.float32))


def test_files_on_the_product_grid_are_taken_as_they_are(tmp_path: Path) -> None:
    """A file of 3600 x 3600 keeps its own georeference, half a pixel off the rule or not, beside parents or not."""
    write(tmp_path / "SDC30_V003_50TMK_20200501.tif", MARK, height=3600, width=3600, transform=shifted(0.5, 0.5))
    assert open_sdc30(tmp_path).transform == shifted(0.5, 0.5)
    write(tmp_path / "SDC30_V003_50TMK_20200505.tif", MARK, at=(1, 2), transform=shifted(-1.5, -0.5))
    source = open_sdc30(tmp_path)
    one, other = (source.read_image(position, Window(0, 0, 32, 32))[0] for position in (0, 1))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("zone", "north"), [(32750, 0.0), (32650, -10_000_000.0)])
def test_southern_tiles_come_in_either_zone(tmp_path: Path, zone: int, north: float) -> None:
    """A southern file may use the northern zone with negative northings, and knows its corner better than the rule."""
    corner = Affine.translation(0, north) * shifted(1, -1, "50LKR")
    write(tmp_path / "SDC30_V003_50LKR_20200501.tif", MARK, at=(1, 0), crs=CRS.from_epsg(zone), transform=corner)
    source = open_sdc30(tmp_path)
    assert source.crs == CRS.from_epsg(zone)
    assert source.transform == corner * Affine.translation(0, 1)
    assert source.read_image(0, Window(0, 0, 1, 1))[0][0, 0, 0] == pytest.approx(0.0001)


@given(row=st.integers(0, 31), column=st.integers(0, 31), data=st.data())
def test_windows_equal_the_same_part_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, row: int, column: int, data: st.DataObject
) -> None:
    """Any window of a grid within the files gives what stands at that place of the file."""
    folder = tmp_path_factory.mktemp("sdc30")
    small(folder / "SDC30_V003_50TMK_20200501.tif", MARK)
    source = open_sdc30(folder, grid_within((32 - row, 32 - column), row, column))
    first_row, first_column = data.draw(st.integers(0, 31 - row)), data.draw(st.integers(0, 31 - column))
    height, width = (
        data.draw(st.integers(1, 32 - row - first_row)),
        data.draw(st.integers(1, 32 - column - first_column)),
    )
    part, _ = source.read_image(0, Window(first_column, first_row, width, height))
    rows = slice(row + first_row, row + first_row + height)
    columns = slice(column + first_column, column + first_column + width)
    np.testing.assert_array_equal(part, (MARK[:, rows, columns] * 0.0001).astype(np.float32))


def test_the_border_of_zeros_is_missing_whatever_the_tag(tmp_path: Path) -> None:
    """Zeros in all bands are no observation, even where somebody tagged another number; a single 0 is one."""
    numbers = np.full((6, 1, 3), 500, np.int16)
    numbers[:, 0, 0] = 0
    numbers[0, 0, 1] = 0
    numbers[3, 0, 2] = -9999
    small(tmp_path / "SDC30_V003_50TMK_20200501.tif", numbers, nodata=-9999)
    reflectance, valid = open_sdc30(tmp_path, grid_within((1, 3))).read_image(0, Window(0, 0, 3, 1))
    assert valid[0, 0].tolist() == [False, True, True]
    assert valid[3, 0].tolist() == [False, True, False]
    assert reflectance[~valid].tolist() == [0.0] * 7


def test_images_come_in_order_of_date_and_through_pickle(tmp_path: Path) -> None:
    """Dates never decrease across a year's end, and a source that was pickled reads the same."""
    for day in ("20210102", "20201230", "20200601"):
        small(tmp_path / f"SDC30_V003_50TMK_{day}.tif", MARK + np.int16(int(day[-2:])))
    small(tmp_path / "terrain.tif", MARK[:3])
    source = pickle.loads(pickle.dumps(open_sdc30(tmp_path, grid_within((32, 32)))))
    assert [str(day) for day in source.dates] == ["2020-06-01", "2020-12-30", "2021-01-02"]
    observations, bad = read(source, Window(3, 4, 2, 1), [0, 2])
    assert observations.reflectance[:, 0, 0, 0] == pytest.approx((MARK[0, 4, 3] + np.array([1, 2])) * 0.0001)
    assert observations.transform == shifted(3, 4)
    assert bad == ()


def test_windows_stay_within_the_tile(tmp_path: Path) -> None:
    """The margin of a parent grid is not part of the tile."""
    write(tmp_path / "SDC30_V003_50TMK_20200501.tif", MARK)
    with pytest.raises(GridError, match="inside 3600 x 3600"):
        open_sdc30(tmp_path).read_image(0, Window(3590, 0, 11, 1))


@pytest.mark.parametrize(
    ("other", "match"),
    [
        ("SDC30_V003_50TNK_20200505.tif", r"SDC30_V003_50TMK_20200501\.tif and SDC30_V003_50TNK_.*one tile"),
        ("SDC30_V003CHN_50TMK_20200505.tif", "one version"),
        ("CSDC30_50TMK_2020125.tif", "one version"),
        ("SDC30_V003_50TMK_20200501.tiff", r"got 2020-05-01 twice, in .*20200501\.tif and .*20200501\.tiff"),
        ("SDC30_EBD_V001_50TMK_2020.tif", "rename the file or move it"),
        ("SDC30_V003_50TMK_20201301.tif", "20201301"),
    ],
)
def test_folders_of_two_kinds_are_refused(tmp_path: Path, other: str, match: str) -> None:
    """Two tiles, two versions, a date twice and names of something else end in one line that names the files."""
    for name in ("SDC30_V003_50TMK_20200501.tif", other):
        small(tmp_path / name, MARK)
    with pytest.raises(RasterError, match=match):
        open_sdc30(tmp_path, grid_within((32, 32)))


@pytest.mark.parametrize(
    ("profile", "match"),
    [
        ({"height": 3599}, "got 3599 x 3661 pixels"),
        ({"height": 5000, "width": 5000}, "got 5000 x 5000 pixels"),
        ({"transform": shifted(3400, 0)}, "cannot find tile 50TMK in .*20200501"),
        ({"transform": shifted(1, 0)}, "30 m off tile"),
        ({"crs": CRS.from_epsg(32651)}, "expected EPSG:32650"),
        ({"crs": None}, "without a coordinate reference system"),
        ({"transform": shifted(0, 0) * Affine.rotation(5)}, "cannot place"),
    ],
)
def test_files_that_do_not_hold_the_tile_are_refused(tmp_path: Path, profile: dict[str, Any], match: str) -> None:
    """An odd size, another place or another zone than the name says ends in an error that names the file."""
    write(tmp_path / "SDC30_V003_50TMK_20200501.tif", MARK, **profile)
    with pytest.raises(RasterError, match=match) as caught:
        open_sdc30(tmp_path)
    assert "20200501.tif" in str(caught.value)


@pytest.mark.parametrize(
    ("grid", "match"),
    [
        (grid_within((33, 32)), "within them"),
        (grid_within((4, 4), -1, 0), "within them"),
        (TargetGrid(crs=CRS.from_epsg(32650), transform=shifted(0.5, 0), shape=(4, 4)), "other pixels"),
        (TargetGrid(crs=CRS.from_epsg(32651), transform=TILE.transform, shape=(4, 4)), "other pixels"),
        (
            TargetGrid(crs=CRS.from_epsg(32650), transform=TILE.transform * Affine.scale(1.01), shape=(4, 4)),
            "other pixels",
        ),
    ],
)
def test_grids_off_the_pixels_are_refused(tmp_path: Path, grid: TargetGrid, match: str) -> None:
    """A grid that is given must lie within the files and on their pixels, for SDC30 is never resampled."""
    small(tmp_path / "SDC30_V003_50TMK_20200501.tif", MARK)
    with pytest.raises(RasterError, match=match):
        open_sdc30(tmp_path, grid)


@pytest.mark.parametrize(
    ("numbers", "options", "match"),
    [
        (MARK.astype(np.float32), {}, "got float32 numbers of unknown scale"),
        (MARK.astype(np.uint8), {}, "got uint8 numbers of unknown scale"),
        (MARK, {"scales": 0.0000275}, "got scale 2.75e-05"),
        (MARK[:5], {}, "got 5 bands"),
    ],
)
def test_unknown_numbers_are_refused(tmp_path: Path, numbers: np.ndarray, options: dict[str, Any], match: str) -> None:
    """Six bands of 16-bit integers of scale 0.0001 are SDC30; anything else is named and refused."""
    small(tmp_path / "SDC30_V003_50TMK_20200501.tif", numbers, **options)
    with pytest.raises(RasterError, match=match):
        open_sdc30(tmp_path, grid_within((4, 4)))


def test_damaged_files_are_named_and_skipped_on_request(tmp_path: Path) -> None:
    """A file that cannot be opened is an error that names it; with skip_bad it is left out and named."""
    good = small(tmp_path / "SDC30_V003_50TMK_20200501.tif", MARK)
    (tmp_path / "SDC30_V003_50TMK_20200505.tif").write_bytes(b"not an image")
    small(tmp_path / "SDC30_V003_50TMK_20200509.tif", MARK[:5])
    grid = grid_within((32, 32))
    with pytest.raises(RasterError, match="20200505"):
        open_sdc30(tmp_path, grid)
    source = open_sdc30(tmp_path, grid, skip_bad=True)
    assert source.bad == ("SDC30_V003_50TMK_20200505.tif", "SDC30_V003_50TMK_20200509.tif")
    assert len(source.dates) == 1
    good.write_bytes(good.read_bytes()[:5000])
    with pytest.raises(RasterError, match="20200501"):
        source.read_image(0, Window(0, 0, 32, 32))
    assert read(source, Window(0, 0, 32, 32), [0], skip_bad=True)[1] == (good.name,)
    good.write_bytes(b"nothing")
    with pytest.raises(RasterError, match=r"got 3 damaged files in .*20200501"):
        open_sdc30(tmp_path, grid, skip_bad=True)


def test_folders_without_files_are_refused(tmp_path: Path) -> None:
    """No folder and no raster end in one line each."""
    with pytest.raises(RasterError, match="expected a folder"):
        open_sdc30(tmp_path / "nowhere")
    with pytest.raises(RasterError, match="got no raster"):
        open_sdc30(tmp_path)


def test_the_grid_of_the_tile_may_be_given(tmp_path: Path) -> None:
    """The tile's grid by the rule is the same as none where files lie where the rule says."""
    write(tmp_path / "SDC30_V003_50TMK_20200501.tif", MARK, at=(2, 1), transform=shifted(-1, -2))
    given_grid, own = open_sdc30(tmp_path, tile_grid("50TMK")), open_sdc30(tmp_path)
    assert given_grid.transform == own.transform
    assert given_grid.images == own.images
