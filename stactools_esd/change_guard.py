"""A guard for changed years: where other years mislead, a fit that trusts them less.

After a change the neighbouring years pull a pixel-year towards what the place no longer is. Three fits are compared by
how well each foretells the observations of the year that it was not shown: one of all years, one of the year alone, and
one of all years whose seasonal shape is soon forgotten.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.cases import Cases
from stactools_esd.gaussian_process import Fit, fit

FORGETFUL: Final = 1.5 * 365.25
"""Days over which the third fit forgets the seasonal shape."""

FEWEST: Final = 4
"""Observations in the year from which the fits are compared; with fewer, the fit of all years stands."""

MARGIN: Final = 0.9
"""A rival takes over where its error is below this share of the error of all years: ties are broken by habit."""


def year_error(cases: Cases, found: Fit) -> NDArray[np.float64]:
    """Mean leave-one-out residual of the observations of the year, in units of the noise (m,); infinite without any."""
    inside = cases.inside
    count = inside.sum(axis=1)
    total = np.where(inside, found.error, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.inf)


def guarded(cases: Cases, *, other_years: bool = True, rivals: Sequence[Cases] = ()) -> list[tuple[Cases, Fit]]:
    """Fit all cases, those of changed years by what foretells the year best.

    Args:
        cases: Observations, of several years unless `other_years` is False.
        other_years: Whether the fit has rivals that trust other years less.
        rivals: The same cases in other forms, whose fits of all years are rivals, too.

    Returns:
        The cases, parted by how they were fitted (all years; the year alone and a forgetful season, if asked for; each
        of the rivals), with their fits; every case stands in exactly one part.
    """
    everything = fit(cases)
    asked = np.flatnonzero(cases.inside.sum(axis=1) >= FEWEST)
    some = cases.take(asked)
    tries = [(some, everything.take(asked))]
    if other_years:
        alone = some.within_window()
        tries += [(alone, fit(alone)), (some, fit(some, FORGETFUL))]
    tries += [(rival, fit(rival)) for rival in (each.take(asked) for each in rivals)]
    errors = np.stack([year_error(*each) for each in tries])
    errors[0] *= MARGIN
    best = np.argmin(errors, axis=0)
    stands = np.ones(len(cases.count), np.bool_)
    stands[asked[best != 0]] = False
    rest = np.flatnonzero(stands)
    parts = [(cases.take(rest), everything.take(rest))]
    for number, (tried, found) in enumerate(tries[1:], start=1):
        rows = np.flatnonzero(best == number)
        parts.append((tried.take(rows), found.take(rows)))
    return parts
