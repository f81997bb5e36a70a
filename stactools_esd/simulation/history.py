"""The parcels of a simulated landscape through the years, each year following from the last."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stactools_esd.simulation.land_use import CLEAR_CUT, FIRE, draw_changes, first_classes
from stactools_esd.simulation.noise import generator
from stactools_esd.simulation.traits import Traits, char, draw_traits, vary_year, with_rows

_EARLIEST, _LATEST = 20, 110
"""Days of the year between which lasting changes come, so that most of the year is of the new class."""


@dataclass(frozen=True, kw_only=True)
class ParcelYear:
    """All parcels in one year."""

    class_id: NDArray[np.uint8]
    """Class of each parcel at the end of the year (n,)."""

    traits: Traits
    """Traits after the change of the year, if there was one."""

    previous: Traits
    """Traits of before, in this year's seasons."""

    change: NDArray[np.uint8]
    """What happened, positions in `land_use.CHANGES` (n,)."""

    day: NDArray[np.int64]
    """Day of the year of a lasting change, 0 for none (n,)."""


def draw_history(
    key: list[int], years: Sequence[int], zones: NDArray[np.uint8], elevation: NDArray[np.float64], latitude: float
) -> dict[int, ParcelYear]:
    """Draw what grows on each parcel, year by year.

    Args:
        key: Seed.
        years: Consecutive years; changes happen from the second on.
        zones: Land use of each parcel (n,).
        elevation: Mean elevation of each parcel in metres (n,).
        latitude: Of the landscape, in degrees.

    Returns:
        Parcels of each year.
    """
    rng = generator(*key)
    n = len(zones)
    place = np.full(n, latitude, np.float32)
    flat = np.stack([elevation, np.zeros(n), np.full(n, np.nan)], axis=1).astype(np.float32)
    class_id = first_classes(zones, rng)
    traits = previous = draw_traits(class_id, place, flat, rng)
    change, day = np.zeros(n, np.uint8), np.zeros(n, np.int64)
    history = {}
    for year in years:
        if year > years[0]:
            previous = traits
            change, after = draw_changes(class_id, zones, change, rng)
            day = np.where(change >= CLEAR_CUT, rng.integers(_EARLIEST, _LATEST, n), 0)
            moved = np.flatnonzero((change > 0) | (after != class_id))
            class_id = after
            traits = with_rows(traits, moved, draw_traits(class_id, place, flat, rng).take(moved))
            traits = char(traits, np.flatnonzero(change == FIRE))
        # One source for both, so that the seasons before and after a change are of the same year.
        history[year] = ParcelYear(
            class_id=class_id,
            traits=vary_year(traits, generator(*key, year), shared=True),
            previous=vary_year(previous, generator(*key, year), shared=True),
            change=change,
            day=day,
        )
    return history
