"""Where a catalogue may lead its reader: the allowed roots and schemes, and what a user asks for, no further."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import tiny_map

from esd_tasks.item_sources import http
from esd_tasks.item_sources.hrefs import ALLOW_VARIABLE, resolve
from esd_tasks.items import find_items
from stactools_esd.catalog import create_catalog
from stactools_esd.cog import open_codes
from stactools_esd.errors import CatalogError, EsdError
from stactools_esd.hrefs import check_href

REMOTE = "https://host.example/catalog/collection.json"
LEADING_OUT = (
    "file:///etc/passwd",
    "FILE:/etc/passwd",
    "/vsicurl/http://127.0.0.1/x.tif",
    "/vsizip//tmp/a.zip/x.tif",
    "/vsimem/x",
    "/vsigzip//vsicurl/http://127.0.0.1/x",
    "/vsistdin/",
    "ftp://host.example/x",
    "data:text/plain,x",
    "javascript:alert(1)",
    "NETCDF:/etc/x",
    "HDF5:/etc/x://a",
    "PG:host=127.0.0.1",
    "WMS:http://127.0.0.1/",
)


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Talk to this machine directly, at once."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(ALLOW_VARIABLE, raising=False)
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.0)
    http._session.cache_clear()
    yield
    http._session.cache_clear()


@pytest.mark.parametrize("href", LEADING_OUT)
def test_no_scheme_but_those_of_servers_and_buckets(href: str, tmp_path: Path) -> None:
    """Neither who lists a catalogue nor who reads one behind a URL follows GDAL's paths, files or odd schemes."""
    with pytest.raises(CatalogError):
        resolve(href, REMOTE)
    if not href.startswith("FILE"):
        with pytest.raises(CatalogError):
            check_href(href, root=tmp_path)


def test_prefixes_of_drivers_are_names_of_files(tmp_path: Path) -> None:
    """A prefix that is no scheme is part of a name: what is opened begins with the folder or the server."""
    assert resolve("GTIFF_DIR:1:/etc/x", REMOTE) == "https://host.example/catalog/GTIFF_DIR:1:/etc/x"
    assert resolve("GTIFF_DIR:1:/etc/x", str(tmp_path / "item.json")) == f"{tmp_path}/GTIFF_DIR:1:/etc/x"


@pytest.mark.parametrize("href", ["../x.tif", "a/../../x.tif", "/etc/passwd", "./../catalog2/x.tif", "a/./../../x"])
def test_a_listing_names_no_file_outside_its_catalogue(href: str, tmp_path: Path) -> None:
    """However it is written, a path out of the folder is refused until the user says `--allow outside`."""
    root = tmp_path / "catalog"
    with pytest.raises(CatalogError, match="--allow outside"):
        check_href(href, root=root)
    assert check_href(href, root=root, allowed=("outside",)) == href


@pytest.mark.parametrize(
    "href",
    [
        "https://user:secret@host.example/a.tif",
        "https://host.example/a.tif?X-Amz-Signature=secret&X-Amz-Credential=secret",
        "https://host.example/a.tif?sig=secret",
        "s3://AKIAKEY:secret@bucket/a.tif",
        "https://host.example/a.tif?x=1&AWSAccessKeyId=secret",
        "gs://bucket/a.tif?access_token=secret",
    ],
)
def test_no_item_keeps_a_secret(href: str, tmp_path: Path) -> None:
    """An address with a signature, a token or a password is refused, and the message does not repeat it."""
    with pytest.raises(CatalogError, match="password") as caught:
        check_href(href, root=tmp_path)
    assert "secret" not in str(caught.value)


@contextmanager
def sending(to: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[tuple[str, list[str]]]:
    """Answer paths as told; yields the address and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, headers, content = to.get(self.path, (404, {}, b""))
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *said: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "/dev/null", "gopher://127.0.0.1/"])
def test_a_server_cannot_send_its_reader_to_a_file(target: str) -> None:
    """A redirect leads to http and https only, for documents and for codes."""
    moved = (302, {"Location": target}, b"")
    answer = {"/catalog.json": moved, "/SDC30_EBD_V001_50TMK_2020.tif": moved}
    with sending(answer) as (url, _):
        with pytest.raises(CatalogError) as caught:
            find_items(f"{url}/catalog.json")
        assert "root:" not in str(caught.value)
        with pytest.raises(EsdError):
            open_codes(f"{url}/SDC30_EBD_V001_50TMK_2020.tif")


def test_relative_links_of_a_redirected_document_stay_with_http(tmp_path: Path) -> None:
    """What a document behind a redirect names is counted from the address that was asked, and is no file here."""
    catalog = {"type": "Catalog", "id": "a", "links": [{"rel": "child", "href": "file:///etc/passwd"}]}
    moved = {"/a.json": (302, {"Location": "/b.json"}, b""), "/b.json": (200, {}, json.dumps(catalog).encode())}
    with sending(moved) as (url, asked), pytest.raises(CatalogError, match="names no files of this machine"):
        find_items(f"{url}/a.json")
    assert asked == ["/a.json", "/b.json"]


def test_catalogues_without_end_come_to_one() -> None:
    """A chain of documents that each name another is followed so far, a page that leads to itself not at all."""
    chain = {
        f"/{n}.json": (
            200,
            {},
            json.dumps({"type": "Catalog", "links": [{"rel": "child", "href": f"{n + 1}.json"}]}).encode(),
        )
        for n in range(80)
    }
    with sending(chain) as (url, asked), pytest.raises(CatalogError, match="mend the catalogue"):
        find_items(f"{url}/0.json")
    assert len(asked) < 80


def test_links_out_of_a_catalogue_are_told(tmp_path: Path) -> None:
    """`validate` names a link to a child outside the folder, and a symbolic link is what it leads to."""
    from stactools_esd.validate import validate

    root = create_catalog([tiny_map.write_place(tmp_path / "codes")], tmp_path / "catalog")
    (tmp_path / "outside.json").write_text("{}")
    content = json.loads(root.read_text())
    content["links"].append({"rel": "child", "href": "../outside.json", "type": "application/json"})
    root.write_text(json.dumps(content))
    assert any("leads out of the folder" in problem for problem in validate(root).problems)


@pytest.mark.parametrize("tile", ["../../../../evil", "x/../../evil", "/evil", "x..", "xa\\b", "x\0"])
def test_no_item_is_put_outside_its_catalogue(tile: str, tmp_path: Path) -> None:
    """An item whose tile is a path ends in an error, and nothing is written anywhere."""
    codes = tiny_map.write_place(tmp_path / "codes")
    root = create_catalog([codes], tmp_path / "catalog")
    (path,) = (one for one in root.parent.rglob("*.json") if one.name.startswith("esd-") and "links" in one.read_text())
    item = json.loads(path.read_text())
    item["properties"]["esd:tile"] = tile
    item["id"] = f"esd-esdnet-small-v1-{tile.lower()}-2020"
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "item.json").write_text(json.dumps(item))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(EsdError):
        create_catalog([tmp_path / "given" / "item.json"], tmp_path / "new")
    assert sorted(tmp_path.rglob("*")) == before
