"""Codes open in xarray as they are in the tiles: lazily by blocks, with levels and vectors beside them."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from neighbours import CORNER, FOUR, square_around, to_wgs84, write_tile
from rasterio import Affine
from rasterio.windows import Window

import esd_tasks
from esd_tasks import dataset
from esd_tasks.items import find_items
from esd_tasks.pull import grid_for, pixels_inside, read_window
from stactools_esd.codes_file import CodesFile
from stactools_esd.errors import MissingExtraError, UsageError
from stactools_esd.fsq import codes_to_level_indices, codes_to_vectors

pytest.importorskip("xarray")
AREA = square_around(*CORNER, 505.0)  # no edge passes through the middle of a pixel


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiles around the corner of their squares, in two years."""
    folder = tmp_path_factory.mktemp("tiles")
    lon, lat = to_wgs84(32631, *CORNER)
    for year in (2019, 2020):
        for mark, tile in enumerate(FOUR, start=1):
            write_tile(folder, tile, lon, lat, mark=mark + year - 2019, size=(80, 80), year=year, clear=2 * mark)
    return folder


@pytest.fixture(params=["dask", "no dask"])
def any_dask(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With dask installed and without."""
    if request.param == "no dask":
        monkeypatch.setattr(dataset, "find_spec", lambda name: None)
    return str(request.param)


def test_a_dataset_is_what_a_mosaic_reads(tiles: Path, any_dask: str) -> None:
    """Years, steps and places are coordinates, and each pixel has the codes of its owner."""
    ds = esd_tasks.open(tiles, geometry=AREA, chunks=16)
    assert ds.codes.dims == ("year", "step", "y", "x")
    assert (ds.year.values.tolist(), ds.step.values.tolist()) == ([2019, 2020], list(range(1, 13)))
    assert (ds.codes.chunks is not None) == (any_dask == "dask")
    items = find_items(tiles, years=[2020])
    grid = grid_for(items, AREA)
    inside = pixels_inside(grid, AREA)
    block = read_window(items, grid)
    assert np.array_equal(ds.codes.sel(year=2020).values, np.where(inside, block.codes, 0))
    assert np.array_equal(ds.clear_obs.sel(year=2020).values, np.where(inside, block.clear_obs, 0))
    x, y = grid.centres(Window(0, 0, grid.width, grid.height))
    assert np.array_equal(ds.x.values, x[0])
    assert np.array_equal(ds.y.values, y[:, 0])
    assert ds.attrs["esd_encoder"] == "esdnet-small-v1"


def test_levels_and_vectors(tiles: Path, any_dask: str) -> None:
    """The accessor decodes as `fsq` does, 255 and NaN where there is no data, dimensions after steps."""
    ds = esd_tasks.open(tiles, geometry=AREA, years=2019, min_clear=4, chunks=16)
    levels, vectors, valid = ds.esd.levels(), ds.esd.vectors(), ds.esd.valid().values
    assert levels.dims == vectors.dims == ("year", "step", "dimension", "y", "x")
    assert (levels.dtype, vectors.dtype) == (np.uint8, np.float32)
    assert 0 < valid.mean() < 1
    there = np.broadcast_to(valid[:, None, None], levels.shape)
    codes = ds.codes.values
    assert np.array_equal(levels.values[there], np.moveaxis(codes_to_level_indices(codes), -1, 2)[there])
    assert np.array_equal(vectors.values[there], np.moveaxis(codes_to_vectors(codes), -1, 2)[there])
    assert (levels.values[~there] == 255).all()
    assert np.isnan(vectors.values[~there]).all()


def test_nothing_is_read_before_it_is_needed(tiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening reads no codes; a corner of one year reads its block alone."""
    pytest.importorskip("dask")
    windows: list[Any] = []
    read = CodesFile.read
    monkeypatch.setattr(CodesFile, "read", lambda self, window=None: windows.append(window) or read(self, window))
    ds = esd_tasks.open(tiles, geometry=AREA, chunks=16)
    ds.esd.vectors()
    assert windows == []
    ds.codes.sel(year=2020)[:, :10, :10].compute(scheduler="synchronous")
    assert [(window.width, window.height) for window in windows] == [(16, 16)]


def test_blocks_are_read_in_threads_and_travel_to_processes(tiles: Path) -> None:
    """Threads read with files of their own, and a lazy dataset can be pickled."""
    pytest.importorskip("dask")
    ds = esd_tasks.open(tiles, bbox=AREA.bounds, chunks=8)
    alone = ds.codes.compute(scheduler="synchronous")
    assert np.array_equal(ds.codes.compute(scheduler="threads", num_workers=4), alone)
    assert np.array_equal(pickle.loads(pickle.dumps(ds)).codes.compute(scheduler="synchronous"), alone)


def test_grids_may_be_chosen(tiles: Path, tmp_path: Path) -> None:
    """A CRS with a resolution, degrees, or the pixels of a raster."""
    import rasterio

    assert esd_tasks.open(tiles, geometry=AREA, crs="EPSG:3035", resolution=100).codes.shape[-1] in range(10, 14)
    degrees = esd_tasks.open(tiles, geometry=AREA, crs="EPSG:4326", resolution=0.0005)
    assert degrees.x.attrs["units"] == "degrees_east"
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "height": 5, "width": 7, "crs": "EPSG:32631"}
    transform = Affine(60, 0, CORNER[0], 0, -60, CORNER[1])
    with rasterio.open(tmp_path / "dem.tif", "w", transform=transform, **profile) as raster:
        raster.write(np.ones((1, 5, 7), np.uint8))
    like = esd_tasks.open(tiles, like=tmp_path / "dem.tif", years=[2020])
    assert like.codes.shape == (1, 12, 5, 7)
    assert like.esd.valid().all()


def test_what_cannot_be_is_one_line(tiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two places, too much at once without dask, and no xarray are refused with what to do."""
    with pytest.raises(UsageError, match="two places"):
        esd_tasks.open(tiles, geometry=AREA, bbox=AREA.bounds)
    monkeypatch.setattr(dataset, "find_spec", lambda name: None)
    monkeypatch.setattr(dataset, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match=r"stactools-esd\[distributed\]"):
        esd_tasks.open(tiles, geometry=shapely.buffer(AREA, 0))
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    with pytest.raises(MissingExtraError, match=r"stactools-esd\[cube\]"):
        esd_tasks.open(tiles, geometry=AREA)
