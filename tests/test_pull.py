"""Codes come onto one grid without a seam, from windows only, each pixel from its owner."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbours import MARK_STEP, located_codes, tile_at, to_wgs84, write_area, write_tile
from pyproj import Transformer
from rasterio import Affine
from rasterio.windows import Window
from synthetic import AREA_TRANSFORM, random_codes

from esd_tasks.items import CodesItem, find_items
from esd_tasks.pull import Grid, Mosaic, PulledBlock, grid_for, pixels_inside, read_points, read_window
from stactools_esd.codes_file import CodesFile
from stactools_esd.errors import CatalogError, GridError, IncomparableError, NothingFoundError, RasterError, UsageError
from stactools_esd.grid import tile as tile_of

CORNER = (500_000.0, 5_600_000.0)
"""Where four squares of zone 31 meet: 31UDS and 31UES north of it, 31UDR and 31UER south."""

FOUR = ("31UDR", "31UDS", "31UER", "31UES")


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> list[CodesItem]:
    """Four tiles that overlap around the corner of their squares, each with a mark of its own."""
    folder = tmp_path_factory.mktemp("four")
    lon, lat = to_wgs84(32631, *CORNER)
    for mark, tile in enumerate(FOUR, start=1):
        write_tile(folder, tile, lon, lat, mark=mark, size=(80, 80))
    return find_items(folder)


def square_around(x: float, y: float, metres: float, epsg: int = 32631) -> shapely.Geometry:
    """Return a projected square in WGS84."""
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return shapely.Polygon([to_wgs84(epsg, x + a * metres, y + b * metres) for a, b in corners])


def expected_marks(grid: Grid) -> np.ndarray:
    """Return the mark of the square that holds each pixel's middle."""
    x, y = grid.centres(Window(0, 0, grid.width, grid.height))
    return 1 + 2 * (x >= CORNER[0]) + (y >= CORNER[1])


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[Window]:
    """Record the windows that are read from files."""
    windows: list[Window] = []
    read = CodesFile.read

    def recorded(self: CodesFile, window: Window | None = None) -> object:
        windows.append(window or Window(0, 0, self.width, self.height))
        return read(self, window)

    monkeypatch.setattr(CodesFile, "read", recorded)
    return windows


def test_each_pixel_comes_from_its_owner_and_lies_where_it_says(four: list[CodesItem]) -> None:
    """In overlaps the tile whose own square holds the pixel answers; nothing moves by a pixel at the seam."""
    grid = grid_for(four, square_around(*CORNER, 600.0))
    block = read_window(four, grid)
    assert block.valid.all()
    assert np.array_equal(block.codes[MARK_STEP], expected_marks(grid))
    assert np.array_equal(block.owner + 1, expected_marks(grid))
    here = located_codes(grid.transform, grid.height, grid.width, 0)
    assert np.array_equal(block.codes[:MARK_STEP], here[:MARK_STEP])
    assert set(np.unique(expected_marks(grid))) == {1, 2, 3, 4}


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(4)), st.integers(1, 40), st.integers(1, 40), st.integers(0, 39), st.integers(0, 39))
def test_windows_of_any_cut_agree(
    four: list[CodesItem], order: Sequence[int], height: int, width: int, row: int, column: int
) -> None:
    """However an area is cut into windows, and in whatever order items come, each pixel has the same codes."""
    grid = grid_for(four, square_around(*CORNER, 600.0))
    window = Window(column, row, min(width, grid.width - column), min(height, grid.height - row))
    whole = read_window(four, grid)
    part = read_window([four[k] for k in order], grid, window)
    rows, columns = slice(row, row + int(window.height)), slice(column, column + int(window.width))
    assert np.array_equal(part.codes, whole.codes[:, rows, columns])
    assert np.array_equal(part.owner, whole.owner[rows, columns])


def test_a_missing_tile_is_answered_by_the_nearest_square(four: list[CodesItem]) -> None:
    """Where the owner does not exist, its overlapping neighbours fill in, nearest square first."""
    grid = grid_for(four, square_around(*CORNER, 600.0))
    rest = [item for item in four if item.tile != "31UER"]
    block = read_window(rest, grid)
    x, y = grid.centres(Window(0, 0, grid.width, grid.height))
    orphan = (x >= CORNER[0]) & (y < CORNER[1])
    to_the_west, to_the_north = x - CORNER[0], CORNER[1] - y
    nearest = np.where(to_the_west <= to_the_north, 1, 4)
    assert np.array_equal(block.codes[MARK_STEP][orphan], nearest[orphan])
    assert np.array_equal(block.codes[MARK_STEP][~orphan], expected_marks(grid)[~orphan])


