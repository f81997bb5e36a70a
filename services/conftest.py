"""What the tests of services share: the demo catalogue, served, and commands.

These tests need Debian packages (`make debian`). Where one is missing they fail and say so; none is ever skipped.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stactools_esd.file_server import Site, open_server

ROOT = Path(__file__).parent.parent

Run = Callable[..., str]


@pytest.fixture(scope="session")
def run() -> Run:
    """Return a function that runs a program of this environment and returns what it printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> str:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env=os.environ | {"PATH": path} | variables,
            capture_output=True,
            text=True,
            timeout=800,  # before that of a test, which would not show what the program said
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def catalog() -> Path:
    """Return the catalogue of the repository."""
    return ROOT / "catalog"


@pytest.fixture(scope="session")
def catalog_url(catalog: Path) -> Iterator[str]:
    """Serve the catalogue's files on the loopback address."""
    with open_server(Site(folders={"/": catalog})) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def collection(catalog: Path) -> Path:
    """Return the folder of the collection whose codes the tests use: those of one encoder."""
    return catalog / "esd-esdnet-small-v1"


@pytest.fixture(scope="session")
def static_map(collection: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a map made from the static catalogue, beside the labels it was made with."""
    folder = tmp_path_factory.mktemp("static")
    run(sys.executable, ROOT / "examples" / "label_catalog.py", folder)
    words = ("--labels", folder / "samples.gpkg", "--year", "2020", "--catalog", collection, "-o", folder / "map")
    run("esd-tasks", "classify", *words)
    return folder / "map"
