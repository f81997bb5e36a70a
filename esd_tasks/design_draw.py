"""A stratified random sample of pixels: exact, without replacement, in one pass and in bounded memory.

Every pixel of the raster has a random key, which depends on the seed and its number alone: the output of the generator
SplitMix64 (Steele, Lea and Flood 2014) at that position. No two pixels share one. A stratum's sample are its n pixels
with the smallest keys, so that every set of n pixels is equally likely, and the sample is the same however the raster
is cut into blocks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.legend import LARGEST_ID
from esd_tasks.strata_raster import BLOCK_PIXELS, ClassRaster
from stactools_esd.blocks import Block
from stactools_esd.errors import RasterError

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, kw_only=True)
class DrawnPixels:
    """Pixels of a sample, in random order: any first part of them is a random part."""

    row: NDArray[np.int64]
    """Rows, (n,)."""

    column: NDArray[np.int64]
    """Columns, (n,)."""

    stratum: NDArray[np.int64]
    """Stratum of each, (n,)."""


def draw(
    strata: ClassRaster,
    samples: Mapping[int, int],
    *,
    seed: int,
    block_pixels: int = BLOCK_PIXELS,
    on_draw: Callable[[int, int], Any] | None = None,
) -> DrawnPixels:
    """Draw pixels of each stratum.

    Args:
        strata: The raster of strata.
        samples: How many pixels of each stratum.
        seed: Equal seeds draw equal pixels.
        block_pixels: Pixels that are read at once; they do not change the sample.
        on_draw: Hears how many pixels are looked at, and how many there are.

    Raises:
        RasterError: A stratum has fewer pixels than were asked for.
    """
    limits = np.zeros(LARGEST_ID + 1, dtype=np.uint64)
    limits[[stratum for stratum, n in samples.items() if n]] = np.iinfo(np.uint64).max
    kept = {stratum: np.empty((2, 0), dtype=np.uint64) for stratum in samples}  # keys, pixel numbers
    done, total = 0, strata.height * strata.width
    for block in strata.blocks(block_pixels):
        values = strata.read(block).ravel()
        numbers = _numbers(block, strata.width)
        keys = keys_of(numbers, seed)
        candidates = np.flatnonzero(keys < limits[values])
        for stratum in np.unique(values[candidates]).tolist():
            here = candidates[values[candidates] == stratum]
            pool = np.concatenate([kept[stratum], np.stack([keys[here], numbers[here]])], axis=1)
            if pool.shape[1] > (n := samples[stratum]):
                pool = pool[:, np.argpartition(pool[0], n - 1)[:n]]
                limits[stratum] = pool[0].max()
            kept[stratum] = pool
        done += values.size
        if on_draw is not None:
            on_draw(done, total)
    for stratum, pool in kept.items():
        if pool.shape[1] < samples[stratum]:
            raise RasterError(
                f"got {pool.shape[1]} pixels of class_id {stratum} in {strata.path.name}, expected at least "
                f"{samples[stratum]}; the file has changed since it was counted: start again"
            )
    numbers = np.concatenate([pool[1] for pool in kept.values()]).astype(np.int64)
    member = np.concatenate([np.full(pool.shape[1], stratum, dtype=np.int64) for stratum, pool in kept.items()])
    order = np.argsort(keys_of(numbers.astype(np.uint64), (seed, 1)), kind="stable")
    row, column = np.divmod(numbers[order], strata.width)
    return DrawnPixels(row=row, column=column, stratum=member[order])


def keys_of(numbers: NDArray[np.uint64], seed: int | tuple[int, ...]) -> NDArray[np.uint64]:
    """Return the random key of each pixel number: SplitMix64 from a state that the seed decides, at that position."""
    (state,) = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    z = (numbers + np.uint64(1)) * _STEP + state
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return np.asarray(z ^ (z >> np.uint64(31)))


def _numbers(block: Block, width: int) -> NDArray[np.uint64]:
    """Return the number of each pixel of a block in reading order of the whole raster, (h * w,)."""
    rows = np.arange(block.row, block.row + block.height, dtype=np.uint64) * np.uint64(width)
    columns = np.arange(block.column, block.column + block.width, dtype=np.uint64)
    return np.asarray((rows[:, None] + columns).ravel())
