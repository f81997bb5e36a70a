"""What an encoder takes of the pixel-years it is given: values that are possible, without gaps."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.errors import ObservationsError
from stactools_esd.product import DAYS, REFLECTANCE_RANGE
from stactools_esd.straight_lines import draw_lines

MIN_VALID_BANDS: Final = 4
"""A day is valid when at least this many of its six bands are there."""

_UNSCALED: Final = (10, 20_000)
"""Stored integers of 0..10000 lie between; fill values such as 65535 and -9999 are just missing."""

_LOW: Final = np.float32(REFLECTANCE_RANGE[0])
_HIGH: Final = np.float32(REFLECTANCE_RANGE[1])


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Pixel-years as the network wants them."""

    reflectance: NDArray[np.float32]
    """Reflectance (n, 365, 6), to be read only; NaN in bands that were never seen."""

    valid_days: NDArray[np.int64]
    """Days with at least `MIN_VALID_BANDS` bands before gaps were filled (n,)."""


def take_in(reflectance: NDArray[np.floating]) -> Intake:
    """Leave out values outside -0.2..1.6 (`product.REFLECTANCE_RANGE`), and fill gaps by straight lines.

    Args:
        reflectance: Pixel-years (n, 365, 6), NaN where missing.

    Raises:
        ObservationsError: Most values are integers of 0-10000 that were never scaled.
    """
    years = np.ascontiguousarray(reflectance, np.float32)
    if _possible(years.reshape(-1)) == years.size:  # gaps were filled before, as `stac esd encode` does
        return Intake(reflectance=years, valid_days=np.full(len(years), DAYS))
    seen, valid_days = np.empty_like(years), np.zeros(len(years), np.int64)
    unscaled, finite, missing = _look(years, seen, valid_days)
    if 2 * unscaled > finite:
        low, high = _UNSCALED
        raise ObservationsError(
            f"got reflectance up to {years[(years > low) & (years <= high)].max():g}, expected 0..1; "
            "multiply by the scale factor 0.0001 (Landsat Collection 2: 0.0000275, then -0.2)"
        )
    return Intake(reflectance=draw_lines(seen, np.arange(DAYS)) if missing else seen, valid_days=valid_days)


@compiled
def _possible(values: NDArray[np.float32]) -> int:
    """Count values within the accepted range."""
    possible = 0
    for value in values:
        possible += (value >= _LOW) & (value <= _HIGH)
    return possible


@compiled
def _look(years: NDArray[np.float32], seen: NDArray[np.float32], valid_days: NDArray[np.int64]) -> tuple[int, int, int]:
    """Copy what is possible, count valid days, and count values unscaled, finite, and missing."""
    unscaled, finite, missing = 0, 0, 0
    for pixel in range(years.shape[0]):
        for day in range(years.shape[1]):
            there = 0
            for band in range(years.shape[2]):
                value = years[pixel, day, band]
                unscaled += (value > _UNSCALED[0]) & (value <= _UNSCALED[1])
                finite += np.isfinite(value)
                possible = (value >= _LOW) & (value <= _HIGH)
                seen[pixel, day, band] = value if possible else np.float32(np.nan)
                there += possible
            missing += years.shape[2] - there
            valid_days[pixel] += there >= MIN_VALID_BANDS
    return unscaled, finite, missing
