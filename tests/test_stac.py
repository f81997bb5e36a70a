"""Items: pure, offline, deterministic, and true to their file."""

import json
import shutil
import socket
import warnings
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
import synthetic
from hypothesis import given
from hypothesis import strategies as st
from rasterio import Affine

from stactools_esd import grid
from stactools_esd.cog import write_codes
from stactools_esd.collection import create_collection, union_bbox
from stactools_esd.errors import CatalogError, ChinaRecipeWarning, EsdError, GridError, ProductNameError, RasterError
from stactools_esd.schema import schema_problems
from stactools_esd.stac import create_item, identity_of, relative_href, tags_of


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Creating items and collections opens no connection."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def as_json(made: pystac.Item | pystac.Collection, folder: Path | None = None) -> dict[str, Any]:
    """Return a document as JSON, with the test's folder cut out of hrefs."""
    text = json.dumps(made.to_dict(False, False))
    return json.loads(text.replace(f"{folder.as_posix()}/", "") if folder else text)


def written(path: Path, **tags: Any) -> Path:
    """Write a small codes COG of a custom area."""
    write_codes(
        path,
        synthetic.patchy_codes(3, 16, 16),
        synthetic.counts(3, 16, 16),
        transform=synthetic.AREA_TRANSFORM,
        crs=synthetic.AREA_CRS,
        tags=synthetic.tags(**tags),
    )
    return path


def without_file_facts(item: dict[str, Any]) -> dict[str, Any]:
    """Leave size and checksum out, which other versions of GDAL and its libraries write differently."""
    for asset in item["assets"].values():
        asset.pop("file:size", None)
        asset.pop("file:checksum", None)
    return item


def test_item_of_an_area_is_golden(area_cog: Path, golden: Any) -> None:
    """An item of ours keeps its form from release to release."""
    golden("item_area", without_file_facts(as_json(create_item(area_cog), area_cog.parent)))


def test_item_of_an_official_tile_is_golden(official_tile: Path, golden: Any) -> None:
    """An item of an official tile keeps its form from release to release."""
    golden("item_official", without_file_facts(as_json(create_item(official_tile), official_tile.parent)))


def test_items_satisfy_the_schemas(area_cog: Path, official_tile: Path) -> None:
    """Items are STAC 1.1.0 and satisfy the esd extension, both checked offline."""
    for path in (area_cog, official_tile):
        item = as_json(create_item(path))
        assert item["stac_version"] == "1.1.0"
        assert list(schema_problems(item)) == []
        assert len(item["properties"]) <= 20


def test_equal_files_give_equal_items(area_cog: Path) -> None:
    """Nothing but the file decides: no clock, no order, no state."""
    assert as_json(create_item(area_cog)) == as_json(create_item(str(area_cog)))


def test_the_asset_states_size_and_checksum(area_cog: Path) -> None:
    """`file:checksum` is a multihash that says SHA-256."""
    from stactools_esd.files import sha256_file

    fields = create_item(area_cog).assets["embeddings"].extra_fields
    assert fields["file:size"] == area_cog.stat().st_size
    assert fields["file:checksum"] == f"1220{sha256_file(area_cog)}"


def test_geometry_comes_from_the_raster(official_tile: Path) -> None:
    """The bbox is the bounds of the geometry, which is the outline of the raster's own pixels."""
    item = create_item(official_tile)
    with rasterio.open(official_tile) as dataset:
        assert item.properties["proj:bbox"] == list(dataset.bounds)
        assert item.geometry == grid.footprint(dataset.crs, dataset.bounds)
    assert item.bbox == grid.bbox(item.geometry)
    assert item.properties["esd:geometry_source"] == "raster"


def test_the_antimeridian_cuts_the_geometry_and_not_the_bbox(tmp_path: Path) -> None:
    """Across the antimeridian the geometry has two parts and the bbox has west > east."""
    path = tmp_path / "ESD_esdnet-small-v1_xfiji_2020.tif"
    codes, counts = synthetic.patchy_codes(3, 16, 16), synthetic.counts(3, 16, 16)
    place = Affine(30.0, 0.0, 819465.0, 0.0, -30.0, 8134635.0)
    write_codes(path, codes, counts, transform=place, crs="EPSG:32760", tags=synthetic.tags(tile="xfiji"))
    item = create_item(path)
    assert item.geometry is not None
    assert item.bbox is not None
    assert item.geometry["type"] == "MultiPolygon"
    assert item.bbox[0] > 179 > -179 > item.bbox[2]
    assert list(schema_problems(as_json(item))) == []


