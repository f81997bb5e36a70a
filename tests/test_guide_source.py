"""Coarse images as a guide of finer ones: cells, parts and blocks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from coarse_files import GRID, modis_layers, write_layers
from rasterio.windows import Window
from tiny_images import YEAR_2020, observations

from stactools_esd.blocks import Block, plan_rows
from stactools_esd.errors import NothingFoundError, RasterError, UsageError
from stactools_esd.guide import Guide
from stactools_esd.observations import YearWindow
from stactools_esd.sources.cutout import Cutout
from stactools_esd.sources.folder import open_folder, write_folder
from stactools_esd.sources.guide_source import CELL, GuideSource, open_guide
from stactools_esd.sources.modis import open_modis
from stactools_esd.sources.source import Source, check_window

SHAPE = (21, 30)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Images on the grid of the coarse files."""
    made, _ = observations(*SHAPE)
    folder = tmp_path_factory.mktemp("images")
    write_folder(replace(made, transform=GRID.transform, crs=GRID.crs), folder)
    return open_folder(folder)


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Composites of 2019 and 2020 whose near infrared tells cells apart and follows the season."""
    folder = tmp_path_factory.mktemp("modis")
    cells = np.arange(100).reshape(10, 10)
    for year in (2019, 2020):
        for day in range(1, 366, 40):
            season = 1500 * np.sin(np.pi * day / 365)
            write_layers(folder, modis_layers(sur_refl_b02=2000 + 20 * cells + season), day=f"{year}{day:03}")
    return folder


class Held:
    """A source that reads each image once; one image may be damaged in the second row of its pixels."""

    def __init__(self, sound: Source, damaged: int = -1) -> None:
        self.sound, self.damaged = sound, damaged
        whole = Window(0, 0, sound.shape[1], sound.shape[0])
        self.images = [sound.read_image(position, whole) for position in range(len(sound.names))]

    def __getattr__(self, name: str) -> object:
        return getattr(self.sound, name)

    def read_image(self, position: int, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Return a part of an image, or refuse what meets the damage."""
        rows, columns = check_window(window, self.sound.shape)
        if position == self.damaged and 1 in range(rows.start, rows.stop):
            raise RasterError("got a damaged file")
        reflectance, valid = self.images[position]
        return reflectance[:, rows, columns], valid[:, rows, columns]


@pytest.fixture(scope="module")
def year_guide(images: Source, coarse: Path) -> GuideSource:
    """The guide of a year, in memory."""
    opened = open_guide(coarse, images, images, YEAR_2020, "year")
    return replace(opened, source=Held(opened.source))


def whole_guide(source: GuideSource, shape: tuple[int, int]) -> Guide:
    """The guide of all pixels at once."""
    block = Block(row=0, column=0, height=shape[0], width=shape[1])
    return source.guide(source.read([block]), block)


def curves_of(guide: Guide) -> np.ndarray:
    """The curve of each pixel."""
    return guide.curves[guide.row]


