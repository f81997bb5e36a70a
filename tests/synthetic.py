"""Tiny codes rasters for everybody's tests, each fixed by its seed."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.names import CodesTags
from stactools_esd.product import (
    CODES_BANDS,
    FSQ,
    OFFICIAL_ENCODER,
    OFFICIAL_RECIPE,
    STEPS,
    CodesIdentity,
    EncoderIdentity,
    InputRecipe,
)

WEIGHTS_SHA256 = "ab" * 32
"""A weights hash of no weights."""

AREA_TRANSFORM = Affine(30.0, 0.0, 499995.0, 0.0, -30.0, 5600025.0)
"""A place in UTM zone 31 north, near Brussels, for custom areas."""

AREA_CRS = CRS.from_epsg(32631)
"""The CRS of `AREA_TRANSFORM`."""


def random_codes(seed: int, height: int, width: int, *, nodata_share: float = 0.0) -> NDArray[np.uint16]:
    """Return codes of shape (12, height, width) over the whole range, never all 0 unless asked for.

    Args:
        seed: Equal seeds give equal codes.
        height: Rows.
        width: Columns.
        nodata_share: About this share of pixels has no data.
    """
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, FSQ.codebook_size, size=(STEPS, height, width)).astype(np.uint16)
    codes[0][(codes == 0).all(axis=0)] = 1
    codes[:, generator.random((height, width)) < nodata_share] = 0
    return codes


def patchy_codes(seed: int, height: int, width: int, *, kinds: int = 5, patch: int = 8) -> NDArray[np.uint16]:
    """Return codes of shape (12, height, width) in square patches of a few kinds, as a landscape has them."""
    generator = np.random.default_rng(seed)
    palette = random_codes(seed + 1, 1, kinds)[:, 0]
    rows, columns = -(-height // patch), -(-width // patch)
    kind = generator.integers(0, kinds, size=(rows, columns)).repeat(patch, axis=0).repeat(patch, axis=1)
    return palette[:, kind[:height, :width]]


def counts(seed: int, height: int, width: int) -> NDArray[np.uint16]:
    """Return clear observations of shape (height, width), 0..40."""
    return np.random.default_rng(seed).integers(0, 41, size=(height, width)).astype(np.uint16)


def tags(
    encoder: str = "esdnet-small-v1",
    *,
    tile: str = "xdemo",
    year: int = 2020,
    weights_sha256: str | None = WEIGHTS_SHA256,
    source: str = "simulation",
    **others: Any,
) -> CodesTags:
    """Return tags of an encoder; `official-v001` gets the official recipe and no weights hash."""
    if encoder == OFFICIAL_ENCODER.label:
        identity = CodesIdentity(encoder=OFFICIAL_ENCODER, recipe=OFFICIAL_RECIPE)
    else:
        recipe = InputRecipe(source=source, fusion="hampel-linear-circular-v1", harmonisation="none", dem="none")
        identity = CodesIdentity(encoder=EncoderIdentity.parse(encoder, weights_sha256), recipe=recipe)
    return CodesTags(identity=identity, tile=tile, year=year, **others)


def write_official(
    path: Path,
    codes: NDArray[np.uint16],
    clear_obs: NDArray[np.uint16],
    *,
    transform: Affine,
    crs: Any,
    interleave: str = "band",
    **profile: Any,
) -> Path:
    """Write a tile as the official archive does: no tags, no band names, DEFLATE, blocks of 256, no overviews.

    Args:
        path: Where.
        codes: Shape (12, h, w); another number of bands for files that must be refused.
        clear_obs: Shape (h, w).
        transform: From (column, row) to (x, y).
        crs: Anything that names a CRS.
        interleave: `band` or `pixel`.
        **profile: Further or other creation options of rasterio.
    """
    bands = np.concatenate([codes, clear_obs[None]])
    options = {
        "driver": "GTiff",
        "count": len(bands),
        "dtype": bands.dtype.name,
        "height": bands.shape[1],
        "width": bands.shape[2],
        "transform": transform,
        "crs": CRS.from_user_input(crs),
        "compress": "deflate",
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "interleave": interleave,
    } | profile
    with rasterio.open(path, "w", **options) as dataset:
        dataset.write(bands)
    return path


__all__ = [
    "AREA_CRS",
    "AREA_TRANSFORM",
    "CODES_BANDS",
    "counts",
    "patchy_codes",
    "random_codes",
    "tags",
    "write_official",
]