def test_a_calendar_year_ends_with_the_year(area_cog: Path) -> None:
    """The datetime is 1 January, and start and end hold the whole calendar year."""
    properties = create_item(area_cog).to_dict()["properties"]
    assert properties["datetime"] == properties["start_datetime"] == "2020-01-01T00:00:00Z"
    assert properties["end_datetime"] == "2020-12-31T23:59:59Z"
    assert "esd:window_start" not in properties


def test_a_window_says_where_it_starts(tmp_path: Path) -> None:
    """A window is flagged by its start and ends 365 days later."""
    path = written(tmp_path / "ESD_esdnet-small-v1_xdemo_2018.tif", year=2018, window_start=date(2018, 7, 1))
    item = create_item(path)
    properties = item.to_dict()["properties"]
    assert properties["esd:window_start"] == "2018-07-01"
    assert properties["datetime"] == properties["start_datetime"] == "2018-07-01T00:00:00Z"
    assert properties["end_datetime"] == "2019-06-30T23:59:59Z"
    assert "365 days from 2018-07-01" in properties["title"]
    assert item.id.endswith("-2018")
    assert len(properties) <= 20


def test_identity_and_tags_read_back(tmp_path: Path) -> None:
    """What decides whether codes may meet survives the way through an item."""
    tags = synthetic.tags(year=2018, window_start=date(2018, 7, 1), temporal_context="past")
    item = create_item(written(tmp_path / "a.tif", year=2018, window_start=date(2018, 7, 1), temporal_context="past"))
    assert identity_of(item) == identity_of(as_json(item)) == tags.identity
    assert tags_of(item) == tags


def test_an_item_of_others_has_no_identity() -> None:
    """An item without the esd extension is named in one line."""
    with pytest.raises(CatalogError, match=r"'other' without esd:encoder"):
        identity_of({"id": "other", "properties": {}})


def test_an_untagged_file_is_official_only_by_name_or_word(official_tile: Path, tmp_path: Path) -> None:
    """An odd name needs --encoder, --tile and --year; then the item is that of the official name."""
    odd = tmp_path / "beijing.tif"
    shutil.copyfile(official_tile, odd)
    with pytest.raises(ProductNameError, match="official-v001"):
        create_item(odd)
    with pytest.raises(ProductNameError, match="--tile and --year"):
        create_item(odd, encoder="official-v001")
    item = create_item(odd, encoder="official-v001", tile="50TMK", year=2020)
    assert item.id == create_item(official_tile).id == "esd-official-v001-50tmk-2020"


def test_the_china_variant_is_another_recipe(official_tile: Path) -> None:
    """`V001CHN` warns and carries its own recipe, so nothing mixes it with the rest."""
    path = official_tile.rename(official_tile.with_name("SDC30_EBD_V001CHN_50TMK_2020.tif"))
    with pytest.warns(ChinaRecipeWarning):
        item = create_item(path)
    assert item.properties["esd:input_recipe"]["source"] == "SDC30_V003CHN"


def test_read_href_modifier_changes_what_is_read_and_not_what_is_shown(area_cog: Path) -> None:
    """A signed href is read, the plain one stands in the item; a URL gets no checksum."""
    shown = "https://archive.example/ESD_esdnet-small-v1_xdemo_2020.tif"
    read = []

    def sign(href: str) -> str:
        read.append(href)
        return str(area_cog)

    item = create_item(shown, read_href_modifier=sign)
    assert set(read) == {shown}
    assert item.assets["embeddings"].href == shown


def test_the_name_that_is_shown_counts_and_not_that_of_the_copy(official_tile: Path, area_cog: Path) -> None:
    """An official tile read from a cache is official by the name in the item; a name that disagrees is refused."""
    copy = official_tile.rename(official_tile.with_name("cached.tif"))
    shown = "https://archive.example/SDC30_EBD_V001_50TMK_2020.tif"
    assert create_item(shown, read_href_modifier=lambda _: str(copy)).id == "esd-official-v001-50tmk-2020"
    with pytest.raises(RasterError, match="year 2019 by the name"):
        create_item("https://a.example/ESD_esdnet-small-v1_xdemo_2019.tif", read_href_modifier=lambda _: str(area_cog))


