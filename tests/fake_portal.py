"""A portal on loopback that answers as that of the official archive does: it lists for anybody and signs for users.

Shapes of questions and answers are those that open clients of the portal record; names and sizes are made up.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "canary-token-b7c1"
SIGNATURE = "canary-signature-41d9"


class Portal:
    """What the portal holds, and what it was asked."""

    def __init__(self, files: dict[str, list[dict[str, Any]]], folder: Path) -> None:
        self.files = files
        self.folder = folder
        self.questions: list[tuple[str, str, Any]] = []
        self.failures = 0


class Handler(BaseHTTPRequestHandler):
    """Lists by POST without login, signs by POST with a token, serves by GET with a signature; HEAD is refused."""

    def __init__(self, *args: Any, portal: Portal) -> None:
        self.portal = portal
        super().__init__(*args)

    def do_POST(self) -> None:
        """Answer a question."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.portal.questions.append(("POST", self.path, body))
        if self.portal.failures:
            self.portal.failures -= 1
            self._answer(503, {})
        elif self.path == "/aiforearth/api/data/polygonQuery":
            self._list(body["params"])
        elif self.path == "/starcloud/api/file/downloadResource":
            self._sign(body)
        else:
            self._answer(404, {})

    def _list(self, asked: dict[str, str]) -> None:
        if asked["table"] != "rs_sdc30_ebd2" or not asked["polygon"].startswith("POLYGON (("):
            self._answer(200, {"success": False, "code": 500, "error": "no such table"})
        else:
            self._answer(200, self.portal.files.get(asked["path"], []))

    def _sign(self, body: dict[str, str]) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}" or body["userId"] != "7":
            self._answer(401, {"success": False, "error": "token is invalid"})
            return
        name = body["objectKey"].rsplit("/", 1)[-1]
        host = f"http://{self.headers['Host']}"
        url = f"{host}/bucket/{body['objectKey']}?AccessKeyId=A&Expires=9999999999&Signature={SIGNATURE}"
        self._answer(200, {"signedUrl": url, "fileName": name, "fileSize": 1})

    def do_HEAD(self) -> None:
        """Refuse: the signature is for GET."""
        self.portal.questions.append(("HEAD", self.path, None))
        self.send_error(403)

    def do_GET(self) -> None:
        """Serve a file, or the part of it that is asked for."""
        parts = urlsplit(self.path)
        self.portal.questions.append(("GET", self.path, None))
        path = self.portal.folder / parts.path.rsplit("/", 1)[-1]
        if parse_qs(parts.query).get("Signature") != [SIGNATURE] or not path.is_file():
            self.send_error(403)
            return
        content = path.read_bytes()
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last or len(content) - 1) + 1]
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(part)

    def _answer(self, status: int, content: Any) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def running(files: dict[str, list[dict[str, Any]]], folder: Path) -> Iterator[tuple[str, Portal]]:
    """Run a portal over files; yields its address and what it is asked."""
    portal = Portal(files, folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, portal=portal))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", portal
    finally:
        server.shutdown()
        server.server_close()
