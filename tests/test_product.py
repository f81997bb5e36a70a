"""Facts of the format and identities of codes."""

import pytest

from stactools_esd import product
from stactools_esd.errors import IncomparableError, ProductNameError
from stactools_esd.names import CodesTags
from stactools_esd.product import (
    FSQ,
    OFFICIAL_CHINA_RECIPE,
    OFFICIAL_ENCODER,
    OFFICIAL_RECIPE,
    CodesIdentity,
    EncoderIdentity,
    InputRecipe,
    require_comparable,
)

RECIPE = InputRecipe(source="simulation", fusion="hampel-linear-circular-v1", harmonisation="none", dem="none")
ENCODER = EncoderIdentity(name="esdnet-small", version="v1", weights_sha256="0" * 64)


def test_levels_make_64000_codes_with_the_first_dimension_least_significant() -> None:
    """The quantisation is the published one."""
    assert FSQ.basis == (1, 8, 64, 512, 2560, 12800)
    assert FSQ.codebook_size == 64_000
    assert product.CHANNELS == 72


def test_bands_are_twelve_steps_and_the_quality_band() -> None:
    """Band names are fixed, and the quality band is the last and no step."""
    assert tuple([f"step_{step:02d}" for step in range(1, 13)] + ["clear_obs"]) == product.CODES_BANDS


@pytest.mark.parametrize("label", ["esdnet-small", "V1", "esdnet_small-v1", "-v1", "esdnet--small-v1", "esdnet-v1.2"])
def test_encoder_labels_need_name_and_version(label: str) -> None:
    """An encoder without version cannot be named."""
    with pytest.raises(ProductNameError, match="expected a lower-case name and version"):
        EncoderIdentity.parse(label)


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
