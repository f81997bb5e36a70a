"""Every document of a catalogue follows STAC's best practices, as stac-check and other readers see them."""

import json
import re
import subprocess
import sys
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pystac
import pytest
import shapely
import shapely.geometry

from stactools_esd.catalog_listing import catalog_of_listing
from stactools_esd.listing import Entry, write_listing
from stactools_esd.shipped import shipped
from stactools_esd.signing import archive_href

CATALOG = Path(__file__).parent.parent / "catalog"


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of tiles of the archive: China, the antimeridian, the far south and north."""
    folder = tmp_path_factory.mktemp("listed")
    entries = [
        Entry(tile=tile, year=2020, size=7, href=archive_href("SDC30_EBD_V001/2020", f"SDC30_EBD_V001_{tile}_2020.tif"))
        for tile in ("50TMK", "51TUF", "60KYF", "01KAB", "19FDV", "33XWJ")
    ]
    write_listing(folder / "listing.csv", entries)
    return catalog_of_listing(folder / "listing.csv", folder / "catalog").parent


def documents(folder: Path) -> list[dict[str, Any]]:
    """Return items, collections and catalogues below a folder."""
    found = [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]
    return [content for content in found if "stac_version" in content]


@pytest.fixture
def complaints(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What stac-check says with the shipped configuration; its own validation would fetch schemas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from stac_check.lint import Linter
    monkeypatch.setattr(Linter, "validate_file", lambda *_: {"valid_stac": True, "version": "1.1.0"})
    config = str(files("stactools_esd").joinpath("schemas", "stac-check.config.yml"))
    return lambda document: set(Linter(document, config_file=config).create_best_practices_dict())


@pytest.mark.parametrize("which", ["listed", "repository"])
def test_stac_check_is_content(which: str, listed: Path, complaints: Any) -> None:
    """stac-check has nothing to say, but of boxes across the antimeridian (RFC 7946) and of a model's, the world."""
    found = documents(listed if which == "listed" else CATALOG)
    assert len(found) >= 9
    for document in found:
        model = str(document["id"]).startswith("model-")
        west, _, east, _ = document.get("bbox", (0, 0, 0, 0))
        known = {"check_bbox_antimeridian"} if model else {"bbox_geometry_mismatch"} if west > east else set()
        assert complaints(document) <= known, document["id"]


def test_every_file_is_small(listed: Path) -> None:
    """An item is a few kilobytes: with 300 of them linked, a leaf stays far below a megabyte."""
    for document in listed.rglob("*.json"):
        assert document.stat().st_size < 16_000, document


def test_a_collection_says_who_what_and_how(listed: Path) -> None:
    """Licence, DOI, citation, providers with roles, keywords, summaries, item assets and the index are there."""
    collection = pystac.Collection.from_file(listed / "esd-official-v001" / "collection.json")
    content = collection.to_dict(include_self_link=False, transform_hrefs=False)
    assert collection.license == "CC-BY-4.0"
    assert content["sci:doi"] in content["sci:citation"]
    assert content["sci:publications"][0]["doi"].startswith("10.48550/arXiv.")
    roles = {role for provider in collection.providers or [] for role in provider.roles or []}
    assert {"producer", "licensor", "processor"} <= roles
    assert {"embeddings", "Landsat"} <= set(collection.keywords or [])
    assert set(content["item_assets"]) == {"embeddings", "visual", "thumbnail"}
    assert content["summaries"]["proj:code"] == sorted(content["summaries"]["proj:code"])
    (asset,) = (asset for asset in content["assets"].values() if "collection-mirror" in asset["roles"])
    assert asset["esd:item_count"] == 6
    assert (listed / "esd-official-v001" / asset["href"]).is_file()  # a folder would be a broken download
    assert {link["rel"] for link in content["links"]} >= {"license", "cite-as", "root", "parent", "child"}


def test_a_row_is_its_item(listed: Path) -> None:
    """The index is GeoParquet whose rows, nulls stripped, are the items; hrefs are counted from the part."""
    (part,) = listed.rglob("*.parquet")
    geo = json.loads(pq.read_schema(part).metadata[b"geo"])
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert geo["columns"]["geometry"]["geometry_types"] == ["MultiPolygon", "Polygon"]
    rows = pq.read_table(part, partitioning=None).to_pylist()
    assert len(rows) == 6
    for row in rows:
        (own,) = row["links"]
        path = (part.parent / own["href"]).resolve()
        item = json.loads(path.read_text())
        assert row["id"] == item["id"] == path.stem
        assert shapely.from_wkb(row["geometry"]).equals(shapely.geometry.shape(item["geometry"]))
        assert list(row["bbox"].values()) == item["bbox"]
        asset = item["assets"]["embeddings"]
        assert {key: value for key, value in row["assets"]["embeddings"].items() if value is not None} == asset
        for key, value in item["properties"].items():
            assert row[key] == value or row[key].isoformat() == value.replace("Z", "+00:00"), key
    crossing = [row["bbox"]["xmin"] > row["bbox"]["xmax"] for row in rows]
    assert crossing == sorted(crossing)  # those across the antimeridian come last
    assert any(crossing)


def test_the_page_is_true() -> None:
    """The Python lines of docs/catalogue.md find the items of this repository's catalogue."""
    page = (CATALOG.parent / "docs" / "catalogue.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    done = subprocess.run([sys.executable, "-c", code], cwd=CATALOG.parent, capture_output=True, text=True, check=True)
    found = sorted(line.split()[0] for line in done.stdout.splitlines())
    assert found == [f"esd-{label}-xsimulated-{year}" for label in shipped() for year in (2019, 2020)]
