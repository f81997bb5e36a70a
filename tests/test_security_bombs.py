"""Small files that stand for large ones are refused before their content is unpacked or memory is taken for it."""

import gzip
import json
import resource
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
from rasterio.windows import Window

from esd_tasks.covariates import open_covariates
from esd_tasks.item_sources import http, parquet_index
from esd_tasks.items import find_items
from esd_tasks.strata_raster import ClassRaster
from stactools_esd import listing
from stactools_esd.cog import check_codes_file, open_codes
from stactools_esd.encoder.encode import encode_source
from stactools_esd.encoder.encode_plan import make_plan
from stactools_esd.encoder.encode_request import EncodeRequest
from stactools_esd.errors import CatalogError, GridError, RasterError, UsageError
from stactools_esd.listing import read_listing
from stactools_esd.observations import YearWindow
from stactools_esd.sources import elevation_file
from stactools_esd.sources.folder import open_folder
from stactools_esd.sources.source_options import reader_options
from stactools_esd.yaml_text import parse_yaml

NAME = "SDC30_EBD_V001_50TMK_2020.tif"
MOST_GROWTH_KB = 100_000
"""What refusing may add to the memory of this process."""


@contextmanager
def little_memory() -> Iterator[None]:
    """See that the most memory this process ever had grows by little."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH_KB


def bomb(path: Path, *, height: int, width: int, block: int, bands: int = 13) -> Path:
    """Write a TIFF whose header says a size, and whose blocks are all the same few bytes of DEFLATE: of zeros.

    Offsets and sizes of the blocks stand in the file as it must have them, up to a million of them.
    """
    blocks = min(-(-height // block) * -(-width // block), 1_000_000)
    content = zlib.compress(bytes(1 << 16), 9)
    fields = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, bands, 0), (259, 3, 1, 8), (262, 3, 1, 1),
        (277, 3, 1, bands), (284, 3, 1, 1), (322, 4, 1, block), (323, 4, 1, block), (324, 4, blocks, 0),
        (325, 4, blocks, 0), (339, 3, bands, 0),
    ]  # fmt: skip
    start = 8 + 2 + 12 * len(fields) + 4
    sixteen, ones = struct.pack(f"<{bands}H", *[16] * bands), struct.pack(f"<{bands}H", *[1] * bands)
    places = {258: start, 339: start + len(sixteen)}
    places[324] = start + 2 * len(sixteen)
    places[325] = places[324] + 4 * blocks
    data = places[325] + 4 * blocks
    entries = b"".join(
        struct.pack("<HHII", tag, kind, count, places.get(tag, value) if count > 1 else (data if tag == 324 else value))
        for tag, kind, count, value in fields
    )
    tables = sixteen + ones + struct.pack("<I", data) * blocks + struct.pack("<I", len(content)) * blocks
    path.write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + entries + bytes(4) + tables + content)
    return path


@pytest.mark.parametrize(
    ("size", "block"), [((1_000_000, 1_000_000), 4096), ((20_001, 16), 256), ((2_000_000_000, 3), 1 << 20)]
)
def test_a_raster_that_declares_any_size_is_refused(size: tuple[int, int], block: int, tmp_path: Path) -> None:
    """More than 20,000 pixels a side are refused by the header alone, in one line, and memory stays what it was."""
    path = bomb(tmp_path / NAME, height=size[0], width=size[1], block=block)
    with little_memory():
        with pytest.raises(RasterError, match=r"at most 20000 a side|cannot read"):
            open_codes(path)
        assert len(check_codes_file(path)) == 1


def test_a_block_that_unpacks_to_any_size_is_refused(tmp_path: Path) -> None:
    """A legal size in one block of gigabytes is refused: reading a pixel would unpack it."""
    path = bomb(tmp_path / NAME, height=19_968, width=19_968, block=19_968)
    with little_memory(), pytest.raises(RasterError, match="internal blocks of 19968 x 19968 pixels"):
        open_codes(path)


def test_more_blocks_than_anybody_needs_are_refused(tmp_path: Path) -> None:
    """A million and a half blocks of 16 pixels are refused before one of them is looked at."""
    path = bomb(tmp_path / NAME, height=19_968, width=19_968, block=16)
    with pytest.raises(RasterError, match=r"internal blocks of 16 x 16|cannot read"):
        open_codes(path)


def sparse(path: Path, side: int, *, block: int = 1024, filled: bool = False, **options: Any) -> Path:
    """Write a raster of nothing but its header, and perhaps a block in its middle; a `.vrt` is a virtual one."""
    options = {"count": 1, "dtype": "uint8", "blockxsize": block, "blockysize": block, "tiled": True} | options
    place = {"crs": "EPSG:32631", "transform": rasterio.Affine(0.5, 0, 200_000, 0, -0.5, 5_600_000)}
    path.parent.mkdir(exist_ok=True)
    file = path.with_suffix(".tif")
    with rasterio.open(
        file,
        "w",
        "GTiff",
        width=side,
        height=side,
        compress="deflate",
        SPARSE_OK=True,
        BIGTIFF="YES",
        **place,
        **options,
    ) as dataset:
        if filled:
            ones = np.ones((dataset.count, 16, 16), dataset.dtypes[0])
            dataset.write(ones, window=Window(side // 2, side // 2, 16, 16))
    if path.suffix == ".vrt":
        rasterio.shutil.copy(file, path, driver="VRT")
    return path


MILLION = 1_000_000
OPENERS: dict[str, Any] = {
    "map": ClassRaster,
    "covariate": lambda path: open_covariates([str(path)]),
    "elevation": elevation_file.look,
    "images": lambda path: open_folder(path.parent),
}
"""What opens a raster of somebody's own."""


