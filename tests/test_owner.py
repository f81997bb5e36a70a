"""Owners of windows: where one tile owns all of one that is known at once, and pixel by pixel nothing changes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from esd_tasks.owner import find_owners, owners_of_window
from esd_tasks.target import Georeference, Grid

UTM = CRS.from_epsg(32631)
WEST, NORTH, SIDE = 500_010.0, 5_700_000.0, 60


def tile(column: int, own: int) -> Georeference:
    """Return 60 x 60 pixels from a column of the grid on; the square that they own begins `own` columns further."""
    west = WEST + 30 * column
    square = (west + 30 * own, NORTH - 30 * SIDE, west + 30 * (own + 40), NORTH)
    return Georeference(crs=UTM, transform=Affine(30, 0, west, 0, -30, NORTH), width=SIDE, height=SIDE, square=square)


TILES = (tile(0, 0), tile(40, 0), tile(200, 0))
OUTLINES = tuple(one.footprint() for one in TILES)

columns = st.tuples(st.integers(-5, 250), st.integers(1, 30))
rows = st.tuples(st.integers(-5, 55), st.integers(1, 20))


@given(columns, rows, st.sampled_from([0.0, 10.0]))
def test_a_window_has_the_owners_of_its_pixels(column: tuple[int, int], row: tuple[int, int], off: float) -> None:
    """Owners, rows and columns are those of each pixel by itself, also on a grid between the pixels of the tiles."""
    grid = Grid(crs=UTM, transform=Affine(30, 0, WEST + off, 0, -30, NORTH), width=300, height=80)
    window = Window(column[0], row[0], column[1], row[1])
    got = owners_of_window(grid, window, TILES.__getitem__, OUTLINES)
    x, y = (each.ravel() for each in grid.centres(window))
    expected = find_owners(range(len(TILES)), TILES.__getitem__, OUTLINES.__getitem__, UTM, x, y)
    for name in ("owner", "row", "column"):
        np.testing.assert_array_equal(getattr(got, name).ravel(), getattr(expected, name))
    assert (got.alone is not None) == (np.unique(expected.owner).size == 1 and expected.owner[0] >= 0)


@given(st.integers(0, 2), st.integers(0, 20), st.integers(0, 20))
def test_pixels_of_one_tile_move_as_others_do(position: int, down: int, right: int) -> None:
    """Where files of another year begin elsewhere, the window of the only owner moves with its pixels."""
    grid = Grid(crs=UTM, transform=Affine(30, 0, WEST, 0, -30, NORTH), width=300, height=80)
    alone = owners_of_window(grid, Window((5, 80, 205)[position], 7, 9, 11), TILES.__getitem__, OUTLINES)
    offsets = np.full(3, 99)
    offsets[position] = down
    across = np.full(3, -99)
    across[position] = right
    moved = alone.moved(offsets, across)
    np.testing.assert_array_equal(moved.row, alone.row + down)
    np.testing.assert_array_equal(moved.column, alone.column + right)
    assert moved.alone is not None
    assert moved.alone[0] == position
    assert (moved.alone[1].row_off, moved.alone[1].col_off) == (moved.row[0, 0], moved.column[0, 0])
