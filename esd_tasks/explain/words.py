"""A change in one sentence: what became what, in which months, in which bands."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.product import BANDS, STEPS

BAND_WORDS: Final = dict(
    zip(BANDS, ("blue", "green", "red", "near infrared", "shortwave infrared 1", "shortwave infrared 2"), strict=True)
)
"""Bands as people say them."""

LEAST_DIFFERENCE: Final = 0.01
"""Reflectance below which the difference of a band is not named: decoding itself is no more exact."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAMED: Final = 3


def months_of(first_month: int = 1) -> tuple[str, ...]:
    """Return the month that each of the 12 steps stands for, where the year starts with one."""
    return tuple(_MONTHS[(first_month - 1 + step) % STEPS] for step in range(STEPS))


def season_text(deviates: NDArray[np.bool_], first_month: int = 1) -> str:
    """Say which months deviate: `Mar to May and Aug`; empty where none does.

    Args:
        deviates: Which of the 12 steps do.
        first_month: Month in which the year starts.
    """
    months = months_of(first_month)
    if deviates.all():
        return "all months"
    edges = np.flatnonzero(np.diff(np.r_[False, deviates, False]))
    runs = [
        months[first] if end == first + 1 else f"{months[first]} to {months[end - 1]}"
        for first, end in edges.reshape(-1, 2)
    ]
    return _listed(runs)


def bands_text(differences: NDArray[np.floating]) -> str:
    """Say how the most different bands differ: `near infrared 0.12 lower, red 0.03 higher`; empty where none does."""
    order = [k for k in np.argsort(-np.abs(differences)) if abs(differences[k]) >= LEAST_DIFFERENCE][:_NAMED]
    return ", ".join(
        f"{BAND_WORDS[BANDS[k]]} {abs(differences[k]):.2f} {'lower' if differences[k] < 0 else 'higher'}" for k in order
    )


def change_sentence(
    *,
    year: int,
    before: str,
    after: str,
    explained: int,
    normal: str,
    deviates: NDArray[np.bool_],
    differences: NDArray[np.floating],
    first_month: int = 1,
) -> str:
    """Say a change in one sentence.

    Args:
        year: First year of the later state.
        before: Name of the class before.
        after: Name of the class after.
        explained: The year that was compared with normal ones.
        normal: Name of the class that is normal.
        deviates: Which of its 12 steps deviate.
        differences: How far its bands differ in these (6,); NaN where that is not known.
        first_month: Month in which the year starts.
    """
    said = f"{year}: {before} → {after}" if before != after else f"{year}: {after} as before, but another"
    season = season_text(deviates, first_month)
    if not season:
        return f"{said}; no single month of {explained} is clearly unlike normal {normal}."
    when = f"in {season}" if explained == year else f"in {season} of {explained}"
    known = not np.isnan(differences).all()
    bands = bands_text(np.nan_to_num(differences)) if known else ""
    if not bands:
        return f"{said}; {when} {'no band differs much from' if known else 'levels deviate from'} normal {normal}."
    return f"{said}; {when} {bands} than normal {normal}."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
