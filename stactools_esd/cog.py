"""Codes COGs: written, and checked as a whole; what reads and draws them is gathered here too."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd import fsq
from stactools_esd import tags as tag_texts
from stactools_esd.codes_file import CodesBlock, CodesFile, open_codes
from stactools_esd.errors import ChinaRecipeWarning, EsdError, OutputError, RasterError
from stactools_esd.files import atomic_path, scratch_path
from stactools_esd.gdal import quiet_gdal, without_query
from stactools_esd.grid import check_georeference
from stactools_esd.names import CodesTags
from stactools_esd.product import CODES_BANDS, STEPS
from stactools_esd.visual import level_rgb, write_thumbnail, write_visual

__all__ = [
    "BLOCK_SIZE",
    "CodesBlock",
    "CodesFile",
    "check_codes_file",
    "level_rgb",
    "open_codes",
    "write_code_blocks",
    "write_codes",
    "write_thumbnail",
    "write_visual",
]

BLOCK_SIZE: Final = 256
"""Rows and columns of an internal block of a codes COG."""

_CREATION: Final = {
    "driver": "COG",
    "COMPRESS": "ZSTD",
    "LEVEL": "1",
    "PREDICTOR": "YES",
    "BLOCKSIZE": str(BLOCK_SIZE),
    "OVERVIEWS": "NONE",
    "BIGTIFF": "IF_SAFER",
}
"""Chosen by measurement on codes of a simulated landscape: docs/decisions/0025-profile-of-codes.md."""


def write_codes(
    path: str | Path,
    codes: NDArray[np.integer],
    clear_obs: NDArray[np.integer],
    *,
    transform: Affine,
    crs: CRS,
    tags: CodesTags,
) -> None:
    """Write a codes COG from whole arrays; equal input gives equal bytes.

    Args:
        path: Where; an older file is replaced.
        codes: Shape (12, h, w), 0..63999; all twelve 0 where there is no data.
        clear_obs: Shape (h, w), 0..65535.
        transform: From (column, row) to (x, y).
        crs: A projected CRS in metres.
        tags: What the file says of itself.

    Raises:
        RasterError: Shapes or numbers are not those of codes.
        GridError: The georeference does not fit the tile.
        OutputError: The file cannot be written.
    """
    shape = np.shape(codes)[1:]
    if len(shape) != 2:
        raise RasterError(f"got codes of shape {np.shape(codes)}, expected ({STEPS}, height, width)")
    window = Window(0, 0, shape[1], shape[0])
    write_code_blocks(path, [(window, codes, clear_obs)], shape=shape, transform=transform, crs=crs, tags=tags)


def write_code_blocks(
    path: str | Path,
    pieces: Iterable[tuple[Window, NDArray[np.integer], NDArray[np.integer]]],
    *,
    shape: tuple[int, int],
    transform: Affine,
    crs: CRS,
    tags: CodesTags,
) -> None:
    """Write a codes COG piece by piece, in the memory of one piece; what no piece covers has no data.

    Args:
        path: Where; an older file is replaced.
        pieces: Windows with their codes (12, h, w) and clear observations (h, w).
        shape: (height, width) of the raster.
        transform: From (column, row) to (x, y).
        crs: A projected CRS in metres.
        tags: What the file says of itself.

    Raises:
        RasterError: Shapes or numbers of a piece are not those of codes.
        GridError: The georeference does not fit the tile.
        OutputError: The file cannot be written.
    """
    crs = CRS.from_user_input(crs)
    check_georeference(tags.tile, crs, transform, shape)
    texts = tag_texts.to_text(tags)
    profile = {
        "driver": "GTiff",
        "count": len(CODES_BANDS),
        "dtype": "uint16",
        "height": shape[0],
        "width": shape[1],
        "transform": transform,
        "crs": crs,
        "interleave": "pixel",
        "tiled": True,
        "blockxsize": BLOCK_SIZE,
        "blockysize": BLOCK_SIZE,
        "photometric": "minisblack",
        "SPARSE_OK": True,
    }
    with atomic_path(Path(path)) as final, scratch_path(final) as raw, quiet_gdal(f"write {path}", error=OutputError):
        with rasterio.open(raw, "w", **profile) as dataset:
            dataset.update_tags(**texts)
            dataset.descriptions = CODES_BANDS
            for window, codes, clear_obs in pieces:
                dataset.write(_checked_bands(codes, clear_obs, (int(window.height), int(window.width))), window=window)
        rasterio.shutil.copy(raw, final, **_CREATION)


def _checked_bands(
    codes: NDArray[np.integer], clear_obs: NDArray[np.integer], shape: tuple[int, int]
) -> NDArray[np.uint16]:
    if np.shape(codes) != (STEPS, *shape) or np.shape(clear_obs) != shape:
        raise RasterError(
            f"got codes of shape {np.shape(codes)} and clear observations of shape {np.shape(clear_obs)}, expected "
            f"({STEPS}, {shape[0]}, {shape[1]}) and {shape}"
        )
    clear = np.asarray(clear_obs)
    if clear.dtype.kind not in "iu" or (clear.size and (clear.min() < 0 or clear.max() > np.iinfo(np.uint16).max)):
        raise RasterError("got clear observations that are not counts, expected whole numbers 0..65535")
    return np.concatenate([fsq.check_codes(codes), clear[None].astype(np.uint16)])


def check_codes_file(path: str | Path, **said: Any) -> list[str]:
    """Read a whole file and say everything that is wrong with it.

    Args:
        path: As in `open_codes`.
        **said: `encoder`, `tile` and `year` as in `open_codes`.

    Returns:
        One line a problem; empty for a valid file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ChinaRecipeWarning)
            file = open_codes(path, **said)
    except EsdError as error:
        return [str(error)]
    with file:
        try:
            with quiet_gdal(f"read {path}"):
                problems = _layout_problems(file) if file.tagged else []
        except EsdError as error:
            return [str(error)]
        for window in file.strips():
            try:
                file.read(window)
            except EsdError as error:
                return [*problems, str(error)]
    return problems


def _layout_problems(file: CodesFile) -> list[str]:
    """Compare a tagged file with the layout that `write_codes` makes."""
    dataset = file._dataset
    expected: dict[str, tuple[Any, Any]] = {
        "band names": (tuple(dataset.descriptions), CODES_BANDS),
        "block shapes": (set(dataset.block_shapes), {(BLOCK_SIZE, BLOCK_SIZE)}),
        "layout": (dataset.tags(ns="IMAGE_STRUCTURE").get("LAYOUT"), "COG"),
        "overviews": (dataset.overviews(1), []),
        "nodata tag": (dataset.nodata, None),
    }
    return [
        f"got {what} {got}, expected {wanted}; write the file with this software ({without_query(file.path)})"
        for what, (got, wanted) in expected.items()
        if got != wanted
    ]
