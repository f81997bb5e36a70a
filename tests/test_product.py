"""Facts of the format, names and identities."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stactools_esd import product
from stactools_esd.errors import IncomparableError, ProductNameError
from stactools_esd.product import (
    FSQ,
    OFFICIAL_CHINA_RECIPE,
    OFFICIAL_ENCODER,
    OFFICIAL_RECIPE,
    CodesIdentity,
    CodesTags,
    EncoderIdentity,
    InputRecipe,
    ProductName,
    area_tile,
    parse_name,
    require_comparable,
)

RECIPE = InputRecipe(source="simulation", fusion="hampel-linear-circular-v1", harmonisation="none", dem="none")
ENCODER = EncoderIdentity(name="esdnet-small", version="v1", weights_sha256="0" * 64)

labels = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z][a-z0-9]{0,5}){0,2}-v[0-9]{1,3}", fullmatch=True).filter(
    lambda label: label != OFFICIAL_ENCODER.label
)
tiles = st.from_regex(product._MGRS, fullmatch=True) | st.from_regex(product._AREA, fullmatch=True).filter(str.isascii)
years = st.integers(1972, 2099)


def test_levels_make_64000_codes_with_the_first_dimension_least_significant() -> None:
    """The quantisation is the published one."""
    assert FSQ.basis == (1, 8, 64, 512, 2560, 12800)
    assert FSQ.codebook_size == 64_000
    assert product.CHANNELS == 72


def test_bands_are_twelve_steps_and_the_quality_band() -> None:
    """Band names are fixed, and the quality band is the last and no step."""
    assert tuple([f"step_{step:02d}" for step in range(1, 13)] + ["clear_obs"]) == product.CODES_BANDS


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


@pytest.mark.parametrize("label", ["esdnet-small", "V1", "esdnet_small-v1", "-v1", "esdnet--small-v1", "esdnet-v1.2"])
def test_encoder_labels_need_name_and_version(label: str) -> None:
    """An encoder without version cannot be named."""
    with pytest.raises(ProductNameError, match="expected a lower-case name and version"):
        EncoderIdentity.parse(label)


@pytest.mark.parametrize("name", ["Demo", "", "a b", "a__b", "_a", "a-b", "../a", "a\n"])
def test_area_names_are_plain(name: str) -> None:
    """The name of a custom area goes into file names and ids, so it is lower-case letters, digits, underscores."""
    with pytest.raises(ProductNameError, match="expected lower-case"):
        area_tile(name)


def test_area_tiles_start_with_x_and_are_no_mgrs_tiles() -> None:
    """A custom area cannot be taken for an MGRS tile."""
    assert area_tile("demo_2") == "xdemo_2"
    assert not product.is_tile(area_tile("50tmk"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoder": EncoderIdentity(name="esdnet-small", version="v2", weights_sha256="0" * 64)}, "encoder"),
        ({"encoder": EncoderIdentity(name="esdnet-small", version="v1", weights_sha256="1" * 64)}, "weights hash"),
        ({"format_version": "2"}, "format version"),
        ({"recipe": InputRecipe(**RECIPE.as_dict() | {"source": "other"})}, "input recipe source"),
        ({"recipe": InputRecipe(**RECIPE.as_dict() | {"fusion": "other"})}, "input recipe fusion"),
        ({"recipe": InputRecipe(**RECIPE.as_dict() | {"harmonisation": "other"})}, "input recipe harmonisation"),
        ({"recipe": InputRecipe(**RECIPE.as_dict() | {"dem": "other"})}, "input recipe dem"),
    ],
)
def test_codes_differing_in_one_thing_never_meet(change: dict[str, object], words: str) -> None:
    """Encoder, weights, format version and each part of the recipe alone make codes incomparable, and it is named."""
    one = CodesIdentity(encoder=ENCODER, recipe=RECIPE)
    other = CodesIdentity(**({"encoder": ENCODER, "recipe": RECIPE} | change))  # type: ignore[arg-type]
    with pytest.raises(IncomparableError, match=words) as caught:
        require_comparable({"a.tif": one, "b.tif": other})
    assert "a.tif" in str(caught.value)
    assert "b.tif" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_equal_identities_are_one() -> None:
    """Files of one encoder and recipe share one identity, year and tile aside."""
    one = CodesIdentity(encoder=ENCODER, recipe=RECIPE)
    assert require_comparable({"a": one, "b": CodesIdentity(encoder=ENCODER, recipe=RECIPE)}) == one


def test_the_chinese_variant_is_another_recipe() -> None:
    """V001CHN files are not comparable with the rest of the archive."""
    plain = CodesIdentity(encoder=OFFICIAL_ENCODER, recipe=OFFICIAL_RECIPE)
    china = CodesIdentity(encoder=OFFICIAL_ENCODER, recipe=OFFICIAL_CHINA_RECIPE)
    assert plain.differences(china)
    tags = CodesTags(identity=china, tile="50TMK", year=2020)
    assert tags.name.stem == "SDC30_EBD_V001CHN_50TMK_2020"


@pytest.mark.parametrize("change", [{"extra": "x"}, {"dem": None}])
def test_a_recipe_has_four_keys(change: dict[str, str | None]) -> None:
    """A recipe with a key more or less is refused, for nobody knows what it means."""
    keys = {key: value for key, value in (RECIPE.as_dict() | change).items() if value is not None}
    with pytest.raises(ProductNameError, match="four keys"):
        InputRecipe.from_dict(keys)
    assert InputRecipe.from_dict(RECIPE.as_dict()) == RECIPE


def test_tags_name_their_file() -> None:
    """A flagged window keeps the year in which it starts in its name."""
    tags = CodesTags(
        identity=CodesIdentity(encoder=ENCODER, recipe=RECIPE), tile="xa", year=2017, window_start=date(2017, 7, 1)
    )
    assert tags.name.stem == "ESD_esdnet-small-v1_xa_2017"
