"""Elevation, slope and aspect on a grid."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import rasterio
from elevation_files import GRID, UTM, Surface, cone, expected_terrain, plane, write_elevation, write_surface
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform
from rasterio.windows import Window

from stactools_esd.errors import GridError
from stactools_esd.sources import terrain as module
from stactools_esd.sources.place import place
from stactools_esd.sources.source import TargetGrid
from stactools_esd.sources.terrain import Terrain, open_terrain, slope_and_aspect

WHOLE = Window(0, 0, GRID.shape[1], GRID.shape[0])


def rough(shape: tuple[int, int], seed: int = 1) -> np.ndarray:
    """Rough ground of some 1000 m, with a small void, one across a block's edge, and a large one."""
    rng = np.random.default_rng(seed)
    elevation = (1000 + np.cumsum(np.cumsum(rng.normal(size=shape), 0), 1)).astype(np.float32)
    elevation[10:14, 20:23] = elevation[30:34, 30:34] = elevation[40:70, 5:25] = np.nan
    return elevation


def cut_into(size: int, terrain: Terrain, window: Window, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Read a window in blocks of another size."""
    module._block.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(module, "BLOCK", size)
        values = terrain.read(window)
    module._block.cache_clear()
    return values


@pytest.mark.parametrize(("down", "right", "aspect"), [(0, 1, 90), (0, -1, 270), (1, 0, 180), (-1, 0, 0)])
def test_aspect_is_where_water_runs_to(down: int, right: int, aspect: float) -> None:
    """A plane that falls by 30 m a pixel of 30 m slopes 45 degrees towards the side that it falls to."""
    row, column = np.mgrid[0:6, 0:7]
    elevation = (1000 - 30 * (down * row + right * column)).astype(np.float32)
    terrain = slope_and_aspect(elevation, 30, 30)
    assert terrain.shape == (3, 4, 5)
    np.testing.assert_allclose(terrain[1], 45, atol=1e-3)
    np.testing.assert_allclose((terrain[2] - aspect + 180) % 360, 180, atol=1e-3)


def test_flat_ground_has_no_aspect_and_missing_ground_nothing() -> None:
    """Aspect is NaN where flat; all three are NaN where there is no elevation."""
    elevation = np.full((5, 5), 12.0, dtype=np.float32)
    elevation[1, 1] = np.nan
    terrain = slope_and_aspect(elevation, 30, 30)
    assert np.isnan(terrain[2]).all()
    assert np.isnan(terrain[:, 0, 0]).all()
    assert (terrain[1].ravel()[1:] == 0).all()


def test_slopes_go_on_to_the_edge_of_what_is_known() -> None:
    """Next to unknown ground a plane keeps its slope; a pixel without any known neighbour is level."""
    row, column = np.mgrid[0:12, 0:12]
    elevation = (3 * column + 6 * row).astype(np.float32)
    expected = slope_and_aspect(elevation, 30, 30)
    elevation[5:8, 5:8] = elevation[:, 11] = np.nan
    terrain = slope_and_aspect(elevation, 30, 30)
    known = ~np.isnan(terrain[0])
    np.testing.assert_allclose(terrain[:, known], expected[:, known], atol=1e-4)
    assert known.sum() == 100 - 9
    alone = np.full((3, 3), np.nan, np.float32)
    alone[1, 1] = 5
    np.testing.assert_array_equal(slope_and_aspect(alone, 30, 30)[:, 0, 0], [5, 0, np.nan])


# Horn's slopes of the surface itself are what the laid elevation must give: degrees of slope that they may differ.
LAID = {
    "1 arc second": ("EPSG:4326", 1 / 3600, 0.001, 0.02),
    "3 arc seconds": ("EPSG:4326", 3 / 3600, 0.001, 0.1),
    "another zone": ("EPSG:32634", 30, 0.001, 0.01),
    "Europe at 90 m": ("EPSG:3035", 90, 0.001, 0.15),
    "Europe at 10 m": ("EPSG:3035", 10, 0.001, 0.02),
    "Europe at 3 m": ("EPSG:3035", 3, 0.001, 0.02),
    "the north pole at 32 m": ("EPSG:3413", 32, 0.001, 0.02),
}


@pytest.mark.parametrize("case", LAID)
@pytest.mark.parametrize("surface", [plane, cone])
def test_known_surfaces_keep_their_slopes_in_any_crs(tmp_path: Path, case: str, surface: Surface) -> None:
    """A plane keeps its slope to 0.001 degrees wherever its posts lie, a cone to 0.15 beyond 10 pixels of its top."""
    crs, spacing, plane_error, cone_error = LAID[case]
    margin = 6 if spacing < 1 else max(6, 120 / spacing)
    path = write_surface(tmp_path / "dem.tif", surface, crs, spacing, margin=margin)
    terrain = open_terrain(path, GRID).read(WHOLE)
    expected = expected_terrain(surface)
    row, column = np.mgrid[: GRID.shape[0], : GRID.shape[1]]
    far = np.hypot(row - 29.5, column - 39.5) > (10 if surface is cone else -1)
    np.testing.assert_allclose(terrain[0][far], expected[0][far], atol=0.001 if surface is plane else 0.2)
    np.testing.assert_allclose(terrain[1][far], expected[1][far], atol=plane_error if surface is plane else cone_error)
    turned = (terrain[2] - expected[2] + 180) % 360 - 180
    assert np.abs(turned[far]).max() < (0.005 if surface is plane else 0.5)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3035", "EPSG:3413", "EPSG:31468", "EPSG:2193", "EPSG:9518"])
def test_places_are_those_of_gdal(crs: str) -> None:
    """Coordinates come in GDAL's order, east before north, whatever order the CRS states."""
    x, y = GRID.transform * np.array([(0.0, 0.0), (80.0, 60.0)]).T
    np.testing.assert_allclose(
        place(GRID, CRS.from_user_input(crs), x, y), transform(GRID.crs, CRS.from_user_input(crs), x, y), atol=1e-6
    )


def test_posts_on_the_grid_are_kept_as_they_are(tmp_path: Path) -> None:
    """Elevation that lies on the pixels of the grid is not changed by a bit, and its edges are not lost."""
    elevation = rough(GRID.shape)
    path = write_elevation(tmp_path / "dem.tif", elevation, crs=UTM, transform=GRID.transform)
    terrain = open_terrain(path, GRID).read(WHOLE)
    known = ~np.isnan(elevation)
    np.testing.assert_array_equal(terrain[0][known], elevation[known])
    np.testing.assert_array_equal(terrain[1:, 1:8, 1:-1], slope_and_aspect(elevation[:9], 30, 30)[1:, :, :])


def test_elevation_is_as_gdal_interpolates_it(tmp_path: Path) -> None:
    """Away from voids and edges, elevation of a finer grid is GDAL's cubic one, to its error in placing."""
    rng = np.random.default_rng(3)
    elevation = (1000 + np.cumsum(np.cumsum(rng.normal(size=(40, 50)), 0), 1)).astype(np.float32)
    posts = Affine(90, 0, 599_000, 0, -90, 5_201_000)
    path = write_elevation(tmp_path / "dem.tif", elevation, crs=UTM, transform=posts)
    terrain = open_terrain(path, GRID).read(WHOLE)
    with (
        rasterio.open(path) as dataset,
        WarpedVRT(
            dataset, crs=GRID.crs, transform=GRID.transform, height=GRID.shape[0], width=GRID.shape[1],
            resampling=Resampling.cubic, tolerance=1e-9,
        ) as warped,
    ):  # fmt: skip
        np.testing.assert_allclose(terrain[0], warped.read(1), atol=0.001)


def test_fine_posts_are_averaged(tmp_path: Path) -> None:
    """The elevation of a pixel is the mean of the posts in it, where they are many, and noise goes down with them."""
    rng = np.random.default_rng(4)
    fine = (800 + 5 * rng.normal(size=(60 * 10, 80 * 10))).astype(np.float32)
    path = write_elevation(tmp_path / "dem.tif", fine, crs=UTM, transform=GRID.transform * Affine.scale(0.1))
    elevation = open_terrain(path, GRID).read(WHOLE)[0]
    means = fine.reshape(60, 10, 80, 10).mean(axis=(1, 3))
    np.testing.assert_allclose(elevation, means, atol=0.5)
    assert elevation.std() < 1.2 * 5 / 10


def test_posts_as_far_apart_as_pixels_are_not_smoothed_in_bands(tmp_path: Path) -> None:
    """On rough ground, pixels halfway between posts are less than 4 % flatter than those on posts; bilinear: 6 %."""
    size = 400
    rng = np.random.default_rng(5)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    frequency[0, 0] = 1
    ground = np.fft.ifft2(np.fft.fft2(rng.normal(size=(size, size))) * frequency**-1.7).real
    ground = (1000 + 80 * ground / ground.std()).astype(np.float32)
    grid = TargetGrid(crs=GRID.crs, transform=GRID.transform, shape=(size - 20, size - 20))
    posts = GRID.transform * Affine.translation(-5, -5) * Affine.scale(1.01)
    path = write_elevation(tmp_path / "dem.tif", ground, crs=UTM, transform=posts)
    slope = open_terrain(path, grid).read(Window(0, 0, size - 20, size - 20))[1]
    part = (np.arange(size - 20) + 5.5) / 1.01 - 0.5
    part = np.abs(part - np.round(part))
    between, on = (slope[np.ix_(chosen, chosen)].mean() for chosen in (part > 0.4, part < 0.1))
    assert 0.96 < between / on < 1.04


def holed(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """A cone with a wide void and a long one, both large, small ones, and one of about 90 pixels."""
    elevation = cone(east, north)
    for x, y, radius in ((600_700, 5_199_300, 350), (601_200, 5_199_100, 50), (602_100, 5_199_700, 70)):
        elevation[np.hypot(east - x, north - y) < radius] = np.nan
    elevation[(np.abs(east - 601_700) < 450) & (np.abs(north - 5_198_600) < 45)] = np.nan
    elevation[(np.abs(east - 601_200) < 950) & (np.abs(north - 5_198_330) < 28)] = np.nan
    return elevation


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Elevation with voids in two CRSs: 20 m of Europe's in the middle, 40 m of UTM all over."""
    path = tmp_path_factory.mktemp("elevation")
    write_surface(path / "a.tif", holed, "EPSG:3035", 20, margin=-25)
    write_surface(path / "b.tif", holed, UTM, 40)
    return path


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_window_is_the_crop_of_the_whole_bit_for_bit(folder: Path, data: st.DataObject) -> None:
    """Any window, in blocks of any size, holds the bits of the whole: no seam and no trace of how it was read."""
    grid = TargetGrid(crs=GRID.crs, transform=GRID.transform * Affine.scale(0.997), shape=GRID.shape)
    terrain = open_terrain(folder, grid, partial=True)
    module._block.cache_clear()
    whole = terrain.read(WHOLE)
    assert 0.05 < np.isnan(whole[0]).mean() < 0.2  # the large voids stay
    row, column = data.draw(st.integers(0, 59)), data.draw(st.integers(0, 79))
    height, width = data.draw(st.integers(1, 60 - row)), data.draw(st.integers(1, 80 - column))
    with pytest.MonkeyPatch.context() as monkeypatch:
        part = cut_into(
            data.draw(st.sampled_from([29, 64, 512])), terrain, Window(column, row, width, height), monkeypatch
        )
    np.testing.assert_array_equal(part, whole[:, row : row + height, column : column + width])


def test_terrain_can_be_sent_to_a_process(folder: Path) -> None:
    """Terrain holds no open file."""
    terrain = open_terrain(folder, GRID, partial=True)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(terrain)).read(WHOLE), terrain.read(WHOLE))


def test_slopes_need_metres(tmp_path: Path) -> None:
    """A grid in degrees is refused; so is a window that leaves the grid."""
    path = write_surface(tmp_path / "dem.tif", plane, UTM, 90)
    with pytest.raises(GridError, match="in metres"):
        open_terrain(path, TargetGrid(crs=CRS.from_epsg(4326), transform=Affine(1, 0, 0, 0, -1, 0), shape=(2, 2)))
    with pytest.raises(GridError, match="60 x 80"):
        open_terrain(path, GRID).read(Window(0, 0, 81, 60))
