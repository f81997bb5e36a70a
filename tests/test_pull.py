"""Codes come onto one grid without a seam, from windows only, each pixel from its owner."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbours import (
    CORNER,
    FOUR,
    MARK_STEP,
    located_codes,
    square_around,
    tile_at,
    to_wgs84,
    write_area,
    write_four,
    write_tile,
)
from pyproj import Transformer
from rasterio import Affine
from rasterio.windows import Window
from synthetic import AREA_TRANSFORM, random_codes

from esd_tasks.codes_item import CodesItem
from esd_tasks.items import find_items
from esd_tasks.pull import Grid, Mosaic, PulledBlock, grid_for, read_points, read_window
from esd_tasks.target import Georeference
from stactools_esd.codes_file import CodesFile
from stactools_esd.errors import CatalogError, IncomparableError, RasterError, UsageError
from stactools_esd.grid import tile as tile_of


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> list[CodesItem]:
    """Four tiles that overlap around the corner of their squares, each with a mark of its own."""
    return find_items(write_four(tmp_path_factory.mktemp("four")))


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


@settings(max_examples=25)
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


def test_ties_go_to_the_tile_that_sorts_first(tmp_path: Path) -> None:
    """Where two areas own the same ground, the answer does not depend on the order in which they come."""
    for mark, name in enumerate(("xb", "xa"), start=1):
        write_area(tmp_path, located_codes(AREA_TRANSFORM, 8, 8, mark), tile=name)
    first, second = find_items(tmp_path)
    grid = grid_for([first], first.footprint)
    for order in ([first, second], [second, first]):
        assert (read_window(order, grid).codes[MARK_STEP] == 2).all()


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


@settings(max_examples=30)
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
    monkeypatch.setattr("esd_tasks.mosaic.MOST_OPEN", 2)
    with Mosaic(four) as mosaic:
        block = mosaic.read(grid)
        assert len(mosaic._open) <= 2
    assert np.array_equal(block.codes[MARK_STEP], expected_marks(grid))


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


def test_a_window_that_one_tile_reaches_is_read_alone(four: list[CodesItem], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a single tile reaches, owners need not be searched for: the codes and owners are the same."""
    grid = grid_for(four[:1], square_around(CORNER[0] - 300, CORNER[1] - 300, 200.0))
    alone = read_window(four[:1], grid)
    monkeypatch.setattr(Georeference, "same_pixels", lambda *_: None)
    searched = read_window(four[:1], grid)
    for name in ("codes", "clear_obs", "valid", "owner"):
        assert np.array_equal(getattr(alone, name), getattr(searched, name))
    assert alone.valid.any()
