"""Servers that stall, refuse, cut off or change what they serve: the right answer or one line, in bounded time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from item_server import BRUSSELS, State, serving, write_catalog
from neighbours import write_area
from rasterio.windows import Window
from synthetic import random_codes
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.item_sources import http
from esd_tasks.items import find_items
from stactools_esd import gdal
from stactools_esd.cog import BLOCK_SIZE, open_codes
from stactools_esd.errors import CatalogError, RasterError

SIDE = 2 * BLOCK_SIZE
"""Rows and columns of the file: four internal blocks."""

LAST = Window(BLOCK_SIZE, BLOCK_SIZE, 20, 20)
"""A window of the last block, which nothing else fetches."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, State, Path]]:
    """Address of a codes COG, its server, and the file; what is tried again is so soon."""
    monkeypatch.setitem(gdal.READ_OPTIONS, "GDAL_HTTP_RETRY_DELAY", "0.02")
    path = write_area(tmp_path, random_codes(1, SIDE, SIDE), np.full((SIDE, SIDE), 9, np.uint16), year=2020)
    with serving(tmp_path) as (url, state):
        yield f"{url}/files/{path.name}?signature=secret", state, path


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, State]]:
    """Address of a catalogue and its server; a request is made twice at most, and soon."""
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(http, "TRIES", 2)
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", (1.0, 0.3))
    monkeypatch.setitem(gdal.READ_OPTIONS, "GDAL_HTTP_RETRY_DELAY", "0.02")
    http._session.cache_clear()
    write_catalog(tmp_path, index=False)
    with serving(tmp_path) as (url, state):
        yield f"{url}/files/catalog/catalog.json", state
    http._session.cache_clear()


def one_line(error: Exception) -> str:
    """Return the message of an error, which is one line and holds no secret."""
    assert "\n" not in str(error)
    assert "secret" not in str(error)
    return str(error)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_while_a_file_is_read_is_one_line(status: int, served: tuple[str, State, Path]) -> None:
    """A signature that expires, or a file that goes, between two windows ends the read by name; nothing is made up."""
    url, state, path = served
    with open_codes(url) as codes:
        state.failure_status, state.failures = status, 1000
        with pytest.raises(RasterError, match=f"cannot read .*{path.name}") as caught:
            codes.read(LAST)
    one_line(caught.value)


@pytest.mark.parametrize("cuts", [1, 1000])
def test_answers_that_are_cut_off_are_never_taken_for_data(cuts: int, served: tuple[str, State, Path]) -> None:
    """A connection that breaks in the middle of a block is a read error, or the block is fetched again, whole."""
    url, state, path = served
    with open_codes(url) as codes, open_codes(path) as local:
        state.cuts = cuts
        try:
            assert np.array_equal(codes.read(LAST).codes, local.read(LAST).codes)
            assert cuts == 1
        except RasterError as error:
            one_line(error)


@pytest.mark.parametrize("size", [SIDE, SIDE - 40])
def test_a_file_that_changes_while_it_is_read_is_never_mixed(size: int, served: tuple[str, State, Path]) -> None:
    """Blocks of another file than the one that was opened do not pass for its own: other bytes lie where they lay."""
    url, _, path = served
    with open_codes(path) as local:
        older = local.read(LAST).codes
    with open_codes(url) as codes:
        path.unlink()
        changed = write_area(path.parent, random_codes(2, size, size), np.full((size, size), 5, np.uint16), year=2020)
        assert changed == path
        try:
            assert np.array_equal(codes.read(LAST).codes, older)
        except RasterError as error:
            one_line(error)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_catalogue_that_refuses_is_one_line(status: int, catalog: tuple[str, State]) -> None:
    """Whatever a server answers in place of a document, its status and its address are named."""
    url, state = catalog
    state.failure_status, state.failures = status, 1000
    with pytest.raises(CatalogError, match=f"got status {status} from {url}") as caught:
        find_items(url)
    one_line(caught.value)


def test_a_catalogue_that_stalls_or_breaks_off_is_one_line(catalog: tuple[str, State]) -> None:
    """A server that is silent is left after the tries there are; one that breaks off is not believed."""
    url, state = catalog
    state.stalls = 1000
    with pytest.raises(CatalogError, match="cannot reach") as caught:
        find_items(url)
    one_line(caught.value)
    state.stalls = 0
    state.woken.set()
    state.cuts = 1000
    with pytest.raises(CatalogError) as broken:
        find_items(url)
    one_line(broken.value)
    state.cuts = 0
    assert len(find_items(url, geometry=BRUSSELS)) == 2


def test_a_run_over_a_failing_server_says_so_and_the_same_command_completes(
    catalog: tuple[str, State], tmp_path: Path
) -> None:
    """A pull whose server fails ends in one line and leaves nothing that passes for a result; later it is complete."""
    url, state = catalog
    words = ["pull", "--catalog", url, "--bbox", "4.4,50.8,4.401,50.801", "--year", "2020", "-o", str(tmp_path / "out")]
    state.failure_status, state.failures, state.fails_on = 503, 1000, ".tif"
    failed = CliRunner().invoke(cli.app, words)
    assert failed.exit_code == 1, failed.output
    (line,) = failed.stderr.splitlines()
    assert line.startswith("Error: cannot read")
    assert not list((tmp_path / "out").glob("[!.]*"))
    with serving(state.folder) as (again, _):  # GDAL remembers for the life of a process that an address failed
        whole = CliRunner().invoke(cli.app, [word.replace(url.split("/files")[0], again) for word in words])
    assert whole.exit_code == 0, whole.output