@pytest.mark.parametrize("what", OPENERS)
def test_a_map_an_image_or_elevation_of_any_size_is_refused(what: str, tmp_path: Path) -> None:
    """A million pixels a side, more than the Earth has at 30 m, are one line by the header alone."""
    path = sparse(tmp_path / "SR_20200101.tif", MILLION, block=4096, count=6 if what == "images" else 1)
    with little_memory(), pytest.raises(RasterError, match=r"1000000 x 1000000 pixels, expected at most 900 billion"):
        OPENERS[what](path)


@pytest.mark.parametrize("what", OPENERS)
def test_any_raster_in_blocks_of_gigabytes_is_refused(what: str, tmp_path: Path) -> None:
    """Nor may one pixel unpack more than 512 MB, whatever the size of the raster."""
    path = sparse(tmp_path / "SR_20200101.tif", 32_000, block=24_000, count=6 if what == "images" else 1)
    with little_memory(), pytest.raises(RasterError, match="internal blocks of 24000 x 24000 pixels"):
        OPENERS[what](path)


@pytest.mark.parametrize("what", OPENERS)
def test_a_raster_of_a_continent_is_taken(what: str, tmp_path: Path) -> None:
    """200,000 pixels a side, a continent at 30 m, are opened in little memory, and a block is read."""
    count = 6 if what == "images" else 1
    path = sparse(
        tmp_path / "SR_20200101.tif", 200_000, filled=True, count=count, dtype="int16" if count == 6 else "uint8"
    )
    with little_memory():
        opened = OPENERS[what](path)
        if what == "map":
            with opened:
                assert opened.read(next(iter(opened.blocks()))).max() == 0
        if what == "images":
            assert opened.read_image(0, Window(100_000, 100_000, 16, 16))[1].all()


def test_a_virtual_raster_of_the_world_is_read_by_windows(tmp_path: Path) -> None:
    """Elevation and covariates may be a mosaic of any size, for windows of it are read; a map is read whole."""
    path = sparse(tmp_path / "world.vrt", MILLION, block=4096)
    with little_memory():
        assert elevation_file.look(path).shape == (MILLION, MILLION)
        assert len(open_covariates([str(path)])) == 1
    with pytest.raises(RasterError, match="at most 900 billion"):
        ClassRaster(path)


