"""What the tasks see of a set: tables of codes and of raw reflectance, row by row of the same pixel-years."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esd_tasks.table_scale import scale_of
from stactools_esd.fsq import codes_to_vectors


@dataclass(frozen=True, kw_only=True)
class LabelledYears:
    """One pixel-year a place, with its class."""

    name: str
    """Name of the set."""

    role: str
    """`train`, `dev` or `test`."""

    class_id: NDArray[np.int64]
    """Place of each class in `class_names`, (n,)."""

    class_names: tuple[str, ...]
    """Classes with enough places."""

    lon: NDArray[np.float64]
    """Degrees, (n,)."""

    lat: NDArray[np.float64]
    """Degrees, (n,)."""

    raw: NDArray[np.float32]
    """Pentads of the measured bands of the gap-filled year, then elevation and slope, (n, k); NaN is missing."""

    codes: tuple[NDArray[np.uint16], ...]
    """Codes of each seed of the encoder, (n, 12)."""

    notes: tuple[str, ...] = ()
    """What was left out, and why."""


@dataclass(frozen=True, kw_only=True)
class PixelYears:
    """Several years of the same pixels."""

    name: str
    """Name of the set."""

    role: str
    """`train`, `dev` or `test`."""

    pixel: NDArray[np.int64]
    """Pixel of each row, (n,)."""

    year: NDArray[np.int64]
    """Year in which the window of each row starts, (n,)."""

    raw: NDArray[np.float32]
    """Pentads of the measured bands, (n, k)."""

    ndvi: NDArray[np.float32]
    """Mean NDVI of the window, (n,)."""

    codes: tuple[NDArray[np.uint16], ...]
    """Codes of each seed of the encoder, (n, 12)."""

    def rows(self) -> dict[tuple[int, int], int]:
        """Return the row of each pixel and year."""
        return {key: row for row, key in enumerate(zip(self.pixel.tolist(), self.year.tolist(), strict=True))}


def vectors(codes: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the 72 values of each pixel-year, (n, 72)."""
    return codes_to_vectors(codes).reshape(len(codes), -1)


def standardised(table: NDArray[np.floating], like: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
    """Centre and scale columns by the mean and standard deviation of a table; missing and constant ones become 0.

    Args:
        table: Shape (n, k), NaN where missing.
        like: Table (m, k) that mean and deviation are taken from. Default: the same.
    """
    return scale_of(table if like is None else like).apply(table)


def cosine(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the cosine of each row of one table with the same row of another, (n,)."""
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / np.maximum(lengths, 1e-12))
