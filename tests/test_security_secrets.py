"""Credentials of the environment come into nothing that is printed, logged, raised or written."""

import io
import json
import logging
import traceback
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import tiny_map
from click.testing import CliRunner as ClickRunner
from typer.testing import CliRunner as TyperRunner

from esd_tasks import cli
from esd_tasks.item_sources import http
from stactools_esd import commands, signing, web
from stactools_esd.catalog import create_catalog
from stactools_esd.errors import EsdError
from stactools_esd.gdal import READ_OPTIONS
from stactools_esd.signing import archive_href

CANARIES = {
    "ESD_PORTAL_TOKEN": "canary-token-5e1f",
    "ESD_PORTAL_USER": "canary-user-5e1f",
    "ESD_PORTAL_USER_ID": "canary-id-5e1f",
    "AWS_ACCESS_KEY_ID": "CANARYKEY5E1F",
    "AWS_SECRET_ACCESS_KEY": "canary-secret-5e1f",
    "AWS_SESSION_TOKEN": "canary-session-5e1f",
    "GOOGLE_APPLICATION_CREDENTIALS_JSON": "canary-google-5e1f",
    "GDAL_HTTP_USERPWD": "canary-http:canary-password-5e1f",
}
"""Credentials that nobody may see again; the key id of AWS is in addresses that GDAL signs, so it is one too."""

BOX = "2.9,50.4,3.4,50.8"


class Refusing(BaseHTTPRequestHandler):
    """A server that refuses everything, and says back what it was told: headers, body and all."""

    def __init__(self, *given: Any, status: int, signed: str | None) -> None:
        self.status, self.signed = status, signed
        super().__init__(*given)

    def _answer(self) -> None:
        told = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        said = {"error": f"refused {self.headers} {told}", "message": f"{self.path} {self.headers}"}
        status = self.status
        if self.signed is not None and self.command == "POST":
            status, said = 200, {"signedUrl": self.signed}
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        """Refuse."""
        self._answer()

    def do_POST(self) -> None:
        """Refuse, or sign."""
        self._answer()

    def log_message(self, *said: Any) -> None:
        """Say nothing."""


