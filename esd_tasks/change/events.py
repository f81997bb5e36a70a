"""Events as rows, pixel by pixel and year by year, and the bands that they become."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.change.segments import Breaks


@dataclass(frozen=True, kw_only=True)
class Events:
    """Every break of a block of pixels, m of them, by pixel and then by year."""

    pixel: NDArray[np.int32]
    """Pixel of the block, row by row, (m,)."""

    year: NDArray[np.uint8]
    """Position of the break year among the years, (m,)."""

    magnitude: NDArray[np.float32]
    """Level distance 0..1 between the states before and after, (m,)."""

    strength: NDArray[np.float32]
    """How many usual distances the states are apart, (m,)."""

    duration: NDArray[np.uint8]
    """Years until the new state holds, (m,)."""

    since: NDArray[np.int16]
    """Last usable year of the state before, (m,)."""

    def __len__(self) -> int:
        return len(self.pixel)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the columns by name, as blocks are stored."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Any) -> "Events":
        """Take the columns of a stored block."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    @classmethod
    def of(cls, breaks: Breaks, pixel: NDArray[np.intp]) -> "Events":
        """Take the breaks of pixels.

        Args:
            breaks: Of some pixels, (n, years).
            pixel: Which of the block they are, ascending, (n,).
        """
        row, year = np.nonzero(breaks.there)
        columns = ("magnitude", "strength", "duration", "since")
        taken: dict[str, Any] = {name: getattr(breaks, name)[row, year] for name in columns}
        return cls(pixel=pixel[row].astype(np.int32), year=year.astype(np.uint8), **taken)

    def only(self, kept: NDArray[np.bool_]) -> "Events":
        """Return some of them."""
        return Events(**{name: column[kept] for name, column in self.as_arrays().items()})

    def planes(self, years: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return where they are (years, rows, columns)."""
        out = np.zeros((years, shape[0] * shape[1]), np.bool_)
        out[self.year, self.pixel] = True
        return out.reshape(years, *shape)

    def counts(self, n_pixels: int) -> NDArray[np.int64]:
        """Return how many each pixel has, (n_pixels,)."""
        return np.bincount(self.pixel, minlength=n_pixels)

    def slots(self, most: int) -> tuple["Events", NDArray[np.int64]]:
        """Choose those that get bands: all, or the `most` of largest magnitude of a pixel; and number them by year.

        Returns:
            The chosen ones, and for each its number 0, 1, .. within its pixel.
        """
        by_size = np.lexsort((self.year, -self.magnitude, self.pixel))
        rank = np.empty(len(self), np.int64)
        rank[by_size] = _within(self.pixel[by_size])
        chosen = self.only(rank < most)
        return chosen, _within(chosen.pixel)

    def largest(self) -> "Events":
        """Return the one of largest magnitude of each pixel, the earlier of equals."""
        return self.slots(1)[0]


def band(
    values: NDArray[Any], pixel: NDArray[np.integer], shape: tuple[int, int], nothing: float, dtype: str
) -> NDArray[Any]:
    """Lay values of pixels out as a raster.

    Args:
        values: One a pixel, (m,).
        pixel: Which pixels, each once, (m,).
        shape: Rows and columns.
        nothing: Value of all others.
        dtype: Data type.
    """
    out = np.full(shape[0] * shape[1], nothing, dtype=dtype)
    out[pixel] = values
    return out.reshape(shape)


def _within(pixel: NDArray[np.int32]) -> NDArray[np.int64]:
    """Number rows within runs of equal pixels."""
    if not len(pixel):
        return np.empty(0, np.int64)
    starts = np.flatnonzero(np.append(True, pixel[1:] != pixel[:-1]))
    return np.arange(len(pixel)) - np.repeat(starts, np.diff(np.append(starts, len(pixel))))
