"""A loopback server of a catalogue's files and of an API over its items; and a parquet index of them."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import shapely.geometry
from neighbours import write_tile

from stactools_esd.catalog import create_catalog

BRUSSELS = shapely.Point(4.40, 50.80).buffer(0.001)
"""A place in the tile 31UES of `write_catalog`."""

CONFORMS = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]


def write_catalog(folder: Path, *, index: bool) -> Path:
    """Write a catalogue with its codes: two years near Brussels, one place on each side of the antimeridian."""
    for year in (2019, 2020):
        write_tile(folder, "31UES", 4.40, 50.80, mark=1, size=(20, 20), year=year)
    write_tile(folder, "60KYF", 179.5, -17.5, mark=2, size=(10, 10))
    write_tile(folder, "01KBA", -179.8, -17.5, mark=3, size=(10, 10))
    return create_catalog([folder], folder / "catalog", copy=True, index=index).parent


class Server(BaseHTTPRequestHandler):
    """Serves a folder below `/files` with ranges, and its items as an API."""

    def __init__(self, *args: Any, state: "State") -> None:
        self.state = state
        super().__init__(*args)

    def do_HEAD(self) -> None:
        """Refuse, as signed URLs do."""
        self.state.heads += 1
        self.send_error(403)

    def do_GET(self) -> None:
        """Answer, unless this is one of the requests that must fail."""
        self.state.requests.append(self.path)
        if self.state.stalls > 0:
            self.state.stalls -= 1
            self.state.woken.wait(30)
        elif self.state.failures > 0 and self.state.fails_on in self.path:
            self.state.failures -= 1
            self.send_error(self.state.failure_status)
        elif self.path.startswith("/files/"):
            self._send_file(self.state.folder / urlsplit(self.path).path.removeprefix("/files/"))
        else:
            self._send(json.dumps(self.state.answer(self.path, f"http://{self.headers['Host']}")).encode())

    def _send_file(self, path: Path) -> None:
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        asked = self.headers.get("Range")
        if asked is None:
            self._send(content)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last or len(content) - 1) + 1]
        self.state.served.append(len(part))
        self._send(part, 206, {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"})

    def _send(self, content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(content)), "Accept-Ranges": "bytes"} | (headers or {})).items():
            self.send_header(key, value)
        self.end_headers()
        if self.state.cuts > 0 and status < 300:
            self.state.cuts -= 1
            content, self.close_connection = content[: len(content) // 2], True
        with suppress(ConnectionError):  # a reader that only wants the headers hangs up
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class State:
    """What the server holds, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.items = item_documents(folder)
        self.requests: list[str] = []
        self.served: list[int] = []
        self.failures = 0
        self.failure_status = 503
        self.fails_on = ""
        self.stalls = 0
        self.cuts = 0
        self.woken = Event()
        self.heads = 0
        self.page_items = 1

    def answer(self, path: str, host: str) -> dict[str, Any]:
        """Return what the API says."""
        parts = urlsplit(path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/":
            return {"type": "Catalog", "id": "api", "conformsTo": CONFORMS, "links": []}
        if parts.path == "/collections":
            ids = sorted({item["collection"] for item in self.items})
            return {"collections": [{"id": "scenes"}, *({"id": id} for id in ids)], "links": []}
        found = [item for item in self.items if self._meets(item, asked)]
        first = int(asked.get("token", 0))
        links = []
        if first + self.page_items < len(found):
            query = "&".join(f"{key}={value}" for key, value in (asked | {"token": first + self.page_items}).items())
            links.append({"rel": "next", "href": f"{host}/search?{query}"})
        page = [served(item, host, self.folder) for item in found[first : first + self.page_items]]
        return {"type": "FeatureCollection", "features": page, "links": links}

    @staticmethod
    def _meets(item: dict[str, Any], asked: dict[str, str]) -> bool:
        if item["collection"] not in asked["collections"].split(","):
            return False
        if "bbox" in asked:
            box = shapely.box(*map(float, asked["bbox"].split(",")))
            if not shapely.intersects(box, shapely.geometry.shape(item["geometry"])):
                return False
        first, _, last = asked.get("datetime", "0000/9999").partition("/")
        return bool(first <= item["properties"]["start_datetime"] <= last)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, State]]:
    """Serve a folder with a catalogue; yields the URL and what is heard."""
    state = State(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, state=state))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", state
    finally:
        state.woken.set()
        server.shutdown()
        server.server_close()


@contextmanager
def serving_apart(folder: Path) -> Iterator[str]:
    """Serve a folder from a process of its own: pyogrio lets no other thread run while it waits for an answer."""
    with subprocess.Popen([sys.executable, __file__, folder], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def item_documents(folder: Path) -> list[dict[str, Any]]:
    """Return the items below a folder, their codes' hrefs absolute."""
    items = []
    for path in sorted(folder.rglob("*.json")):
        content = json.loads(path.read_text())
        if content.get("type") == "Feature" and "embeddings" in content["assets"]:
            for asset in content["assets"].values():
                asset["href"] = (path.parent / asset["href"]).resolve().as_posix()
            items.append(content)
    return items


def served(item: dict[str, Any], host: str, folder: Path) -> dict[str, Any]:
    """Return an item whose codes are behind the server."""
    asset = item["assets"]["embeddings"]
    href = f"{host}/files/{Path(asset['href']).relative_to(folder.resolve()).as_posix()}"
    return item | {"assets": {"embeddings": asset | {"href": href}}}


def write_index(path: Path, items: Sequence[dict[str, Any]]) -> Path:
    """Write items as a stac-geoparquet index: properties as columns, geometry as WKB, dates as timestamps."""
    rows = []
    for item in items:
        west, south, east, north = item["bbox"]
        properties = dict(item["properties"])
        for key in ("datetime", "start_datetime", "end_datetime"):
            properties[key] = datetime.fromisoformat(properties[key])
        rows.append(
            {key: item[key] for key in ("type", "stac_version", "id", "collection", "links", "assets")}
            | {"bbox": {"xmin": west, "ymin": south, "xmax": east, "ymax": north}}
            | {"geometry": shapely.to_wkb(shapely.geometry.shape(item["geometry"]))}
            | properties
        )
    columns = sorted({key for row in rows for key in row})
    table = pa.Table.from_pylist([{key: row.get(key) for key in columns} for row in rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


if __name__ == "__main__":
    with serving(Path(sys.argv[1])) as (address, _):
        print(address, flush=True)
        Event().wait()
