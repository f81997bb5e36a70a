"""STAC Browser beside a catalogue: built once from its npm package, then served or published on the same origin."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

from stactools_esd.errors import EsdError, MissingExtraError, OutputError, UsageError
from stactools_esd.file_server import Site
from stactools_esd.files import scratch_path

VERSION: Final = "4.0.1"
"""Version of STAC Browser."""

PACKAGE: Final = f"@radiantearth/stac-browser@{VERSION}"
"""Its name in the npm registry."""

INTEGRITY: Final = "Nu3pZzkJXfaS8JpsY1SjABMgr8W9swNmVa8RJoRetuDeMQ1+YibBRluC7G9ugzE/QECHD/9n3/8W/Ksz+UAC7w=="
"""SHA-512 of the package, base64, as the registry names it: what is built is what was tested."""

PINS: Final = ("dependencies.ol-stac=1.1.0",)
"""Dependencies of the package that newer versions of break the build."""

BEFORE: Final = "2026-11-01"
"""Day whose versions of all other dependencies are taken, so that a build today is a build next year."""

BROWSER_VARIABLE: Final = "ESD_BROWSER"
"""Environment variable that names the folder of a built STAC Browser."""

_CONFIG_COMMENT: Final = '<!-- <script defer="defer" src="/config.js"></script> -->'
_CONFIG_SCRIPT: Final = '<script defer="defer" src="./config.js"></script>'
_ROOT_NAMES: Final = ("catalog.json", "collection.json")


def browser_folder() -> Path:
    """Return where the built STAC Browser is kept: `ESD_BROWSER`, or a folder of the user's cache (XDG)."""
    named = os.environ.get(BROWSER_VARIABLE)
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "stactools-esd" / f"stac-browser-{VERSION}"


def find_browser(folder: Path | None = None) -> Path:
    """Return the folder of a built STAC Browser.

    Args:
        folder: Where to look; `browser_folder()` if not said.

    Raises:
        MissingExtraError: There is none.
    """
    folder = folder or browser_folder()
    if not (folder / "index.html").is_file():
        raise MissingExtraError(
            f"got no STAC Browser in {folder}, expected a built one; run `stac esd build-browser` once (node and npm)"
        )
    return folder


def build_browser(folder: Path | None = None, say: Callable[[str], object] = lambda _: None) -> Path:
    """Build STAC Browser from its npm package, unless that was done before. Takes minutes.

    Nothing appears under the final name before it is whole. What npm printed is kept beside it in a `.log` file.

    Args:
        folder: Where it shall be; `browser_folder()` if not said.
        say: Told what is being done.

    Returns:
        The folder.

    Raises:
        MissingExtraError: node or npm is missing.
        EsdError: npm failed, or gave another package than the one expected.
    """
    folder = folder or browser_folder()
    if (folder / "index.html").is_file():
        return folder
    if folder.exists():
        raise OutputError(f"got {folder}, which is there and no STAC Browser; remove it or choose another folder")
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        missing = "npm" if npm is None else "node"
        raise MissingExtraError(
            f"got no {missing}, expected node and npm; install them (Debian: apt-get install nodejs npm) and run again"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = folder.with_name(f"{folder.name}.log")
    with scratch_path(folder) as scratch, log.open("w", encoding="utf-8") as stream:
        scratch.mkdir()

        def run(*arguments: str, where: Path) -> None:
            say(f"npm {arguments[0]}")
            stream.write(f"\n$ npm {' '.join(arguments)}\n")
            stream.flush()
            done = subprocess.run([npm, *arguments], cwd=where, stdout=stream, stderr=stream, check=False)
            if done.returncode:
                raise EsdError(f"npm {arguments[0]} failed for {PACKAGE}; see {log}, and run again when it is mended")

        run("pack", PACKAGE, where=scratch)
        package = _unpack(next(scratch.glob("*.tgz")), scratch)
        page = package / "public" / "index.html"
        page.write_text(page.read_text(encoding="utf-8").replace(_CONFIG_COMMENT, _CONFIG_SCRIPT), encoding="utf-8")
        (package / "public" / "config.js").write_text(config("../catalog.json"), encoding="utf-8")
        run("pkg", "set", *PINS, where=package)
        run("install", "--ignore-scripts", "--no-audit", "--no-fund", f"--before={BEFORE}", where=package)
        run("run", "build:minimal", "--", "--historyMode=hash", "--pathPrefix=./", where=package)
        _put(package / "dist", folder)
    return folder


def publish_browser(destination: Path, folder: Path | None = None) -> Path:
    """Copy the built STAC Browser to a folder beside a `catalog.json`: together they can be put on any server.

    Raises:
        OutputError: The destination is there.
        MissingExtraError: Nothing was built.
    """
    if destination.exists():
        raise OutputError(f"got {destination}, which is there, expected a new folder; remove it or choose another name")
    with scratch_path(destination) as scratch:
        shutil.copytree(find_browser(folder), scratch)
        _put(scratch, destination)
    return destination


def config(catalog: str) -> str:
    """Return STAC Browser's runtime configuration.

    Args:
        catalog: URL of the catalogue, counted from the page.
    """
    return (
        "window.STAC_BROWSER_CONFIG = {\n"
        f"  catalogUrl: new URL({json.dumps(catalog)}, location.href.split('#')[0]).href,\n"
        "  allowExternalAccess: false,\n"
        "  socialSharing: []\n"
        "};\n"
    )


def site(catalog: Path, browser: Path) -> tuple[Site, str]:
    """Return what is served for a catalogue: STAC Browser at `/`, the catalogue's folder at `/catalog/`.

    Args:
        catalog: A folder with `catalog.json` or `collection.json`, or such a document.
        browser: A built STAC Browser.

    Returns:
        The site, and the path of the catalogue on it.

    Raises:
        UsageError: There is no catalogue.
    """
    document = catalog
    if catalog.is_dir():
        document = next(
            (catalog / name for name in _ROOT_NAMES if (catalog / name).is_file()), catalog / "catalog.json"
        )
    if not document.is_file() or document.suffix != ".json":
        raise UsageError(
            f"got no catalogue at {catalog}, expected catalog.json or a folder with it; see `stac esd create-catalog`"
        )
    path = f"catalog/{quote(document.name)}"
    content = config(path).encode()
    return (
        Site(
            folders={"/": browser, "/catalog/": document.parent},
            documents={"/config.js": ("text/javascript; charset=utf-8", content)},
        ),
        path,
    )


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack the files of the npm package, if it is the one that was tested."""
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != INTEGRITY:
        raise EsdError(f"got another {PACKAGE} than was tested (SHA-512 {digest}); ask npm's registry for the true one")
    with tarfile.open(archive) as members:
        for member in members:
            content = members.extractfile(member) if member.isfile() else None
            if content is not None:
                path = folder / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
    return folder / "package"


def _put(made: Path, folder: Path) -> None:
    """Give a whole folder its final name; another run that was faster has made the same."""
    try:
        made.rename(folder)
    except OSError:
        if not (folder / "index.html").is_file():
            raise