def test_pictures_become_assets(area_cog: Path, tmp_path: Path) -> None:
    """`visual` and `thumbnail` carry their roles, media types and titles."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"png")
    item = create_item(area_cog, visual_href="https://archive.example/visual.tif", thumbnail_href=picture)
    assert item.assets["visual"].roles == ["visual"]
    assert item.assets["visual"].title == "False colour of codes"
    assert item.assets["thumbnail"].media_type == "image/png"
    assert item.assets["thumbnail"].extra_fields["file:size"] == 3
    assert list(schema_problems(as_json(item))) == []


@pytest.mark.parametrize(
    ("href", "said"),
    [
        ("/data/codes/a.tif", "../codes/a.tif"),
        ("/data/map/a.tif", "./a.tif"),
        ("https://x.org/a.tif?b=1", "https://x.org/a.tif?b=1"),
    ],
)
def test_hrefs_are_relative_to_a_folder_and_urls_stay(href: str, said: str) -> None:
    """Files of this machine are named from the folder of the document, so that both can move together."""
    assert relative_href(href, Path("/data/map")) == said


def test_a_licence_in_words_is_other(tmp_path: Path) -> None:
    """STAC takes SPDX identifiers; words become `other`."""
    item = create_item(written(tmp_path / "a.tif", licence="ask the owner"))
    assert item.properties["license"] == "other"
    assert list(schema_problems(as_json(item))) == []


def test_a_crs_without_code_is_refused(tmp_path: Path) -> None:
    """An item names its CRS by EPSG code."""
    path = tmp_path / "ESD_esdnet-small-v1_xdemo_2020.tif"
    codes, counts = synthetic.patchy_codes(3, 16, 16), synthetic.counts(3, 16, 16)
    crs = "+proj=tmerc +lon_0=4.4 +k=0.9996 +x_0=500000 +ellps=GRS80 +units=m"
    write_codes(path, codes, counts, transform=synthetic.AREA_TRANSFORM, crs=crs, tags=synthetic.tags())
    with pytest.raises(GridError, match="without EPSG code"):
        create_item(path)


def test_band_names_stand_in_core_bands(area_cog: Path) -> None:
    """Thirteen bands by name, no `raster:bands`, no nodata value, and the decode rule beside them."""
    asset = create_item(area_cog).to_dict()["assets"]["embeddings"]
    assert [band["name"] for band in asset["bands"]] == [*(f"step_{n:02d}" for n in range(1, 13)), "clear_obs"]
    assert "raster:bands" not in asset
    assert "nodata" not in asset
    assert asset["esd:fsq"]["levels"] == [8, 8, 8, 5, 5, 5]


BAD: dict[str, tuple[list[str], Any]] = {
    "property of no meaning": (["properties", "esd:colour"], "blue"),
    "encoder without version": (["properties", "esd:encoder"], "esdnet-small"),
    "unknown format version": (["properties", "esd:format_version"], "2"),
    "null hash": (["properties", "esd:weights_sha256"], None),
    "short hash": (["properties", "esd:weights_sha256"], "abc"),
    "recipe with a key too many": (["properties", "esd:input_recipe", "mood"], "good"),
    "impossible context": (["properties", "esd:temporal_context"], "future"),
    "no skipped image": (["properties", "esd:skipped_images"], 0),
    "an engine that is no name": (["properties", "esd:engine"], "Torch 2"),
    "grid code of an area": (["properties", "grid:code"], "MGRS-50TMK"),
    "upper-case id": (["id"], "ESD-esdnet-small-v1-xdemo-2020"),
    "nodata value": (["assets", "embeddings", "nodata"], 0),
    "other levels": (["assets", "embeddings", "esd:fsq", "levels"], [8, 8, 8, 8]),
    "bands in another order": (["assets", "embeddings", "bands", 0, "name"], "clear_obs"),
    "checksum of no kind": (["assets", "embeddings", "file:checksum"], "abc"),
    "no STAC version": (["stac_version"], "0.9"),
    "datetime in words": (["properties", "datetime"], "last year"),
}


@pytest.mark.parametrize("case", BAD)
def test_the_schema_refuses(case: str, area_cog: Path) -> None:
    """Each field of the extension is held to its form."""
    item = as_json(create_item(area_cog))
    keys, value = BAD[case]
    place: Any = item
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    assert list(schema_problems(item))


def test_esd_fields_need_the_extension(area_cog: Path) -> None:
    """An item that uses the fields without declaring the extension is told so."""
    item = as_json(create_item(area_cog))
    item["stac_extensions"].remove("https://stactools-esd.github.io/esd/v1.0.0/schema.json")
    assert any("stac_extensions" in problem for problem in schema_problems(item))


def test_collection_of_the_official_archive_is_golden(golden: Any) -> None:
    """The official collection holds the world, 2000-2024, licence, DOI and paper."""
    golden("collection_official", as_json(create_collection("official-v001")))


def test_collection_of_an_encoder_is_golden(area_cog: Path, golden: Any) -> None:
    """A collection takes extent and summaries from its items."""
    golden("collection_area", as_json(create_collection("esdnet-small-v1", [create_item(area_cog)])))


def test_collections_satisfy_the_schemas(area_cog: Path) -> None:
    """Collections are STAC 1.1.0 and satisfy the esd extension, with and without items."""
    item = create_item(area_cog)
    for collection in (
        create_collection("official-v001"),
        create_collection("esdnet-small-v1"),
        create_collection(identity_of(item).encoder, [item]),
    ):
        assert list(schema_problems(as_json(collection))) == []


def test_a_collection_needs_a_version() -> None:
    """One collection an encoder, and an encoder has a version."""
    with pytest.raises(ProductNameError, match="esdnet-small-v1"):
        create_collection("esdnet-small")


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([[1, 2, 3, 4], [2, 0, 5, 3]], (1, 0, 5, 4)),
        ([[170, 0, -170, 1]], (170, 0, -170, 1)),
        ([[170, 0, 175, 1], [-178, 0, -170, 1]], (170, 0, -170, 1)),
        ([[-180, -90, 180, 90], [170, 0, -170, 1]], (-180, -90, 180, 90)),
        ([[-60, 0, -50, 1], [100, 0, 120, 1]], (-60, 0, 120, 1)),
    ],
)
def test_boxes_join_the_short_way_round(boxes: list[list[float]], expected: tuple[float, ...]) -> None:
    """The widest empty stretch of longitudes stays outside, also across the antimeridian."""
    assert union_bbox(boxes) == expected


_longitudes = st.integers(-180, 180)


@given(st.lists(st.tuples(_longitudes, _longitudes), min_size=1, max_size=6))
def test_joined_boxes_hold_every_box(pairs: list[tuple[int, int]]) -> None:
    """No corner of a box lies outside the joined box, and joining again changes nothing."""
    boxes = [[float(west), 0.0, float(east), 1.0] for west, east in pairs]
    west, _, east, _ = union_bbox(boxes)
    for box in boxes:
        for lon in (box[0], box[2]):
            inside = west <= lon <= east if west <= east else lon >= west or lon <= east
            assert inside or abs(lon) == 180.0
    joined = [west, 0.0, east, 1.0]
    assert list(union_bbox([joined, *boxes])) == joined


@pytest.fixture
def lint(monkeypatch: pytest.MonkeyPatch) -> Any:
    """stac-check's best practices with the shipped configuration; its own validation would fetch schemas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from stac_check.lint import Linter
    monkeypatch.setattr(Linter, "validate_file", lambda *_: {"valid_stac": True, "version": "1.1.0"})
    config = files("stactools_esd").joinpath("schemas", "stac-check.config.yml")

    def check(document: dict[str, Any]) -> dict[str, Any]:
        return dict(Linter(document, config_file=str(config)).create_best_practices_dict())

    return check


