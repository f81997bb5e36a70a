"""Validation: every problem is a line, and what is valid is said to be."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import rasterio
import synthetic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stactools_esd.catalog import create_catalog
from stactools_esd.cog import write_codes
from stactools_esd.collection import create_collection
from stactools_esd.errors import EsdError, NothingFoundError, UsageError
from stactools_esd.item_folder import write_item
from stactools_esd.validate import validate

Json = dict[str, Any]


@pytest.fixture
def item(area_cog: Path, tmp_path: Path) -> Path:
    """An item with its assets beside it."""
    return write_item(area_cog, tmp_path / "items").item


@pytest.fixture
def catalog(item: Path, official_tile: Path, tmp_path: Path) -> Path:
    """A catalogue of two items of two collections."""
    write_item(official_tile, tmp_path / "items")
    return create_catalog([tmp_path / "items"], tmp_path / "catalog").parent


def change(path: Path, edit: Callable[[Json], Any]) -> None:
    """Edit a document."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_valid_things_have_no_problems(item: Path, area_cog: Path, catalog: Path, official_tile: Path) -> None:
    """Items, folders, collections, catalogues and codes COGs, official files among them."""
    for path, summary in {
        item: "1 item, 1 codes COG",
        item.parent: "1 item, 1 codes COG",
        area_cog: "1 codes COG",
        official_tile: "1 codes COG",
        catalog: "2 items, 2 collections, 5 catalogues, 2 codes COGs",
        catalog / "catalog.json": "2 items, 2 collections, 5 catalogues, 2 codes COGs",
        catalog / "esd-official-v001": "1 item, 1 collection, 2 catalogues, 1 codes COG",
    }.items():
        report = validate(path)
        assert report.problems == []
        assert report.summary == summary


def test_a_plain_item_of_stac_is_checked_too(tmp_path: Path) -> None:
    """An item without our extension, such as that of a map, is held to STAC and to its files."""
    path = tmp_path / "map.json"
    content = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "map",
        "geometry": {"type": "Point", "coordinates": [4.0, 51.0]},
        "bbox": [4.0, 51.0, 4.0, 51.0],
        "properties": {"datetime": "2020-01-01T00:00:00Z"},
        "links": [],
        "assets": {"map": {"href": "./map.tif"}},
    }
    path.write_text(json.dumps(content))
    assert validate(path).problems == [f"{path}: got asset map at ./map.tif, which does not exist"]


ITEM_PROBLEMS: dict[str, tuple[Callable[[Json], Any], str]] = {
    "field against the schema": (lambda item: item["properties"].pop("esd:tile"), "'esd:tile' is a required property"),
    "not STAC": (lambda item: item.pop("assets"), "'assets' is a required property"),
    "of no type": (lambda item: item.update(type="Thing"), "got type 'Thing'"),
    "another id": (
        lambda item: item.update(id="esd-esdnet-small-v1-xdemo-2021"),
        "expected esd-esdnet-small-v1-xdemo-2020",
    ),
    "asset that is gone": (
        lambda item: item["assets"]["thumbnail"].update(href="./gone.png"),
        "asset thumbnail at ./gone.png, which does not exist",
    ),
    "wrong size": (lambda item: item["assets"]["visual"].update({"file:size": 5}), "file:size 5 of asset visual"),
    "wrong checksum": (
        lambda item: item["assets"]["embeddings"].update({"file:checksum": "1220" + "00" * 32}),
        "file:checksum of asset embeddings",
    ),
    "encoder that its file denies": (
        lambda item: item["properties"].update({"esd:weights_sha256": "cd" * 32}),
        "got esd:weights_sha256",
    ),
    "recipe that its file denies": (
        lambda item: item["properties"]["esd:input_recipe"].update(dem="NASADEM"),
        "got esd:input_recipe",
    ),
    "bbox that its file denies": (lambda item: item.update(bbox=[0, 0, 1, 1]), "got bbox [0, 0, 1, 1]"),
    "dangling link": (
        lambda item: item["links"].append({"rel": "about", "href": "./about.html"}),
        "link rel=about to ./about.html, which does not exist",
    ),
}


