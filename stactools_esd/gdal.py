"""How this project runs GDAL: its settings, and its complaints as one line of ours."""

import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from stactools_esd.errors import EsdError, RasterError

READ_OPTIONS: Final = {
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_MAX_RETRY": "4",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_PAM_ENABLED": "NO",
}
"""GDAL settings for reading: signed URLs answer GET only, and no sidecar is sought.

A request that is answered by 429, 500, 502, 503 or 504, or that takes longer than a minute, is sent again up to four
times, after 1, 2, 4 and 8 seconds and a little more by chance. Requests are for some blocks of a file, a few megabytes.
"""

MOST_PIXELS: Final = 900_000_000_000
"""Pixels of a raster: the Earth at one arc second, about 30 m, has 1,296,000 x 648,000 = 840 billion."""

MOST_BLOCK_BYTES: Final = 1 << 29
"""Bytes of an internal block, of which one pixel unpacks all; 10,980 x 10,980 floats in one block have 482 million."""

MOST_BLOCKS: Final = 1 << 24
"""Internal blocks of a file, for GDAL keeps 16 bytes of each; the Earth at 30 m in blocks of 256 has 13 million."""

_VIRTUAL: Final = "VRT"

_ANSWER = re.compile(r"(Invalid \w+ response):.*", re.DOTALL)
"""A server's own words, which GDAL quotes: some say back what they were told, credentials among it."""

_inside = threading.local()


def without_query(text: str) -> str:
    """Cut the query off addresses in a text: it may hold a signature, which belongs in no message or log.

    GDAL names a file by the end of its address alone: there a query is known by its `=`.
    """
    text = re.sub(r"(://[^\s'?]*)\?[^\s']*", r"\1", text)
    return re.sub(r"\?[^\s'?]*=[^\s']*?(?=,?(?:[\s')]|$))", "", text)


@contextmanager
def quiet_gdal(action: str, *, error: type[EsdError] = RasterError) -> Iterator[None]:
    """Run GDAL with this project's settings, its complaints turned into one line.

    Args:
        action: What is done, for the message: `read <path>` or `write <path>`.
        error: What to raise.
    """
    try:
        with rasterio.Env(**READ_OPTIONS), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            _inside.gdal = getattr(_inside, "gdal", 0) + 1
            try:
                yield
            finally:
                _inside.gdal -= 1
    except (RasterioError, CPLE_BaseError, UnicodeDecodeError) as problem:  # the last: a text that is none
        reason = (str(problem.__cause__ or problem) or type(problem).__name__).splitlines()[0].rstrip(".")
        whole = f"{problem} {problem.__cause__}"
        reason = _ANSWER.sub(r"\1", reason)
        cause = problem if "?" not in whole and _ANSWER.search(whole) is None else None  # a traceback shows all of it
        if "not recognized as" in reason:
            raise error(f"cannot {without_query(action)}, which is no GeoTIFF; check the file") from cause
        what = without_query(f"cannot {action} ({reason})")
        if action.startswith("write"):
            raise error(f"{what}; make room, or choose another place") from cause
        raise error(f"{what}; check that the file is whole and the path can be reached") from cause


def check_size(path: str | Path, dataset: Any, *, whole: bool = False) -> None:
    """Refuse a raster, by its header alone, that nobody means: small files can unpack to any size.

    Args:
        path: The raster, for the message.
        dataset: The raster, just opened.
        whole: Every pixel will be read. Else a virtual raster may be of any size, for only windows of it are.

    Raises:
        RasterError: It has too many pixels or internal blocks, or too large ones.
    """
    virtual = dataset.driver == _VIRTUAL
    if (whole or not virtual) and dataset.height * dataset.width > MOST_PIXELS:
        raise RasterError(
            f"got a raster of {dataset.height} x {dataset.width} pixels, expected at most {MOST_PIXELS / 1e9:.0f} "
            f"billion, the Earth at 30 m; give a part of it, or make it coarser ({without_query(str(path))})"
        )
    check_blocks(path, dataset, most=dataset.height * dataset.width if virtual else MOST_BLOCKS)


def has_pixels_together(dataset: Any) -> bool:
    """Tell whether an internal block holds all bands; of GDAL's own word, for rasterio does not know all of them."""
    return bool(dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "PIXEL")


def check_blocks(path: str | Path, dataset: Any, *, most: int, most_bytes: int = MOST_BLOCK_BYTES) -> None:
    """Refuse internal blocks that are too many or too large.

    Args:
        path: The raster, for the message.
        dataset: The raster, just opened.
        most: Blocks at most.
        most_bytes: Bytes of a block at most, all bands that are stored together.

    Raises:
        RasterError: There are more, or larger ones.
    """
    if not dataset.count:  # a file of data sets, each of which is opened for itself
        return
    height, width = dataset.block_shapes[0]
    together = dataset.count if has_pixels_together(dataset) else 1
    blocks = -(-dataset.height // height) * -(-dataset.width // width) * (dataset.count // together)
    item = max(np.dtype(kind).itemsize for kind in dataset.dtypes)
    if item * height * width * together > most_bytes or blocks > most:
        raise RasterError(
            f"got {blocks} internal blocks of {height} x {width} pixels, expected at most {most} of at most "
            f"{most_bytes >> 20} MB each; write it again in blocks of 256 x 256 ({without_query(str(path))})"
        )


def _without_queries(record: logging.LogRecord) -> bool:
    """Cut the queries off the addresses in a line of a log."""
    record.msg, record.args = _ANSWER.sub(r"\1", without_query(record.getMessage())), ()
    return True


for _name in ("_base", "_env", "_err", "_io", "_path", "env", "session"):
    logging.getLogger(f"rasterio.{_name}").addFilter(_without_queries)


def _unless_inside(before: Callable[..., object]) -> Callable[..., None]:
    """Return a hook that says nothing while this thread is in GDAL.

    rasterio prints two tracebacks where GDAL's complaint quotes bytes that are no text, as of a damaged file. An error
    that nobody catches has left `quiet_gdal` before it comes here.
    """

    def hook(*said: Any) -> None:
        if not getattr(_inside, "gdal", 0):
            before(*said)

    return hook


sys.unraisablehook, sys.excepthook = _unless_inside(sys.unraisablehook), _unless_inside(sys.excepthook)

# Without a handler Python prints GDAL's complaints to stderr, beside our one line.
logging.getLogger("rasterio").addHandler(logging.NullHandler())
