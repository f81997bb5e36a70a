"""Opening and reading rasters of codes: what passes, and what is refused in one line."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window
from synthetic import AREA_CRS, AREA_TRANSFORM, counts, random_codes, tags, write_official

from stactools_esd.cog import open_codes, write_codes
from stactools_esd.errors import ChinaRecipeWarning, EsdError, GridError, ProductNameError, RasterError
from stactools_esd.grid import tile
from stactools_esd.product import OFFICIAL_CHINA_RECIPE, OFFICIAL_ENCODER, OFFICIAL_RECIPE

CODES = random_codes(1, 40, 300, nodata_share=0.1)
CLEAR = counts(1, 40, 300)
PLACE: dict[str, Any] = {"transform": tile("50TMK").transform, "crs": tile("50TMK").epsg}
AREA: dict[str, Any] = {"transform": AREA_TRANSFORM, "crs": AREA_CRS}
OFFICIAL = "SDC30_EBD_V001_50TMK_2020.tif"
OURS = "ESD_esdnet-small-v1_xdemo_2020.tif"


def ours(folder: Path, name: str = OURS) -> Path:
    """Write a codes COG of ours."""
    write_codes(folder / name, CODES, CLEAR, **AREA, tags=tags())
    return folder / name


def refused(path: str | Path, kind: type[EsdError], words: str, **options: Any) -> None:
    """Check that opening and reading everything fails in one line."""

    def read() -> None:
        with open_codes(path, **options) as file:
            file.read()

    with pytest.raises(kind, match=words) as caught:
        read()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("interleave", ["band", "pixel"])
def test_official_files_are_read_whatever_their_interleave(tmp_path: Path, interleave: str) -> None:
    """An untagged file of official name gives its codes, its quality band apart, and the official identity."""
    path = write_official(tmp_path / OFFICIAL, CODES, CLEAR, **PLACE, interleave=interleave)
    with open_codes(path) as file:
        block = file.read()
        assert (file.tagged, file.tags.tile, file.tags.year) == (False, "50TMK", 2020)
        assert (file.identity.encoder, file.identity.recipe) == (OFFICIAL_ENCODER, OFFICIAL_RECIPE)
        assert file.name.stem == path.stem
        assert (file.height, file.width, file.crs.to_epsg()) == (40, 300, 32650)
        assert file.bounds == (399945, 4500015 - 1200, 399945 + 9000, 4500015)
    np.testing.assert_array_equal(block.codes, CODES)
    np.testing.assert_array_equal(block.clear_obs, CLEAR)
    np.testing.assert_array_equal(block.valid, (CODES != 0).any(axis=0))


@pytest.mark.parametrize("profile", [{"nodata": 0}, {"compress": "lzw", "predictor": 2}, {"tiled": False}])
def test_official_files_may_have_any_predictor_layout_and_nodata_tag(tmp_path: Path, profile: dict[str, Any]) -> None:
    """What the archive does not publish is not assumed: a nodata tag of 0 does not turn legal zeros into no data."""
    codes = CODES.copy()
    codes[0] = 0
    path = write_official(tmp_path / OFFICIAL, codes, CLEAR, **PLACE, **profile)
    with open_codes(path) as file:
        block = file.read()
    np.testing.assert_array_equal(block.codes, codes)
    np.testing.assert_array_equal(block.valid, (codes != 0).any(axis=0))


def test_the_chinese_variant_warns_and_has_its_own_recipe(tmp_path: Path) -> None:
    """V001CHN files open with a warning."""
    path = write_official(tmp_path / OFFICIAL.replace("V001", "V001CHN"), CODES, CLEAR, **PLACE)
    with pytest.warns(ChinaRecipeWarning, match="V001CHN"):
        file = open_codes(path)
    with file:
        assert file.identity.recipe == OFFICIAL_CHINA_RECIPE


def test_a_file_of_another_name_is_official_when_told_so(tmp_path: Path) -> None:
    """Encoder, tile and year by options make an untagged file official."""
    path = write_official(tmp_path / "mine.tif", CODES, CLEAR, **PLACE)
    with open_codes(path, encoder="official-v001", tile="50TMK", year=2020) as file:
        assert file.name.stem == "SDC30_EBD_V001_50TMK_2020"


@pytest.mark.parametrize(
    ("name", "options", "kind", "words"),
    [
        ("mine.tif", {}, ProductNameError, "--encoder official-v001"),
        ("mine.tif", {"tile": "50TMK", "year": 2020}, ProductNameError, "--encoder official-v001"),
        ("mine.tif", {"encoder": "esdnet-small-v1"}, ProductNameError, "--encoder official-v001"),
        ("mine.tif", {"encoder": "official-v001"}, ProductNameError, "--tile and --year"),
        ("mine.tif", {"encoder": "official-v001", "tile": "50TMK"}, ProductNameError, "--tile and --year"),
        ("mine.tif", {"encoder": "official-v001", "tile": "nowhere", "year": 2020}, ProductNameError, "MGRS tile"),
        ("mine.tif", {"encoder": "official-v001", "tile": "50TNK", "year": 2020}, GridError, "off tile 50TNK"),
        ("mine.tif", {"encoder": "official-v001", "tile": "49TGK", "year": 2020}, GridError, "expected"),
        (OURS, {}, ProductNameError, "untagged"),
        (OURS, {"encoder": "official-v001"}, RasterError, "by the name"),
        (OFFICIAL, {"year": 2021}, RasterError, "2021 by the options"),
        (OFFICIAL, {"tile": "50TNK"}, RasterError, "'50TNK' by the options"),
        (OFFICIAL, {"encoder": "esdnet-small-v1"}, RasterError, "by the options"),
        (OFFICIAL.replace("50TMK", "50TNK"), {}, GridError, "off tile 50TNK"),
        (OFFICIAL.replace("50TMK", "51TMK"), {}, GridError, "EPSG:32651|square that exists"),
        (OFFICIAL.replace("2020", "1900"), {}, ProductNameError, "got year 1900"),
    ],
)
def test_untagged_files_that_are_not_surely_official(
    tmp_path: Path, name: str, options: dict[str, Any], kind: type[EsdError], words: str
) -> None:
    """Without tags nothing is guessed: name, options and georeference must say the same."""
    refused(write_official(tmp_path / name, CODES, CLEAR, **PLACE), kind, words, **options)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (OURS.replace("2020", "2021"), {}, "2021 by the name"),
        (OURS.replace("xdemo", "xother"), {}, "'xother' by the name"),
        (OURS.replace("small", "large"), {}, "'esdnet-large-v1' by the name"),
        (OFFICIAL, {}, "by the name"),
        (OURS, {"year": 2019}, "2019 by the options"),
        (OURS, {"tile": "xother"}, "'xother' by the options"),
        (OURS, {"encoder": "official-v001"}, "'official-v001' by the options"),
    ],
)
def test_tags_name_and_options_must_agree(tmp_path: Path, name: str, options: dict[str, Any], words: str) -> None:
    """A tagged file that was given another's name, or is asked for as another, is refused."""
    refused(ours(tmp_path, name), RasterError, words, **options)


