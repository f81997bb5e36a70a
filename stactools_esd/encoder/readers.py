"""Readers of real series: the arrays of one file to series of pixels, in the form that the file's origin gave them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stactools_esd.observations import in_range
from stactools_esd.product import BANDS

Arrays = Mapping[str, NDArray[Any]]
"""Arrays of a file by name."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Irregular series of pixels."""

    reflectance: NDArray[np.float32]
    """Shape (n, t, 6), NaN where missing or cloudy."""

    dates: NDArray[np.datetime64]
    """Day of each observation, (n, t); NaT where there is none."""

    terrain: NDArray[np.float32]
    """Elevation m, slope degrees, aspect degrees, (n, 3); NaN where unknown."""


def _unknown_terrain(n: int) -> NDArray[np.float32]:
    return np.full((n, 3), np.nan, dtype=np.float32)


def _series(
    reflectance: NDArray[np.floating],
    dates: NDArray[np.datetime64],
    clear: NDArray[np.bool_] | None = None,
    terrain: NDArray[np.float32] | None = None,
) -> Series:
    """Join the arrays of one set; dates of shape (t,) serve all pixels, and unclear dates become missing."""
    values = np.array(reflectance, dtype=np.float32)
    values[~in_range(values)] = np.nan
    if clear is not None:
        values[~clear] = np.nan
    return Series(
        reflectance=values,
        dates=np.broadcast_to(dates, values.shape[:2]),
        terrain=_unknown_terrain(len(values)) if terrain is None else terrain,
    )


def composites(arrays: Arrays) -> Series:
    """Cloud-free composites, with elevation and slope where the file has them; their aspect is unknown."""
    terrain = None
    if "elevation_m" in arrays:
        elevation, slope = arrays["elevation_m"], arrays["slope_raw"]
        terrain = np.stack([elevation, slope, np.full(len(slope), np.nan)], axis=1).astype(np.float32)
    return _series(arrays["X"], arrays["dates"], terrain=terrain)


def harvard_row(first: int, last: int) -> Callable[[Arrays], Series]:
    """Contiguous pixels of the row, so that neighbours do not stand on both sides of a split."""

    def read(arrays: Arrays) -> Series:
        return _series(arrays["X"][first:last], arrays["dates"], arrays["clear"][first:last])

    return read


def single_pixels(arrays: Arrays) -> Series:
    """Single dates of scattered pixels, without those whose note calls them corrupt."""
    sound = np.array(["corrupt" not in str(note) for note in arrays["note"]])
    return _series(arrays["X"][sound], arrays["dates"][sound], arrays["clear"][sound])


def tundra(arrays: Arrays) -> Series:
    """One row an observation to one row a point; all rows of the file are clear."""
    places = np.stack([arrays["lon"], arrays["lat"]], axis=1)
    _, point, count = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    point = point.ravel()
    order = np.lexsort((arrays["date"], point))
    column = np.arange(len(point)) - np.repeat(np.cumsum(count) - count, count)
    reflectance = np.full((len(count), count.max(), len(BANDS)), np.nan, dtype=np.float32)
    dates = np.full((len(count), count.max()), np.datetime64("NaT"), dtype="datetime64[D]")
    reflectance[point[order], column] = arrays["X"][order]
    dates[point[order], column] = arrays["date"][order]
    return _series(reflectance, dates)


def brazil_cube(arrays: Arrays) -> Series:
    """Composites outside 500 m of any point that judges: neither near_A nor near_B may train."""
    apart = ~(arrays["near_A_500m"] | arrays["near_B_500m"])
    return _series(arrays["X"][apart], arrays["dates"][apart], arrays["clear_heur"][apart])


def interpolated(arrays: Arrays) -> Series:
    """The cloud-free series of the data's authors."""
    return _series(arrays["X_interp"], arrays["dates"])


def cube(prefix: str) -> Callable[[Arrays], Series]:
    """Pixels of a cube [t, y, x, 6]; `prefix` chooses the Landsat-8 arrays."""

    def read(arrays: Arrays) -> Series:
        values, clear = arrays[f"{prefix}X"], arrays[f"{prefix}clear"]
        t = len(values)
        pixels = values.reshape(t, -1, len(BANDS)).transpose(1, 0, 2)
        return _series(pixels, arrays[f"{prefix}dates"], clear.reshape(t, -1).T)

    return read
