"""How far every year of a place is from the year before: years pass by one after the other, two are held at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from esd_tasks.change.distances import pair_distances
from esd_tasks.series import Series
from esd_tasks.target import Grid
from stactools_esd.product import STEPS


@dataclass(frozen=True, kw_only=True)
class YearStep:
    """The distances of a year to the one before it."""

    before: int
    """The earlier year."""

    after: int
    """The later year: the next one that the series has."""

    level: NDArray[np.float32]
    """Level distance 0..1 (h, w); NaN where one of the years has no data, or too few clear observations."""

    cosine: NDArray[np.float32]
    """Cosine distance 0..2 (h, w); NaN as above."""


def year_steps(series: Series, grid: Grid, window: Window | None = None, *, min_clear: int = 0) -> Iterator[YearStep]:
    """Yield the distances of each year to the one before, in the memory of two years.

    Args:
        series: What is read.
        grid: Where the pixels lie.
        window: Whole pixels of the grid; all of it if None. Memory grows with it, not with the years.
        min_clear: Pixels with fewer clear observations in a year have no distance to it.

    Raises:
        RasterError: A file is damaged, or not what its item says.
    """
    earlier = None
    for year, block in series.each_year(grid, window):
        usable = block.valid & (block.clear_obs >= min_clear)
        planes = block.codes.reshape(STEPS, -1)
        if earlier is not None:
            before, old, known = earlier
            level, cosine = (one.reshape(usable.shape) for one in pair_distances(old.T, planes.T))
            nowhere = ~(known & usable)
            level[nowhere], cosine[nowhere] = np.nan, np.nan
            yield YearStep(before=before, after=year, level=level, cosine=cosine)
        earlier = year, planes, usable