def test_documents_follow_best_practices(lint: Any, area_cog: Path, official_tile: Path) -> None:
    """stac-check has nothing to say of items and collections, eastern China included."""
    item = create_item(official_tile, thumbnail_href="https://archive.example/thumbnail.png")
    assert lint(as_json(item)) == {}
    assert lint(as_json(create_item(area_cog))) == {}
    assert lint(as_json(create_collection("official-v001", [item]))) == {}


def test_damaged_data_do_not_become_items(tmp_path: Path) -> None:
    """Eleven bands, floats and text files are refused in one line."""
    eleven = tmp_path / "SDC30_EBD_V001_50TMK_2020.tif"
    transform = grid.tile("50TMK").transform
    codes, counts = synthetic.random_codes(1, 16, 16), synthetic.counts(1, 16, 16)
    synthetic.write_official(eleven, codes[:10], counts, transform=transform, crs="EPSG:32650")
    floats = tmp_path / "SDC30_EBD_V001_50TMK_2021.tif"
    synthetic.write_official(
        floats, codes.astype(np.float32), counts.astype(np.float32), transform=transform, crs="EPSG:32650"
    )
    text = tmp_path / "SDC30_EBD_V001_50TMK_2022.tif"
    text.write_text("not a raster")
    for path, got in ((eleven, "11 bands"), (floats, "float32"), (text, "cannot"), (tmp_path / "none.tif", "no file")):
        with pytest.raises(EsdError, match=got) as refusal:
            create_item(path)
        assert "\n" not in str(refusal.value)