def test_tagged_files_may_have_any_other_name(tmp_path: Path) -> None:
    """Tags are enough where the name follows no rule."""
    with open_codes(ours(tmp_path, "codes.tif"), tile="xdemo", year=2020, encoder="esdnet-small-v1") as file:
        assert (file.tagged, file.tags) == (True, tags())


@pytest.mark.parametrize("bands", [10, 13])
def test_eleven_and_fourteen_bands_are_refused(tmp_path: Path, bands: int) -> None:
    """A raster of codes has thirteen bands."""
    path = write_official(tmp_path / OFFICIAL, random_codes(1, 4, 4)[[0] * bands], counts(1, 4, 4), **PLACE)
    refused(path, RasterError, f"got {bands + 1} bands, expected 13")


@pytest.mark.parametrize("dtype", ["float32", "int16", "uint8"])
def test_other_numbers_are_refused(tmp_path: Path, dtype: str) -> None:
    """Decoded, rescaled or narrowed codes are not codes."""
    path = write_official(tmp_path / OFFICIAL, CODES.astype(dtype), CLEAR.astype(dtype), **PLACE)
    refused(path, RasterError, f"got {dtype} data")


def test_a_code_beyond_the_codebook_is_refused(tmp_path: Path) -> None:
    """63999 passes, 64000 does not, and the quality band may be anything."""
    codes = CODES.copy()
    codes[3, 5, 5] = 63999
    clear = CLEAR.copy()
    clear[0, 0] = 65535
    path = write_official(tmp_path / OFFICIAL, codes, clear, **PLACE)
    with open_codes(path) as file:
        assert file.read().clear_obs[0, 0] == 65535
    codes[3, 5, 5] = 64000
    refused(write_official(path, codes, clear, **PLACE), RasterError, "got code 64000")


@pytest.mark.parametrize("content", [b"", b"no raster", b"II*\x00", b"\x89PNG\r\n\x1a\n" + bytes(64)])
def test_what_is_no_raster_is_one_line(tmp_path: Path, content: bytes) -> None:
    """Empty files, text, a bare TIFF header and other formats are refused."""
    (tmp_path / OFFICIAL).write_bytes(content)
    refused(tmp_path / OFFICIAL, RasterError, "cannot read")


