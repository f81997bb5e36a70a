"""The server of `browse` against requests that no browser sends: nothing outside its folder, in bounded memory."""

import socket
import threading
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stactools_esd.file_server import HOST, Site, open_server

SECRET = b"outside-of-the-folder"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve a folder with a file, beside a file and links that lead out."""
    base = tmp_path_factory.mktemp("served")
    folder = base / "catalog"
    (folder / "items").mkdir(parents=True)
    (folder / "catalog.json").write_text("{}")
    (folder / "codes.tif").write_bytes(bytes(1000))
    (base / "outside.json").write_bytes(SECRET)
    (base / "catalog2").mkdir()
    (base / "catalog2" / "outside.json").write_bytes(SECRET)
    (folder / "file-link.json").symlink_to(base / "outside.json")
    (folder / "folder-link").symlink_to(base)
    (folder / "items" / "chain").symlink_to(folder / "folder-link")
    (folder / ".hidden.json").write_bytes(SECRET)
    server = open_server(Site(folders={"/": folder, "/catalog/": folder}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def ask(port: int, request: bytes) -> bytes:
    """Send bytes as they are and return all that comes back; hanging up in between is an answer too."""
    with socket.create_connection((HOST, port), timeout=10) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        except (ConnectionResetError, BrokenPipeError):
            return b""
        return answer


def status(port: int, path: str, *headers: str) -> tuple[int, bytes]:
    """Ask for a path, letter by letter as told, and return status and everything."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}:{port}", "Connection: close", *headers, "", ""]
    answer = ask(port, "\r\n".join(lines).encode("latin-1"))
    return int(answer.split(b" ", 2)[1]) if answer else 0, answer


WAYS_OUT = [
    "/catalog/../outside.json",
    "/catalog/..;/outside.json",
    "/catalog/%2e%2e/outside.json",
    "/catalog/%2e%2e%2foutside.json",
    "/catalog/%252e%252e%252foutside.json",
    "/catalog/%25252e%25252e/outside.json",
    "/catalog/..%c0%afoutside.json",
    "/catalog/%c0%ae%c0%ae/outside.json",
    "/catalog/..%5coutside.json",
    "/catalog/..\\outside.json",
    "/catalog/items/../../outside.json",
    "/catalog/./../outside.json",
    "/catalog/items/chain/outside.json",
    "/catalog/file-link.json",
    "/catalog/folder-link/outside.json",
    "/catalog/folder-link/catalog2/outside.json",
    "/catalog2/outside.json",
    "/catalog/%00",
    "/catalog/catalog.json%00.png",
    "/catalog/.hidden.json",
    "/catalog/%2ehidden.json",
    "/catalog//etc/passwd",
    "/catalog/%2fetc%2fpasswd",
    "//etc/passwd",
    "///outside.json",
    "/C:/Windows/win.ini",
    "/catalog/C:%5cWindows%5cwin.ini",
    "/catalog/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/catalog/catalog.json/",
    "/catalog/catalog.json/../../outside.json",
    "file:///etc/passwd",
    "http://127.0.0.1/etc/passwd",
    "../outside.json",
    "*",
]


@pytest.mark.parametrize("path", WAYS_OUT)
def test_no_way_leads_out_of_the_folder(port: int, path: str) -> None:
    """Dots, twice encoded or overlong, links, NUL, backslashes, drives and absolute addresses give no other file."""
    code, answer = status(port, path)
    assert code in (400, 404), answer[:200]
    assert SECRET not in answer
    assert b"root:" not in answer


@given(
    parts=st.lists(
        st.sampled_from(
            ["..", ".", "", "%2e%2e", "%2f", "\\", "catalog", "items", "folder-link", "chain", "outside.json"]
        ),
        max_size=8,
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_mixture_of_ways_does(port: int, parts: list[str]) -> None:
    """Whatever these pieces are put together to, the file beside the folder is not served."""
    assert SECRET not in status(port, "/" + "/".join(parts))[1]


def test_it_listens_on_loopback_alone(port: int) -> None:
    """The address is 127.0.0.1: nobody reaches it by another address of this machine."""
    server = open_server(Site(folders={}))
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()
    with pytest.raises(OSError, match=r"refused|unreachable|timed out|assign"):
        socket.create_connection(("127.0.0.2", port), timeout=2).close()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0" * 1000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nContent-Length: 99999999999\r\n\r\n",
    ],
    ids=lambda request_: repr(request_[:24]),
)
def test_requests_without_sense_are_refused(port: int, request_: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """Long lines, many headers and noise end the connection with a short answer; the next reader is served."""
    answer = ask(port, request_)
    assert len(answer) < 5_000
    assert SECRET not in answer
    assert status(port, "/catalog/catalog.json")[0] == 200
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "header",
    [
        "bytes=" + ",".join(f"{n}-{n}" for n in range(5_000)),
        "bytes=" + "0-," * 10_000,
        "bytes=-" + "9" * 30_000,
        "bytes=0-99999999999999999999999999",
        "bytes=18446744073709551615-18446744073709551616",
        "bytes=٠-٩",
        "bytes=--1",
    ],
    ids=lambda header: header[:20],
)
def test_ranges_cost_no_more_than_the_file(port: int, header: str) -> None:
    """Thousands of ranges are answered by the file once, and numbers without end by the file or by 416."""
    code, answer = status(port, "/catalog/codes.tif", f"Range: {quote(header, safe='=-,')}")
    assert code in (200, 206, 416)
    assert len(answer) < 2_000


def test_answers_cannot_be_split(port: int) -> None:
    """A path with line breaks comes back in no header."""
    _, answer = status(port, "/catalog/%0d%0aSet-Cookie:%20a=b")
    assert b"Set-Cookie" not in answer.partition(b"\r\n\r\n")[0]
