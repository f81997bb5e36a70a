"""Series of codes whose changes are known, for tests of change."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from neighbours import write_area
from numpy.typing import NDArray
from pyproj import Transformer
from synthetic import AREA_CRS, AREA_TRANSFORM

from stactools_esd import fsq
from stactools_esd.product import FSQ, STEPS

LEVELS = np.array(FSQ.levels)
"""Number of levels of each dimension."""


def series(
    n: int,
    years: int,
    *,
    breaks: NDArray[np.integer] | None = None,
    odd: NDArray[np.integer] | None = None,
    noise: float = 0.9,
    seed: int = 0,
) -> NDArray[np.uint16]:
    """Return codes (years, n, 12) of pixels with noise of their own.

    Args:
        n: Pixels.
        years: Years.
        breaks: Position of the year from which each pixel is of another state; `years` or more for never.
        odd: Position of the one year in which each pixel is of a third state; `years` or more for never.
        noise: Mean standard deviation of the levels.
        seed: Decides everything.
    """
    generator = np.random.default_rng(seed)
    states = generator.random((3, n, STEPS, FSQ.dimensions)) * (LEVELS - 1)
    spread = generator.uniform(0.6, 1.4, (n, 1, 1)) * noise
    out = np.empty((years, n, STEPS), np.uint16)
    for year in range(years):
        levels = states[0]
        if breaks is not None:
            levels = np.where((year >= breaks)[:, None, None], states[1], levels)
        if odd is not None:
            levels = np.where((year == odd)[:, None, None], states[2], levels)
        noisy = np.rint(levels + generator.normal(0, spread, levels.shape))
        out[year] = fsq.level_indices_to_codes(np.clip(noisy, 0, LEVELS - 1).astype(np.int64))
    return out


NEVER = 9999
"""A break year that never comes."""

SIZE = (64, 80)
"""Rows and columns of the place of `write_place`."""


def break_years(years: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the year in which each pixel of the place changed: three patches, and one lonely pixel."""
    broke = np.full(SIZE, NEVER)
    broke[6:18, 8:24] = years[len(years) // 2]
    broke[30:40, 40:60] = years[2]
    broke[50:56, 5:15] = years[-2]
    broke[25, 70] = years[2]
    return broke


def write_place(
    folder: Path,
    years: tuple[int, ...],
    *,
    broke: NDArray[np.int64] | None = None,
    clear: int = 20,
    seed: int = 0,
    **tag_options: Any,
) -> NDArray[np.int64]:
    """Write the codes of a custom area in several years, and return the year in which each pixel changed.

    The first four rows have no data, and the last six columns few clear observations.
    """
    broke = break_years(years) if broke is None else broke
    position = np.searchsorted(np.array(years), broke.ravel())
    codes = series(broke.size, len(years), breaks=position, seed=seed)
    clear_obs = np.full(SIZE, clear, np.uint16)
    clear_obs[:, -6:] = 3
    for number, year in enumerate(years):
        image = codes[number].T.reshape(STEPS, *SIZE).copy()
        image[:, :4] = 0
        write_area(folder, image, clear_obs, year=year, **tag_options)
    return broke


def write_points(path: Path, rows: NDArray[Any], columns: NDArray[Any], **fields: Any) -> Path:
    """Write points in the middle of pixels of the place, with fields."""
    x, y = AREA_TRANSFORM * (np.asarray(columns) + 0.5, np.asarray(rows) + 0.5)
    lon, lat = Transformer.from_crs(AREA_CRS, 4326, always_xy=True).transform(x, y)
    geopandas.GeoDataFrame(fields, geometry=shapely.points(lon, lat), crs=4326).to_file(path)
    return path


def drawn_pixels(n: int, seed: int = 3) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of pixels with data and enough clear observations, each once."""
    generator = np.random.default_rng(seed)
    pixel = generator.permutation(SIZE[0] * SIZE[1])
    rows, columns = np.divmod(pixel, SIZE[1])
    good = (rows >= 4) & (columns < SIZE[1] - 6)
    return rows[good][:n], columns[good][:n]
