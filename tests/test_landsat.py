"""Landsat scenes: what is written is read, on any grid, window by window."""

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform
from rasterio.windows import Window
from test_observations import make

from stactools_esd.errors import NothingFoundError, ObservationsError, RasterError
from stactools_esd.observations import Observations
from stactools_esd.sources.landsat import open_landsat
from stactools_esd.sources.landsat_qa import Flag
from stactools_esd.sources.landsat_writer import write_landsat
from stactools_esd.sources.source import Source, TargetGrid, read, tile_grid

CORNER = Affine(30, 0, 720015, 0, -30, 5000025)
"""Near the east edge of zone 31; EPSG:32632 has it near its west edge."""

DATES = ["2003-06-01", "2003-07-03", "2014-07-04"]
MISSIONS = ["LT05", "LE07", "LC08"]


def observed(seed: int = 1, dates: list[str] = DATES, **changes: Any) -> Observations:
    """Observations at `CORNER` with a third of the values missing, band by band, and a tenth of the pixels whole."""
    rng = np.random.default_rng(seed)
    size = (len(dates), 6, 60, 50)
    valid = (rng.random(size) > 0.3) & (rng.random((len(dates), 1, 60, 50)) > 0.1)
    reflectance = rng.uniform(-0.2, 1.6, size).astype(np.float32)
    fields: dict[str, Any] = {"reflectance": reflectance, "valid": valid, "transform": CORNER}
    return make(dates, shape=(60, 50), **fields | changes)


def grid_of(observations: Observations) -> TargetGrid:
    """The grid of observations."""
    return TargetGrid(crs=observations.crs, transform=observations.transform, shape=observations.shape)


def whole(source: Source) -> Observations:
    """Everything that a source holds."""
    return read(source, Window(0, 0, source.shape[1], source.shape[0]), range(len(source.dates)))[0]


def neighbouring_zone(shape: tuple[int, int] = (90, 90)) -> TargetGrid:
    """A grid in zone 32 around what `observed` sees in zone 31, whose rows lie askew to it."""
    (x,), (y,) = transform("EPSG:32631", "EPSG:32632", [CORNER.c + 750], [CORNER.f - 900])
    corner = Affine(30, 0, round(x) - 15.0 * shape[1], 0, -30, round(y) + 15.0 * shape[0])
    return TargetGrid(crs=CRS.from_epsg(32632), transform=corner, shape=shape)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one scene each of Landsat 5, 7 and 8."""
    path = tmp_path_factory.mktemp("scenes")
    write_landsat(observed(), path, missions=MISSIONS, path_row="012031")
    return path


@pytest.mark.parametrize("mission", ["LT05", "LE07", "LC08", "LC09"])
def test_what_is_written_is_read(mission: str, tmp_path: Path) -> None:
    """Every sensor gives values back within half a step, the lowest within one, and missing ones stay missing."""
    written = observed(2)
    written.reflectance[0, 0, 0, :2] = -0.2, 1.6
    folders = write_landsat(written, tmp_path, missions=mission, path_row="012031")
    source = open_landsat(tmp_path, grid_of(written))
    back = whole(source)
    np.testing.assert_array_equal(back.valid, written.valid)
    np.testing.assert_allclose(back.reflectance[back.valid], written.reflectance[written.valid], atol=0.0000276)
    inner = written.valid & (written.reflectance > -0.1999)
    np.testing.assert_allclose(back.reflectance[inner], written.reflectance[inner], atol=0.0000139)
    np.testing.assert_array_equal(source.dates, written.dates)
    assert source.names == tuple(folder.name for folder in folders)
    assert source.names[0] == f"{mission}_L2SP_012031_20030601_20030601_02_T1"


def test_the_files_are_those_of_the_archive(scenes: Path) -> None:
    """Band numbers differ between TM and OLI; values are 16-bit integers of the archive's scale; fill is 0 and 1."""
    etm = scenes / "LE07_L2SP_012031_20030703_20030703_02_T1"
    names = [file.name.removeprefix(f"{etm.name}_") for file in sorted(etm.iterdir())]
    assert names == ["QA_PIXEL.TIF", "QA_RADSAT.TIF", *(f"SR_B{number}.TIF" for number in (1, 2, 3, 4, 5, 7))]
    scene = scenes / "LC08_L2SP_012031_20140704_20140704_02_T1"
    written = observed()
    paths = [scene / f"{scene.name}_{layer}.TIF" for layer in ("SR_B5", "QA_PIXEL")]
    with rasterio.open(paths[0]) as nir, rasterio.open(paths[1]) as qa:
        assert (nir.dtypes, nir.nodata, qa.dtypes, qa.nodata) == (("uint16",), 0, ("uint16",), 1)
        expected = np.where(written.valid[2, 3], (written.reflectance[2, 3].astype(float) + 0.2) / 0.0000275, 0)
        np.testing.assert_allclose(nir.read(1), expected, atol=0.51)
        np.testing.assert_array_equal(qa.read(1), np.where(written.valid[2].any(axis=0), 21824, 1))


