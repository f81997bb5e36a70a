"""The local file server gives files and their parts as HTTP has it, and nothing from elsewhere."""

import http.client
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stactools_esd.errors import EsdError
from stactools_esd.file_server import Site, asked_part, open_server

CONTENT = bytes(range(100))

Answer = tuple[int, dict[str, str], bytes]


class Client:
    """Asks a server, letter by letter as told."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Return status, headers and content; the underscores of a header's name stand for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        try:
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


@contextmanager
def serving(site: Site) -> Iterator[Client]:
    """Serve a site."""
    server = open_server(site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Client(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Yield a client of a folder with a codes COG, an item and a few traps."""
    folder = tmp_path / "catalog"
    (folder / "items").mkdir(parents=True)
    (folder / "codes.tif").write_bytes(CONTENT)
    (folder / "catalog.json").write_text("{}")
    (folder / "items" / "a b.json").write_text("{}")
    (folder / "empty.csv").touch()
    (folder / ".secret").write_text("secret")
    (tmp_path / "outside.json").write_text("secret")
    (folder / "out.json").symlink_to(tmp_path / "outside.json")
    (folder / "out").symlink_to(tmp_path)
    (folder / "in.tif").symlink_to(folder / "codes.tif")
    browser = tmp_path / "browser"
    browser.mkdir()
    (browser / "index.html").write_text("<p>browser</p>")
    (browser / "config.js").write_text("as built")
    documents = {"/config.js": ("text/javascript", b"as served")}
    with serving(Site(folders={"/": browser, "/catalog/": folder}, documents=documents)) as client:
        yield client


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, CONTENT[:10]),
        ("bytes=90-", 206, CONTENT[90:]),
        ("bytes=-10", 206, CONTENT[90:]),
        ("bytes=-1000", 206, CONTENT),
        ("bytes=95-1000", 206, CONTENT[95:]),
        ("bytes=99-99", 206, CONTENT[99:]),
        ("bytes=100-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=9-0", 200, CONTENT),
        ("bytes=0-1,5-6", 200, CONTENT),
        ("items=0-1", 200, CONTENT),
        ("bytes=-", 200, CONTENT),
        ("bytes=0-" + "9" * 5000, 200, CONTENT),
    ],
)
def test_parts(client: Client, asked: str, status: int, part: bytes | None) -> None:
    """A part is sent as asked; one past the end is 416 with the size; what is not understood is the whole file."""
    answered, headers, content = client.ask("/catalog/codes.tif", Range=asked)
    assert answered == status
    if part is None:
        assert headers["Content-Range"] == "bytes */100"
        return
    assert content == part
    if status == 206:
        first = CONTENT.index(part)
        assert headers["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/100"


@given(size=st.integers(0, 50), first=st.integers(0, 60), last=st.integers(0, 60))
def test_a_part_is_what_is_between_its_ends(size: int, first: int, last: int) -> None:
    """A range holds exactly the bytes of the file from the first to the last; a suffix the last so many."""
    content = list(range(size))
    part = asked_part(f"bytes={first}-{last}", size)
    assert (part is None) == (last < first)
    if part is not None:
        assert list(part) == content[first : last + 1]
    assert list(asked_part(f"bytes={first}-", size) or ()) == content[first:]
    assert list(asked_part(f"bytes=-{last}", size) or ()) == content[max(size - last, 0) :]


def test_a_changed_file_is_sent_whole(client: Client, tmp_path: Path) -> None:
    """`If-Range` with the tag or date of the file gives the part; after a change it gives the whole new file."""
    _, headers, _ = client.ask("/catalog/codes.tif", "HEAD")
    for condition in (headers["ETag"], headers["Last-Modified"]):
        assert client.ask("/catalog/codes.tif", Range="bytes=0-1", If_Range=condition)[0] == 206
    assert client.ask("/catalog/codes.tif", If_None_Match=headers["ETag"])[::2] == (304, b"")
    (tmp_path / "catalog" / "codes.tif").write_bytes(CONTENT[::-1])
    os.utime(tmp_path / "catalog" / "codes.tif", (1e9, 1e9))
    for condition in (headers["ETag"], headers["Last-Modified"], "nonsense"):
        answered, _, content = client.ask("/catalog/codes.tif", Range="bytes=0-1", If_Range=condition)
        assert (answered, content) == (200, CONTENT[::-1])


def test_head_says_what_get_would(client: Client) -> None:
    """HEAD has the size, type and tag of the whole file, a Range or not, and no content."""
    _, expected, _ = client.ask("/catalog/codes.tif")
    status, headers, content = client.ask("/catalog/codes.tif", "HEAD", Range="bytes=0-1")
    assert (status, content) == (200, b"")
    expected.pop("Date"), headers.pop("Date")
    assert headers == expected
    assert headers["Content-Length"] == "100"
    assert headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/catalog/codes.tif", "image/tiff; application=geotiff"),
        ("/catalog/items/a%20b.json", "application/json"),
        ("/catalog/empty.csv", "text/csv; charset=utf-8"),
        ("/catalog/in.tif", "image/tiff; application=geotiff"),
        ("/", "text/html; charset=utf-8"),
        ("/config.js?v=1", "text/javascript"),
    ],
)
def test_media_types(client: Client, path: str, media_type: str) -> None:
    """Files have their type wherever they lie: below the catalogue, of the browser, or made while serving."""
    status, headers, _ = client.ask(path)
    assert (status, headers["Content-Type"]) == (200, media_type)


def test_documents_win_over_files(client: Client) -> None:
    """The configuration is that of this run, not the one that the build left."""
    assert client.ask("/config.js")[2] == b"as served"


@pytest.mark.parametrize(
    "path",
    [
        "/catalog/../outside.json",
        "/catalog/%2e%2e/outside.json",
        "/catalog/..%2foutside.json",
        "/catalog/items/..%5c..%5coutside.json",
        "/catalog//etc/passwd",
        "/catalog/%2fetc/passwd",
        "/catalog/out.json",
        "/catalog/out/outside.json",
        "/catalog/.secret",
        "/catalog/items",
        "/catalog/items/",
        "/catalog/absent.json",
        "/catalog/codes.tif%00.json",
        "/catalog/%ff",
        "//etc/passwd",
        "/../../etc/passwd",
    ],
)
def test_nothing_else_is_served(client: Client, path: str) -> None:
    """Ways out of the folder, links that leave it, hidden files, folders and absent files are all 404."""
    status, _, content = client.ask(path)
    assert status == 404
    assert b"secret" not in content


def test_other_names_and_methods_are_refused(client: Client) -> None:
    """A page elsewhere that points its own name at this machine gets nothing; nothing can be written."""
    assert client.ask("/catalog/catalog.json", Host="example.org:80")[0] == 421
    assert client.ask("/catalog/catalog.json", Host=f"localhost:{client.port}")[0] == 200
    for method in ("POST", "PUT", "DELETE"):
        assert client.ask("/catalog/catalog.json", method)[0] == 501


def test_readers_do_not_wait_for_each_other(client: Client) -> None:
    """A connection that says nothing holds nobody up."""
    idle = http.client.HTTPConnection("127.0.0.1", client.port)
    idle.connect()
    try:
        assert client.ask("/catalog/catalog.json")[0] == 200
    finally:
        idle.close()


def test_a_taken_port_is_said(client: Client, tmp_path: Path) -> None:
    """A port that is taken ends in one line that says what to do."""
    with pytest.raises(EsdError, match="--port 0"):
        open_server(Site(folders={"/": tmp_path}), client.port)