@pytest.mark.parametrize("case", ITEM_PROBLEMS)
def test_problems_of_items(case: str, item: Path) -> None:
    """Each kind of problem is one line that names the file."""
    edit, message = ITEM_PROBLEMS[case]
    change(item, edit)
    report = validate(item)
    assert any(message in problem for problem in report.problems), report.problems
    assert all("\n" not in problem and problem.startswith(str(item)) for problem in report.problems)


def test_a_file_of_another_name(item: Path) -> None:
    """An item's file is named by its id."""
    problems = validate(item.rename(item.with_name("other.json"))).problems
    assert len(problems) == 1
    assert "expected esd-esdnet-small-v1-xdemo-2020.json by its id" in problems[0]


def test_codes_that_changed_under_the_item(item: Path, area_cog: Path) -> None:
    """Codes of another encoder under an old item are found, by size, checksum or tags."""
    codes = item.parent / area_cog.name
    write_codes(
        codes,
        synthetic.patchy_codes(9, 48, 64),
        synthetic.counts(9, 48, 64),
        transform=synthetic.AREA_TRANSFORM,
        crs=synthetic.AREA_CRS,
        tags=synthetic.tags(weights_sha256="cd" * 32),
    )
    problems = validate(item).problems
    assert any("asset embeddings" in problem for problem in problems)
    assert any("esd:weights_sha256" in problem for problem in problems)


def test_a_damaged_codes_cog(official_tile: Path, area_cog: Path) -> None:
    """Codes beyond the codebook and cut-off files are found."""
    with rasterio.open(official_tile, "r+") as dataset:
        band = dataset.read(1)
        band[0, 0] = 65000
        dataset.write(band, 1)
    assert "65000" in validate(official_tile).problems[0]
    area_cog.write_bytes(area_cog.read_bytes()[:3000])
    assert len(validate(area_cog).problems) == 1


def test_unreadable_documents(tmp_path: Path, item: Path) -> None:
    """Text that is no JSON, and JSON that is no object, are problems and no crashes."""
    item.write_text("{")
    assert "no valid JSON" in validate(item).problems[0]
    item.write_text("[]")
    assert "no JSON object" in validate(item).problems[0]


CATALOG_PROBLEMS: dict[str, tuple[str, Callable[[Json], Any], str]] = {
    "child that is gone": (
        "catalog.json",
        lambda root: root["links"].append({"rel": "child", "href": "./gone/catalog.json", "title": "gone"}),
        "link rel=child to ./gone/catalog.json, which does not exist",
    ),
    "collection under another id": (
        "esd-official-v001/collection.json",
        lambda collection: collection.update(id="esd-official-v002"),
        "expected esd-official-v001 by its encoder",
    ),
    "extent that leaves the item out": (
        "esd-official-v001/collection.json",
        lambda collection: collection["extent"]["spatial"].update(bbox=[[0, 0, 1, 1]]),
        "outside the extent of collection esd-official-v001",
    ),
    "years that leave the item out": (
        "esd-official-v001/collection.json",
        lambda collection: collection["extent"]["temporal"].update(interval=[["2021-01-01T00:00:00Z", None]]),
        "outside the extent of collection esd-official-v001",
    ),
    "child of another parent": (
        "esd-official-v001/2020/catalog.json",
        lambda year: year["links"][1].update(href="../../catalog.json"),
        "no link rel=parent back to",
    ),
    "item in another collection": (
        "esd-official-v001/2020/50/esd-official-v001-50tmk-2020/esd-official-v001-50tmk-2020.json",
        lambda item: item.update(collection="esd-esdnet-small-v1"),
        "expected 'esd-official-v001' by its encoder",
    ),
}


@pytest.mark.parametrize("case", CATALOG_PROBLEMS)
def test_problems_of_catalogues(case: str, catalog: Path) -> None:
    """A catalogue is checked with everything below it."""
    name, edit, message = CATALOG_PROBLEMS[case]
    change(catalog / name, edit)
    problems = validate(catalog).problems
    assert any(message in problem for problem in problems), problems


