"""Names of files, and the tags that name them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stactools_esd import names
from stactools_esd.errors import ProductNameError
from stactools_esd.names import CodesTags, ProductName, area_tile, is_tile, parse_name
from stactools_esd.product import (
    OFFICIAL_ENCODER,
    CodesIdentity,
    EncoderIdentity,
    InputRecipe,
)

RECIPE = InputRecipe(source="simulation", fusion="hampel-linear-circular-v1", harmonisation="none", dem="none")
ENCODER = EncoderIdentity(name="esdnet-small", version="v1", weights_sha256="0" * 64)

labels = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z][a-z0-9]{0,5}){0,2}-v[0-9]{1,3}", fullmatch=True).filter(
    lambda label: label != OFFICIAL_ENCODER.label
)
tiles = st.from_regex(names._MGRS, fullmatch=True) | st.from_regex(names._AREA, fullmatch=True).filter(str.isascii)
years = st.integers(1972, 2099)


@pytest.mark.parametrize(
    ("name", "tile", "year", "china"),
    [
        ("SDC30_EBD_V001_50TMK_2020.tif", "50TMK", 2020, False),
        ("SDC30_EBD_V001CHN_50TMK_2020.tif", "50TMK", 2020, True),
        ("/some/folder/SDC30_EBD_V001_02VMN_2000.tif", "02VMN", 2000, False),
        ("https://host.example/a/SDC30_EBD_V001_02VMN_2000.tif?signature=a/b.tif", "02VMN", 2000, False),
    ],
)
def test_official_names_are_read_from_paths_and_signed_addresses(name: str, tile: str, year: int, china: bool) -> None:
    """The official name says encoder, tile, year and variant, wherever the file lies."""
    expected = ProductName(encoder=OFFICIAL_ENCODER, tile=tile, year=year, china=china)
    assert parse_name(name) == expected


def test_official_files_keep_their_name() -> None:
    """Writing an official name gives the archive's form, never ours."""
    name = parse_name("SDC30_EBD_V001CHN_50TMK_2020.tif")
    assert name is not None
    assert name.stem == "SDC30_EBD_V001CHN_50TMK_2020"
    assert name.item_id == "esd-official-v001-50tmk-2020"


@given(label=labels, tile=tiles, year=years)
def test_our_names_round_trip(label: str, tile: str, year: int) -> None:
    """What a name is made of can be read back from it, and is never an official name."""
    name = ProductName(encoder=EncoderIdentity.parse(label), tile=tile, year=year)
    assert parse_name(f"{name.stem}.tif") == name
    assert not name.stem.startswith("SDC30_EBD_")
    assert name.item_id == f"esd-{label}-{tile.lower()}-{year}"


@pytest.mark.parametrize(
    "name",
    [
        "50TMK_2020.tif",
        "SDC30_EBD_V001_50TMK.tif",
        "SDC30_EBD_V001_2020.tif",
        "SDC30_EBD_V001_5TMK_2020.tif",
        "SDC30_EBD_V001_50IMK_2020.tif",
        "SDC30_EBD_V001_61TMK_2020.tif",
        "SDC30_EBD_V001_50TMK_2020_copy.tif",
        "SDC30_V003_50TMK_20200101.tif",
        "ESD_esdnet-small_50TMK_2020.tif",
        "ESD_Esdnet-v1_50TMK_2020.tif",
        "ESD_esdnet-small-v1_Xdemo_2020.tif",
        "",
    ],
)
def test_other_names_say_nothing(name: str) -> None:
    """A name that breaks the rule in one place is no name: nothing is guessed from it."""
    assert parse_name(name) is None


@pytest.mark.parametrize("name", ["Demo", "", "a b", "a__b", "_a", "a-b", "../a", "a\n"])
def test_area_names_are_plain(name: str) -> None:
    """The name of a custom area goes into file names and ids, so it is lower-case letters, digits, underscores."""
    with pytest.raises(ProductNameError, match="expected lower-case"):
        area_tile(name)


def test_area_tiles_start_with_x_and_are_no_mgrs_tiles() -> None:
    """A custom area cannot be taken for an MGRS tile."""
    assert area_tile("demo_2") == "xdemo_2"
    assert not is_tile(area_tile("50tmk"))


def test_tags_name_their_file() -> None:
    """A flagged window keeps the year in which it starts in its name."""
    tags = CodesTags(
        identity=CodesIdentity(encoder=ENCODER, recipe=RECIPE), tile="xa", year=2017, window_start=date(2017, 7, 1)
    )
    assert tags.name.stem == "ESD_esdnet-small-v1_xa_2017"