def test_absent_files_folders_and_dead_servers_are_one_line(tmp_path: Path) -> None:
    """There must be a file."""
    refused(tmp_path / OFFICIAL, RasterError, "got no file")
    refused(tmp_path, RasterError, "got no file")
    refused(f"/vsizip/{tmp_path}/none.zip/{OFFICIAL}", RasterError, "cannot read")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated_tiles_are_one_line(tmp_path: Path, share: float) -> None:
    """A file cut off anywhere never gives codes, official or ours."""
    codes, clear = random_codes(2, 300, 300), counts(2, 300, 300)
    official = write_official(tmp_path / OFFICIAL, codes, clear, **PLACE)
    write_codes(tmp_path / OURS, codes, clear, **AREA, tags=tags())
    for path in (official, tmp_path / OURS):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        refused(path, EsdError, re.escape(str(path)))


def test_a_declared_giant_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """A small file that declares more than 20,000 pixels a side is refused at opening."""
    path = tmp_path / OFFICIAL
    profile = {"driver": "GTiff", "count": 13, "dtype": "uint16", "height": 20_001, "width": 8, "sparse_ok": True}
    with rasterio.open(path, "w", **profile, **PLACE, tiled=True):
        pass
    refused(path, RasterError, "at most 20000")


def test_a_raster_without_georeference_is_refused(tmp_path: Path) -> None:
    """No CRS is one line, and no warning of the library."""
    path = tmp_path / OFFICIAL
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(path, "w", driver="GTiff", count=13, dtype="uint16", height=4, width=4) as dataset,
    ):
        dataset.write(np.ones((13, 4, 4), np.uint16))
    refused(path, GridError, "got no CRS")


def test_windows_are_the_cut_out_of_the_whole(tmp_path: Path) -> None:
    """A window gives the same pixels as slicing, and its transform starts at its corner."""
    with open_codes(ours(tmp_path)) as file:
        window = Window(250, 3, 20, 30)
        block = file.read(window)
        np.testing.assert_array_equal(block.codes, CODES[:, 3:33, 250:270])
        np.testing.assert_array_equal(block.clear_obs, CLEAR[3:33, 250:270])
        assert file.transform_of(window) * (0, 0) == AREA_TRANSFORM * (250, 3)
        assert sum(strip.height for strip in file.strips(7)) == file.height


@pytest.mark.parametrize(
    "window",
    [
        Window(-1, 0, 5, 5),
        Window(0, 0, 301, 5),
        Window(0, 39, 5, 2),
        Window(0, 0, 0, 5),
        Window(0.5, 0, 5, 5),
        Window(0, 0, 5.5, 5),
        Window(float("nan"), 0, 5, 5),
    ],
)
def test_windows_beyond_the_raster_are_refused(tmp_path: Path, window: Window) -> None:
    """A window is whole pixels inside: nothing is filled in or resampled."""
    with open_codes(ours(tmp_path)) as file, pytest.raises(GridError, match="clip the window"):
        file.read(window)


@contextmanager
def signed_server(content: bytes) -> Iterator[tuple[str, list[str]]]:
    """Serve one file as the official archive does: GET of ranges only, 403 for anything else."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append("HEAD")
            self.send_error(403)

        def do_GET(self) -> None:
            asked.append("GET " + self.path)
            if "signature=abc" not in self.path:
                self.send_error(403)
                return
            wanted = self.headers.get("Range")
            first, _, last = (wanted or f"bytes=0-{len(content)}").removeprefix("bytes=").partition("-")
            part = content[int(first) : int(last) + 1]
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(part)))
            if wanted:
                self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}")
            self.end_headers()
            with suppress(OSError):  # GDAL hangs up when it has seen the headers
                self.wfile.write(part)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_signed_addresses_are_read_by_get_alone(tmp_path: Path) -> None:
    """Signed addresses answer GET only and name one file: no HEAD, no look for sidecars or at the folder.

    An error keeps the signature to itself.
    """
    content = write_official(tmp_path / OFFICIAL, CODES, CLEAR, **PLACE).read_bytes()
    with signed_server(content) as (address, asked):
        with open_codes(f"{address}/{OFFICIAL}?signature=abc") as file:
            np.testing.assert_array_equal(file.read(Window(0, 0, 10, 10)).codes, CODES[:, :10, :10])
            assert file.name.stem == "SDC30_EBD_V001_50TMK_2020"
        with pytest.raises(RasterError, match="cannot read") as caught:
            open_codes(f"{address}/{OFFICIAL}?signature=secret")
    assert "secret" not in str(caught.value)
    assert "HEAD" not in asked
    assert {request.split("?")[0] for request in asked} == {f"GET /{OFFICIAL}"}
