"""Codes found and read through a STAC API on its real engine: PostgreSQL, PostGIS, pgstac, stac-fastapi."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pystac_client
import pytest
import rasterio
from conftest import ROOT, Run
from postgres import free_port, postgres

from esd_tasks.pull_plan import make_plan
from esd_tasks.pull_request import PullRequest
from stactools_esd.errors import IncomparableError
from stactools_esd.shipped import shipped

BOX = "3.29,50.71,3.31,50.72"
COLLECTION = "esd-esdnet-small-v1"
PAGE = (ROOT / "docs" / "portals.md").read_text()
LINES = next(
    block for block in re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) if "migrate" in block
)
"""Lines that load and, the last one, serve."""


@pytest.fixture(scope="module")
def api(catalog_url: str, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Load the catalogue into a fresh database and serve it, by the very lines of docs/portals.md."""
    folder, port = tmp_path_factory.mktemp("api"), free_port()
    for name in ("catalog", "examples"):
        (folder / name).symlink_to(ROOT / name)
    *load, serve = LINES.replace("https://example.org/catalog", catalog_url).replace("8081", str(port)).splitlines()
    with postgres() as variables:
        run("bash", "-euo", "pipefail", "-c", "\n".join(load), cwd=folder, **variables)
        with (folder / "api.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *shlex.split(serve)],
                env=os.environ | variables,
                cwd=folder,
                stdout=log,
                stderr=log,
            )
            try:
                yield wait_for(f"http://127.0.0.1:{port}", process, folder / "api.log")
            finally:
                process.terminate()
                process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    """Return the URL once it answers."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/collections", timeout=20):
                return url
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    raise RuntimeError(f"got no answer from stac-fastapi.pgstac\n{log.read_text()}")


def test_search_by_geometry_and_year(api: str) -> None:
    """pystac-client finds the item of a year where it is, and none elsewhere or in another year."""
    client = pystac_client.Client.open(api)
    assert {collection.id for collection in client.get_collections()} == {
        "esd-official-v001",
        *(f"esd-{label}" for label in shipped()),
    }
    inside = {"type": "Polygon", "coordinates": [[[3.29, 50.71], [3.31, 50.71], [3.30, 50.72], [3.29, 50.71]]]}
    outside = {"type": "Point", "coordinates": [4.5, 50.71]}

    def found(place: dict[str, object], years: str) -> list[str]:
        search = client.search(collections=[COLLECTION], intersects=place, datetime=years)
        return sorted(item.id for item in search.items())

    both = [f"{COLLECTION}-xsimulated-{year}" for year in (2019, 2020)]
    assert found(inside, "2020") == both[1:]
    assert found(inside, "2019/2020") == both
    assert found(outside, "2019/2020") == []
    assert found(inside, "2021") == []


def test_documents_survive_the_database(api: str, catalog: Path, catalog_url: str) -> None:
    """Properties, geometry and the decode rule come back as they went in; hrefs lead to the files."""
    item = f"{COLLECTION}-xsimulated-2020"
    path = next(catalog.rglob(f"{item}.json"))
    with urllib.request.urlopen(f"{api}/collections/{COLLECTION}/items/{item}", timeout=30) as answer:
        got = json.load(answer)
    put = json.loads(path.read_text())
    for key in ("id", "bbox", "geometry", "properties", "stac_version"):
        assert got[key] == put[key], key
    assert sorted(got["stac_extensions"]) == sorted(put["stac_extensions"])
    for key, asset in put["assets"].items():
        href = f"{catalog_url}/{(path.parent / asset['href']).resolve().relative_to(catalog).as_posix()}"
        assert got["assets"][key] == asset | {"href": href}
    assert any(link["rel"] == "emb:model" for link in got["links"])


def test_pull_is_the_same_through_the_api(api: str, collection: Path, run: Run, tmp_path: Path) -> None:
    """`esd-tasks pull` reads the same codes through the API's collection as from the static one."""
    for name, source in (("api", f"{api}/collections/{COLLECTION}"), ("static", str(collection))):
        run(
            "esd-tasks",
            "pull",
            "--catalog",
            source,
            "--bbox",
            BOX,
            "--years",
            "2019-2020",
            "-o",
            tmp_path / name / "area",
        )
    codes = {name: read(tmp_path / name / "area") for name in ("api", "static")}
    assert len(codes["static"]) == 2
    assert codes["api"].keys() == codes["static"].keys()
    for file, values in codes["static"].items():
        np.testing.assert_array_equal(codes["api"][file], values)
        assert values[:12].any()


def test_codes_of_several_encoders_are_not_mixed(api: str, tmp_path: Path) -> None:
    """Of an API that holds several encoders at a place, `pull` wants one collection and says so."""
    with pytest.raises(IncomparableError, match="expected one encoder and one input recipe; choose items of one"):
        make_plan(PullRequest(catalog=api, bbox=BOX, years="2020", output=tmp_path / "area"))


def test_classify_is_the_same_through_the_api(api: str, static_map: Path, run: Run, tmp_path: Path) -> None:
    """`esd-tasks classify` makes the same map through the API as from the static catalogue."""
    labels = static_map.parent / "samples.gpkg"
    source = f"{api}/collections/{COLLECTION}"
    run("esd-tasks", "classify", "--labels", labels, "--year", "2020", "--catalog", source, "-o", tmp_path / "map")
    maps = []
    for folder in (static_map, tmp_path / "map"):
        with rasterio.open(folder / "map.tif") as file:
            maps.append(file.read(1))
    np.testing.assert_array_equal(*maps)
    assert len(np.unique(maps[0])) > 3


def read(folder: Path) -> dict[str, np.ndarray]:
    """Return all bands of the codes below a folder, by file name."""
    found = {}
    for path in sorted(folder.rglob("ESD_*.tif")):
        with rasterio.open(path) as file:
            if file.count == 13:
                found[path.name] = file.read()
    return found
