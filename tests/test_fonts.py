"""Names in pictures: drawn where a font has them as they should look, else stood in for, never a box or a warning."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esd_tasks.fonts import drawable, families, legible
from esd_tasks.preview import finish_picture, start_picture
from stactools_esd.blocks import Block


def test_latin_greek_and_cyrillic_are_drawn() -> None:
    """Matplotlib's own font has them, and signs of mathematics."""
    assert families()[0] == "DejaVu Sans"
    for name in ("forêt", "Wald, 30 m²", "лес", "δάσος", "$a_{$", ""):
        assert drawable(name)
        assert legible(name) == name


@pytest.mark.parametrize("name", ["غابة", "יער", "वन", "ป่า", "\u1000", "\ue000", "a\x07", "\u202eabc"])
def test_scripts_that_are_set_by_shape_are_not_drawn(name: str) -> None:
    """Arabic, Hebrew, Devanagari, Thai and signs without a glyph would look wrong, so they are stood in for."""
    assert not drawable(name)
    assert drawable(legible(name))
    assert "?" in legible(name)


@given(st.text(max_size=12))
def test_whatever_is_named_can_be_made_legible(name: str) -> None:
    """A text made legible is drawable, line breaks apart, and drawable texts stay as they are."""
    assert drawable(legible(name).replace("\n", ""))
    if drawable(name):
        assert legible(name) == name


def test_titles_and_notes_in_any_script_draw_without_a_warning(tmp_path: Path) -> None:
    """A picture whose title no font has is drawn; warnings are errors here."""
    import numpy as np
    from synthetic import AREA_CRS, AREA_TRANSFORM

    from esd_tasks.legend import legend_of
    from esd_tasks.maps import write_class_map
    from esd_tasks.pull import Grid

    grid = Grid(crs=AREA_CRS, transform=AREA_TRANSFORM, width=8, height=8)
    whole = Block(row=0, column=0, height=8, width=8)
    legend = legend_of({1: "a"})
    write_class_map(tmp_path / "map.tif", [(whole, np.ones((8, 8)))], grid=grid, legend=legend, tags={})

    def grey(values: "np.ndarray") -> "np.ndarray":
        return np.full((*values.shape, 4), 128, np.uint8)

    empty = np.empty(0)
    picture = start_picture(tmp_path / "map.tif", grey, empty, empty, title="غابة 𓀀 水田 $x$")
    finish_picture(tmp_path / "map.png", picture, "ملاحظة <b> $y_{$ " * 20)
    assert (tmp_path / "map.png").stat().st_size > 1000
