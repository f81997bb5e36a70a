"""Pixels of whole tiles, drawn without regard to change: what is usual there.

They are drawn from the tiles that an area meets, not from the area: within the outline of a fire everything has burnt,
and what is usual shows around it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window

from esd_tasks.series import Series
from esd_tasks.target import WGS84, Georeference, transformer

PIXELS: Final = 20_000
"""Pixels of a population, at most."""

WINDOW: Final = 32
"""Rows and columns of the windows in which they are read."""

WINDOWS: Final = 64
"""Windows that are read in all, at most; smaller tiles are read as a whole."""


@dataclass(frozen=True, kw_only=True)
class Population:
    """Codes of pixels in all years; n of them."""

    codes: NDArray[np.uint16]
    """Shape (years, n, 12)."""

    clear_obs: NDArray[np.uint16]
    """Clear observations (years, n)."""

    lon: NDArray[np.float64]
    """Middles of the pixels, degrees in WGS84 (n,)."""

    lat: NDArray[np.float64]
    """The same (n,)."""

    usable: NDArray[np.bool_]
    """Where a year has data and enough clear observations (years, n)."""

    @property
    def typical_clear(self) -> float:
        """Median clear observations of the usable years; 1 at least."""
        seen = self.clear_obs[self.usable]
        return max(float(np.median(seen)), 1.0) if len(seen) else 1.0


def draw_population(
    series: Series, area: shapely.Geometry, *, min_clear: int, seed: int, most: int = PIXELS
) -> Population:
    """Draw pixels of the tiles that an area meets: those that have at least one usable year.

    Args:
        series: All years.
        area: In WGS84.
        min_clear: Years with fewer clear observations cannot be used.
        seed: The same seed gives the same pixels.
        most: Pixels, at most.
    """
    generator = np.random.default_rng([seed, 1])
    parts, middles = [], []
    for place, window in _windows(series, area, generator):
        block = series.read(place, window)
        codes = block.codes.transpose(0, 2, 3, 1).reshape(len(series.years), -1, block.codes.shape[1])
        clear_obs = block.clear_obs.reshape(len(series.years), -1)
        usable = block.valid.reshape(len(series.years), -1) & (clear_obs >= min_clear)
        there = usable.any(axis=0)
        parts.append((codes[:, there], clear_obs[:, there], usable[:, there]))
        row, column = np.divmod(np.flatnonzero(there), int(window.width))
        x, y = place.transform * (column + window.col_off + 0.5, row + window.row_off + 0.5)
        middles.append(transformer(place.crs, WGS84).transform(x, y))
    codes, clear_obs, usable = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    lon, lat = (np.concatenate(part) for part in zip(*middles, strict=True))
    kept = np.sort(generator.permutation(codes.shape[1])[:most])
    return Population(
        codes=codes[:, kept], clear_obs=clear_obs[:, kept], usable=usable[:, kept], lon=lon[kept], lat=lat[kept]
    )


def _windows(
    series: Series, area: shapely.Geometry, generator: np.random.Generator
) -> Iterator[tuple[Georeference, Window]]:
    """Yield windows of the tiles that an area meets: all of small tiles, else some drawn at random."""
    first = next(iter(series.mosaics.values()))
    met = [k for k, item in enumerate(first.items) if shapely.intersects(item.footprint, area)]
    each = max(WINDOWS // max(len(met), 1), 4)
    for k in met:
        place = series.georeference(k)
        rows, columns = -(-place.height // WINDOW), -(-place.width // WINDOW)
        for number in np.sort(generator.permutation(rows * columns)[:each]).tolist():
            row, column = number // columns * WINDOW, number % columns * WINDOW
            yield place, Window(column, row, min(WINDOW, place.width - column), min(WINDOW, place.height - row))
