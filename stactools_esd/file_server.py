"""A small file server on the loopback address that answers Range requests: enough for a browser of catalogues.

It serves the files below its folders and nothing else, and answers nobody but this machine.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote, urlsplit

from stactools_esd.errors import EsdError

HOST: Final = "127.0.0.1"
"""The only address that is served."""

LOCAL_NAMES: Final = frozenset({"127.0.0.1", "localhost"})
"""Hosts that a request may name. Another name is a web page elsewhere that points its name at this machine."""

CHUNK_BYTES: Final = 1 << 18
"""Bytes of a file in memory at once."""

MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".geojson": "application/geo+json",
    ".gpkg": "application/geopackage+sqlite3",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff; application=geotiff",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
"""Media types by ending: of this module, so that they are the same on every machine."""

_RANGE = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Site:
    """What a server serves."""

    folders: Mapping[str, Path]
    """A folder for each prefix of URL paths, such as `/` and `/catalog/`; the longest prefix wins."""

    documents: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    """Media type and content of URL paths that are not files; they win over files."""

    def file(self, url_path: str) -> Path | None:
        """Return the file of a URL path, or None where nothing may be served.

        Names that begin with a dot, `..` among them, backslashes and links out of the folder are never served.
        """
        path = unquote(url_path, errors="surrogateescape")
        prefix = max((prefix for prefix in self.folders if path.startswith(prefix)), key=len, default=None)
        if prefix is None or "\\" in path or "\0" in path:
            return None
        names = path[len(prefix) :].split("/")
        if names[-1] == "":
            names[-1] = "index.html"
        if any(name == "" or name.startswith(".") for name in names):
            return None
        folder = self.folders[prefix].resolve()
        try:
            file = folder.joinpath(*names).resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        return file if file.is_relative_to(folder) and file.is_file() else None


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of one connection."""

    protocol_version = "HTTP/1.1"
    server_version = "stactools-esd"
    sys_version = ""
    timeout = 60

    def __init__(self, *args: object, site: Site) -> None:
        self.site = site
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer with a file, a part of it, or why not."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answer as GET does, without the content."""
        self._answer()

    def _answer(self) -> None:
        name = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        if name not in LOCAL_NAMES:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path = urlsplit(self.path).path
        if path in self.site.documents:
            media_type, content = self.site.documents[path]
            self._head(HTTPStatus.OK, len(content), {"Content-Type": media_type, "Cache-Control": "no-cache"})
            if self.command == "GET":
                self.wfile.write(content)
            return
        file = self.site.file(path)
        if file is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            stream = file.open("rb")
        except OSError:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        with stream:
            try:
                self._send(file, stream)
            except OSError:
                self.close_connection = True  # a reader that has seen enough hangs up; or the disk failed

    def _send(self, file: Path, stream: BinaryIO) -> None:
        """Answer with what of a file was asked for."""
        facts = os.fstat(stream.fileno())
        size, tag = facts.st_size, f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
        headers = {
            "Content-Type": MEDIA_TYPES.get(file.suffix.lower(), "application/octet-stream"),
            "Accept-Ranges": "bytes",
            "ETag": tag,
            "Last-Modified": formatdate(int(facts.st_mtime), usegmt=True),
            "Cache-Control": "no-cache",
        }
        seen = self.headers.get("If-None-Match", "")
        if tag in seen or seen.strip() == "*":
            self._head(HTTPStatus.NOT_MODIFIED, None, headers)
            return
        part = None
        if self.command == "GET" and self._range_holds(tag, int(facts.st_mtime)):
            part = asked_part(self.headers.get("Range"), size)
        if part is None:
            first, count = 0, size
            self._head(HTTPStatus.OK, count, headers)
        elif part.start >= part.stop:
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{size}"})
            return
        else:
            first, count = part.start, len(part)
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
            self._head(HTTPStatus.PARTIAL_CONTENT, count, headers)
        if self.command == "GET":
            stream.seek(first)
            while count > 0 and (chunk := stream.read(min(count, CHUNK_BYTES))):
                self.wfile.write(chunk)
                count -= len(chunk)
            self.close_connection |= count > 0  # the file became shorter while it was read

    def _range_holds(self, tag: str, modified: int) -> bool:
        """Tell whether `If-Range` lets a part be sent (RFC 9110, 13.1.5): the file is what the reader has seen."""
        condition = self.headers.get("If-Range")
        if condition is None or condition == tag:
            return True
        try:
            return int(parsedate_to_datetime(condition).timestamp()) == modified
        except ValueError:
            return False

    def _refuse(self, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> None:
        content = f"{status.value} {status.phrase}\n".encode()
        self._head(status, len(content), {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})
        if self.command == "GET":
            self.wfile.write(content)

    def _head(self, status: HTTPStatus, size: int | None, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if size is not None:
            self.send_header("Content-Length", str(size))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of single requests."""


def asked_part(header: str | None, size: int) -> range | None:
    """Return the bytes that a `Range` header asks for (RFC 9110, 14.2).

    Args:
        header: Its value, such as `bytes=0-1023`, `bytes=1024-` or `bytes=-8`.
        size: Bytes of the file.

    Returns:
        The positions, an empty range where there are none to satisfy it; None where the whole file is the answer, as
        for several ranges and for units and texts that are not understood.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or match["first"] == match["last"] == "":
        return None
    if match["first"] == "":
        return range(max(size - int(match["last"]), 0), size)
    first, last = int(match["first"]), int(match["last"] or size)
    if match["last"] and last < first:
        return None
    return range(first, min(last + 1, size)) if first < size else range(0)


def open_server(site: Site, port: int = 0) -> ThreadingHTTPServer:
    """Return a server of a site, which listens but does not answer before `serve_forever`.

    Args:
        site: What it serves.
        port: Where it listens; 0 takes a free one, which is then `server.server_port`.

    Raises:
        EsdError: The port is taken.
    """
    try:
        return _Server((HOST, port), partial(_Handler, site=site))
    except OSError as error:
        raise EsdError(
            f"got port {port}, which cannot be had ({error.strerror}); choose another, or --port 0 for a free one"
        ) from error


class _Server(ThreadingHTTPServer):
    """A thread a connection; a reader that hangs up or stalls is not worth a word."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""
