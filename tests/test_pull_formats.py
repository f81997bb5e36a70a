"""What was pulled opens elsewhere: in GDAL, xarray and geopandas, on native and on chosen grids."""

from pathlib import Path

import geopandas
import numpy as np
import pytest
from neighbours import FOUR, MARK_STEP
from pulled_area import planned, write_two_years
from rasterio import Affine
from rasterio.windows import Window

from esd_tasks import pull_run
from esd_tasks.dataset import register
from esd_tasks.items import find_items
from esd_tasks.pull import read_window
from esd_tasks.pull_plan import make_plan
from esd_tasks.pull_request import PullRequest
from esd_tasks.pull_run import run_plan
from esd_tasks.target import pixels_inside
from stactools_esd.errors import CatalogError
from stactools_esd.fsq import codes_to_level_indices, codes_to_vectors
from stactools_esd.product import CODES_BANDS


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiles around the corner of their squares in two years."""
    return write_two_years(tmp_path_factory.mktemp("tiles"))


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut areas into several blocks, so that they are put together."""
    monkeypatch.setattr(pull_run, "BLOCK_PIXELS", 16)


@pytest.mark.parametrize("values", ["levels", "decoded"])
def test_levels_and_vectors_as_rasters(values: str, tiles: Path, tmp_path: Path) -> None:
    """72 named bands with a nodata value of their own, and clear observations beside them."""
    import rasterio

    plan = planned(tiles, tmp_path, year=2019, **{values: True})
    result = run_plan(plan)
    whole = read_window(plan.items, plan.grid)
    inside = pixels_inside(plan.grid, plan.area)
    expected = (codes_to_level_indices if values == "levels" else codes_to_vectors)(whole.codes)
    with rasterio.open(result.paths["2019"]) as dataset:
        read = dataset.read()
        assert dataset.descriptions[:2] == ("step_01_d1", "step_01_d2")
        nodata = dataset.nodata
        assert not dataset.overviews(1)
    expected = np.moveaxis(expected, -1, 1).reshape(72, *inside.shape)
    assert np.array_equal(read[:, inside], expected[:, inside])
    assert np.array_equal(read[:, ~inside], np.full_like(read[:, ~inside], nodata), equal_nan=values == "decoded")
    with rasterio.open(result.paths["clear_obs_2019"]) as dataset:
        assert np.array_equal(dataset.read(1) == 65_535, ~inside)


@pytest.mark.parametrize("version", [2, 3])
def test_a_zarr_cube_opens_in_xarray(version: int, tiles: Path, tmp_path: Path) -> None:
    """Codes stay whole numbers; years, steps, places and CRS are coordinates by the CF conventions."""
    xarray = pytest.importorskip("xarray")
    plan = planned(tiles, tmp_path, format="zarr", zarr_format=version)
    result = run_plan(plan)
    inside = pixels_inside(plan.grid, plan.area)
    with xarray.open_zarr(result.paths["zarr"]) as cube:
        assert (cube.codes.dims, cube.codes.dtype) == (("year", "step", "y", "x"), np.uint16)
        assert cube.year.values.tolist() == [2019, 2020]
        whole = read_window([item for item in plan.items if item.year == 2020], plan.grid)
        assert np.array_equal(cube.codes.sel(year=2020).values, np.where(inside, whole.codes, 0))
        assert np.array_equal(cube.clear_obs.sel(year=2020).values, np.where(inside, whole.clear_obs, 0))
        assert 'EPSG",32631' in cube.spatial_ref.attrs["crs_wkt"]
        x, y = plan.grid.centres(Window(0, 0, plan.grid.width, plan.grid.height))
        assert np.array_equal(cube.x.values, x[0])
        assert np.array_equal(cube.y.values, y[:, 0])
        assert cube.x.attrs["standard_name"] == "projection_x_coordinate"
        assert cube.attrs["esd_encoder"] == "esdnet-small-v1"
        register()
        assert np.array_equal(cube.esd.valid().sel(year=2019).values, inside)
    assert run_plan(plan).already_done


def test_gdal_opens_a_cube_with_its_place(tiles: Path, tmp_path: Path) -> None:
    """The default cube has CRS, transform and codes in GDAL, too."""
    import rasterio

    pytest.importorskip("zarr")
    plan = planned(tiles, tmp_path, year=2019, format="zarr")
    folder = run_plan(plan).paths["zarr"]
    with rasterio.open(f'ZARR:"{folder}":/codes') as dataset:
        assert (dataset.crs.to_epsg(), dataset.transform) == (32631, plan.grid.transform)
        whole = read_window(plan.items, plan.grid)
        assert np.array_equal(dataset.read(), np.where(pixels_inside(plan.grid, plan.area), whole.codes, 0))