def test_nodata_of_the_owner_stays_nodata(tmp_path: Path) -> None:
    """A hole in the owner is a hole, though a neighbour covers it: the same tile answers in every year."""
    lon, lat = to_wgs84(32631, *CORNER)
    write_tile(tmp_path, "31UDS", lon, lat, mark=2, size=(80, 80))
    write_tile(tmp_path, "31UES", lon, lat, mark=4, size=(40, 40), nodata=(slice(0, 10), slice(25, 40)))
    items = find_items(tmp_path)
    grid = grid_for(items, square_around(CORNER[0] + 750, CORNER[1] + 450, 200.0))
    block = read_window(items, grid)
    assert (~block.valid).any()
    assert (block.owner[~block.valid] == 1).all()
    assert (block.codes[:, ~block.valid] == 0).all()


def test_pixels_outside_every_item_have_no_owner(four: list[CodesItem]) -> None:
    """Beyond the items there is no data and no owner; nothing is invented."""
    grid = grid_for(four, square_around(*CORNER, 600.0))
    wide = Grid(
        crs=grid.crs,
        transform=grid.transform * Affine.translation(-60, -60),
        width=grid.width + 120,
        height=grid.height + 120,
    )
    block = read_window(four, wide)
    assert np.array_equal(block.owner < 0, ~block.valid)
    assert not block.valid[0].any()
    assert block.valid[60:-60, 60:-60].all()


def test_a_zone_edge_is_no_seam(tmp_path: Path) -> None:
    """Across UTM zones codes move to the nearest pixel, whole and unmixed, at most half a pixel's diagonal away."""
    lon, lat = 6.0, 50.8
    write_tile(tmp_path, "31UGS", lon, lat, mark=31, size=(40, 40))
    write_tile(tmp_path, "32UKB", lon, lat, mark=32, size=(90, 90))
    items = find_items(tmp_path)
    grid = grid_for(items, shapely.box(5.99, 50.793, 6.01, 50.807))
    assert grid.crs.to_epsg() == 32631
    block = read_window(items, grid)
    assert block.valid.all()
    inner = block.owner == 0
    assert (np.unique(block.codes[MARK_STEP][inner]), inner.sum()) == (31, 1600)
    assert (np.unique(block.codes[MARK_STEP][~inner]) == 32).all()
    x, y = grid.centres(Window(0, 0, grid.width, grid.height))
    to_32 = Transformer.from_crs(32631, 32632, always_xy=True)
    for crs_x, crs_y, part, tile in ((x, y, inner, "31UGS"), (*to_32.transform(x, y), ~inner, "32UKB")):
        place = tile_of(tile).transform
        seen_x = (block.codes[0].astype(float) - 1) * 30 + place.c % 30 + 15
        seen_y = (block.codes[1].astype(float) - 1) * 30 + place.f % 30 - 15
        assert (np.abs(seen_x - crs_x)[part] <= 15 + 1e-6).all()
        assert (np.abs(seen_y - crs_y % 1_800_000)[part] <= 15 + 1e-6).all()


def test_points_of_two_zones_and_both_sides_of_the_antimeridian(tmp_path: Path) -> None:
    """Points find their pixel in whatever zone, also at 180 degrees, and their codes say that they lie there."""
    places = [(6.0, 50.8), (5.9, 50.79), (179.99, -17.5), (-179.99, -17.5)]
    for mark, (lon, lat) in enumerate(places, start=1):
        write_tile(tmp_path, tile_at(lon, lat), lon, lat, mark=mark, size=(40, 40))
    items = find_items(tmp_path)
    lon, lat = np.array(places).T
    lon[3] += 360.0
    points = read_points(items, lon, lat)
    assert points.valid.all()
    with Mosaic(items) as mosaic:
        assert [mosaic.items[k].tile for k in points.owner] == [tile_at(*place) for place in places]
    assert points.codes[:, MARK_STEP].tolist() == [1, 2, 3, 4]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31 - 1))
def test_points_and_windows_agree(four: list[CodesItem], seed: int) -> None:
    """The codes of a point are those of the pixel of the map that holds it."""
    grid = grid_for(four, square_around(*CORNER, 600.0))
    whole = read_window(four, grid)
    row, column = np.random.default_rng(seed).uniform(0, 40, (2, 20))
    lon, lat = to_wgs84(32631, grid.transform.c + column * 30, grid.transform.f - row * 30)
    points = read_points(four, lon, lat)
    held = whole.codes[:, row.astype(int), column.astype(int)].T
    assert np.array_equal(points.codes, held)


