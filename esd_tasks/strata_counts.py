"""How many pixels, and how much area, each class has in each stratum: counted by blocks, in bounded memory."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.legend import LARGEST_ID, UNCLASSIFIED
from esd_tasks.strata_raster import BLOCK_PIXELS, ClassRaster
from stactools_esd.errors import NothingFoundError

OnCount = Callable[[int, int], Any]
"""Called with the pixels that are counted and those that there are."""


@dataclass(frozen=True, kw_only=True)
class StrataCounts:
    """Pixels of H strata and k classes of a map."""

    stratum_ids: tuple[int, ...]
    """Strata, ascending."""

    class_ids: tuple[int, ...]
    """Classes of the map, ascending."""

    pixels: NDArray[np.int64]
    """Pixels of each class in each stratum, (H, k)."""

    area: NDArray[np.float64]
    """Square metres of each class in each stratum, (H, k); NaN where nobody knows."""

    unclassified: int = 0
    """Pixels of the raster that have no class."""

    no_stratum: int = 0
    """Pixels that have a class and no stratum; they are not part of the population."""

    left_out: int = 0
    """Pixels of classes that the user left out."""

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Pixels of each stratum, (H,)."""
        return np.asarray(self.pixels.sum(axis=1))

    @property
    def weights(self) -> NDArray[np.float64]:
        """Share of each stratum in the population's area, or in its pixels where areas are not known, (H,)."""
        sizes = self.sizes if np.isnan(self.area).any() else self.area.sum(axis=1)
        return np.asarray(sizes / sizes.sum())


def count_strata(
    classes: ClassRaster,
    strata: ClassRaster | None = None,
    *,
    leave_out: Collection[int] = (),
    block_pixels: int = BLOCK_PIXELS,
    on_count: OnCount | None = None,
) -> StrataCounts:
    """Count a map's pixels; those without a class are no stratum, whatever the map's nodata value.

    Args:
        classes: The map.
        strata: Raster of strata on the map's grid (`ClassRaster.aligned_to`); the map's own classes if None.
        leave_out: Classes of the map that are not part of the population.
        block_pixels: Pixels that are read at once; they do not change the counts.
        on_count: Hears how far the count is.

    Raises:
        NothingFoundError: No pixel has a class and a stratum.
    """
    pixels: dict[tuple[int, int], int] = {}
    areas: dict[tuple[int, int], float] = {}
    n_unclassified = n_without = n_left_out = done = 0
    total = classes.height * classes.width
    for block in classes.blocks(block_pixels):
        values = classes.read(block)
        n_unclassified += int((values == UNCLASSIFIED).sum())
        excluded = np.isin(values, list(leave_out))
        n_left_out += int(excluded.sum())
        values[excluded] = UNCLASSIFIED
        within = values if strata is None else strata.read(block)
        n_without += int(((values != UNCLASSIFIED) & (within == UNCLASSIFIED)).sum())
        counted, metres = _count(within, values, classes.areas.of(block))
        for pair, count in counted.items():
            pixels[pair] = pixels.get(pair, 0) + count
            areas[pair] = areas.get(pair, 0.0) + metres[pair]
        done += values.size
        if on_count is not None:
            on_count(done, total)
    if not pixels:
        raise NothingFoundError(
            f"got {classes.path.name} without a pixel that has a class{' and a stratum' if strata else ''}, expected "
            "some; check the map, its nodata value and where it lies"
        )
    stratum_ids = tuple(sorted({stratum for stratum, _ in pixels}))
    class_ids = tuple(sorted({class_id for _, class_id in pixels}))
    table = np.zeros((len(stratum_ids), len(class_ids)), dtype=np.int64)
    area = np.zeros(table.shape)
    for (stratum, class_id), count in pixels.items():
        cell = stratum_ids.index(stratum), class_ids.index(class_id)
        table[cell], area[cell] = count, areas[stratum, class_id]
    return StrataCounts(
        stratum_ids=stratum_ids,
        class_ids=class_ids,
        pixels=table,
        area=area,
        unclassified=n_unclassified,
        no_stratum=n_without,
        left_out=n_left_out,
    )


def _count(
    strata: NDArray[np.uint16], classes: NDArray[np.uint16], areas: NDArray[np.float64]
) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], float]]:
    """Count the pairs of a block that have both stratum and class, and sum their areas."""
    ids_s, s = _positions(strata)
    ids_c, c = _positions(classes)
    pair = (s.astype(np.int64) * len(ids_c) + c).ravel()
    size = len(ids_s) * len(ids_c)
    counts = np.bincount(pair, minlength=size)
    if areas.size == 1:
        metres = counts.astype(np.float64) * float(areas.item())
    else:
        each = np.broadcast_to(areas, classes.shape).ravel()
        metres = np.asarray(np.bincount(pair, weights=each, minlength=size), dtype=np.float64)
    found: dict[tuple[int, int], int] = {}
    sums: dict[tuple[int, int], float] = {}
    for position in np.flatnonzero(counts).tolist():
        key = int(ids_s[position // len(ids_c)]), int(ids_c[position % len(ids_c)])
        if UNCLASSIFIED not in key:
            found[key], sums[key] = int(counts[position]), float(metres[position])
    return found, sums


def _positions(values: NDArray[np.uint16]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the ids of a block, and the position of each pixel's id among them."""
    ids = np.flatnonzero(np.bincount(values.ravel(), minlength=LARGEST_ID + 1))
    lookup = np.zeros(LARGEST_ID + 1, dtype=np.intp)
    lookup[ids] = np.arange(len(ids))
    return ids, lookup[values]
