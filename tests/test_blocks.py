"""Blocks cover a raster once, and finished ones survive a kill, but not damage."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stactools_esd.blocks import ROW_BLOCK_PIXELS, Block, BlockStore, group_rows, plan_blocks, plan_rows, run_key
from stactools_esd.errors import GridError, OutputError

BLOCK = Block(row=0, column=256, height=4, width=5)
ARRAYS = {"class_id": np.arange(20, dtype=np.uint8).reshape(4, 5), "confidence": np.ones((4, 5), np.float32)}


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 70))
def test_blocks_cover_every_pixel_once(height: int, width: int, size: int) -> None:
    """A plan has no gap and no overlap, and no block larger than asked for."""
    covered = np.zeros((height, width), dtype=int)
    blocks = plan_blocks(height, width, size)
    for block in blocks:
        covered[block.window.toslices()] += 1
        assert max(block.height, block.width) <= size
    assert (covered == 1).all()
    assert [block.name for block in blocks] == sorted(block.name for block in blocks)


@pytest.mark.parametrize("numbers", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (5, 5, -1)])
def test_an_empty_plan_is_an_error(numbers: tuple[int, int, int]) -> None:
    """Nothing to do is never taken for done."""
    with pytest.raises(GridError, match="expected positive"):
        plan_blocks(*numbers)


@given(st.integers(1, 400), st.integers(1, 5000), st.none() | st.integers(1, 70))
def test_rows_cover_a_raster_once_from_the_top(height: int, width: int, rows: int | None) -> None:
    """Blocks of whole rows lie below each other; by default powers of two of rows that `ROW_BLOCK_PIXELS` just hold."""
    blocks = plan_rows(height, width, rows)
    assert [block.row for block in blocks] == list(np.cumsum([0, *(block.height for block in blocks[:-1])]))
    assert sum(block.height for block in blocks) == height
    assert {(block.column, block.width) for block in blocks} == {(0, width)}
    if rows is None:
        assert all(block.height.bit_count() == 1 for block in blocks[:-1])
        assert all(block.height * width <= ROW_BLOCK_PIXELS < 2 * block.height * width for block in blocks[:-1])
    else:
        assert all(block.height == rows for block in blocks[:-1])


def test_rows_need_a_raster() -> None:
    """Nothing to do is never taken for done."""
    for numbers in ((0, 5, None), (5, 0, None), (5, 5, 0)):
        with pytest.raises(GridError, match="expected positive"):
            plan_rows(*numbers)


@given(
    rows=st.integers(1, 9),
    finished=st.sets(st.integers(0, 39)),
    most=st.integers(1, 60),
    shares=st.integers(1, 40),
    offset=st.integers(0, 300),
)
def test_groups_hold_every_block_once_and_only_neighbours(
    rows: int, finished: set[int], most: int, shares: int, offset: int
) -> None:
    """Groups keep the order, never reach over a gap, and never hold more rows than they may."""
    blocks = [block for place, block in enumerate(plan_rows(40 * rows, 3, rows)) if place not in finished]
    groups = group_rows(blocks, most, shares, offset)
    assert [block for group in groups for block in group] == blocks
    for group in groups:
        assert all(block.row == above.row + rows for above, block in pairwise(group))
        assert len(group) == 1 or len(group) * rows <= most


@given(most=st.integers(8, 300), shares=st.integers(1, 12), offset=st.integers(0, 600))
def test_groups_lie_on_the_tiles_of_the_files(most: int, shares: int, offset: int) -> None:
    """A group crosses the border of no tile that holds it: rows of a file are decoded once where there is memory."""
    groups = group_rows(plan_rows(3600, 3600, 1), most, shares, offset)
    for group in groups:
        first, rows = group[0].row + offset, len(group)
        size = 1 << (rows - 1).bit_length()
        assert first // size == (first + rows - 1) // size
    whole = groups[1:-1]
    assert {len(group) for group in whole} <= {2**power for power in range(9)}
    assert [len(group) for group in whole] == sorted((len(group) for group in whole), reverse=True)


@given(most=st.integers(1, 300), shares=st.integers(1, 40), height=st.integers(1, 4000))
def test_groups_shrink_so_that_all_end_together(most: int, shares: int, height: int) -> None:
    """No group holds more than a share of what is left, but for the small ones that would be dear to read."""
    left = height
    for group in group_rows(plan_rows(height, 3600, 1), most, shares):
        assert len(group) <= max(1, left // shares, min(most // 2, height // shares))
        left -= len(group)


def test_a_block_names_its_place() -> None:
    """Names give row and column of the upper left pixel, windows the rectangle."""
    assert BLOCK.name == "r000000_c000256"
    assert BLOCK.window.flatten() == (256, 0, 5, 4)


def test_run_keys_ignore_order_and_see_everything_else() -> None:
    """Equal facts give equal keys, any other fact another."""
    assert run_key({"a": 1, "b": [1, 2]}) == run_key({"b": [1, 2], "a": 1})
    assert len({run_key({"a": 1}), run_key({"a": 2}), run_key({"a": "1"}), run_key({"b": 1})}) == 4


def test_a_killed_run_continues(tmp_path: Path) -> None:
    """A new store of the same run sees the finished blocks as they were put, and no others."""
    BlockStore(tmp_path / "blocks", "key").put(BLOCK, **ARRAYS)
    store = BlockStore(tmp_path / "blocks", "key")
    assert store.finished(BLOCK)
    below = Block(row=4, column=256, height=4, width=5)
    assert store.unfinished([below, BLOCK]) == [below]
    assert not store.finished(Block(row=0, column=256, height=4, width=4))
    arrays = store.get(BLOCK)
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_half_a_block_is_none(tmp_path: Path) -> None:
    """A kill in the middle of writing leaves a partial file that is not taken for a block, nor is a torn one."""
    store = BlockStore(tmp_path / "blocks", "key")
    store.put(BLOCK, **ARRAYS)
    (path,) = store.folder.glob("*.block")
    content = path.read_bytes()
    path.rename(path.with_name(".r000000_c000256_4x5.partial-0123456789ab.block"))
    assert not BlockStore(tmp_path / "blocks", "key").finished(BLOCK)
    for torn in (b"", content[:40], content[:65], content[:-1]):
        path.write_bytes(torn)
        assert not store.finished(BLOCK)


@pytest.mark.parametrize("place", [0, 64, 70, 200, -1])
def test_a_flipped_bit_is_seen_and_the_block_made_again(tmp_path: Path, place: int) -> None:
    """Damage anywhere in the file makes the block unfinished; putting it again mends it."""
    store = BlockStore(tmp_path / "blocks", "key")
    store.put(BLOCK, **ARRAYS)
    (path,) = store.folder.glob("*.block")
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert not store.finished(BLOCK)
    with pytest.raises(OutputError, match="run the same command again"):
        store.get(BLOCK)
    store.put(BLOCK, **ARRAYS)
    assert store.finished(BLOCK)


def test_another_run_is_refused(tmp_path: Path) -> None:
    """Blocks of other inputs or parameters are neither used nor removed, and the error names the way out."""
    BlockStore(tmp_path / "blocks", "key").put(BLOCK, **ARRAYS)
    with pytest.raises(OutputError, match="--overwrite"):
        BlockStore(tmp_path / "blocks", "other")
    assert BlockStore(tmp_path / "blocks", "key").finished(BLOCK)


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    """A store never moves into a folder that somebody else uses, nor onto a file."""
    (tmp_path / "thesis.txt").write_text("years of work")
    for folder in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(OutputError, match="other content"):
            BlockStore(folder, "key")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_damaged_run_file_is_one_line(tmp_path: Path) -> None:
    """A run file that is no JSON, or of another form, refuses the folder."""
    for text in ("{", "[]"):
        (tmp_path / "run_key.json").write_text(text)
        with pytest.raises(OutputError):
            BlockStore(tmp_path, "key")


def test_objects_are_refused(tmp_path: Path) -> None:
    """Blocks hold plain arrays, never objects that would need unpickling."""
    with pytest.raises(OutputError, match="objects"):
        BlockStore(tmp_path / "blocks", "key").put(BLOCK, bad=np.array([{}], dtype=object))


def test_discarding_leaves_nothing(tmp_path: Path) -> None:
    """When the result is assembled the folder goes."""
    store = BlockStore(tmp_path / "blocks", "key")
    store.put(BLOCK, **ARRAYS)
    store.discard()
    assert list(tmp_path.iterdir()) == []