def test_a_source_tells_what_it_is(scenes: Path) -> None:
    """Names, eight files each, dates and harmonisation come in one order, and a source can be sent to a process."""
    source = pickle.loads(pickle.dumps(open_landsat(scenes, neighbouring_zone(), harmonise="etm")))
    assert [str(day) for day in source.dates] == DATES
    assert [name[:4] for name in source.names] == MISSIONS
    assert [len(files) for files in source.files] == [8, 8, 8]
    assert source.files[2][0].name.endswith("SR_B2.TIF")
    assert source.files[2][6].name.endswith("QA_PIXEL.TIF")
    assert (source.harmonisation, source.bad, source.shape) == ("roy-2016-etm-to-oli", (), (90, 90))


def test_a_flat_folder_gives_the_same(scenes: Path, tmp_path: Path) -> None:
    """Files side by side, beside other rasters, are the scenes that folders are."""
    for file in scenes.glob("*/*"):
        shutil.copy(file, tmp_path / file.name)
    shutil.copy(next(scenes.glob("*/*B1.TIF")), tmp_path / "elevation.tif")
    flat, nested = (open_landsat(path, neighbouring_zone()) for path in (tmp_path, scenes))
    assert flat.names == nested.names
    np.testing.assert_array_equal(whole(flat).reflectance, whole(nested).reflectance)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_window_is_the_crop_of_the_whole(scenes: Path, data: st.DataObject) -> None:
    """In another zone too, any window holds exactly what the whole holds there."""
    source = open_landsat(scenes, neighbouring_zone())
    row, column = data.draw(st.integers(0, 89)), data.draw(st.integers(0, 89))
    height, width = data.draw(st.integers(1, 90 - row)), data.draw(st.integers(1, 90 - column))
    part, _ = read(source, Window(column, row, width, height), [0, 2])
    crop = whole(source).window(slice(row, row + height), slice(column, column + width))
    np.testing.assert_array_equal(part.reflectance, crop.reflectance[[0, 2]])
    np.testing.assert_array_equal(part.valid, crop.valid[[0, 2]])
    assert part.transform == crop.transform


def by_centres(observations: Observations, grid: TargetGrid) -> tuple[np.ndarray, np.ndarray]:
    """What observations hold at the centres of a grid's pixels: reflectance and valid, found point by point."""
    rows, columns = np.indices(grid.shape)
    x, y = grid.transform * (columns.ravel() + 0.5, rows.ravel() + 0.5)
    there = ~observations.transform * tuple(np.array(transform(grid.crs, observations.crs, x, y)))
    column, row = (np.floor(place).astype(int).reshape(grid.shape) for place in there)
    inside = (row >= 0) & (column >= 0) & (row < observations.shape[0]) & (column < observations.shape[1])
    row, column = np.where(inside, row, 0), np.where(inside, column, 0)
    return observations.reflectance[:, :, row, column], observations.valid[:, :, row, column] & inside


def test_scenes_of_two_zones_meet_on_one_grid(scenes: Path, tmp_path: Path) -> None:
    """Each pixel takes the value and quality of the pixel that holds its centre, by rasterio's own transformation."""
    grid = neighbouring_zone()
    east = observed(3, ["2014-07-05"], crs=grid.crs, transform=grid.transform * Affine.translation(10, 20))
    shutil.copytree(scenes, tmp_path, dirs_exist_ok=True)
    write_landsat(east, tmp_path, missions="LC09", path_row="011031")
    back = whole(open_landsat(tmp_path, grid))
    reflectance, valid = by_centres(whole(open_landsat(scenes, grid_of(observed()))), grid)
    np.testing.assert_array_equal(back.valid[:3], valid)
    np.testing.assert_array_equal(back.reflectance[:3][valid], reflectance[valid])
    assert valid[0].any()
    inside = (slice(20, 80), slice(10, 60))
    np.testing.assert_array_equal(back.valid[3][:, *inside], east.valid[0])
    np.testing.assert_allclose(
        back.reflectance[3][:, *inside][east.valid[0]], east.reflectance[0][east.valid[0]], atol=0.0000276
    )
    assert back.valid[3].sum() == east.valid[0].sum()


