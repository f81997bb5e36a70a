"""What a sample would show in a year were it in its normal state: a Gaussian of the 72 levels."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.explain.changes import Changes
from esd_tasks.features import level_features
from esd_tasks.migrate.normal import SCALE, scaled
from esd_tasks.migrate.series_file import MigratedSeries
from stactools_esd.product import CHANNELS, STEPS

ROUNDING: Final = 1 / 12
"""Variance of a number that is rounded to whole ones (Sheppard 1898)."""


def normal_years(series: MigratedSeries, changes: Changes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what samples would show in the explained years were they still in the state that is taken for normal.

    Mean and covariance of a further year of a pixel of which m years are known, in the two-level model of its class
    (see `migrate.normal`; Robinson 1991, Statistical Science 6, 15):

        W + B - B (B + W / m)^-1 B,  B between places, W within a place.

    Args:
        series: Migrated labels.
        changes: Which, m of them.

    Returns:
        Means (m, 72) and covariances (m, 72, 72), in level indices. No variance is below that of rounding.
    """
    model, place = series.normal, np.arange(len(series.years))
    known = series.valid[changes.sample] & (place >= changes.first[:, None]) & (place <= changes.last[:, None])
    codes = series.codes[changes.sample]
    levels = level_features(codes.reshape(-1, STEPS)).reshape(*codes.shape[:2], CHANNELS)
    expected = model.expected(scaled(levels), known, changes.normal)[np.arange(len(changes)), changes.column]
    member, count = model.member_of(changes.normal), known.sum(axis=1)
    covariance = np.empty((len(changes), CHANNELS, CHANNELS))
    for k, m in {(int(a), int(b)) for a, b in zip(member, count, strict=True)}:
        between, within = model.between[k], model.within[k]
        own = between if m == 0 else between - between @ np.linalg.solve(between + within / m, between)
        covariance[(member == k) & (count == m)] = (within + own) / np.outer(SCALE, SCALE)
    diagonal = np.einsum("mii->mi", covariance)
    diagonal += np.maximum(ROUNDING - diagonal, 0.0)
    return expected / SCALE, covariance
