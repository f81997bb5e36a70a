"""A tile-year of SDC30 that never was: files in its real layout, from a library of simulated pixel-years.

A library of distinct simulated pixel-years, with the noise and the leftover clouds of real gap-filled years, is
mosaicked into files of 3661 x 3661 pixels, one a date: each pixel is one of the library times a gain of its own. Six
bands of 16-bit integers of scale 0.0001. How the real files are compressed and tiled is not published; these are
DEFLATE of level 1 in tiles of 256 x 256, as the official codes are. Neighbouring pixels have nothing in common, so
that they hardly compress, and take as long to decode as such files can.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.grid import tile
from stactools_esd.product import BANDS
from stactools_esd.simulation import add_frozen_noise, simulate_pixels
from stactools_esd.sources.image import SCALE
from stactools_esd.sources.sdc30 import PARENT_PIXELS

TILE = "50TMK"
YEAR = 2020
DAY_STEP = 4
TILE_ROWS = 256
GAIN_SPREAD = 0.05
SIMULATED_AT_ONCE = 4096
PARENT_BYTES = PARENT_PIXELS * PARENT_PIXELS * len(BANDS) * 2
"""Bytes of one file before compression."""


def library(distinct: int, days: np.ndarray) -> np.ndarray:
    """Simulate distinct pixel-years and keep some days, as stored numbers (days, distinct, 6) before rounding."""
    kept = np.empty((len(days), distinct, len(BANDS)), np.float32)
    for first in range(0, distinct, SIMULATED_AT_ONCE):
        clean = simulate_pixels(min(SIMULATED_AT_ONCE, distinct - first), seed=first).clean
        noisy = add_frozen_noise(clean, seed=first)
        kept[:, first : first + len(noisy)] = noisy[:, days].transpose(1, 0, 2) / np.float32(SCALE)
    return kept


def write_tile(folder: Path, *, rows: int, dates: int, distinct: int) -> Iterator[Path]:
    """Write one file a date.

    Args:
        folder: Where.
        rows: Rows that hold data, from the top; those below stay empty and take no room.
        dates: Files, four days apart.
        distinct: Pixel-years in the library.

    Yields:
        Each file when it is whole.
    """
    days = DAY_STEP * np.arange(dates)
    rng = np.random.default_rng([rows, distinct])
    chosen = rng.integers(0, distinct, (rows, PARENT_PIXELS), np.int32)
    gain = rng.standard_normal((rows, PARENT_PIXELS), np.float32)
    gain = (1 + np.float32(GAIN_SPREAD) * gain).clip(0.8, 1.2)
    place = tile(TILE)
    profile: dict[str, Any] = {
        "driver": "GTiff", "count": len(BANDS), "dtype": "int16", "height": PARENT_PIXELS, "width": PARENT_PIXELS,
        "crs": CRS.from_epsg(place.epsg), "transform": place.transform, "tiled": True, "blockxsize": TILE_ROWS,
        "blockysize": TILE_ROWS, "compress": "deflate", "zlevel": 1, "sparse_ok": True, "bigtiff": "if_safer",
        "num_threads": 1,
    }  # fmt: skip
    for day, values in zip(days, library(distinct, days), strict=True):
        date = np.datetime64(f"{YEAR}-01-01") + day
        path = folder / f"SDC30_V003_{TILE}_{str(date).replace('-', '')}.tif"
        with rasterio.open(path, "w", **profile) as dataset:
            for first in range(0, rows, TILE_ROWS):
                strip = slice(first, first + TILE_ROWS)
                image = values[chosen[strip]] * gain[strip, :, None]
                numbers = np.rint(image).clip(1, 32767).astype(np.int16).transpose(2, 0, 1)
                dataset.write(numbers, window=Window(0, first, PARENT_PIXELS, numbers.shape[1]))
        yield path
