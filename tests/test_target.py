"""Results lie on whole pixels of an item, cut to the true area."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from neighbours import CORNER, MARK_STEP, square_around, tile_at, to_wgs84, write_area, write_four, write_tile
from rasterio.windows import Window
from synthetic import AREA_TRANSFORM, random_codes

from esd_tasks.codes_item import CodesItem
from esd_tasks.items import find_items
from esd_tasks.pull import grid_for, read_window
from esd_tasks.target import pixels_inside
from stactools_esd.errors import GridError, NothingFoundError
from stactools_esd.grid import tile as tile_of


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> list[CodesItem]:
    """Four tiles that overlap around the corner of their squares, each with a mark of its own."""
    return find_items(write_four(tmp_path_factory.mktemp("four")))


def test_the_grid_is_that_of_the_owner_of_the_centre(four: list[CodesItem]) -> None:
    """The target grid lies on the pixels of an item, holds the geometry, and ends with the items."""
    geometry = square_around(CORNER[0] + 100, CORNER[1] + 100, 310.0)
    grid = grid_for(four, geometry)
    place = tile_of("31UES").transform
    assert grid.crs.to_epsg() == 32631
    assert ((grid.transform.c - place.c) % 30, (grid.transform.f - place.f) % 30) == (0, 0)
    west, south, east, north = grid.bounds
    assert west <= CORNER[0] - 210 < west + 30.5
    assert north - 30.5 < CORNER[1] + 410 <= north
    assert (east - west, north - south) == (630.0, 630.0)
    everything = grid_for(four, shapely.box(2.5, 50, 3.5, 51))
    assert (everything.width, everything.height) <= (160, 160)
    assert read_window(four, everything).valid[40:-40, 40:-40].any()


def test_a_whole_area_is_its_own_grid(tmp_path: Path) -> None:
    """A box around one item gives exactly the item's pixels, without an empty border."""
    write_area(tmp_path, random_codes(0, 37, 23))
    items = find_items(tmp_path)
    for geometry in (items[0].footprint, items[0].footprint.buffer(1.0)):
        grid = grid_for(items, geometry)
        assert (grid.transform, grid.height, grid.width) == (AREA_TRANSFORM, 37, 23)
    assert np.array_equal(read_window(items, grid).codes, random_codes(0, 37, 23))


def test_a_point_is_a_grid_of_one_pixel(four: list[CodesItem]) -> None:
    """The smallest area is a pixel."""
    grid = grid_for(four, shapely.Point(*to_wgs84(32631, *CORNER)))
    assert (grid.width, grid.height) == (1, 1)


def test_an_area_across_the_antimeridian_has_a_grid(tmp_path: Path) -> None:
    """The centre of an area in two parts lies between them, not on the other side of the world."""
    for mark, (tile, lon) in enumerate([("60KZF", 179.99), ("01KAB", -179.99)], start=1):
        write_tile(tmp_path, tile_at(lon, -17.5) if mark else tile, lon, -17.5, mark=mark, size=(60, 120))
    items = find_items(tmp_path)
    area = shapely.union_all([shapely.box(179.98, -17.51, 180, -17.49), shapely.box(-180, -17.51, -179.98, -17.49)])
    grid = grid_for(items, area)
    assert grid.width < 250
    block = read_window(items, grid)
    assert {1, 2} <= set(np.unique(block.codes[MARK_STEP]))


def test_the_true_polygon_not_its_box(four: list[CodesItem]) -> None:
    """Pixels are asked by the polygon itself: a triangle holds half of its box."""
    grid = grid_for(four, square_around(*CORNER, 600.0))
    corners = [(-600, -600), (600, -600), (-600, 600)]
    triangle = shapely.Polygon([to_wgs84(32631, CORNER[0] + a, CORNER[1] + b) for a, b in corners])
    inside = pixels_inside(grid, triangle)
    assert inside.mean() == pytest.approx(0.5, abs=0.03)
    touched = pixels_inside(grid, triangle, all_touched=True)
    assert (touched | ~inside).all()
    assert touched.sum() > inside.sum()
    part = pixels_inside(grid, triangle, Window(5, 10, 7, 9))
    assert np.array_equal(part, inside[10:19, 5:12])
    assert not pixels_inside(grid, shapely.box(100, 0, 101, 1)).any()


def test_an_area_without_items_is_nothing_found(four: list[CodesItem]) -> None:
    """An area beside the items is exit code 3, not an empty map."""
    for geometry in (shapely.box(10, 10, 11, 11), shapely.Polygon()):
        with pytest.raises(NothingFoundError) as caught:
            grid_for(four, geometry)
        assert caught.value.exit_code == 3


def test_an_area_too_wide_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid that no machine could hold is refused before anything is read."""
    write_area(tmp_path, random_codes(0, 30, 30))
    items = find_items(tmp_path)
    monkeypatch.setattr("esd_tasks.target.MOST_PIXELS", 20)
    with pytest.raises(GridError, match="smaller area"):
        grid_for(items, items[0].footprint)