def test_one_id_twice(catalog: Path) -> None:
    """An id stands once in a catalogue."""
    leaf = catalog / "esd-official-v001" / "2020" / "50"
    name = "esd-official-v001-50tmk-2020"
    (leaf / "again").mkdir()
    (leaf / "again" / f"{name}.json").write_bytes((leaf / name / f"{name}.json").read_bytes())
    link = {"rel": "item", "href": f"./again/{name}.json", "title": "again"}
    change(leaf / "catalog.json", lambda zone: zone["links"].append(link))
    assert any("which" in problem and "has too" in problem for problem in validate(catalog).problems)


def test_a_circle_of_catalogues_ends(catalog: Path) -> None:
    """A catalogue that is its own descendant is followed once, one above it not at all."""
    year = catalog / "esd-official-v001" / "2020" / "catalog.json"
    for href, expected in (
        ("./catalog.json", "no link rel=parent back"),
        ("../../catalog.json", "leads out of the folder"),
    ):
        link = {"rel": "child", "href": href, "title": "root"}
        change(year, lambda content, link=link: content["links"].append(link))
        assert any(expected in problem for problem in validate(catalog).problems)


def places(content: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value of a JSON content."""
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    return [above, *(place for key in keys for place in places(content[key], (*above, key)))]


@pytest.fixture(scope="module")
def leaf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Path, Json]]:
    """A catalogue of one item, and its documents as they should be."""
    folder = tmp_path_factory.mktemp("fuzz")
    tags, size = synthetic.tags(), (16, 16)
    codes = folder / "ESD_esdnet-small-v1_xdemo_2020.tif"
    place = {"transform": synthetic.AREA_TRANSFORM, "crs": synthetic.AREA_CRS, "tags": tags}
    write_codes(codes, synthetic.patchy_codes(1, *size), synthetic.counts(1, *size), **place)
    create_catalog([write_item(codes, folder / "catalog").item], folder / "catalog")
    documents = sorted((folder / "catalog").rglob("*.json"))
    return folder / "catalog", {path: json.loads(path.read_text()) for path in documents}


@pytest.mark.filterwarnings("ignore::stactools_esd.errors.MissingFileWarning")
@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_document_crashes_validation(leaf: tuple[Path, dict[Path, Json]], data: st.DataObject) -> None:
    """Whatever stands in a document, validating and cataloguing end in a report or in one line."""
    root, documents = leaf
    path = data.draw(st.sampled_from(sorted(documents)))
    content = json.loads(json.dumps(documents[path]))
    way = data.draw(st.sampled_from(places(content)[1:]))
    value = data.draw(st.sampled_from([None, 0, -1.5, True, "", "x", "\n", "\0", [], [[]], {}, {"href": 5}, ["x"]]))
    spot = content
    for key in way[:-1]:
        spot = spot[key]
    spot[way[-1]] = value
    try:
        path.write_text(json.dumps(content))
        for target in (root, path):
            assert all("\n" not in problem for problem in validate(target).problems)
        with suppress(EsdError):
            create_catalog([path.parent], root.parent / "again", replace=True)
    finally:
        path.write_text(json.dumps(documents[path]))


def test_a_collection_alone(tmp_path: Path) -> None:
    """A collection without items is a valid document."""
    path = tmp_path / "collection.json"
    path.write_text(json.dumps(create_collection("official-v001").to_dict(False, False)))
    assert validate(path).summary == "1 collection"
    assert validate(path).problems == []


def test_nothing_to_check(tmp_path: Path) -> None:
    """An empty folder is `nothing found`; a path that is not there, or a URL, is a usage error."""
    with pytest.raises(NothingFoundError):
        validate(tmp_path)
    for path in (tmp_path / "gone.json", "https://archive.example/catalog.json"):
        with pytest.raises(UsageError):
            validate(path)
