"""Catalogues whose documents were damaged: a check says what, and the same sources mend it."""

import json
from pathlib import Path

import pytest

from stactools_esd.catalog import Layout
from stactools_esd.catalog_check import check_catalog
from stactools_esd.catalog_listing import catalog_of_listing
from stactools_esd.errors import CatalogError
from stactools_esd.files import PARTIAL_MARK
from stactools_esd.run_lock import LOCK_FILE

COLLECTION = "esd-official-v001"
YEAR = f"{COLLECTION}/2020/catalog.json"
ZONE = f"{COLLECTION}/2020/50/catalog.json"


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    """A listing of two tiles in two years."""
    path = tmp_path / "listing.csv"
    rows = [
        f"{tile},{year},https://a.example/{tile}/{year}.tif" for year in (2019, 2020) for tile in ("50TMK", "21HUB")
    ]
    path.write_text("tile,year,href\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def catalog(listing: Path, tmp_path: Path) -> Path:
    """Its catalogue."""
    return catalog_of_listing(listing, tmp_path / "catalog").parent


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


DAMAGED = {
    "cut": (ZONE, "{"),
    "a list": (ZONE, "[]"),
    "no links": (YEAR, "{}"),
    "links that are none": (ZONE, json.dumps({"links": [5]})),
    "a link to nothing": (ZONE, json.dumps({"links": [{"rel": "item"}]})),
    "null": (YEAR, json.dumps({"links": None})),
    "a collection that is none": (f"{COLLECTION}/collection.json", "[]"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_found_and_mended(case: str, catalog: Path, listing: Path) -> None:
    """A document that cannot be read is named, nothing is added to it, and building again gives what there was."""
    name, text = DAMAGED[case]
    before = contents(catalog)
    (catalog / name).write_text(text)
    for sources in ([], [listing]):
        lines = check_catalog(catalog, sources, listing=bool(sources)).lines
        assert f"changed {catalog / name}, which is no catalogue with links" in lines
    with pytest.raises(CatalogError):
        catalog_of_listing(listing, catalog, layout=Layout(append=True))
    catalog_of_listing(listing, catalog)
    assert contents(catalog) == before


def test_what_damage_hides_is_not_dropped_by_chance(catalog: Path, tmp_path: Path) -> None:
    """Items below a document that cannot be read still count: dropping them has to be said."""
    (catalog / YEAR).write_text("[]")
    short = tmp_path / "short.csv"
    short.write_text("tile,year,href\n50TMK,2020,https://a.example/50TMK/2020.tif\n")
    with pytest.raises(CatalogError, match="--replace to drop them"):
        catalog_of_listing(short, catalog)
    catalog_of_listing(short, catalog, layout=Layout(replace=True))
    catalog_of_listing(short, tmp_path / "fresh")
    assert contents(catalog) == contents(tmp_path / "fresh")


def test_a_catalogue_that_names_itself(catalog: Path, listing: Path) -> None:
    """A circle of links ends: it is a finding, and nothing is added to it."""
    content = json.loads((catalog / ZONE).read_text())
    content["links"].append({"rel": "child", "href": "./catalog.json"})
    (catalog / ZONE).write_text(json.dumps(content))
    assert check_catalog(catalog).lines == [f"duplicate link to {catalog / ZONE}"]
    with pytest.raises(CatalogError, match="once"):
        catalog_of_listing(listing, catalog, layout=Layout(append=True))


@pytest.mark.parametrize("place", [COLLECTION, f"{COLLECTION}/2020", f"{COLLECTION}/2020/50/deeper"])
def test_an_item_at_another_depth(place: str, catalog: Path) -> None:
    """An item is orphaned and twice there wherever below the collection it was put."""
    id = f"{COLLECTION}-50tmk-2020"
    folder = catalog / place / id
    folder.mkdir(parents=True)
    (path,) = (catalog / COLLECTION / "2020" / "50").glob(f"{id}/{id}.json")
    (folder / path.name).write_bytes(path.read_bytes())
    kinds = [line.split()[0] for line in check_catalog(catalog).lines]
    assert kinds == ["orphaned", "duplicate"]


@pytest.mark.parametrize("assets", [[], {"items-2020": 5}, {"items-2020": {"esd:item_count": "many"}}])
def test_assets_that_are_none(assets: object, catalog: Path, listing: Path) -> None:
    """An index that its collection does not describe is a finding, not an accident."""
    path = catalog / COLLECTION / "collection.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"assets": assets}))
    report = check_catalog(catalog, [listing], listing=True)
    assert all(line.startswith("index ") for line in report.lines)
    assert report.count == 4


def test_an_older_index_is_one_finding(catalog: Path, listing: Path) -> None:
    """Parts of another build are named, and items that they do not know are not called orphaned for that."""
    part = catalog / COLLECTION / "index" / "year=2020" / "part-0.parquet"
    before = part.read_bytes()
    listing.write_text(listing.read_text().replace("50TMK/2020", "other/2020"))
    catalog_of_listing(listing, catalog, layout=Layout(append=True))
    assert check_catalog(catalog).lines == []
    part.write_bytes(before)
    for sources in ([], [listing]):
        (line,) = check_catalog(catalog, sources, listing=bool(sources)).lines
        assert line.startswith(f"index {part} is not that of its collection")


def test_what_a_killed_run_left_goes(listing: Path, catalog: Path) -> None:
    """Half documents, and whole ones that nothing links yet, go with the next run; files of others stay."""
    expected = contents(catalog)
    collection = catalog / COLLECTION
    half = (catalog / f".catalog{PARTIAL_MARK}1.json", collection / "2020" / f".catalog{PARTIAL_MARK}2.json")
    unlinked = (collection / "2018" / "catalog.json", collection / "2018" / "21" / "item" / "item.json")
    own = (collection / "notes.txt", catalog / "esd-notes" / "catalog.json")
    for path in (*half, *unlinked, *own, catalog / LOCK_FILE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    catalog_of_listing(listing, catalog)
    assert not any(path.exists() for path in (*half, *unlinked, catalog / LOCK_FILE))
    assert contents(catalog) == expected | {path.relative_to(catalog).as_posix(): b"{}" for path in own}