def test_a_table_has_one_row_a_pixel_and_year(tiles: Path, tmp_path: Path) -> None:
    """GeoParquet opens in geopandas with its CRS; each row says year, tile, place in the grid and codes."""
    plan = planned(tiles, tmp_path, format="geoparquet")
    result = run_plan(plan)
    frame = geopandas.read_parquet(result.paths["table"])
    inside = pixels_inside(plan.grid, plan.area)
    assert frame.crs == plan.grid.crs.to_string()
    assert len(frame) == 2 * inside.sum()
    whole = read_window([item for item in plan.items if item.year == 2020], plan.grid)
    rows = frame[frame.year == 2020]
    place = rows["row"].to_numpy(), rows["column"].to_numpy()
    assert np.array_equal(rows["step_12"], whole.codes[MARK_STEP][place])
    assert np.array_equal(rows["tile"], np.array(FOUR)[whole.owner[place]])
    x, y = plan.grid.centres(Window(0, 0, plan.grid.width, plan.grid.height))
    assert np.array_equal(rows.geometry.x, x[place])
    assert np.array_equal(rows.geometry.y, y[place])


def test_a_chosen_grid_takes_the_nearest_pixel(tiles: Path, tmp_path: Path) -> None:
    """Codes on another CRS and resolution are codes of the nearest pixel, never mixed."""
    plan = planned(tiles, tmp_path, year=2019, crs="EPSG:3035", resolution=100.0)
    result = run_plan(plan)
    assert (plan.grid.crs.to_epsg(), plan.grid.transform.a) == (3035, 100.0)
    with find_items(result.folder)[0].open() as file:
        block = file.read()
    native = read_window(plan.items, planned(tiles, tmp_path, year=2019).grid)
    assert block.valid.any()
    assert set(map(tuple, block.codes[:, block.valid].T)) <= set(map(tuple, native.codes[:, native.valid].T))


def test_codes_on_degrees_are_rasters_that_claim_no_tile(tiles: Path, tmp_path: Path) -> None:
    """Codes on degrees have the bands of a codes COG and the codes of the nearest pixel, and pass for no codes COG."""
    import rasterio

    plan = planned(tiles, tmp_path, year=2019, crs="EPSG:4326", resolution=0.0005)
    result = run_plan(plan)
    assert result.paths["2019"].name == "codes_2019.tif"
    whole = read_window(plan.items, plan.grid)
    inside = pixels_inside(plan.grid, plan.area)
    with rasterio.open(result.paths["2019"]) as dataset:
        assert (dataset.crs.to_epsg(), dataset.transform) == (4326, plan.grid.transform)
        assert (dataset.descriptions, dataset.nodata, dataset.overviews(1)) == (CODES_BANDS, None, [])
        assert np.array_equal(dataset.read()[:12], np.where(inside, whole.codes, 0))
        assert np.array_equal(dataset.read(13), np.where(inside, whole.clear_obs, 0))
        said = dataset.tags()
    assert said["RESAMPLED"] == "codes of all tiles moved to the nearest pixel of EPSG:4326, 0.0005 degrees"
    assert said["ENCODER"] == "esdnet-small-v1"
    assert not any(key.startswith("ESD_") for key in said)
    with pytest.raises(CatalogError, match="without catalogue, item or codes COG"):
        find_items(result.folder)
    assert run_plan(plan).already_done
    again = run_plan(planned(tiles, tmp_path / "b", year=2019, like=result.paths["2019"]))
    with rasterio.open(result.paths["2019"]) as one, rasterio.open(again.paths["2019"]) as other:
        assert np.array_equal(one.read(), other.read())


def test_codes_of_another_grid_say_so(tiles: Path, tmp_path: Path) -> None:
    """Codes that moved name the grid in tags, table and cube; those on their own pixels say nothing of it."""
    import xarray

    plan = planned(tiles, tmp_path / "own", year=2019)
    assert plan.regridding is None
    with find_items(run_plan(plan).folder)[0].open() as file:
        assert len(file.tags.sources) == len(plan.items)
    moved = {"year": 2019, "crs": "EPSG:3035", "resolution": 100.0}
    said = "codes of all tiles moved to the nearest pixel of EPSG:3035, 100 metre"
    with find_items(run_plan(planned(tiles, tmp_path / "moved", **moved)).folder)[0].open() as file:
        assert file.tags.sources[-1] == said
        assert (file.tags.tile, file.transform.a) == ("xmy_area", 100.0)
    cube = run_plan(planned(tiles, tmp_path / "cube", format="zarr", **moved)).paths["zarr"]
    with xarray.open_zarr(cube) as dataset:
        assert dataset.attrs["resampled"] == said


def test_like_a_raster(tiles: Path, tmp_path: Path) -> None:
    """The result has the pixels of the raster, all of them where no area is given."""
    import rasterio

    own = planned(tiles, tmp_path, year=2019).grid
    transform = own.transform * Affine.translation(3, 5) * Affine.scale(2.0)
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "height": 9, "width": 11}
    with rasterio.open(tmp_path / "dem.tif", "w", crs=own.crs, transform=transform, **profile) as dataset:
        dataset.write(np.ones((1, 9, 11), np.uint8))
    request = PullRequest(catalog=str(tiles), like=tmp_path / "dem.tif", year=2019, output=tmp_path / "like")
    result = run_plan(make_plan(request))
    with find_items(result.folder)[0].open() as file:
        assert (file.transform, file.height, file.width) == (transform, 9, 11)
        assert file.read().valid.all()
