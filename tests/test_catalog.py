"""The static catalogue: its layout, its links, and equal bytes for equal sources."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pystac
import pytest
import synthetic
from rasterio import Affine

from stactools_esd.catalog import create_catalog, leaf_of
from stactools_esd.cog import write_codes
from stactools_esd.errors import CatalogError, EsdError, IncomparableError, NothingFoundError, OutputError
from stactools_esd.item_folder import write_item
from stactools_esd.stac import create_item
from stactools_esd.validate import validate


def written(folder: Path, tile: str = "xdemo", year: int = 2020, *, seed: int = 1) -> Path:
    """Write a small codes COG under its name."""
    path = folder / f"ESD_esdnet-small-v1_{tile}_{year}.tif"
    codes, counts = synthetic.patchy_codes(seed, 16, 16), synthetic.counts(seed, 16, 16)
    tags = synthetic.tags(tile=tile, year=year)
    write_codes(path, codes, counts, transform=synthetic.AREA_TRANSFORM, crs=synthetic.AREA_CRS, tags=tags)
    return path


@pytest.fixture
def items(area_cog: Path, official_tile: Path, tmp_path: Path) -> Path:
    """A folder of two items with their assets."""
    for source in (area_cog, official_tile):
        write_item(source, tmp_path / "items")
    return tmp_path / "items"


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_layout(items: Path, tmp_path: Path) -> None:
    """Collection, year, UTM zone, item; the zone of a custom area is that of its CRS."""
    root = create_catalog([items], tmp_path / "catalog")
    assert root == tmp_path / "catalog" / "catalog.json"
    assert sorted(contents(tmp_path / "catalog")) == [
        "catalog.json",
        "esd-esdnet-small-v1/2020/31/catalog.json",
        "esd-esdnet-small-v1/2020/31/esd-esdnet-small-v1-xdemo-2020/esd-esdnet-small-v1-xdemo-2020.json",
        "esd-esdnet-small-v1/2020/catalog.json",
        "esd-esdnet-small-v1/collection.json",
        "esd-esdnet-small-v1/index/year=2020/part-0.parquet",
        "esd-official-v001/2020/50/catalog.json",
        "esd-official-v001/2020/50/esd-official-v001-50tmk-2020/esd-official-v001-50tmk-2020.json",
        "esd-official-v001/2020/catalog.json",
        "esd-official-v001/collection.json",
        "esd-official-v001/index/year=2020/part-0.parquet",
    ]
    assert validate(root).problems == []


def test_pystac_walks_it(items: Path, tmp_path: Path) -> None:
    """Another reader finds the items, their collections and their assets."""
    root = pystac.Catalog.from_file(create_catalog([items], tmp_path / "catalog"))
    found = sorted(root.get_items(recursive=True), key=lambda item: item.id)
    assert [item.id for item in found] == ["esd-esdnet-small-v1-xdemo-2020", "esd-official-v001-50tmk-2020"]
    for item in found:
        collection = item.get_collection()
        assert collection is not None
        assert item.id.startswith(collection.id)
        href = item.assets["embeddings"].get_absolute_href()
        assert href is not None
        assert Path(href).is_file()


def test_every_link_is_relative_and_titled(items: Path, tmp_path: Path) -> None:
    """Local links can be moved together, and a browser can show every one."""
    create_catalog([items], tmp_path / "catalog")
    documents = {name: content for name, content in contents(tmp_path / "catalog").items() if name.endswith(".json")}
    for name, content in documents.items():
        for link in json.loads(content)["links"]:
            assert link["title"], name
            assert link["href"].startswith(("./", "../", "https://")), name


def test_bytes_know_no_order(tmp_path: Path) -> None:
    """Equal sources give equal bytes, in whatever order they come and whatever form they have."""
    sources = [written(tmp_path / "codes", tile, year) for tile in ("xa", "xb", "xc") for year in (2019, 2020)]
    create_catalog(sources, tmp_path / "one")
    expected = contents(tmp_path / "one")
    for seed in range(3):
        shuffled = random.Random(seed).sample(sources, len(sources))
        create_catalog([*shuffled, shuffled[0]], tmp_path / f"shuffled{seed}")
        assert contents(tmp_path / f"shuffled{seed}") == expected
    create_catalog([tmp_path / "codes"], tmp_path / "folder")
    assert contents(tmp_path / "folder") == expected


def test_a_second_run_touches_nothing(items: Path, tmp_path: Path) -> None:
    """Running again leaves every file as it is, its time included."""
    create_catalog([items], tmp_path / "catalog")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "catalog").rglob("*")}
    create_catalog([items], tmp_path / "catalog")
    create_catalog([tmp_path / "catalog"], tmp_path / "catalog")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "catalog").rglob("*")} == times


def test_items_may_lie_inside(area_cog: Path, tmp_path: Path) -> None:
    """A folder of items becomes a catalogue in place: the assets are named relatively and move with it."""
    folder = tmp_path / "catalog"
    write_item(area_cog, folder)
    create_catalog([folder], folder)
    create_catalog([folder], folder)
    moved = shutil.move(folder, tmp_path / "moved")
    assert validate(moved).problems == []


def test_urls_stay_urls(area_cog: Path, tmp_path: Path) -> None:
    """A remote asset keeps its href, and links that are not structure are kept."""
    item = create_item(area_cog).to_dict(False, False)
    item["assets"]["embeddings"]["href"] = "https://archive.example/a.tif"
    item["links"] = [{"rel": "via", "href": "https://archive.example/", "title": "Origin"}]
    source = tmp_path / f"{item['id']}.json"
    source.write_text(json.dumps(item))
    create_catalog([source], tmp_path / "catalog")
    placed = json.loads((tmp_path / "catalog" / leaf_of(item) / source.name).read_text())
    assert placed["assets"]["embeddings"]["href"] == "https://archive.example/a.tif"
    assert placed["links"][-1]["rel"] == "via"
    assert validate(tmp_path / "catalog").problems == []


def test_two_items_of_one_id_are_refused(tmp_path: Path) -> None:
    """Equal ids with different content are an error; nothing is written."""
    one, other = written(tmp_path / "one"), written(tmp_path / "other", seed=2)
    with pytest.raises(CatalogError, match="two different items 'esd-esdnet-small-v1-xdemo-2020'"):
        create_catalog([one, other], tmp_path / "catalog")
    assert not (tmp_path / "catalog").exists()


def test_equal_items_in_two_places_are_one(tmp_path: Path) -> None:
    """The same file in two folders is one item, whichever comes first."""
    one = written(tmp_path / "one")
    other = Path(shutil.copytree(tmp_path / "one", tmp_path / "other")) / one.name
    create_catalog([one, other], tmp_path / "catalog")
    before = contents(tmp_path / "catalog")
    create_catalog([other, one], tmp_path / "catalog")
    assert contents(tmp_path / "catalog") == before


def test_a_foreign_folder_is_refused(area_cog: Path, tmp_path: Path) -> None:
    """A folder with other things in it, or another's catalogue, is not written into."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"")
    with pytest.raises(CatalogError, match=r"holiday\.jpg"):
        create_catalog([area_cog], folder)
    (folder / "catalog.json").write_text('{"type": "Catalog", "id": "landsat", "links": []}')
    with pytest.raises(CatalogError, match="not a catalogue of ours"):
        create_catalog([area_cog], folder)
    with pytest.raises(CatalogError, match="the file"):
        create_catalog([area_cog], folder / "holiday.jpg")


