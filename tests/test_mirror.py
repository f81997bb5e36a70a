"""A collection is asked by its mirror where that can be trusted, and walked where it cannot, with the same answer."""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from item_server import BRUSSELS, item_documents, serving, write_catalog, write_index

from esd_tasks.item_sources import catalogue, http
from esd_tasks.item_sources.parquet_index import Part, rows_of
from esd_tasks.item_sources.wanted import Wanted
from esd_tasks.items import find_items
from esd_tasks.places import bbox_geometry

ACROSS = bbox_geometry(179, -18, -179, -17)
ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"years": [2019]},
    {"geometry": BRUSSELS},
    {"geometry": BRUSSELS, "years": [2020]},
    {"geometry": ACROSS},
)
COLLECTION = "esd-esdnet-small-v1/collection.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue as `create_catalog` writes it."""
    return write_catalog(tmp_path_factory.mktemp("tiles"), index=True)


@pytest.fixture
def catalog(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "catalog"))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of local documents that a walk opens."""
    names: list[str] = []
    read = catalogue.read_json
    monkeypatch.setattr(catalogue, "read_json", lambda path: names.append(path.name) or read(path))
    return names


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Talk to this machine directly, without pauses."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.0)
    http._session.cache_clear()
    yield
    http._session.cache_clear()


def walked(catalog: Path, folder: Path, **asked: Any) -> list[Any]:
    """Return what the same catalogue answers without its mirror."""
    bare = folder / "bare"
    if not bare.exists():
        shutil.copytree(catalog, bare)
        change_asset(bare, lambda _: None)
    return [(item.id, item.checksum, item.grid) for item in find_items(bare, **asked)]


def change_asset(catalog: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """Change the assets of the mirror, or take them out."""
    path = catalog / COLLECTION
    content = json.loads(path.read_text())
    found = [key for key, asset in content["assets"].items() if "collection-mirror" in asset["roles"]]
    for key in found:
        asset = change(content["assets"].pop(key))
        content["assets"] |= {} if asset is None else {key: asset}
    path.write_text(json.dumps(content))


def one_file(catalog: Path) -> dict[str, Any]:
    """Mirror a collection in one file, and return its asset."""
    items = item_documents(catalog / "esd-esdnet-small-v1")
    write_index(catalog / "esd-esdnet-small-v1" / "items.parquet", items)
    return {"href": "./items.parquet", "roles": ["collection-mirror"], "esd:item_count": len(items)}


@pytest.mark.parametrize("kind", ["as written", "a folder", "one file"])
def test_a_mirror_answers_as_the_walk_does(kind: str, catalog: Path, tmp_path: Path, opened: list[str]) -> None:
    """Parts that the asset names, a folder of them and one file give the items of the walk, which opens no item."""
    if kind != "as written":
        asset = one_file(catalog) if kind == "one file" else {"href": "./index/", "roles": ["collection-mirror"]}
        change_asset(catalog, lambda _: asset)
    for asked in ASKED:
        expected = walked(catalog, tmp_path, **asked)
        opened.clear()
        found = find_items(catalog, **asked)
        assert [(item.id, item.checksum, item.grid) for item in found] == expected
        assert opened == ["catalog.json", "collection.json"]
        for item in found:
            item.open().close()
            if kind != "one file":
                assert Path(str(item.item_href)).resolve().is_relative_to(catalog)


def test_a_mirror_behind_a_url_is_fetched_by_its_parts(catalog: Path) -> None:
    """A server lists no folder: the parts are in the collection, and only those of wanted years are fetched."""
    with serving(catalog) as (url, state):
        place = f"{url}/files/catalog.json"
        (item,) = find_items(place, geometry=BRUSSELS, years=[2020])
        item.open().close()
        asked = [path for path in state.requests if not path.endswith(".tif")]
        assert [path.rpartition("/")[2] for path in asked] == ["catalog.json", "collection.json", "part-0.parquet"]
        assert "year=2020" in asked[-1]
        assert [one.id for one in find_items(place)] == [one.id for one in find_items(catalog)]


def damage_part(catalog: Path) -> None:
    """Cut a part off."""
    part = catalog / "esd-esdnet-small-v1" / "index" / "year=2020" / "part-0.parquet"
    part.write_bytes(part.read_bytes()[:-50])


def lose_part(catalog: Path) -> None:
    """Delete a part."""
    (catalog / "esd-esdnet-small-v1" / "index" / "year=2020" / "part-0.parquet").unlink()


def other_digest(catalog: Path) -> None:
    """Say that the items are newer than the index."""
    change_asset(
        catalog,
        lambda asset: {**asset, "esd:items_sha256": "0" * 64},
    )


def other_count(catalog: Path) -> None:
    """Say that there are more items than the only file has."""
    change_asset(catalog, lambda _: one_file(catalog) | {"esd:item_count": 5})


def no_parts(catalog: Path) -> None:
    """Name a folder that is not there."""
    change_asset(catalog, lambda _: {"href": "./elsewhere/", "roles": ["collection-mirror"]})


def malformed(catalog: Path) -> None:
    """Say nonsense of the parts."""
    change_asset(catalog, lambda asset: {**asset, "href": 2020})


@pytest.mark.parametrize("fault", [damage_part, lose_part, other_digest, other_count, no_parts, malformed])
def test_a_mirror_that_cannot_be_trusted_is_walked_around(
    fault: Callable[[Path], None], catalog: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Damaged, absent, malformed or older than the items: one line says so, and the walk answers."""
    expected = walked(catalog, tmp_path)
    fault(catalog)
    with caplog.at_level(logging.INFO, "esd_tasks"):
        found = find_items(catalog)
    assert [(item.id, item.checksum, item.grid) for item in found] == expected
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "walked" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_without_pyarrow_a_catalogue_is_walked(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The mirror is a shortcut: who cannot read it gets the same items, and no warning."""
    expected = walked(catalog, tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with caplog.at_level(logging.INFO, "esd_tasks"):
        assert [item.id for item in find_items(catalog)] == [id for id, *_ in expected]
    assert [record.levelname for record in caplog.records] == ["INFO"]


def test_the_mirror_of_other_things_is_passed_over(catalog: Path, opened: list[str]) -> None:
    """A collection of scenes with a mirror of its own costs one look, no walk and no warning."""
    documents = item_documents(catalog)
    expected = [item.id for item in find_items(catalog)]
    for document in documents:
        document["assets"] = {"scene": document["assets"].pop("embeddings")}
    write_index(catalog / "scenes" / "items.parquet", documents)
    asset = {"href": "./items.parquet", "roles": ["collection-mirror"]}
    link = {"rel": "item", "href": "./gone.json"}
    content = {"type": "Collection", "id": "scenes", "links": [link], "assets": {"items": asset}}
    (catalog / "scenes" / "collection.json").write_text(json.dumps(content))
    root = json.loads((catalog / "catalog.json").read_text())
    root["links"].append({"rel": "child", "href": "./scenes/collection.json"})
    (catalog / "catalog.json").write_text(json.dumps(root))
    opened.clear()
    assert [item.id for item in find_items(catalog)] == expected
    assert sorted(opened) == ["catalog.json", "collection.json", "collection.json"]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The groups of rows of parquet files that are read whole."""
    groups: list[int] = []
    read_row_group = pq.ParquetFile.read_row_group

    def spied(file: pq.ParquetFile, group: int, **options: Any) -> object:
        groups.append(group)
        return read_row_group(file, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", spied)
    return groups


def test_row_groups_are_chosen_by_place(catalog: Path, tmp_path: Path, read: list[int]) -> None:
    """Of a large part only the groups with rows that may meet the place are read whole."""
    part = catalog / "esd-esdnet-small-v1" / "index" / "year=2020" / "part-0.parquet"
    pq.write_table(pq.read_table(part, partitioning=None), tmp_path / "items.parquet", row_group_size=1)
    for place, groups in ((BRUSSELS, 1), (ACROSS, 2), (shapely.box(10, 0, 11, 1), 0)):
        read.clear()
        found = list(rows_of(Part(place=str(tmp_path / "items.parquet")), Wanted.of(place, [2020])))
        assert len(found) == len(read) == groups


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "text"])
def test_row_groups_are_chosen_by_year(unit: str, catalog: Path, tmp_path: Path, read: list[int]) -> None:
    """Only groups with rows of wanted years are read whole, however a file writes the time."""
    parts = sorted(catalog.rglob("part-0.parquet"))
    table = pa.concat_tables([pq.read_table(part, partitioning=None) for part in parts], promote_options="default")
    place, starts = table.column_names.index("start_datetime"), table["start_datetime"]
    moved = starts.cast(pa.string()) if unit == "text" else starts.cast(pa.timestamp(unit, "UTC"))
    pq.write_table(table.set_column(place, "start_datetime", moved), tmp_path / "items.parquet", row_group_size=1)
    found = list(rows_of(Part(place=str(tmp_path / "items.parquet")), Wanted.of(None, [2020])))
    assert {item.year for item in found} == {2020}
    assert len(read) == len(found) < len(table)


@pytest.mark.parametrize("groups", [0, 1])
def test_an_index_without_rows_has_no_items(groups: int, catalog: Path, tmp_path: Path) -> None:
    """No group, or one without rows."""
    schema = pq.read_schema(next(catalog.rglob("part-0.parquet")))
    with pq.ParquetWriter(tmp_path / "items.parquet", schema) as writer:
        for _ in range(groups):
            writer.write_table(schema.empty_table())
    part = Part(place=str(tmp_path / "items.parquet"))
    assert list(rows_of(part, Wanted.of(BRUSSELS, [2020]))) == list(rows_of(part, Wanted.of(None, None))) == []


def test_a_query_does_not_import_pandas(catalog: Path) -> None:
    """A cold command asks the index without pandas, whose import takes longer than the query."""
    code = (
        "import sys\nfrom esd_tasks.items import find_items\nfrom esd_tasks.places import bbox_geometry\n"
        f"found = find_items({str(catalog)!r}, geometry=bbox_geometry(4.39, 50.79, 4.41, 50.81), years=[2020])\n"
        "print(len(found), 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]
