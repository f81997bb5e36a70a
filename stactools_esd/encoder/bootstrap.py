"""Intervals of figures: pixels drawn again with replacement, all years of a pixel together.

Years of one pixel resemble each other, so a pixel is drawn whole (Efron & Tibshirani 1993, ch. 8). Methods that are
compared share the draws: the interval of their ratio is a paired one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

RESAMPLES: Final = 1_000
"""How often the pixels of a set are drawn again."""

LEVEL: Final = 0.95
"""Share of the draws that an interval holds."""


@dataclass(frozen=True, kw_only=True)
class PixelBootstrap:
    """Draws of the pixels of one set."""

    group: NDArray[np.int64]
    """Pixel of each pixel-year, counted 0..p-1, (n,)."""

    draws: NDArray[np.float64]
    """How often each pixel was drawn, (1 + RESAMPLES, p); the first row is the sample itself: ones."""

    @classmethod
    def of(cls, pixel: NDArray[np.integer], seed: int = 0) -> "PixelBootstrap":
        """Draw the pixels of pixel-years (n,); the same pixels and seed give the same draws."""
        found, group = np.unique(pixel, return_inverse=True)
        count = len(found)
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
        return cls(group=group.ravel(), draws=np.concatenate([np.ones((1, count)), drawn.astype(np.float64)]))

    def sums(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Sum what pixel-years have (n, ...) in each draw: (1 + RESAMPLES, ...), the sample itself first."""
        flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
        pixels = np.zeros((self.draws.shape[1], flat.shape[1]))
        np.add.at(pixels, self.group, flat)
        return (self.draws @ pixels).reshape(len(self.draws), *values.shape[1:])


def interval(draws: NDArray[np.float64]) -> list[float]:
    """Return the ends of the percentile interval of a figure: what it was in the sample, then in each draw."""
    tail = (1 - LEVEL) / 2
    with np.errstate(invalid="ignore"):
        low, high = np.nanquantile(draws[1:], [tail, 1 - tail])
    return [round(float(low), 6), round(float(high), 6)]
