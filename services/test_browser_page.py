"""A person's way through the catalogue in STAC Browser: collection, year, zone, item, picture on the map.

Pictures of the pages are kept in build/screenshots; look at them after a change.
"""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from chromium import Page, chromium
from conftest import ROOT, Run

from stactools_esd.file_server import Site, open_server
from stactools_esd.product import OFFICIAL_DOI

TITLE = "Embedded Seamless Data (ESD)"
FOOTPRINT_COLOUR = np.array([51, 153, 204])
"""OpenLayers' own blue, in which STAC Browser draws outlines."""

LIKE = 0.75
"""Least correlation of the map with the picture: it is drawn smoothly and a little turned. A flipped one has 0.2."""


@pytest.fixture(scope="module", autouse=True)
def built(run: Run) -> None:
    """Build STAC Browser, unless that was done before."""
    run("stac", "esd", "build-browser")


@pytest.fixture(scope="module")
def address(catalog: Path) -> Iterator[str]:
    """Run `stac esd browse` on a free port."""
    command = ["stac", "esd", "browse", str(catalog), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def page() -> Iterator[Page]:
    """Open a tab."""
    with chromium(ROOT / "build" / "screenshots") as page:
        yield page


def test_from_the_catalogue_to_a_picture_of_an_item(page: Page, address: str, collection: Path) -> None:
    """Licence, DOI and extent of the collection are there; the item shows footprint, codes in colours, thumbnail."""
    page.driver.get(address)
    page.wait_for_text("ESD official archive V001")
    page.wait_for("thumbnail of the collection", lambda: is_drawn(page, "img.thumbnail, .card-img, .card img"))
    page.keep("catalog")

    page.click("ESD codes by esdnet-small v1")
    for text in ("CC-BY-4.0", "10.48550/arXiv.2601.11183", "2019-01-01 00:00:00 UTC–2020-12-31 23:59:59 UTC"):
        page.wait_for_text(text)
    links = {element.text.strip(): element.get_attribute("href") for element in page.elements("a[href]")}
    assert links["10.48550/arXiv.2601.11183"].endswith("doi.org/10.48550/arXiv.2601.11183")
    assert links["CC-BY-4.0"].startswith("https://")
    page.wait_for("extent on the map", lambda: footprint(page) is not None)
    page.keep("collection")

    page.click("2020")
    page.wait_for_text("UTM zone 31")
    page.click("UTM zone 31")
    page.click("Area simulated, 2020, ESD codes (esdnet-small v1)")
    page.wait_for_text("esd:fsq")
    visual = next(collection.rglob("*_2020_visual.tif"))
    page.wait_for("colours of the codes inside the footprint", lambda: likeness(page, visual) > LIKE)
    page.keep("item")

    page.click("Thumbnails")
    page.wait_for("thumbnail", lambda: is_drawn(page, "img[src*='thumbnail.png']"))
    page.keep("thumbnail")


def test_the_archive_can_be_cited(page: Page, address: str) -> None:
    """The collection of the official archive shows its own DOI as a link, its licence, its producer and its years."""
    page.driver.get(address)
    page.wait_for_text("ESD official archive V001")
    page.click("ESD official archive V001")
    for text in (OFFICIAL_DOI, "CC-BY-4.0", "iEarth", "2000-01-01 00:00:00 UTC–2024-12-31 23:59:59 UTC"):
        page.wait_for_text(text)
    links = {element.text.strip(): element.get_attribute("href") for element in page.elements("a[href]")}
    assert links[OFFICIAL_DOI].endswith(f"doi.org/{OFFICIAL_DOI}")
    page.wait_for("extent on the map", lambda: footprint(page) is not None)
    page.keep("official")


def test_a_published_copy_needs_no_command(page: Page, catalog: Path, run: Run, tmp_path: Path) -> None:
    """The catalogue's folder with STAC Browser copied into it works from any file server, below any path."""
    folder = tmp_path / "somewhere" / "catalog"
    shutil.copytree(catalog, folder)
    run("stac", "esd", "build-browser", folder / "browser")
    with open_server(Site(folders={"/": tmp_path})) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        page.driver.get(f"http://127.0.0.1:{server.server_port}/somewhere/catalog/browser/")
        page.wait_for_text("ESD codes by esdnet-small v1")
        assert TITLE in page.driver.title
        server.shutdown()
        thread.join()


def is_drawn(page: Page, selector: str) -> bool:
    """Tell whether an image has arrived and takes room."""
    script = "return arguments[0].complete && arguments[0].naturalWidth > 0 && arguments[0].clientWidth > 0"
    return any(page.driver.execute_script(script, element) for element in page.elements(selector))


def footprint(page: Page) -> tuple[slice, slice] | None:
    """Return rows and columns inside the outline on the map, or None where there is no outline."""
    picture = page.picture(".ol-viewport").astype(int)
    rows, columns = np.nonzero((abs(picture - FOOTPRINT_COLOUR) < 20).all(axis=2))
    if len(rows) < 100:
        return None
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    return slice(top + 4, bottom - 3), slice(left + 4, right - 3)


def likeness(page: Page, visual: Path) -> float:
    """Return the least correlation, over red, green and blue, of the map inside the footprint with a raster."""
    inside = footprint(page)
    if inside is None:
        return 0.0
    shown = page.picture(".ol-viewport")[inside]
    if min(shown.shape[:2]) < 50 or shown.std() < 1:
        return 0.0
    with rasterio.open(visual) as file:
        expected = file.read((1, 2, 3), out_shape=(3, *shown.shape[:2]))
    return min(float(np.corrcoef(shown[..., band].ravel(), expected[band].ravel())[0, 1]) for band in range(3))