@pytest.fixture(params=[(403, False), (500, False), (403, True)], ids=["refuses", "fails", "signs"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A portal that fails in one of three ways, and an environment full of credentials that point to it."""
    status, signs = request.param
    for module in (web, http):
        monkeypatch.setattr(module, "BACKOFF_SECONDS", 0.0)
    monkeypatch.setitem(READ_OPTIONS, "GDAL_HTTP_MAX_RETRY", "0")  # type: ignore[misc]
    http._session.cache_clear()
    signing._kept.clear()
    found = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    url = f"http://127.0.0.1:{found.server_port}"
    address = f"{url}/bucket/a.tif?AccessKeyId=canary-key-5e1f&Signature=canary-signature-5e1f" if signs else None
    found.RequestHandlerClass = partial(Refusing, status=status, signed=address)  # type: ignore[assignment]
    Thread(target=found.serve_forever, daemon=True).start()
    others = {"ESD_PORTAL_URL": url, "NO_PROXY": "127.0.0.1", "AWS_S3_ENDPOINT": url.removeprefix("http://")}
    others |= {"AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "FALSE"}
    for name, value in (CANARIES | others).items():
        monkeypatch.setenv(name, value)
    yield url
    found.shutdown()
    found.server_close()
    http._session.cache_clear()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What libraries log: all of ours and of rasterio; of others what is more than talk for their developers."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in ("esd_tasks", "stactools_esd", "rasterio"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield stream
    for name in ("esd_tasks", "stactools_esd", "rasterio"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    root.removeHandler(handler)
    root.setLevel(before)


def place(folder: Path, href: str) -> Path:
    """Write a catalogue whose one item names its codes by an address."""
    root = create_catalog([tiny_map.write_place(folder / "codes")], folder / "catalog", index=False)
    for path in root.parent.rglob("*.json"):
        item = json.loads(path.read_text())
        if item.get("type") == "Feature":
            item["assets"]["embeddings"]["href"] = href
            for fact in ("file:size", "file:checksum"):
                item["assets"]["embeddings"].pop(fact, None)
            path.write_text(json.dumps(item))
    tiny_map.write_labels(folder / "labels.gpkg", n=40)
    return root


def everything(result: Any, folder: Path, logged: io.StringIO) -> str:
    """Return what a command printed, raised and logged, and all that lies below a folder."""
    raised = "".join(traceback.format_exception(*result.exc_info)) if result.exc_info else ""
    files = "".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())
    return "\n".join((result.output, result.stderr, raised, logged.getvalue(), files))


@pytest.mark.parametrize("href", ["archive", "s3://bucket/a.tif"])
def test_failing_commands_say_no_secret(server: str, href: str, tmp_path: Path, logged: io.StringIO) -> None:
    """Commands that read an archive or a bucket that fails, told to say more, show no credential, signed or plain."""
    name = "SDC30_EBD_V001_50TMK_2020.tif"
    address = archive_href("SDC30_EBD_V001/2020", name) if href == "archive" else href
    root, out = place(tmp_path, address), tmp_path / "out"
    tasks = [
        ["pull", "--bbox", BOX, "--year", "2020", "--catalog", root, "--output", out, "-v"],
        ["classify", "--labels", tmp_path / "labels.gpkg", "--catalog", root, "--year", "2020", "--output", out, "-v"],
        ["pull", "--bbox", BOX, "--years", "2020", "--catalog", f"{server}/catalog.json?token=canary-url-5e1f", "-v"],
    ]
    esd = [
        ["create-item", address, out, "--encoder", "official-v001", "--tile", "50TMK", "--year", "2020"],
        ["create-item", "--no-copy", f"{server}/{name}?sig=canary-url-5e1f", out],
        ["list-portal", tmp_path / "listing.csv", "--years", "2020"],
        ["validate", root],
    ]
    for runner, program, lines in ((TyperRunner(), cli.app, tasks), (ClickRunner(), commands.esd, esd)):
        for line in lines:
            result = runner.invoke(program, [str(word) for word in line])  # type: ignore[attr-defined]
            said = everything(result, tmp_path, logged)
            assert not [word for word in ("5e1f", "5E1F", "canary") if word in said], line
            if line[0] != "validate":
                assert result.exit_code in (1, 2, 3, 4), result.output
                assert len(result.stderr.splitlines()) >= 1


def test_results_hold_no_secret(server: str, tmp_path: Path, logged: io.StringIO) -> None:
    """A run that goes well in the same environment writes no credential into its record, its item or its files."""
    create_catalog([tiny_map.write_place(tmp_path / "codes")], tmp_path / "catalog")
    for line in (
        [
            "pull",
            "--bbox",
            BOX,
            "--year",
            "2020",
            "--catalog",
            tmp_path / "catalog",
            "--output",
            tmp_path / "out",
            "-v",
        ],
        [
            "cluster",
            "--bbox",
            BOX,
            "--year",
            "2020",
            "--catalog",
            tmp_path / "catalog",
            "--output",
            tmp_path / "map",
            "-v",
        ],
    ):
        result = TyperRunner().invoke(cli.app, [str(word) for word in line])
        assert result.exit_code == 0, result.output
        said = everything(result, tmp_path, logged)
        assert not [word for word in ("5e1f", "5E1F", "canary") if word in said]
    assert (tmp_path / "map" / "run.json").is_file()


def test_secrets_go_to_the_portal_alone(server: str) -> None:
    """An address that only looks like one of the archive is read as it is, and nobody is asked to sign it."""
    for href in (
        "https://data-starcloud.pcl.ac.cn.evil.example/shared-dataset/SDC30_EBD/a.tif",
        "https://evil.example/?https://data-starcloud.pcl.ac.cn/shared-dataset/SDC30_EBD/a.tif",
        "http://data-starcloud.pcl.ac.cn/shared-dataset/SDC30_EBD/a.tif",
        "https://data-starcloud.pcl.ac.cn@evil.example/shared-dataset/SDC30_EBD/a.tif",
    ):
        assert signing.signed(href) == href


@pytest.mark.parametrize("url", ["http://portal.example", "ftp://127.0.0.1", "http://127.0.0.1.evil.example", "portal"])
def test_no_secret_goes_in_the_clear(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal that is neither https nor this machine gets no credential."""
    for name, value in (CANARIES | {"ESD_PORTAL_URL": url}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EsdError, match="https") as caught:
        signing.signed(archive_href("SDC30_EBD_V001/2020", "SDC30_EBD_V001_50TMK_2020.tif"))
    assert "canary" not in str(caught.value)
