"""The preview: it shows the classes in their colours, whatever their number, names and shape."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread
from numpy.typing import NDArray
from synthetic import AREA_CRS, AREA_TRANSFORM

from esd_tasks.legend import Legend, legend_of
from esd_tasks.maps import count_classes, write_class_map
from esd_tasks.preview import readable, round_length, share_text, shorten, write_preview
from esd_tasks.pull import Grid
from stactools_esd.blocks import Block


def draw(folder: Path, legend: Legend, values: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Draw a map of these classes and return the picture, (rows, columns, 3)."""
    height, width = values.shape
    grid = Grid(crs=AREA_CRS, transform=AREA_TRANSFORM, width=width, height=height)
    whole = Block(row=0, column=0, height=height, width=width)
    write_class_map(folder / "map.tif", [(whole, values)], grid=grid, legend=legend, tags={})
    west, south, east, north = grid.bounds
    write_preview(
        folder / "preview.png",
        folder / "map.tif",
        legend=legend,
        counts=count_classes(folder / "map.tif", legend),
        labels_x=np.linspace(west, east, 5),
        labels_y=np.linspace(south, north, 5),
        title="A place, 2020",
        note="A note of several words that has to be broken where the picture is narrow. " * 3,
    )
    return (imread(folder / "preview.png")[..., :3] * 255).round().astype(np.uint8)


@pytest.mark.parametrize("shape", [(40, 60), (300, 20), (1, 1), (20, 300)])
def test_every_mapped_class_shows_in_its_colour(tmp_path: Path, shape: tuple[int, int]) -> None:
    """Each mapped class fills pixels of exactly its colour, in maps of any shape."""
    legend = legend_of({1: "water", 2: "forest"})
    values = np.ones(shape, dtype=np.int64)
    values[: shape[0] // 2] = 2
    picture = draw(tmp_path, legend, values)
    for entry in legend.classes:
        if (values == entry.class_id).any():
            assert (picture == entry.rgb).all(axis=-1).sum() > 500


def test_names_in_any_script_and_long_legends_are_drawn_without_complaint(tmp_path: Path) -> None:
    """Scripts without a font, mathematics signs and forty classes neither warn nor fail."""
    names = {1: "水田", 2: "غابة", 3: "$a_{$", 4: "x" * 80} | {n: f"class {n}" for n in range(5, 41)}
    values = np.arange(1, 41).repeat(10).reshape(20, 20)
    assert draw(tmp_path, legend_of(names), values).std() > 0


@given(st.floats(1e-3, 1e7))
def test_scale_bars_have_round_lengths(metres: float) -> None:
    """A bar is 1, 2 or 5 times a power of ten, at most as long as asked and more than 0.4 of it."""
    length = round_length(metres)
    assert 0.39 * metres < length <= metres * (1 + 1e-9)
    assert float(f"{length:.0e}") == pytest.approx(length)


def test_small_shares_are_not_rounded_to_nothing() -> None:
    """A class with one pixel is not shown with 0 %."""
    assert [share_text(n, 10_000) for n in (0, 1, 10, 5_000)] == ["0 %", "< 0.1 %", "0.1 %", "50.0 %"]
    assert share_text(0, 0) == "0 %"


def test_long_names_are_cut_and_undrawable_ones_have_their_id() -> None:
    """The legend stays narrow, and a class can be told by its id where no font has its script."""
    assert shorten("a" * 40) == "a" * 27 + "…"
    assert [readable(entry) for entry in legend_of({3: "غابة", 4: "лес", 5: "𓀀"}).classes] == [
        "class 3",
        "лес",
        "class 5",
    ]
