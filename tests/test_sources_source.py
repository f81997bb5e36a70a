"""What every reader of images gives, and reading windows of it."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window
from test_observations import make
from test_sources_folder import random_observations, write_image

from stactools_esd.errors import GridError, RasterError
from stactools_esd.grid import tile
from stactools_esd.sources.folder import open_folder, write_folder
from stactools_esd.sources.source import Source, TargetGrid, check_window, read, tile_grid

DATES = ["2020-01-01", "2020-05-01", "2020-05-01", "2020-09-01"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four images of 20 x 12 pixels."""
    path = tmp_path_factory.mktemp("images")
    write_folder(random_observations(1, DATES, (20, 12)), path)
    return path


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_window_is_the_crop_of_the_whole(folder: Path, data: st.DataObject) -> None:
    """Any window of any images holds what the whole holds there, with its own transform."""
    source: Source = open_folder(folder)
    row, column = data.draw(st.integers(0, 19)), data.draw(st.integers(0, 11))
    height, width = data.draw(st.integers(1, 20 - row)), data.draw(st.integers(1, 12 - column))
    positions = data.draw(st.lists(st.integers(0, 3), unique=True).map(sorted))
    part, bad = read(source, Window(column, row, width, height), positions)
    whole = open_folder(folder).read().window(slice(row, row + height), slice(column, column + width))
    np.testing.assert_array_equal(part.reflectance, whole.reflectance[positions])
    np.testing.assert_array_equal(part.valid, whole.valid[positions])
    np.testing.assert_array_equal(part.dates, whole.dates[positions])
    assert part.transform == whole.transform
    assert part.crs == source.crs
    assert bad == ()


@pytest.mark.parametrize(
    "window", [(-1, 0, 2, 2), (0, -1, 2, 2), (11, 0, 2, 2), (0, 19, 2, 2), (0, 0, 0, 2), (0, 0, 2, 0), (0.5, 0, 2, 2)]
)
def test_windows_that_leave_the_grid_are_refused(window: tuple[float, float, float, float]) -> None:
    """Windows are whole pixels inside the grid; what leaves it is not read as missing."""
    with pytest.raises(GridError, match="20 x 12"):
        check_window(Window(*window), (20, 12))


def test_a_window_may_be_the_whole_grid() -> None:
    """The largest window is the grid itself."""
    assert check_window(Window(0, 0, 12, 20), (20, 12)) == (slice(0, 20), slice(0, 12))


def test_damaged_images_are_named_and_not_observed_when_asked(tmp_path: Path) -> None:
    """With `skip_bad` a truncated image is missing in the window, and named; without it is an error that names it."""
    write_folder(random_observations(2, DATES[:2], (64, 64)), tmp_path)
    source = open_folder(tmp_path)
    file = tmp_path / "SR_20200501.tif"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    window = Window(0, 0, 64, 64)
    with pytest.raises(RasterError, match="SR_20200501"):
        read(source, window, [0, 1])
    observations, bad = read(source, window, [0, 1], skip_bad=True)
    assert bad == ("SR_20200501.tif",)
    assert observations.valid[0].any()
    assert not observations.valid[1].any()
    assert [str(day) for day in observations.dates] == DATES[:2]


def test_reading_no_image_gives_no_image(folder: Path) -> None:
    """An empty list of positions is a window without dates, not an error."""
    observations, _ = read(open_folder(folder), Window(0, 0, 3, 2), [])
    assert observations.reflectance.shape == (0, 6, 2, 3)


def test_a_folder_is_a_source(folder: Path) -> None:
    """A folder tells its files, names and harmonisation in the order of its dates, and can be sent to a process."""
    source = pickle.loads(pickle.dumps(open_folder(folder)))
    assert [[file.name for file in files] for files in source.files] == [[name] for name in source.names]
    assert all(file.exists() for files in source.files for file in files)
    assert len(set(source.names)) == len(source.dates) == 4
    assert source.harmonisation == "none"
    assert source.bad == ()


def test_what_was_not_observed_is_zero(folder: Path) -> None:
    """A reader gives reflectance 0 where it was not observed."""
    reflectance, valid = open_folder(folder).read_image(0, Window(0, 0, 12, 20))
    assert not valid.all()
    assert not reflectance[~valid].any()


def test_a_folder_skips_damaged_files_when_asked(tmp_path: Path) -> None:
    """Files that cannot be opened or lack bands are named in `bad`; without `skip_bad` they are errors."""
    write_folder(make(["2020-05-01"]), tmp_path)
    (tmp_path / "SR_20200601.tif").write_bytes(b"no image")
    write_image(tmp_path / "SR_20200101.tif", np.full((5, 2, 3), 500, np.int16))
    with pytest.raises(RasterError, match="SR_20200101"):
        open_folder(tmp_path)
    source = open_folder(tmp_path, skip_bad=True)
    assert source.bad == ("SR_20200101.tif", "SR_20200601.tif")
    assert source.names == ("SR_20200501.tif",)
    (tmp_path / "SR_20200501.tif").unlink()
    with pytest.raises(RasterError, match="got 2 damaged rasters"):
        open_folder(tmp_path, skip_bad=True)


def test_a_folder_refuses_two_grids_and_a_date_twice_even_so(tmp_path: Path) -> None:
    """Mixed tiles and a date given twice under one prefix are mistakes, not damage: `skip_bad` does not hide them."""
    numbers = np.full((6, 2, 2), 500, np.int16)
    write_image(tmp_path / "a_20200501.tif", numbers)
    write_image(tmp_path / "a_2020122.tif", numbers)
    with pytest.raises(RasterError, match=r"2020-05-01 twice, in a_20200501.tif and a_2020122.tif"):
        open_folder(tmp_path, skip_bad=True)
    write_image(tmp_path / "a_2020122.tif", numbers, crs="EPSG:32632")
    with pytest.raises(RasterError, match="another grid"):
        open_folder(tmp_path, skip_bad=True)


def test_the_grid_of_a_tile_is_that_of_the_rule() -> None:
    """A tile's target grid is 3600 x 3600 pixels of 30 m in its zone."""
    grid, place = tile_grid("21HXE"), tile("21HXE")
    assert (grid.crs, grid.transform, grid.shape) == (CRS.from_epsg(32721), place.transform, (3600, 3600))


@pytest.mark.parametrize(
    ("transform", "shape"),
    [
        (Affine(30, 0, 0, 0, 30, 0), (2, 2)),
        (Affine(-30, 0, 0, 0, -30, 0), (2, 2)),
        (Affine(30, 1, 0, 0, -30, 0), (2, 2)),
        (Affine(30, 0, 0, 0, -30, 0), (0, 2)),
    ],
)
def test_grids_are_north_up_and_have_pixels(transform: Affine, shape: tuple[int, int]) -> None:
    """Upside-down, mirrored, turned and empty grids are refused."""
    with pytest.raises(GridError, match="north up"):
        TargetGrid(crs=CRS.from_epsg(32631), transform=transform, shape=shape)
