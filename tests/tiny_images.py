"""Tiny folders of simulated images for tests of encoding."""

from pathlib import Path
from typing import Any

import numpy as np
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.observations import Observations, YearWindow
from stactools_esd.simulation import simulate_pixels
from stactools_esd.sources.folder import write_folder

ROWS, COLUMNS = 11, 7

YEAR_2020 = YearWindow(year=2020)

OPTIONS: dict[str, Any] = {"window": YEAR_2020, "tile": "xtest", "rows_per_block": 4}
"""Options of `encode_source` that cut the images into three blocks."""

TRANSFORM = Affine(30, 0, 500_000, 0, -30, 5_000_000)


def observations(rows: int = ROWS, columns: int = COLUMNS) -> tuple[Observations, np.ndarray]:
    """Simulate twelve images of 2020, and terrain (3, rows, columns).

    Pixel (0, 0) is never seen, and pixel (2, 3) on three days only.

    Args:
        rows: Rows, 3 or more.
        columns: Columns, 4 or more.
    """
    pixels = simulate_pixels(rows * columns, 8)
    days = np.arange(10, 365, 31)
    cube = pixels.clean[:, days].reshape(rows, columns, len(days), 6).transpose(2, 3, 0, 1)
    valid = np.ones(cube.shape, dtype=bool)
    valid[:, :, 0, 0] = False
    valid[3:, :, 2, 3] = False
    images = Observations(
        dates=np.datetime64("2020-01-01") + days,
        reflectance=np.ascontiguousarray(cube),
        valid=valid,
        transform=TRANSFORM,
        crs=CRS.from_epsg(32631),
    )
    return images, pixels.terrain.T.reshape(3, rows, columns)


def write_images(folder: Path, rows: int = ROWS, columns: int = COLUMNS, *, terrain: bool = True) -> Path:
    """Write `observations` as a folder of GeoTIFFs named SR_2020....tif."""
    images, ground = observations(rows, columns)
    write_folder(images, folder, terrain=ground if terrain else None)
    return folder


def hidden(folder: Path) -> list[str]:
    """Return the names of unfinished work in a folder."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")] if folder.exists() else []
