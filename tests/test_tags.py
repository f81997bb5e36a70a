"""Tags say what a file is, and refuse to be misread."""

from datetime import date

import pytest
from synthetic import tags

from stactools_esd.errors import ProductNameError, RasterError
from stactools_esd.names import CodesTags
from stactools_esd.tags import check_tile_and_year, from_text, to_text


@pytest.mark.parametrize(
    "content",
    [
        tags(),
        tags("official-v001", tile="50TMK"),
        tags(skipped_images=3),
        tags(engine="openvino-bf16"),
        tags(
            weights_sha256=None, year=2017, window_start=date(2017, 7, 1), sources=("a b", "ü"), temporal_context="past"
        ),
    ],
)
def test_tags_round_trip(content: CodesTags) -> None:
    """What is written can be read back, though GDAL drops empty texts and adds its own."""
    texts = {key: text for key, text in to_text(content).items() if text} | {"AREA_OR_POINT": "Area"}
    assert from_text(texts) == content


def test_a_file_without_version_is_untagged() -> None:
    """Other software's tags are not ours."""
    assert from_text({"AREA_OR_POINT": "Area", "TIFFTAG_SOFTWARE": "x"}) is None


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("ESD_FORMAT_VERSION", "2", "newer release"),
        ("ESD_FORMAT_VERSION", "", "newer release"),
        ("ESD_LEVELS", "8,8,8,8,8", "another kind"),
        ("ESD_BASIS", "1,2", "another kind"),
        ("ESD_ENCODER", "nameless", "unreadable"),
        ("ESD_WEIGHTS_SHA256", "12", "hexadecimal"),
        ("ESD_INPUT_RECIPE", "{", "unreadable"),
        ("ESD_INPUT_RECIPE", "[]", "JSON object"),
        ("ESD_INPUT_RECIPE", '{"source": 1}', "texts"),
        ("ESD_INPUT_RECIPE", "[" * 100_000, "unreadable"),
        ("ESD_INPUT_RECIPE", '{"source": "a"}', "four keys"),
        ("ESD_SOURCES", "{}", "JSON list"),
        ("ESD_SOURCES", "3", "JSON list"),
        ("ESD_SKIPPED_IMAGES", "-1", "expected a whole number"),
        ("ESD_ENGINE", "../torch", "expected a name such as torch"),
        ("ESD_TILE", "../../etc", "MGRS tile"),
        ("ESD_TILE", "x../a", "area name"),
        ("ESD_YEAR", "now", "unreadable"),
        ("ESD_YEAR", "0", "got year 0"),
        ("ESD_WINDOW_START", "2020-13-01", "unreadable"),
        ("ESD_WINDOW_START", "2019-07-01", "2020"),
        ("ESD_TILE", None, "no tag ESD_TILE"),
        ("ESD_RULE", None, "no tag ESD_RULE"),
    ],
)
def test_damaged_tags_are_one_line(key: str, text: str | None, words: str) -> None:
    """An unknown version, another quantisation, or a tag that cannot be read is refused in one line."""
    texts = to_text(tags()) | ({key: text} if text is not None else {})
    if text is None:
        del texts[key]
    with pytest.raises(RasterError, match=words) as caught:
        from_text(texts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("tile", "year"), [("50TMK", 1971), ("50TMK", 2100), ("demo", 2020), ("", 2020), ("x", 2020)])
def test_impossible_tiles_and_years_are_not_written(tile: str, year: int) -> None:
    """Tags that could not be read are not written."""
    with pytest.raises(ProductNameError):
        check_tile_and_year(tile, year)
    with pytest.raises(ProductNameError):
        to_text(tags(tile=tile, year=year))
