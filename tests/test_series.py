"""Years of a series differ by their codes, never by the tile or the pixel that was read."""

from pathlib import Path

import numpy as np
import pytest
from neighbours import CORNER, FOUR, MARK_STEP, located_codes, square_around, to_wgs84, write_area, write_tile
from rasterio import Affine
from rasterio.windows import Window
from synthetic import AREA_TRANSFORM, random_codes

from esd_tasks.codes_item import CodesItem
from esd_tasks.items import find_items
from esd_tasks.pull import read_window
from esd_tasks.series import Series
from stactools_esd.errors import EsdError, GridError, NothingFoundError, RasterError, UsageError

AROUND = square_around(*CORNER, 600.0)


def write_years(folder: Path, tiles: dict[int, tuple[str, ...]]) -> list[CodesItem]:
    """Write tiles around their common corner, for each year those that it has."""
    lon, lat = to_wgs84(32631, *CORNER)
    for year, names in tiles.items():
        for tile in names:
            write_tile(folder, tile, lon, lat, mark=1 + FOUR.index(tile), size=(80, 80), year=year)
    return find_items(folder)


@pytest.fixture(scope="module")
def gap(tmp_path_factory: pytest.TempPathFactory) -> list[CodesItem]:
    """Three years around the corner of four squares; in 2019 the south-eastern tile is missing."""
    rest = tuple(tile for tile in FOUR if tile != "31UER")
    return write_years(tmp_path_factory.mktemp("gap"), {2018: FOUR, 2019: rest, 2020: FOUR})


def test_a_tile_that_misses_a_year_answers_in_none(gap: list[CodesItem]) -> None:
    """Every year takes each pixel from the same tile: the nearest of those that exist in all years."""
    with Series(gap) as series:
        grid = series.grid_for(AROUND)
        block = series.read(grid)
        assert (series.years, series.left_out) == ((2018, 2019, 2020), ("31UER",))
    alone = read_window([item for item in gap if item.year == 2019], grid)
    assert block.codes.shape == (3, 12, grid.height, grid.width)
    assert block.valid.all()
    for year in range(3):
        assert np.array_equal(block.codes[year], alone.codes)
    assert 3 not in block.codes[:, MARK_STEP]


def test_one_year_is_the_mosaic(gap: list[CodesItem]) -> None:
    """A series of one year reads what a mosaic reads, owners included."""
    items = [item for item in gap if item.year == 2018]
    with Series(items) as series:
        grid = series.grid_for(AROUND)
        window = Window(3, 5, 20, 30)
        block = series.read(grid, window)
    alone = read_window(items, grid, window)
    assert np.array_equal(block.codes[0], alone.codes)
    assert np.array_equal(block.clear_obs[0], alone.clear_obs)
    assert np.array_equal(block.owner, alone.owner)


def test_windows_and_years_one_by_one_agree_with_the_whole(gap: list[CodesItem]) -> None:
    """However an area is cut, and whether years are read together or in turn, each pixel has the same codes."""
    with Series(gap) as series:
        grid = series.grid_for(AROUND)
        whole = series.read(grid)
        window = Window(7, 11, 25, 17)
        for position, (year, block) in enumerate(series.each_year(grid, window)):
            assert year == series.years[position]
            assert np.array_equal(block.codes, whole.codes[position, :, 11:28, 7:32])


def test_points_are_the_pixels_that_hold_them(gap: list[CodesItem]) -> None:
    """Points of a series have the codes of the pixel around them, of the same tile in each year."""
    generator = np.random.default_rng(4)
    with Series(gap) as series:
        grid = series.grid_for(AROUND)
        whole = series.read(grid)
        row, column = generator.uniform(0, grid.height, 20), generator.uniform(0, grid.width, 20)
        lon, lat = to_wgs84(32631, grid.transform.c + column * 30, grid.transform.f - row * 30)
        for position, (_, points) in enumerate(series.read_points(lon, lat)):
            assert np.array_equal(points.codes.T, whole.codes[position][:, row.astype(int), column.astype(int)])


def test_an_area_that_grew_has_the_pixels_of_all_years(tmp_path: Path) -> None:
    """Where a year's file covers more than another's, the series has what both cover, each pixel where it lies."""
    corner = AREA_TRANSFORM * Affine.translation(-2, 3)
    write_area(tmp_path, located_codes(AREA_TRANSFORM, 12, 12, 1), year=2019)
    write_area(tmp_path, located_codes(corner, 12, 12, 1), year=2020, transform=corner)
    items = find_items(tmp_path)
    with Series(items) as series:
        grid = series.grid_for(items[0].footprint.union(items[1].footprint))
        block = series.read(grid)
    assert (grid.height, grid.width) == (9, 10)
    assert block.valid.all()
    here = located_codes(grid.transform, 9, 10, 1)
    assert np.array_equal(block.codes[0], here)
    assert np.array_equal(block.codes[1], here)


def test_an_area_on_other_pixels_is_refused(tmp_path: Path) -> None:
    """A year whose pixels lie between those of another has no same pixels; the tile and the year are named."""
    write_area(tmp_path, random_codes(1, 8, 8), year=2019)
    write_area(tmp_path, random_codes(1, 8, 8), year=2020, transform=AREA_TRANSFORM * Affine.translation(0.5, 0))
    items = find_items(tmp_path)
    with Series(items) as series, pytest.raises(GridError, match="xdemo on other pixels in 2020 than in 2019"):
        series.grid_for(items[0].footprint)


def test_no_tile_in_all_years_is_nothing_found(tmp_path: Path) -> None:
    """Years that share no tile are no series, and no items are none either."""
    items = write_years(tmp_path, {2019: ("31UDS",), 2020: ("31UES",)})
    with pytest.raises(NothingFoundError, match="all of the years 2019, 2020"):
        Series(items)
    with pytest.raises(UsageError):
        Series([])


def test_a_failed_tile_leaves_a_hole_in_its_year_and_no_neighbour_in_it(tmp_path: Path) -> None:
    """Whoever asks to hear of failures hears of each; the pixels of the failed tile have no data in that year alone."""
    items = write_years(tmp_path, {2019: FOUR, 2020: FOUR})
    lost = next(item for item in items if (item.tile, item.year) == ("31UES", 2020))
    with Series(items) as series:
        grid = series.grid_for(AROUND)
    whole = Path(lost.href).read_bytes()
    Path(lost.href).write_bytes(whole[: len(whole) // 2])
    with Series(items) as series, pytest.raises(RasterError, match="31UES_2020"):
        series.read(grid)
    heard: list[tuple[CodesItem, EsdError]] = []
    with Series(items, on_failure=lambda item, error: heard.append((item, error))) as series:
        block = series.read(grid)
        own = block.owner == series.tiles.index("31UES")
    assert [item for item, _ in heard] == [lost]
    assert own.any()
    assert block.valid[0].all()
    assert np.array_equal(block.valid[1], ~own)
