"""Files behind addresses: the blocks that are needed, by GET, and again where a server fails for a while."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from item_server import State, serving
from neighbours import write_area
from rasterio.windows import Window
from synthetic import random_codes

from stactools_esd import gdal
from stactools_esd.cog import BLOCK_SIZE, open_codes
from stactools_esd.errors import RasterError

SIDE = 3 * BLOCK_SIZE
"""Rows and columns of the file: nine internal blocks."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A codes COG."""
    folder = tmp_path_factory.mktemp("http")
    return write_area(folder, random_codes(1, SIDE, SIDE), np.full((SIDE, SIDE), 9, np.uint16), year=2020)


@pytest.fixture
def served(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, State]]:
    """The address of the file, a new one each time for GDAL remembers addresses; retries come soon."""
    monkeypatch.setitem(gdal.READ_OPTIONS, "GDAL_HTTP_RETRY_DELAY", "0.02")
    with serving(path.parent) as (url, state):
        yield f"{url}/files/{path.name}?signature=secret", state


def test_signatures_are_cut_off() -> None:
    """Queries go, of addresses and of the names that GDAL makes of them; other words stay."""
    assert (
        gdal.without_query("cannot read https://a.org/b.tif?sig=s&x=1 (why?)")
        == "cannot read https://a.org/b.tif (why?)"
    )
    assert gdal.without_query("b.tif?sig=a%2Fb, band 1: failed") == "b.tif, band 1: failed"
    assert gdal.without_query("'https://a.org/b.tif?token' and (b.tif?sig=x)") == "'https://a.org/b.tif' and (b.tif)"


def block_bytes(path: Path, column: int, row: int) -> int:
    """Return the bytes of an internal block."""
    with rasterio.open(path) as dataset:
        return int(dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1))


def test_only_the_blocks_of_a_window_are_fetched(path: Path, served: tuple[str, State]) -> None:
    """Opening takes the head of the file, a window its blocks and four bytes around each; nothing is fetched twice."""
    url, state = served
    with open_codes(url) as remote, open_codes(path) as local:
        assert sum(state.served) <= 32_768
        assert len(state.served) <= 2
        for window, blocks in (
            (Window(BLOCK_SIZE + 7, 5, 1, 1), [(1, 0)]),
            (Window(BLOCK_SIZE + 9, 8, 30, 30), []),
            (Window(BLOCK_SIZE, BLOCK_SIZE, 2 * BLOCK_SIZE, BLOCK_SIZE), [(1, 1), (2, 1)]),
        ):
            state.served.clear()
            assert np.array_equal(remote.read(window).codes, local.read(window).codes)
            needed = sum(block_bytes(path, *block) for block in blocks)
            assert needed <= sum(state.served) <= needed + 32_768 * len(blocks)
            assert len(state.served) <= len(blocks)
    assert state.heads == 0


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_that_fails_for_a_while_is_asked_again(status: int, path: Path, served: tuple[str, State]) -> None:
    """Two answers that mean "later", at opening and at reading, change nothing of what is read."""
    url, state = served
    state.failure_status, state.failures = status, 2
    with open_codes(url) as remote, open_codes(path) as local:
        assert state.failures == 0
        state.failures = 2
        window = Window(0, 0, 20, 20)
        assert np.array_equal(remote.read(window).codes, local.read(window).codes)
        assert state.failures == 0


def test_a_server_that_fails_for_good_is_left_alone(
    served: tuple[str, State], caplog: pytest.LogCaptureFixture
) -> None:
    """After four more tries there is one line without the signature; what is absent is asked for once."""
    url, state = served
    with open_codes(url) as remote:
        state.requests.clear()
        state.failures = 1000
        with pytest.raises(RasterError, match="cannot read") as caught:
            remote.read(Window(0, 0, 20, 20))
        assert "secret" not in str(caught.value)
        assert "Retrying" in caplog.text
        assert "secret" not in caplog.text
        assert "\n" not in str(caught.value)
        assert 5 <= len(state.requests) <= 15  # GDAL tries blocks together, then alone
    state.failures = 0
    state.requests.clear()
    with pytest.raises(RasterError, match="cannot read"):
        open_codes(url.replace(".tif", "_absent.tif"))
    assert len(state.requests) <= 2


def test_a_server_that_is_silent_does_not_hold_a_run_for_ever(
    path: Path, served: tuple[str, State], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request without an answer is given up after a time, and sent again."""
    monkeypatch.setitem(gdal.READ_OPTIONS, "GDAL_HTTP_TIMEOUT", "1")
    url, state = served
    with open_codes(url) as remote, open_codes(path) as local:
        state.stalls = 1
        began = time.monotonic()
        window = Window(0, 0, 20, 20)
        assert np.array_equal(remote.read(window).codes, local.read(window).codes)
        assert state.stalls == 0
        assert time.monotonic() - began < 20
    assert int(gdal.READ_OPTIONS["GDAL_HTTP_CONNECTTIMEOUT"]) <= 30
