"""Options of readers: YAML or a mapping in, checked arguments out."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from stactools_esd.errors import UsageError
from stactools_esd.sources.cube_options import CubeOptions
from stactools_esd.sources.find import SOURCE_TYPES
from stactools_esd.sources.source_options import READER_OPTIONS, in_words, reader_options

pytest.importorskip("yaml")

YAML = """
bands: {blue: B2, green: B3, red: B4, nir: B5, swir1: 6, swir2: B7}
scale: 1e-4      # which YAML takes for a word
offset: -0.1
crs: 32631
quality: SCL
clear: [4, 5, snow]
hidden_bits: 3
time: acquired
"""
READ = {
    "bands": {"blue": "B2", "green": "B3", "red": "B4", "nir": "B5", "swir1": "6", "swir2": "B7"},
    "scale": 0.0001,
    "offset": -0.1,
    "crs": 32631,
    "quality": "SCL",
    "clear": (4, 5, "snow"),
    "hidden_bits": (3,),
    "time": "acquired",
}
"""What the YAML means."""


def test_a_file_text_in_braces_and_a_mapping_are_the_same(tmp_path: Path) -> None:
    """Options come from a file, from the command line itself, or from Python, each value in its type."""
    (tmp_path / "cube.yaml").write_text(YAML)
    assert reader_options(tmp_path / "cube.yaml", "cube") == READ
    assert reader_options(str(tmp_path / "cube.yaml"), "cube") == READ
    assert reader_options(READ, "cube") == READ
    assert reader_options(" {scale: 0.0001, quality: no}", "cube") == {"scale": 0.0001, "quality": "none"}
    assert reader_options("{unusable: [cloud, snow]}", "landsat") == {"unusable": ("cloud", "snow")}
    assert reader_options("{observed_days: false}", "modis") == {"observed_days": False}
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    for nothing in (None, {}, tmp_path / "empty.yaml"):
        assert reader_options(nothing, "folder") == {}


def test_every_kind_and_every_option_of_a_cube_can_be_given() -> None:
    """There is an entry for each kind of source, and for a cube a key for each field of its options."""
    assert set(READER_OPTIONS) == set(SOURCE_TYPES)
    assert list(READER_OPTIONS["cube"]) == [field.name for field in fields(CubeOptions)]


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("cube", {"skale": 0.1}, r"got the source option 'skale' .* expected some of variable, bands, scale"),
        ("folder", {"scale": 0.1}, r"got the source option 'scale' .* of type folder, expected none"),
        ("landsat", {"observed_days": True}, r"expected some of unusable"),
        ("cube", {"scale": "much"}, r"got 'much' for the source option scale .*expected a number"),
        ("cube", {"scale": True}, r"expected a number"),
        ("cube", {"bands": ["B2"]}, r"expected a label for each band"),
        ("cube", {"clear": 0.5}, r"expected whole numbers"),
        ("cube", {"hidden_bits": [64]}, r"expected bits from 0"),
        ("cube", {"quality": None}, r"got None for the source option quality .*expected a word"),
        ("modis", {"observed_days": "yes"}, r"expected true or false"),
        ("cube", "{scale: 0.1, scale: 0.2}", r"got the source option scale twice"),
        ("cube", "{scale: ", r"got no valid YAML in --source-options"),
        ("cube", "{scale}", r"got None for the source option scale"),
        ("cube", "no.yaml", r"cannot read no.yaml \(No such file or directory\), expected a YAML file .*in braces"),
    ],
)
def test_what_no_reader_takes_is_refused(kind: str, given: Any, said: str) -> None:
    """Unknown keys, values of the wrong kind, keys twice and files that are none are each one line."""
    with pytest.raises(UsageError, match=said) as caught:
        reader_options(given, kind)
    assert "\n" not in str(caught.value)


def test_a_file_of_words_is_refused(tmp_path: Path) -> None:
    """A list, or a text, is no set of options; the message names the file."""
    (tmp_path / "cube.yaml").write_text("- scale\n")
    with pytest.raises(UsageError, match=r"got list in .*cube.yaml, expected source options"):
        reader_options(tmp_path / "cube.yaml", "cube")
    (tmp_path / "cube.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"cannot read .*cube.yaml \(not UTF-8\)"):
        reader_options(tmp_path / "cube.yaml", "cube")


def test_options_have_words() -> None:
    """The item says options in words, without marks that other lists need."""
    assert in_words(READ | {"clear": (4, 5)}) == (
        "bands blue B2 green B3 red B4 nir B5 swir1 6 swir2 B7, scale 0.0001, offset -0.1, crs 32631, quality SCL, "
        "clear 4 5, hidden_bits 3, time acquired"
    )
    assert in_words({}) == ""
