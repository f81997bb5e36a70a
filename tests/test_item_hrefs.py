"""A document behind a URL names files behind URLs; one on this machine also files of this machine."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from item_server import BRUSSELS, serving, write_catalog

from esd_tasks.item_sources import http
from esd_tasks.item_sources.hrefs import ALLOW_VARIABLE, resolve
from esd_tasks.items import find_items
from stactools_esd.errors import CatalogError

REMOTE = "https://host.example/catalog/collection.json?sig=secret"
BAD = (
    "file:///etc/passwd",
    "file:/etc/passwd",
    "FILE://x",
    "NETCDF:/etc/x",
    "/vsizip//tmp/x.zip",
    " file:///x",
    "ftp://h/x",
)


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Talk to this machine directly."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(ALLOW_VARIABLE, raising=False)
    http._session.cache_clear()
    yield
    http._session.cache_clear()


@pytest.mark.parametrize("href", BAD)
def test_a_remote_document_names_no_local_file(href: str) -> None:
    """Files of this machine, paths of GDAL and unexpected schemes are refused in one line without what is secret."""
    with pytest.raises(CatalogError, match="ESD_ALLOW") as caught:
        resolve(href, REMOTE)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("href", "whole"),
    [
        ("./a.tif", "https://host.example/catalog/a.tif"),
        ("../../../../etc/passwd", "https://host.example/etc/passwd"),
        ("/etc/passwd", "https://host.example/etc/passwd"),
        ("//other.example/a.tif", "https://other.example/a.tif"),
        ("s3://bucket/a.tif", "s3://bucket/a.tif"),
        ("http://other.example/a.tif?x=1", "http://other.example/a.tif?x=1"),
    ],
)
def test_relative_hrefs_stay_with_their_server(href: str, whole: str) -> None:
    """However many `..` an href has, it leads to the server of its document, never to this machine."""
    assert resolve(href, REMOTE) == whole


def test_schemes_can_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who means it says so in the environment."""
    monkeypatch.setenv(ALLOW_VARIABLE, "file, vsi")
    assert resolve("file:///data/a.tif", REMOTE) == "file:///data/a.tif"
    assert resolve("/vsizip//data/a.zip", REMOTE) == "/vsizip//data/a.zip"


def test_a_local_document_names_files_anywhere(tmp_path: Path) -> None:
    """A catalogue leaves codes where they are: beside its folder, or by `file:` URLs after a copy."""
    place = str(tmp_path / "catalog" / "a.json")
    assert resolve("../tiles/a.tif", place) == str((tmp_path / "tiles" / "a.tif").resolve())
    for url in (f"file://{tmp_path}/a%20b.tif", f"FILE:{tmp_path}/a%20b.tif", (tmp_path / "a b.tif").as_uri()):
        assert resolve(url, place) == str((tmp_path / "a b.tif").resolve())


@pytest.mark.parametrize(
    "href",
    ["ftp://h/x.tif", "/vsicurl/http://h/x.tif", "/vsizip//tmp/a.zip/x.tif", "javascript:alert(1)", "NETCDF:/etc/x"],
)
def test_a_local_document_has_expected_schemes_too(href: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL's paths and schemes of neither servers nor buckets are refused in one line, until they are allowed."""
    catalog = write_catalog(tmp_path, index=False)
    for path in catalog.rglob("esd-*-20*.json"):
        content = json.loads(path.read_text())
        content["assets"]["embeddings"]["href"] = href
        path.write_text(json.dumps(content))
    with pytest.raises(CatalogError, match=r"expected a path or one of the schemes .* set ESD_ALLOW=") as caught:
        find_items(catalog)
    assert "\n" not in str(caught.value)
    monkeypatch.setenv(ALLOW_VARIABLE, "ftp, vsi, javascript, netcdf")
    assert len(find_items(catalog)) >= 1


@pytest.mark.parametrize("href", ["https://h/x.tif", "http://h/x.tif", "s3://b/x.tif", "gs://b/x.tif"])
def test_a_local_document_names_servers_and_buckets(href: str, tmp_path: Path) -> None:
    """What a catalogue names openly stays as it is."""
    assert resolve(href, str(tmp_path / "a.json")) == href


@pytest.mark.parametrize("what", ["asset", "link"])
def test_a_remote_catalogue_reads_nothing_here(what: str, tmp_path: Path) -> None:
    """A catalogue on a server whose item or child lies on this machine is refused before anything is opened."""
    catalog = write_catalog(tmp_path, index=False)
    shutil.copytree(catalog, tmp_path / "served")
    root = tmp_path / "served" / "catalog.json"
    items = [path for path in root.parent.rglob("*.json") if path.stem == path.parent.name]
    for path in [root] if what == "link" else items:
        content = json.loads(path.read_text())
        if what == "link":
            content["links"].append({"rel": "child", "href": (catalog / "catalog.json").as_uri()})
        else:
            content["assets"]["embeddings"]["href"] = "file:///etc/passwd"
        path.write_text(json.dumps(content))
    with (
        serving(tmp_path / "served") as (url, _),
        pytest.raises(CatalogError, match="names no files of this machine"),
    ):
        find_items(f"{url}/files/catalog.json", geometry=BRUSSELS)