def test_tiles_share_the_grid_of_scenes_of_their_zone(tmp_path: Path) -> None:
    """On a tile's own grid nothing is resampled: values are those of the scene, moved by whole pixels."""
    tile = tile_grid("50TMK")
    corner = tile.transform * Affine.translation(100, 200)
    written = observed(4, DATES[:1], crs=tile.crs, transform=corner)
    write_landsat(written, tmp_path)
    back, _ = read(open_landsat(tmp_path, tile), Window(90, 190, 70, 80), [0])
    np.testing.assert_array_equal(back.valid[0, :, 10:70, 10:60], written.valid[0])
    assert back.valid.sum() == written.valid.sum()
    values = back.reflectance[0, :, 10:70, 10:60]
    np.testing.assert_allclose(values[written.valid[0]], written.reflectance[written.valid], atol=0.0000276)


def test_southern_tiles_take_northern_scenes(tmp_path: Path) -> None:
    """USGS counts southern scenes from the equator in the northern zone; they fall on the tile's pixels too."""
    tile = tile_grid("21HXE")
    corner = tile.transform * Affine.translation(5, 7)
    northern = Affine(30, 0, corner.c, 0, -30, corner.f - 10_000_000)
    written = observed(5, DATES[:1], crs=CRS.from_epsg(32621), transform=northern)
    write_landsat(written, tmp_path)
    back, _ = read(open_landsat(tmp_path, tile), Window(5, 7, 50, 60), [0])
    np.testing.assert_array_equal(back.valid, written.valid)


def test_clouds_and_gaps_never_bleed_into_values(tmp_path: Path) -> None:
    """Warped values are values of single clear pixels: bright clouds and the fill of gaps are in none of them."""
    written = observed(6, DATES[1:2], valid=np.ones((1, 6, 60, 50), bool))
    written.reflectance[:] = 0.1
    written.valid[..., 10:14, :] = False  # a gap of the scan-line corrector
    (folder,) = write_landsat(written, tmp_path, missions="LE07")
    with rasterio.open(folder / f"{folder.name}_QA_PIXEL.TIF", "r+") as dataset:
        flags = dataset.read(1)
        flags[30:40, 20:30] = 5896
        dataset.write(flags, 1)
    for number in (1, 2, 3, 4, 5, 7):
        with rasterio.open(folder / f"{folder.name}_SR_B{number}.TIF", "r+") as dataset:
            values = dataset.read(1)
            values[30:40, 20:30] = 40000
            dataset.write(values, 1)
    reflectance, valid = open_landsat(tmp_path, neighbouring_zone()).read_image(0, Window(0, 0, 90, 90))
    assert np.ptp(reflectance[valid]) == 0
    assert not reflectance[~valid].any()
    assert abs(valid[0].sum() - (3000 - 4 * 50 - 100)) < 60  # the zones' pixels differ a little in size


def test_saturated_bands_are_missing(tmp_path: Path) -> None:
    """A saturated red band leaves the other five."""
    (folder,) = write_landsat(make(["2014-07-04"], transform=CORNER), tmp_path)
    with rasterio.open(folder / f"{folder.name}_QA_RADSAT.TIF", "r+") as dataset:
        dataset.write(np.array([[8, 0, 0], [0, 0, 2048]], np.uint16), 1)
    valid = whole(open_landsat(tmp_path, grid_of(make(["2014-07-04"], transform=CORNER)))).valid[0]
    assert valid[:, 0, 0].tolist() == [True, True, False, True, True, True]
    assert not valid[:, 1, 2].any()
    assert valid.sum() == 6 * 6 - 1 - 6