def test_items_are_dropped_only_when_told(tmp_path: Path) -> None:
    """Items that are not among the sources are refused, kept by naming the catalogue, or dropped by --replace."""
    old, new = written(tmp_path / "old", year=2019), written(tmp_path / "new", "xother")
    catalog = tmp_path / "catalog"
    create_catalog([old], catalog)
    with pytest.raises(CatalogError, match=r"not esd-esdnet-small-v1-xdemo-2019, first of 1; .*--replace"):
        create_catalog([new], catalog)
    create_catalog([catalog, new], catalog)
    assert validate(catalog).summary.startswith("2 items")
    create_catalog([new], catalog, replace=True)
    assert validate(catalog).problems == []
    assert validate(catalog).summary.startswith("1 item,")
    assert not (catalog / "esd-esdnet-small-v1" / "2019").exists()
    assert old.is_file()


def test_an_item_under_another_id_is_refused(area_cog: Path, tmp_path: Path) -> None:
    """The id of an item is that of its tile, year and encoder."""
    item = create_item(area_cog).to_dict(False, False) | {"id": "esd-esdnet-small-v1-xdemo-2021"}
    source = tmp_path / "item.json"
    source.write_text(json.dumps(item))
    with pytest.raises(CatalogError, match="expected the id 'esd-esdnet-small-v1-xdemo-2020'"):
        create_catalog([source], tmp_path / "catalog")


def test_an_invalid_item_is_refused(area_cog: Path, tmp_path: Path) -> None:
    """An item that the extension's schema refuses does not enter a catalogue; nor does an impossible date."""
    source = tmp_path / "item.json"
    for key, value in (("esd:colour", "blue"), ("start_datetime", "2020-02-31T00:00:00Z")):
        item = create_item(area_cog).to_dict(False, False)
        item["properties"][key] = value
        source.write_text(json.dumps(item))
        with pytest.raises(CatalogError, match=r"invalid item|malformed"):
            create_catalog([source], tmp_path / "catalog")
    assert not (tmp_path / "catalog").exists()


def test_a_custom_area_in_another_crs_goes_by_its_longitude(area_cog: Path) -> None:
    """Where the CRS is not UTM the zone is that of the centre."""
    item = create_item(area_cog).to_dict(False, False)
    item["properties"]["proj:code"] = "EPSG:3035"
    assert leaf_of(item).parts[-2] == "31"
    item["bbox"] = [179.5, 0.0, -179.9, 1.0]
    assert leaf_of(item).parts[-2] == "60"