def test_points_read_each_block_once_and_no_more_than_they_span(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Points are grouped by internal block: one window a block, no larger than the points in it; never whole tiles."""
    write_area(tmp_path, random_codes(0, 600, 600))
    items = find_items(tmp_path)
    windows = count_reads(monkeypatch)
    column = np.array([5.5, 10.5, 300.5, 7.5, 590.5, 301.5])
    row = np.array([5.5, 20.5, 300.5, 6.5, 590.5, 302.5])
    lon, lat = to_wgs84(32631, AREA_TRANSFORM.c + column * 30, AREA_TRANSFORM.f - row * 30)
    points = read_points(items, lon, lat)
    assert points.valid.all()
    assert [(w.col_off, w.row_off, w.width, w.height) for w in windows] == [
        (5, 5, 6, 16),
        (300, 300, 2, 3),
        (590, 590, 1, 1),
    ]


def test_a_window_reads_a_window(four: list[CodesItem], monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of ten pixels reads ten pixels of one file, not the files around it."""
    grid = grid_for(four, square_around(*CORNER, 600.0))
    windows = count_reads(monkeypatch)
    read_window(four, grid, Window(0, 0, 10, 10))
    assert [(w.width, w.height) for w in windows] == [(10, 10)]


def test_a_mosaic_opens_each_file_once_and_few_at_a_time(
    four: list[CodesItem], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading many windows neither opens files again and again nor keeps hundreds of them open."""
    opened = []
    open_item = CodesItem.open
    monkeypatch.setattr(CodesItem, "open", lambda self: opened.append(self.tile) or open_item(self))
    grid = grid_for(four, square_around(*CORNER, 600.0))
    opened.clear()
    with Mosaic(four) as mosaic:
        for row in range(0, 40, 10):
            mosaic.read(grid, Window(0, row, 40, 10))
    assert sorted(opened) == sorted(FOUR)
    monkeypatch.setattr("esd_tasks.pull.MOST_OPEN", 2)
    with Mosaic(four) as mosaic:
        block = mosaic.read(grid)
        assert len(mosaic._open) <= 2
    assert np.array_equal(block.codes[MARK_STEP], expected_marks(grid))


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


def test_what_does_not_belong_together_is_refused(four: list[CodesItem], tmp_path: Path) -> None:
    """A tile twice, two years, two encoders, or years that start on different days are never mixed."""
    lon, lat = to_wgs84(32631, *CORNER)
    write_tile(tmp_path, "31UDS", lon, lat, mark=9, size=(8, 8))
    twin = find_items(tmp_path)
    with pytest.raises(CatalogError, match=r"31UDS of 2020 twice"):
        Mosaic([*four, *twin])
    write_tile(tmp_path, "31UFS", lon, lat, mark=9, size=(8, 8), year=2019)
    with pytest.raises(UsageError, match="2019, 2020"):
        Mosaic([*four, *find_items(tmp_path, years=[2019])])
    write_tile(tmp_path, "31UFS", lon, lat, mark=9, size=(8, 8), encoder="esdnet-large-v2")
    with pytest.raises(IncomparableError, match="esdnet-large-v2"):
        Mosaic([*four, *(item for item in find_items(tmp_path, years=[2020]) if item.tile == "31UFS")])
    with pytest.raises(UsageError):
        Mosaic([])


def test_windowed_years_do_not_meet_calendar_years(four: list[CodesItem], tmp_path: Path) -> None:
    """Codes of July to July are not laid beside codes of January to December."""
    from datetime import date

    write_area(tmp_path, random_codes(0, 8, 8), tile="xwindow", window_start=date(2020, 7, 1))
    with pytest.raises(IncomparableError, match="start"):
        Mosaic([*four, *find_items(tmp_path)])


def test_damaged_data_are_noticed_where_they_are_read(tmp_path: Path) -> None:
    """A truncated file stops the read with its name; no made-up values are passed on."""
    path = write_area(tmp_path, random_codes(0, 600, 600))
    items = find_items(tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RasterError, match=path.name):
        read_window(items, grid_for(items, items[0].footprint))


def test_an_area_too_wide_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid that no machine could hold is refused before anything is read."""
    write_area(tmp_path, random_codes(0, 30, 30))
    items = find_items(tmp_path)
    monkeypatch.setattr("esd_tasks.target.MOST_PIXELS", 20)
    with pytest.raises(GridError, match="smaller area"):
        grid_for(items, items[0].footprint)


def test_quality_is_not_a_code(tmp_path: Path) -> None:
    """The count of clear observations comes apart from the twelve codes, in windows and at points."""
    clear = np.arange(100, dtype=np.uint16).reshape(10, 10)
    write_area(tmp_path, random_codes(0, 10, 10), clear)
    items = find_items(tmp_path)
    block: PulledBlock = read_window(items, grid_for(items, items[0].footprint))
    assert block.codes.shape == (12, 10, 10)
    assert np.array_equal(block.clear_obs, clear)
    lon, lat = to_wgs84(32631, AREA_TRANSFORM.c + 75.0, AREA_TRANSFORM.f - 45.0)
    points = read_points(items, [lon], [lat])
    assert (points.codes.shape, points.clear_obs.tolist()) == ((1, 12), [12])