def test_more_is_not_encoded_than_a_file_of_codes_may_have(tmp_path: Path) -> None:
    """Images of more than 20,000 pixels a side are refused before anything is written; a window of them is not."""
    sparse(tmp_path / "in" / "SR_20200601.tif", 30_000, count=6, dtype="int16")
    options: dict[str, Any] = {"window": YearWindow(year=2020), "tile": "xbig"}
    with little_memory(), pytest.raises(GridError, match="30000 x 30000 pixels, expected at most 20000 a side"):
        encode_source(tmp_path / "in", tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    asked = EncodeRequest(source=tmp_path / "in", destination=tmp_path / "out", part=(15_000, 15_000, 8, 8), **options)
    assert make_plan(asked).job.source.shape == (8, 8)


@contextmanager
def packed(content: bytes) -> Iterator[str]:
    """Serve one answer, packed by gzip."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *said: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_an_answer_that_unpacks_to_any_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document of a server is unpacked so far and no further."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(http, "MOST_BYTES", 1 << 22)
    http._session.cache_clear()
    with packed(gzip.compress(bytes(1 << 28), 1)) as url, little_memory():
        for name in ("catalog.json", "index.parquet"):
            with pytest.raises(CatalogError, match="more than 4 MB"):
                find_items(f"{url}/{name}")
    with packed(b"\x1f\x8b damaged") as url, pytest.raises(CatalogError):
        find_items(f"{url}/catalog.json")
    http._session.cache_clear()


def rows(path: Path, count: int, **columns: Any) -> Path:
    """Write a Parquet file of equal rows, which takes next to nothing."""
    table = pa.table({name: pa.array([value] * count) for name, value in columns.items()})
    pq.write_table(table, path, compression="zstd", row_group_size=count)
    return path


def test_tables_of_a_billion_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of rows is looked at before any is read: in a listing, and in an index of items."""
    monkeypatch.setattr(listing, "MOST_LINES", 10_000)
    monkeypatch.setattr(parquet_index, "MOST_ROWS", 10_000)
    path = rows(tmp_path / "listing.parquet", 10_001, tile="50TMK", year=2020, href="a.tif")
    assert path.stat().st_size < 10_000
    with pytest.raises(CatalogError, match="of 10001 lines, expected at most"):
        read_listing(path, root=tmp_path)
    path = rows(tmp_path / "index.parquet", 10_001, id="a", geometry=b"", assets={"embeddings": {"href": "a.tif"}})
    with pytest.raises(CatalogError, match="of 10001 rows, expected at most"):
        find_items(path)


@pytest.mark.parametrize("depth", [2_000, 500_000])
def test_buried_json_is_refused(depth: int, tmp_path: Path) -> None:
    """JSON nested deeper than it can be read is one line, not a recursion."""
    path = tmp_path / "catalog.json"
    path.write_text('{"type": ' + "[" * depth + "]" * depth + "}")
    with pytest.raises(CatalogError) as caught:
        find_items(path)
    assert len(str(caught.value)) < 1_000


def test_numbers_of_a_million_digits_are_refused(tmp_path: Path) -> None:
    """A number that takes minutes to read is not read."""
    path = tmp_path / "item.json"
    path.write_text(json.dumps({"type": "Feature"})[:-1] + ', "properties": {"esd:x": ' + "9" * 1_000_000 + "}}")
    with pytest.raises(CatalogError, match="no valid JSON"):
        find_items(path)


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{one}: &{one} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n"
    for before, one in zip("abcdefghij", "bcdefghijk", strict=True)
)
"""A few hundred bytes that stand for two billion texts."""


@pytest.mark.parametrize(
    "text", [LAUGHS, "a: &a [*a]", "[" * 20_000, "a: 2020-13-45", "a: !!python/object:os.system x"]
)
def test_yaml_stands_for_no_more_than_is_written(text: str, tmp_path: Path) -> None:
    """Aliases, nesting without end, impossible dates and objects of Python are refused in one line."""
    with little_memory(), pytest.raises(ValueError, match=r".+") as caught:
        parse_yaml(text)
    assert len(str(caught.value)) <= 200
    assert "\n" not in str(caught.value)
    (tmp_path / "options.yaml").write_text(text)
    with little_memory(), pytest.raises(UsageError):
        reader_options(tmp_path / "options.yaml", "landsat")