BAD_SOURCES: dict[str, tuple[Any, str]] = {
    "nothing there": (None, "no file or folder"),
    "text": ("words", "cannot"),
    "item of others": ({"type": "Feature", "id": "a"}, "esd extension"),
}


@pytest.mark.parametrize("case", BAD_SOURCES)
def test_bad_sources(case: str, tmp_path: Path) -> None:
    """What is no item and no codes COG is refused in one line."""
    content, message = BAD_SOURCES[case]
    path = tmp_path / ("source.json" if isinstance(content, dict) else "source.tif")
    if content is not None:
        path.write_text(json.dumps(content))
    with pytest.raises(EsdError, match=message):
        create_catalog([path], tmp_path / "catalog")


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    """A folder without items and codes is `nothing found`; other rasters are passed by."""
    (tmp_path / "empty").mkdir()
    synthetic.write_official(
        tmp_path / "empty" / "map.tif",
        synthetic.random_codes(1, 16, 16)[:1],
        synthetic.counts(1, 16, 16),
        transform=Affine(30, 0, 0, 0, -30, 0),
        crs="EPSG:32631",
    )
    with pytest.raises(NothingFoundError, match="no item and no codes COG"):
        create_catalog([tmp_path / "empty"], tmp_path / "catalog")


def test_a_catalogue_with_copied_assets_can_be_moved(area_cog: Path, tmp_path: Path) -> None:
    """With `copy`, every asset lies beside its item: the folder can move, and a re-run touches nothing."""
    made = write_item(area_cog, tmp_path / "tiles")
    create_catalog([made.item], tmp_path / "catalog", copy=True)
    codes = next((tmp_path / "catalog").rglob(area_cog.name))
    written = codes.stat().st_mtime_ns
    create_catalog([made.item], tmp_path / "catalog", copy=True)
    assert codes.stat().st_mtime_ns == written
    shutil.move(tmp_path / "catalog", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "tiles")
    assert validate(tmp_path / "elsewhere").problems == []


@pytest.mark.parametrize("copy", [False, True])
def test_links_to_images_stay_true(copy: bool, area_cog: Path, tmp_path: Path) -> None:
    """Links `derived_from` lead to where the images are, from wherever a catalogue is written or a copy is moved to."""
    made = write_item(area_cog, tmp_path / "tiles")
    image = tmp_path / "my images" / "SR_20200704.tif"
    item = json.loads(made.item.read_text())
    item["links"] += [
        {"rel": "derived_from", "href": "../../my images/SR_20200704.tif"},
        {"rel": "derived_from", "href": "https://example.org/a.tif"},
    ]
    made.item.write_text(json.dumps(item))
    root = create_catalog([made.item], tmp_path / "deep" / "catalog", copy=copy).parent
    if copy:
        root = create_catalog([root], tmp_path / "again", copy=True).parent  # a copy of a copy
        root = Path(shutil.move(root, tmp_path / "moved" / "far" / "away"))
    (leaf,) = root.rglob(made.item.name)
    links = [link for link in json.loads(leaf.read_text())["links"] if link["rel"] == "derived_from"]
    local, remote = (link["href"] for link in links)
    assert remote == "https://example.org/a.tif"
    assert local == image.as_uri() if copy else (leaf.parent / local).resolve() == image
    assert validate(root).problems == []


def test_a_missing_asset_cannot_be_copied(area_cog: Path, tmp_path: Path) -> None:
    """An item whose file is gone is an error that names the file; once it is back, the same command goes on."""
    made = write_item(area_cog, tmp_path / "tiles")
    assert made.thumbnail is not None
    made.thumbnail.rename(tmp_path / "aside.png")
    with pytest.raises(OutputError, match=made.thumbnail.name):
        create_catalog([made.item], tmp_path / "catalog", copy=True)
    (tmp_path / "aside.png").rename(made.thumbnail)
    assert validate(create_catalog([made.item], tmp_path / "catalog", copy=True)).problems == []


def test_a_collection_has_one_encoder(tmp_path: Path) -> None:
    """Codes of other weights under the same name are of another encoder: nothing is copied or written."""
    first, second = (
        synthetic.tags(year=year, weights_sha256=letters * 32) for year, letters in ((2019, "ab"), (2020, "cd"))
    )
    for tags in (first, second):
        codes, counts = synthetic.patchy_codes(1, 16, 16), synthetic.counts(1, 16, 16)
        place = {"transform": synthetic.AREA_TRANSFORM, "crs": synthetic.AREA_CRS}
        write_codes(tmp_path / "codes" / f"{tags.name.stem}.tif", codes, counts, **place, tags=tags)
    with pytest.raises(IncomparableError, match="abababababab, cdcdcdcdcdcd"):
        create_catalog([tmp_path / "codes"], tmp_path / "catalog", copy=True)
    assert not (tmp_path / "catalog").exists()
