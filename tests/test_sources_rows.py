"""Rows of all images in memory, and windows of sources and of terrain beside them."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_sources import Endless
from rasterio.windows import Window
from test_sources_folder import random_observations

from stactools_esd.blocks import plan_rows
from stactools_esd.errors import GridError, RasterError
from stactools_esd.sources.cutout import Cutout
from stactools_esd.sources.folder import open_folder, write_folder
from stactools_esd.sources.rows import read_rows
from stactools_esd.sources.source import Source, read
from stactools_esd.sources.terrain_file import TerrainFile

DATES = ["2020-01-01", "2020-05-01", "2020-05-01", "2020-09-01"]
TERRAIN = np.arange(3 * 20 * 12, dtype=np.float32).reshape(3, 20, 12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images of 20 x 12 pixels, with terrain beside them."""
    path = tmp_path_factory.mktemp("images")
    write_folder(random_observations(1, DATES, (20, 12)), path, terrain=TERRAIN)
    return path


@given(data=st.data())
def test_a_block_holds_what_a_window_holds(folder: Path, data: st.DataObject) -> None:
    """Whatever blocks are read at once, the pixels of one are those that a reader gives there, in row-major order."""
    source = open_folder(folder)
    blocks = plan_rows(20, 12, data.draw(st.integers(1, 20)))
    first = data.draw(st.integers(0, len(blocks) - 1))
    group = blocks[first : data.draw(st.integers(first + 1, len(blocks)))]
    positions = data.draw(st.lists(st.integers(0, 3), unique=True, min_size=1).map(sorted))
    rows = read_rows(source, group, positions)
    block = data.draw(st.sampled_from(group))
    part, _ = read(source, block.window, positions)
    start = data.draw(st.integers(0, block.height * 12 - 1))
    pixels = slice(start, data.draw(st.integers(start + 1, block.height * 12)))
    seen = rows.observations(block, pixels)
    expected = part.valid.reshape(len(positions), 6, -1)[:, :, pixels]
    if seen is None:
        assert not expected.any()
        return
    np.testing.assert_array_equal(seen.valid[:, :, 0], expected)
    np.testing.assert_array_equal(
        seen.reflectance[:, :, 0], part.reflectance.reshape(len(positions), 6, -1)[:, :, pixels]
    )
    np.testing.assert_array_equal(seen.dates, part.dates)


@given(rows=st.integers(1, 12), damaged=st.sets(st.tuples(st.integers(0, 3), st.integers(0, 11)), max_size=6))
def test_damage_is_passed_over_block_by_block(rows: int, damaged: set[tuple[int, int]]) -> None:
    """An image is missing in the blocks that hold its damage and nowhere else, whatever is read at once."""
    source = Endless(shape=(12, 3), count=4, seen=3, damaged=frozenset(damaged))
    blocks = plan_rows(12, 3, rows)
    if damaged:
        with pytest.raises(RasterError, match="truncated"):
            read_rows(source, blocks, range(4))
    read = read_rows(source, blocks, range(4), skip_bad=True)
    for block in blocks:
        inside = range(block.row, block.row + block.height)
        bad = {position for position, row in damaged if row in inside}
        assert set(read.damaged.get(block.row, ())) == bad
        seen = read.observations(block, slice(None))
        for position in range(4):
            assert seen is None or seen.valid[position].all() == (position not in bad)
    assert set(read.reasons) == {position for position, _ in damaged}


def test_a_cutout_is_a_source(folder: Path) -> None:
    """A window of a source has its own place and reads the same pixels; it goes to other processes, too."""
    whole = open_folder(folder)
    cut: Source = pickle.loads(pickle.dumps(Cutout(whole=whole, row=4, column=3, shape=(10, 8))))
    assert cut.transform == whole.transform * whole.transform.translation(3, 4)
    assert (cut.shape, cut.crs, cut.names, cut.files) == ((10, 8), whole.crs, whole.names, whole.files)
    assert (cut.harmonisation, cut.bad) == (whole.harmonisation, whole.bad)
    np.testing.assert_array_equal(cut.dates, whole.dates)
    for mine, theirs in zip(
        cut.read_image(1, Window(2, 1, 5, 6)), whole.read_image(1, Window(5, 5, 5, 6)), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(GridError, match="10 x 8"):
        cut.read_image(0, Window(0, 5, 8, 6))


@pytest.mark.parametrize(
    ("row", "column", "shape"), [(-1, 0, (3, 3)), (0, 10, (3, 3)), (18, 0, (3, 3)), (0, 0, (0, 1))]
)
def test_a_cutout_lies_in_the_grid(folder: Path, row: int, column: int, shape: tuple[int, int]) -> None:
    """A window that leaves the grid, or is empty, is refused at once."""
    with pytest.raises(GridError, match="20 x 12"):
        Cutout(whole=open_folder(folder), row=row, column=column, shape=shape)


def test_terrain_beside_the_images_is_read_by_window(folder: Path) -> None:
    """Three bands on the grid of the images; other numbers of bands and other grids are refused."""
    source = open_folder(folder)
    grid = (source.crs, source.transform, source.shape)
    file = TerrainFile(path=folder / "terrain.tif", grid=grid)
    np.testing.assert_array_equal(file.read(Window(2, 3, 4, 5)), TERRAIN[:, 3:8, 2:6])
    moved = TerrainFile(
        path=file.path, grid=(source.crs, source.transform * source.transform.translation(1, 0), (20, 12))
    )
    with pytest.raises(RasterError, match="another grid"):
        moved.read(Window(0, 0, 1, 1))
    with pytest.raises(RasterError, match="got 6 bands"):
        TerrainFile(path=source.files[0][0], grid=grid).read(Window(0, 0, 1, 1))
