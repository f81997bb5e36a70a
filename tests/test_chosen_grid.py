"""Chosen grids lie on fixed pixels: of a resolution, or of another raster."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine
from rasterio.crs import CRS

from esd_tasks.chosen_grid import grid_in, grid_like, is_metre_grid, parse_crs
from esd_tasks.places import bbox_geometry
from esd_tasks.shard import shard_of
from esd_tasks.target import Grid, projected
from esd_tasks.years import parse_years
from stactools_esd.errors import GridError, NothingFoundError, UsageError

AREA = shapely.box(3.30, 50.70, 3.32, 50.72)


def write_raster(path: Path, transform: Affine, crs: int | None = 3035, size: int = 20) -> Path:
    """Write a raster of nothing."""
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "height": size, "width": size}
    with rasterio.open(path, "w", transform=transform, crs=crs and CRS.from_epsg(crs), **profile) as dataset:
        dataset.write(np.ones((1, size, size), np.uint8))
    return path


@given(st.sampled_from([3035, 32631, 3857]), st.integers(5, 400), st.floats(0.001, 0.05), st.floats(0.001, 0.05))
def test_a_grid_holds_its_area_on_whole_multiples(epsg: int, resolution: int, width: float, height: float) -> None:
    """Edges are multiples of the resolution, the area is inside, and no row or column is outside of it."""
    crs = CRS.from_epsg(epsg)
    area = shapely.box(3.3, 50.7, 3.3 + width, 50.7 + height)
    grid = grid_in(crs, float(resolution), area)
    west, south, east, north = grid.bounds
    assert all(edge % resolution == 0 for edge in grid.bounds)
    inner = projected(area, crs).bounds
    slack = resolution * 1.001
    assert west - 0.1 <= inner[0] < west + slack
    assert north - slack < inner[3] <= north + 0.1
    assert east - slack < inner[2] <= east + 0.1
    assert south - 0.1 <= inner[1] < south + slack


def test_degrees_are_a_resolution_too() -> None:
    """A geographic CRS needs a resolution in degrees, and metres are not taken for them."""
    grid = grid_in(parse_crs("EPSG:4326"), 0.0005, AREA)
    assert (grid.width, grid.height) == (40, 40)
    assert not is_metre_grid(grid)
    assert is_metre_grid(grid_in(parse_crs("EPSG:3035"), None, AREA))
    for resolution in (None, 30.0):
        with pytest.raises(UsageError, match="--resolution"):
            grid_in(CRS.from_epsg(4326), resolution, AREA)
    with pytest.raises(UsageError, match="EPSG:3035"):
        parse_crs("Belgium")


def test_a_grid_like_a_raster_has_its_pixels(tmp_path: Path) -> None:
    """Without an area all pixels of the raster are taken, with one those around it; none is shifted."""
    own = grid_in(CRS.from_epsg(3035), 100.0, AREA)
    transform = own.transform * Affine.translation(-3.3, -2.7)
    path = write_raster(tmp_path / "dem.tif", transform)
    assert grid_like(path, None) == Grid(crs=CRS.from_epsg(3035), transform=transform, width=20, height=20)
    part = grid_like(path, AREA)
    column, row = ~transform * (part.transform.c, part.transform.f)
    assert column == pytest.approx(round(column), abs=1e-9)
    assert row == pytest.approx(round(row), abs=1e-9)
    assert part.width < 20
    with pytest.raises(NothingFoundError, match="outside --like"):
        grid_like(path, shapely.box(4.3, 50.7, 4.4, 50.8))


def test_rasters_that_are_no_grid_are_refused(tmp_path: Path) -> None:
    """A rotated raster, one without CRS, and something else are one line each."""
    north_up = Affine(10, 0, 0, 0, -10, 0)
    write_raster(tmp_path / "turned.tif", north_up * Affine.rotation(5))
    write_raster(tmp_path / "nowhere.tif", north_up, crs=None)
    (tmp_path / "text.tif").write_text("no raster")
    for name, said in (("turned", "north up"), ("nowhere", "CRS"), ("text", "cannot be read"), ("gone", "not exist")):
        with pytest.raises(UsageError, match=said):
            grid_like(tmp_path / f"{name}.tif", None)


def test_a_crs_that_breaks_at_the_antimeridian_is_refused_there() -> None:
    """An area across 180 degrees has a small grid in its UTM zone and none in degrees, never one around the world."""
    across = bbox_geometry(179.99, -17.5, -179.99, -17.49)
    assert grid_in(CRS.from_epsg(32760), None, across).width < 100
    with pytest.raises(GridError, match="antimeridian"):
        grid_in(CRS.from_epsg(4326), 0.001, across)


@given(st.lists(st.text("ABC", min_size=1, max_size=3), max_size=12), st.integers(1, 9), st.randoms())
def test_shards_hold_each_piece_once(names: list[str], parts: int, random: object) -> None:
    """The parts of a list are the same whatever its order, apart from each other, complete, and of like size."""
    shards = [shard_of(names, f"{part}/{parts}") for part in range(1, parts + 1)]
    random.shuffle(names)  # type: ignore[attr-defined]
    assert shards == [shard_of(names, f"{part}/{parts}") for part in range(1, parts + 1)]
    assert sorted(name for shard in shards for name in shard) == sorted(set(names))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    """Parts are counted from 1 to n."""
    with pytest.raises(UsageError, match="--shard"):
        shard_of(["a"], text)


def test_years_are_ranges_and_lists() -> None:
    """Both ends of a range count; order and repetition do not; what is no year is refused."""
    assert parse_years("2003, 2000-2002,2001") == (2000, 2001, 2002, 2003)
    for text in ("", "2003-2001", "last", "99", "2000-", "2000;2001"):
        with pytest.raises(UsageError, match="--years"):
            parse_years(text)