def test_a_pixel_is_guided_by_the_cell_that_holds_it(images: Source, coarse: Path) -> None:
    """Eight by eight pixels share a curve, that of the coarse pixel under the middle of their cell."""
    guide = whole_guide(open_guide(coarse, images, images, YEAR_2020, "past"), SHAPE)
    held = curves_of(guide)[:, -guide.first + 160, 3].reshape(SHAPE)
    source = open_modis(coarse, GRID)
    middle = source.read_image(len(source.dates) - 6, Window(0, 0, 50, 40))[0][3]
    assert str(source.dates[-6]) == "2020-06-09"
    for row in range(0, SHAPE[0], CELL):
        for column in range(0, SHAPE[1], CELL):
            cell = held[row : row + CELL, column : column + CELL]
            assert np.ptp(cell) == 0
            assert cell[0, 0] == pytest.approx(middle[row + CELL // 2, column + CELL // 2], abs=0.02)
    assert len(np.unique(held)) > 3


def test_a_part_is_guided_as_the_whole(images: Source, coarse: Path, year_guide: GuideSource) -> None:
    """Cells are counted from the grid's corner, not from the part's."""
    whole = whole_guide(year_guide, SHAPE)
    part = Cutout(whole=images, row=5, column=11, shape=(9, 13))
    cut = whole_guide(open_guide(coarse, part, images, YEAR_2020, "year"), part.shape)
    expected = curves_of(whole).reshape(*SHAPE, 365, 6)[5:14, 11:24].reshape(-1, 365, 6)
    np.testing.assert_array_equal(curves_of(cut), expected)


def grouped(source: GuideSource, blocks: list[Block], size: int, *, skip_bad: bool) -> Iterator[np.ndarray]:
    """Curves of blocks that are read in groups."""
    for first in range(0, len(blocks), size):
        group = blocks[first : first + size]
        rows = source.read(group, skip_bad=skip_bad)
        for block in group:
            yield curves_of(source.guide(rows, block))


@pytest.mark.parametrize("size", [1, 3])
def test_blocks_are_guided_alike_in_any_company(year_guide: GuideSource, size: int) -> None:
    """However many blocks are read at once, and where rows of a block cut through cells."""
    together = curves_of(whole_guide(year_guide, SHAPE))
    blocks = plan_rows(*SHAPE, 5)
    np.testing.assert_array_equal(np.concatenate(list(grouped(year_guide, blocks, size, skip_bad=False))), together)


def test_damage_costs_the_rows_where_it_is(year_guide: GuideSource) -> None:
    """Passed over, a damaged image is missing in the same rows of cells in any company, and told by its position."""
    source = replace(year_guide, source=Held(year_guide.source, damaged=13))
    blocks = plan_rows(*SHAPE, 5)
    with pytest.raises(RasterError, match="damaged"):
        source.read(blocks)
    one, three = (list(grouped(source, blocks, size, skip_bad=True)) for size in (1, 3))
    for alone, among in zip(one, three, strict=True):
        np.testing.assert_array_equal(alone, among)
    rows = source.read(blocks, skip_bad=True)
    assert [source.damaged(rows, block) for block in blocks] == [(), (13,), (13,), (13,), ()]
    assert rows.reasons == {13: "got a damaged file"}
    whole = curves_of(whole_guide(year_guide, SHAPE)).reshape(*SHAPE, -1)
    same = (np.concatenate(one).reshape(*SHAPE, -1) == whole).all(axis=2)
    assert same[:CELL].all()
    assert not same[CELL : 2 * CELL].any()
    assert same[2 * CELL :].all()


def test_images_of_the_context_are_read_and_no_others(images: Source, coarse: Path) -> None:
    """Names and files are those of the years that filling looks at."""
    year, past = (open_guide(coarse, images, images, YEAR_2020, context) for context in ("year", "past"))
    assert [len(each.names) for each in (year, past)] == [10, 20]
    assert year.names == past.names[10:]
    assert len({file for files in year.files for file in files}) == 10 * 8
    assert (year.name, year.images_held, past.images_held) == ("MOD09A1", 1, 1)
    assert year.block_bytes(Block(row=0, column=0, height=8, width=30)) >= 4 * (365 + 10) * 6 * 4


def test_what_cannot_guide_is_refused(images: Source, coarse: Path, tmp_path: Path) -> None:
    """Other images than of MODIS or VIIRS, another year, another place."""
    made, _ = observations()
    write_folder(made, tmp_path / "fine")
    with pytest.raises(UsageError, match="got a guide of type folder"):
        open_guide(tmp_path / "fine", images, images, YEAR_2020, "past")
    with pytest.raises(NothingFoundError, match=r"holds 2019-01-01 to 2020-12-26.*leave the guide out"):
        open_guide(coarse, images, images, YearWindow(year=2022), "past")
    with pytest.raises(NothingFoundError, match="meets the grid"):
        open_guide(coarse, open_folder(tmp_path / "fine"), open_folder(tmp_path / "fine"), YEAR_2020, "past")
