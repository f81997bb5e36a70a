"""Pictures of codes: a false-colour COG and a thumbnail, for looking at and nothing else.

A code is a label, so no picture is made of the stored integers: they become vectors first, and fixed groups of the 72
vector values are averaged into three channels. Where two pixels have equal codes they have equal colours; a colour has
no meaning of its own.
"""

import math
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd import fsq
from stactools_esd.codes_file import CodesFile
from stactools_esd.errors import OutputError, UsageError
from stactools_esd.files import atomic_path, scratch_path
from stactools_esd.gdal import quiet_gdal
from stactools_esd.product import FSQ

VISUAL_TITLE: Final = "false colour of codes"
"""What pictures of this module are called in items and tags."""

CHANNEL_DIMENSIONS: Final = ((0, 3), (1, 4), (2, 5))
"""Dimensions averaged into red, green and blue: one of eight levels and one of five each."""

CHANNEL_STEPS: Final = ((4, 5, 6), (6, 7, 8), (8, 9, 10))
"""Steps averaged into red, green and blue; 1, 2, 11 and 12 are left out, for they hold padding of the year's edges."""

STRETCH: Final = 0.75
"""Means of vectors from minus this to plus this fill the colours 1..255; beyond, they are cut. Colour 0 is no data."""

THUMBNAIL_SIZE: Final = 512
"""Pixels of a thumbnail's longer side, at most."""

THUMBNAIL_LEAST: Final = 256
"""Pictures whose longer side is shorter are enlarged by whole pixels, as far as they stay within this."""

_QUARTERS = 4  # every vector value is a whole number of quarters, so sums of them are exact
_TERMS = len(CHANNEL_DIMENSIONS[0]) * len(CHANNEL_STEPS[0])
_STRIP_ROWS = 256


@cache
def _quarter_sums() -> NDArray[np.int16]:
    """Return, for each channel and code, four times the sum of the channel's dimensions: shape (3, 64000)."""
    vectors = fsq.codes_to_vectors(np.arange(FSQ.codebook_size, dtype=np.uint16))
    return np.stack([(vectors[:, dims].sum(axis=1) * _QUARTERS).astype(np.int16) for dims in CHANNEL_DIMENSIONS])


def level_rgb(codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Colour codes: `1 + round(254 (mean + 0.75) / 1.5)` of six vector values a channel, cut to 1..255.

    Args:
        codes: Shape (12, h, w).

    Returns:
        Shape (3, h, w): red, green, blue; 0 where a pixel has no data.

    Raises:
        RasterError: The shape is another, or a number is not a code.
    """
    valid = fsq.valid_pixels(codes)
    fsq.check_codes(codes)
    span = round(2 * STRETCH * _QUARTERS * _TERMS)
    colours = np.zeros((len(CHANNEL_STEPS), *codes.shape[1:]), dtype=np.uint8)
    for colour, table, steps in zip(colours, _quarter_sums(), CHANNEL_STEPS, strict=True):
        total = sum(table[codes[step - 1]].astype(np.int32) for step in steps)
        scaled = ((total + span // 2) * 254 + span // 2) // span
        colour[valid] = np.clip(1 + scaled, 1, 255)[valid]
    return colours


def write_visual(path: str | Path, codes_file: CodesFile) -> None:
    """Write the false-colour COG: RGB `uint8`, DEFLATE, averaged overviews, no data in an internal mask.

    Works strip by strip in bounded memory.

    Args:
        path: Where; an older file is replaced.
        codes_file: Open codes.

    Raises:
        RasterError: The codes cannot be read.
        OutputError: The picture cannot be written.
    """
    profile = {
        "driver": "GTiff",
        "count": len(CHANNEL_STEPS),
        "dtype": "uint8",
        "height": codes_file.height,
        "width": codes_file.width,
        "transform": codes_file.transform,
        "crs": codes_file.crs,
        "photometric": "rgb",
        "interleave": "pixel",
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
    }
    creation = {"driver": "COG", "COMPRESS": "DEFLATE", "PREDICTOR": "YES", "BLOCKSIZE": "256"}
    with (
        atomic_path(Path(path)) as final,
        scratch_path(final) as raw,
        quiet_gdal(f"write {path}", error=OutputError),
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
    ):
        with rasterio.open(raw, "w", **profile) as picture:
            picture.update_tags(TIFFTAG_IMAGEDESCRIPTION=VISUAL_TITLE)
            for window in codes_file.strips(_STRIP_ROWS):
                block = codes_file.read(window)
                picture.write(level_rgb(block.codes), window=window)
                picture.write_mask(block.valid, window=window)
        rasterio.shutil.copy(raw, final, OVERVIEW_RESAMPLING="AVERAGE", **creation)


def write_thumbnail(path: str | Path, codes_file: CodesFile, size: int = THUMBNAIL_SIZE) -> None:
    """Write a small PNG of the false colours, transparent where there is no data.

    Colours of valid pixels are averaged over whole squares of pixels, so the aspect is kept; the pixels of small areas
    are repeated, so that a person can see them.

    Args:
        path: Where; an older file is replaced.
        codes_file: Open codes.
        size: Pixels of the longer side, at most.

    Raises:
        RasterError: The codes cannot be read.
        OutputError: The picture cannot be written.
        UsageError: The size is not positive.
    """
    if size < 1:
        raise UsageError(f"got a thumbnail of {size} pixels, expected at least 1")
    factor = math.ceil(max(codes_file.height, codes_file.width) / size)
    rows_at_once = factor * max(1, _STRIP_ROWS // factor)
    rgba = np.concatenate([_shrink(codes_file, window, factor) for window in codes_file.strips(rows_at_once)], axis=1)
    times = max(1, min(THUMBNAIL_LEAST, size) // max(codes_file.height, codes_file.width))
    rgba = rgba.repeat(times, axis=1).repeat(times, axis=2)
    profile = {"driver": "PNG", "count": 4, "dtype": "uint8", "height": rgba.shape[1], "width": rgba.shape[2]}
    with (
        atomic_path(Path(path)) as final,
        quiet_gdal(f"write {path}", error=OutputError),
        rasterio.open(final, "w", **profile) as picture,
    ):
        picture.write(rgba)


def _shrink(codes_file: CodesFile, window: Window, factor: int) -> NDArray[np.uint8]:
    """Average the colours of valid pixels over squares of `factor` pixels: shape (4, ceil(h / f), ceil(w / f))."""
    block = codes_file.read(window)
    layers = np.concatenate([level_rgb(block.codes), block.valid[None]]).astype(np.uint64)
    height, width = block.valid.shape
    layers = np.pad(layers, ((0, 0), (0, -height % factor), (0, -width % factor)))
    squares = layers.reshape(4, layers.shape[1] // factor, factor, layers.shape[2] // factor, factor).sum(axis=(2, 4))
    counts = squares[3]
    rgb = (squares[:3] + counts // 2) // np.maximum(counts, 1)
    return np.concatenate([rgb, np.where(counts > 0, 255, 0)[None]]).astype(np.uint8)
