"""Legends: ids kept, names in any script, colours that mean something and differ."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esd_tasks.legend import Legend, LegendClass, colour_of_name, legend_of, plain_name, read_legend
from stactools_esd.errors import LabelsError, UsageError

ROWS = "class_id,class_name,colour\n523,Sea and ocean,#00ccf2\n111,Urban fabric,\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a legend file."""
    path = folder / "legend.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_agency_ids_and_colours_are_kept(tmp_path: Path) -> None:
    """Ids beyond 255 stay as they are, sorted, and a given colour wins over a default one."""
    legend = read_legend(write(tmp_path, ROWS))
    assert legend.by_id == {111: "Urban fabric", 523: "Sea and ocean"}
    assert [entry.colour for entry in legend.classes] == ["#c0392b", "#00ccf2"]
    assert legend.dtype == "uint16"


@pytest.mark.parametrize(
    "text", ["id;name\n1;Água\n2;水田\n", "﻿id\tname\n1\tÁgua\n2\t水田\n", "ID,Name\n1,Água\n\n2.0,水田\n"]
)
def test_common_ways_to_write_a_table_are_read(tmp_path: Path, text: str) -> None:
    """Semicolons, tabs, a byte-order mark, other column names, blank lines and any script are read."""
    assert read_legend(write(tmp_path, text)).by_id == {1: "Água", 2: "水田"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected one named class_id"),
        ("class_id,class_name\n", "without classes"),
        ("value,class_name\n1,a\n", "expected one named class_id"),
        ("class_id,class_name\none,a\n", "line 2.*expected an integer"),
        ("class_id,class_name\n1\n", "no class name in line 2"),
        ("class_id,class_name\n0,a\n", "0 means unclassified"),
        ("class_id,class_name\n1,a\n1,b\n", "class_id 1 more than once"),
        ("class_id,class_name\n1,a\n2,a\n", "class name a more than once"),
        ("class_id,class_name,colour\n1,a,red\n", "expected #rrggbb"),
    ],
)
def test_broken_legends_are_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    """Each fault names what is wrong and where."""
    with pytest.raises(LabelsError, match=said):
        read_legend(write(tmp_path, text))


def test_a_legend_that_is_absent_or_no_text_is_refused(tmp_path: Path) -> None:
    """No file is a usage error; bytes that are no UTF-8 are named as such."""
    with pytest.raises(UsageError, match="no file"):
        read_legend(tmp_path / "nothing.csv")
    with pytest.raises(LabelsError, match="UTF-8"):
        read_legend(write(tmp_path, "class_id,class_name\n1,Água\n", "latin-1"))


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("Open water", "#1f6fc6"),
        ("evergreen_forest", "#0b5d3b"),
        ("Cropland", "#edc948"),
        ("CROPS", "#edc948"),
        ("built-up", "#c0392b"),
        ("Deforested 2019", "#d7301f"),
        ("Icelandic poppy", None),
        ("waterloo", None),
    ],
)
def test_names_that_maps_agree_on_have_their_colour(name: str, colour: str | None) -> None:
    """Whole words decide, whatever their case; words inside other words do not."""
    assert colour_of_name(name) == colour


@given(st.lists(st.text(min_size=1, max_size=8).map(plain_name).filter(bool), min_size=1, max_size=60, unique=True))
def test_every_class_has_a_colour_of_its_own(names: list[str]) -> None:
    """However many classes there are, no two share a default colour."""
    legend = legend_of(dict(enumerate(names, start=1)))
    assert len({entry.colour for entry in legend.classes}) == len(names)


def test_default_colours_stay_clear_of_colours_in_use() -> None:
    """A class without a meaning does not get a blue next to water's blue."""
    water, other = legend_of({1: "water", 2: "zone"}).classes
    assert sum(abs(a - b) for a, b in zip(water.rgb, other.rgb, strict=True)) > 150


def test_classes_of_one_kind_have_shades_of_one_colour() -> None:
    """A second class of water is another blue and a second forest another green, each clear of the others."""
    names = ["river", "lake", "sea", "mixed forest", "open forest", "single crop", "double crop"]
    colours = {entry.name: entry.rgb for entry in legend_of(dict(enumerate(names, start=1))).classes}
    assert all(colours[name][2] == max(colours[name]) for name in ("river", "lake", "sea"))
    assert all(colours[name][1] == max(colours[name]) for name in ("mixed forest", "open forest"))
    assert all(colours[name][2] == min(colours[name]) for name in ("single crop", "double crop"))
    pairs = [(one, other) for one in colours.values() for other in colours.values() if one < other]
    assert min(sum(abs(a - b) for a, b in zip(*pair, strict=True)) for pair in pairs) > 60


CROPS = [
    ["winter crop", "summer crop", "double crop", "irrigated crop", "cropland", "crop mosaic"],
    ["crop", "wheat", "maize", "rice", "soy", "grassland", "forest"],
    ["cropland", "single crop", "double crop", "urban", "bare soil", "deforested"],
]


@pytest.mark.parametrize("names", CROPS)
def test_crops_differ_in_hue_or_lightness(names: list[str]) -> None:
    """Yellows beside each other are no legend: two classes differ clearly (CIELAB, D65), and none is nearly white."""
    colours = np.array([entry.rgb for entry in legend_of(dict(enumerate(names, start=1))).classes]) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = np.cbrt(linear @ matrix.T / [0.9505, 1, 1.089])
    lab = np.stack(
        [116 * ratio[:, 1] - 16, 500 * (ratio[:, 0] - ratio[:, 1]), 200 * (ratio[:, 1] - ratio[:, 2])], axis=1
    )
    apart = np.sqrt(np.square(lab[:, None] - lab).sum(axis=2))
    assert apart[np.triu_indices(len(lab), 1)].min() > 20
    assert lab[:, 0].max() < 97


def test_ids_beyond_sixteen_bits_are_refused() -> None:
    """A class map has at most 16 bits."""
    with pytest.raises(LabelsError, match="65535"):
        Legend((LegendClass(class_id=70_000, name="a", colour="#000000"),))