def test_snow_is_kept_until_it_is_unusable(tmp_path: Path) -> None:
    """Snow is ground; whoever calls it unusable loses it."""
    snow = make(["2014-07-04"], transform=CORNER)
    (folder,) = write_landsat(snow, tmp_path)
    with rasterio.open(folder / f"{folder.name}_QA_PIXEL.TIF", "r+") as dataset:
        dataset.write(np.full((2, 3), 30048, np.uint16), 1)
    assert whole(open_landsat(tmp_path, grid_of(snow))).valid.all()
    assert not whole(open_landsat(tmp_path, grid_of(snow), unusable=("cloud", "snow"))).valid.any()


def test_clouds_are_written_with_their_flag(tmp_path: Path) -> None:
    """Flags mark pixels whose values are written all the same: the reader hides clouds, and keeps snow."""
    snow, cloud = (np.zeros((1, 2, 3), bool) for _ in range(2))
    snow[0, 0, 0], cloud[0, 1, 1] = True, True
    written = make(["2003-07-04"], transform=CORNER)
    flags: dict[Flag, Any] = {"snow": snow, "cloud": cloud}
    (folder,) = write_landsat(written, tmp_path, missions="LE07", flags=flags)
    valid = whole(open_landsat(tmp_path, grid_of(written))).valid
    np.testing.assert_array_equal(valid, np.broadcast_to(~cloud[:, None], valid.shape))
    with rasterio.open(folder / f"{folder.name}_SR_B1.TIF") as dataset:
        assert dataset.read(1).all()
    with pytest.raises(ObservationsError, match="got snow of shape"):
        write_landsat(written, tmp_path, flags={"snow": snow[:, :1]})


def test_harmonisation_changes_the_sensors_asked_for(scenes: Path) -> None:
    """`etm` moves Landsat 7 onto the line of OLI and leaves Landsat 5 and 8; `none` is the default."""
    grid = grid_of(observed())
    plain, etm, both = (whole(open_landsat(scenes, grid, harmonise=choice)) for choice in ("none", "etm", "etm+tm"))
    np.testing.assert_array_equal(whole(open_landsat(scenes, grid)).reflectance, plain.reflectance)
    np.testing.assert_array_equal(etm.reflectance[[0, 2]], plain.reflectance[[0, 2]])
    red = plain.valid[1, 2]
    np.testing.assert_allclose(etm.reflectance[1, 2][red], 0.0061 + 0.9047 * plain.reflectance[1, 2][red], atol=1e-6)
    np.testing.assert_array_equal(both.reflectance[2], plain.reflectance[2])
    assert not np.array_equal(both.reflectance[0], plain.reflectance[0])


def test_neighbouring_rows_are_two_images_of_a_day(tmp_path: Path) -> None:
    """Two images of one satellite and day get two rows, and both are read."""
    twice = observed(7, ["2014-07-04", "2014-07-04"])
    write_landsat(twice, tmp_path, path_row="012031")
    source = open_landsat(tmp_path, grid_of(twice))
    assert [name[10:16] for name in source.names] == ["012031", "012032"]
    np.testing.assert_array_equal(whole(source).valid, twice.valid)


def test_scenes_elsewhere_are_left_out(scenes: Path, tmp_path: Path) -> None:
    """Scenes that do not touch the grid are no images of it; where none does there is nothing to read."""
    shutil.copytree(scenes, tmp_path, dirs_exist_ok=True)
    write_landsat(observed(8, ["2015-01-01"], crs=CRS.from_epsg(32701)), tmp_path)
    assert len(open_landsat(tmp_path, neighbouring_zone()).names) == 3
    with pytest.raises(NothingFoundError, match="4 lie elsewhere"):
        open_landsat(tmp_path, tile_grid("50TMK"))


def test_writing_refuses_what_no_scene_has(tmp_path: Path) -> None:
    """Unknown missions, odd rows and a wrong number of missions end in one line, before anything is written."""
    with pytest.raises(RasterError, match="LC07"):
        write_landsat(observed(), tmp_path, missions=["LT05", "LE07", "LC07"])
    with pytest.raises(RasterError, match="six digits"):
        write_landsat(observed(), tmp_path, path_row="1231")
    with pytest.raises(ObservationsError, match="got 2 missions for 3 images"):
        write_landsat(observed(), tmp_path, missions=["LT05", "LE07"])
    assert not list(tmp_path.iterdir())
