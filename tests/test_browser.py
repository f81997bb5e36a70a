"""STAC Browser is built once, whole or not at all, and served beside a catalogue without touching either."""

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from stactools_esd import browser
from stactools_esd.commands import esd
from stactools_esd.errors import EsdError, MissingExtraError, OutputError

FAKE_NPM = """#!/bin/sh
# Does what npm does here, as far as files go.
case "$1" in
pack) tar czf package.tgz -C "$FAKE_PACKAGE" package ;;
run) test -z "$FAKE_FAILURE" && mkdir dist && cp public/* dist/ ;;
esac
"""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return the folder of a build that has all that is asked of it."""
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "index.html").write_text("<p>browser</p>")
    (folder / "config.js").write_text(browser.config("../catalog.json"))
    return folder


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stand-in of npm and node first on the path; return what it packs."""
    tools, package = tmp_path / "bin", tmp_path / "source" / "package"
    tools.mkdir()
    for name in ("npm", "node"):
        (tools / name).write_text(FAKE_NPM)
        (tools / name).chmod(0o755)
    (package / "public").mkdir(parents=True)
    (package / "public" / "index.html").write_text(f"<head>{browser._CONFIG_COMMENT}</head>")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_PACKAGE", str(package.parent))
    monkeypatch.setenv("FAKE_FAILURE", "")
    monkeypatch.setattr(browser, "_unpack", lambda archive, folder: _untar(archive, folder))
    return package


def _untar(archive: Path, folder: Path) -> Path:
    subprocess.run(["tar", "xzf", archive, "-C", folder], check=True)
    return folder / "package"


def test_it_is_built_once_and_reads_its_configuration(npm: Path, tmp_path: Path) -> None:
    """A build ends under its name with a page that loads `config.js`; the next one finds it and runs nothing."""
    folder, steps = tmp_path / "cache" / "browser", []
    assert browser.build_browser(folder, steps.append) == folder
    assert 'src="./config.js"' in (folder / "index.html").read_text()
    assert "../catalog.json" in (folder / "config.js").read_text()
    assert steps == ["npm pack", "npm pkg", "npm install", "npm run"]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["browser", "browser.log"]
    assert browser.build_browser(folder, steps.append) == folder
    assert len(steps) == 4


def test_a_build_that_fails_leaves_nothing(npm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where npm fails the error names its log, and there is no folder that looks built."""
    monkeypatch.setenv("FAKE_FAILURE", "yes")
    folder = tmp_path / "cache" / "browser"
    with pytest.raises(EsdError, match=r"npm run failed .* see .*browser\.log"):
        browser.build_browser(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["browser.log"]


def test_another_package_is_refused(tmp_path: Path) -> None:
    """What the registry gives is built only if it is the package that was tested."""
    archive = tmp_path / "package.tgz"
    archive.write_bytes(b"something else")
    with pytest.raises(EsdError, match="SHA-512"):
        browser._unpack(archive, tmp_path)


def test_the_package_that_was_tested_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the archive come out as they went in; links and whatever else is no file stay inside."""
    source, archive = tmp_path / "source" / "package", tmp_path / "package.tgz"
    (source / "src").mkdir(parents=True)
    (source / "src" / "main.js").write_text("let a;")
    (source / "passwords").symlink_to("/etc/passwd")
    with tarfile.open(archive, "w:gz") as members:
        members.add(source, "package")
    digest = hashlib.sha512(archive.read_bytes()).digest()
    monkeypatch.setattr(browser, "INTEGRITY", base64.b64encode(digest).decode())
    made = browser._unpack(archive, tmp_path)
    assert [path.name for path in made.rglob("*")] == ["src", "main.js"]
    assert (made / "src" / "main.js").read_text() == "let a;"


def test_missing_node_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without node or npm one line says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="apt-get install nodejs npm"):
        browser.build_browser(tmp_path / "browser")


def test_browse_without_a_build_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`browse` never builds by itself: it names the command that does, and leaves with 1."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("ESD_BROWSER", raising=False)
    answer = CliRunner().invoke(esd, ["browse", str(tmp_path)])
    assert answer.exit_code == 1
    assert "stac esd build-browser" in answer.output
    assert len(answer.output.splitlines()) == 1


def test_no_catalogue_is_said(built: Path, tmp_path: Path) -> None:
    """A folder without catalog.json or collection.json cannot be browsed."""
    with pytest.raises(EsdError, match=r"expected catalog\.json"):
        browser.site(tmp_path, built)


def test_publishing_copies_the_build_beside_a_catalogue(built: Path, tmp_path: Path) -> None:
    """The copy points at `../catalog.json`; a folder that is there is never overwritten."""
    copied = browser.publish_browser(tmp_path / "catalog" / "browser", built)
    assert {path.name for path in copied.iterdir()} == {"index.html", "config.js"}
    assert 'new URL("../catalog.json"' in (copied / "config.js").read_text()
    with pytest.raises(OutputError, match="which is there"):
        browser.publish_browser(copied, built)


@pytest.mark.parametrize(("given", "end"), [("", signal.SIGINT), ("collection.json", signal.SIGTERM)])
def test_browse_serves_both_on_one_origin_until_ended(built: Path, tmp_path: Path, given: str, end: int) -> None:
    """The page, its configuration and the catalogue come from one address, in parts too; Ctrl-C ends with 0."""
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    (catalog / "catalog.json").write_text(json.dumps({"id": "root"}))
    (catalog / "collection.json").write_text(json.dumps({"id": "one"}))
    # The shell that started the tests may have had them ignore SIGINT, and their children with them.
    hear = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{hear}; from stactools_esd.commands import esd; esd()"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code, "browse", catalog / given, "--port", "0", "--browser-dir", built],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        name = given or "catalog.json"
        assert name in process.stdout.readline()
        assert b"browser" in _get(address)
        assert f'new URL("catalog/{name}"'.encode() in _get(f"{address}config.js")
        assert json.loads(_get(f"{address}catalog/{name}")) == json.loads((catalog / name).read_text())
        part = urllib.request.Request(f"{address}catalog/{name}", headers={"Range": "bytes=0-0"})
        assert _get(part) == b"{"
        process.send_signal(end)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def _get(request: str | urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=10) as answer:
        content: bytes = answer.read()
        return content
