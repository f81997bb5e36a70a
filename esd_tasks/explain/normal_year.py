"""What a sample would show in a year were it still what its label says: a Gaussian of the 72 levels."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.features import level_features
from esd_tasks.migrate.normal import SCALE, scaled
from esd_tasks.migrate.series_file import NONE, STABLE, MigratedSeries
from stactools_esd.product import CHANNELS, STEPS

ROUNDING: Final = 1 / 12
"""Variance of a number that is rounded to whole ones (Sheppard 1898)."""


def normal_years(
    series: MigratedSeries, sample: NDArray[np.integer], column: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what samples would show in a year were they still what their label says, in level indices.

    Mean and covariance of a further year of a pixel of which m normal years are known, in the two-level model
    (see `migrate.normal`; Robinson 1991, Statistical Science 6, 15):

        W + B - B (B + W / m)^-1 B,  B between places, W within a place.

    Args:
        series: Migrated labels.
        sample: Positions of samples (m,).
        column: Positions of years (m,). They are not taken for normal themselves.

    Returns:
        Means (m, 72) and covariances (m, 72, 72). No variance is below that of rounding.
    """
    model = series.normal
    known = series.valid[sample] & (series.change_year[sample] == NONE) & (series.status[sample] == STABLE)
    known[np.arange(len(sample)), column] = False
    codes = series.codes[sample]
    levels = level_features(codes.reshape(-1, STEPS)).reshape(*codes.shape[:2], CHANNELS)
    class_id = series.class_id[sample]
    expected = model.expected(scaled(levels), known, class_id)[np.arange(len(sample)), column]
    member, count = model.member_of(class_id), known.sum(axis=1)
    covariance = np.empty((len(sample), CHANNELS, CHANNELS))
    for k, m in {(int(a), int(b)) for a, b in zip(member, count, strict=True)}:
        between, within = model.between[k], model.within[k]
        own = between if m == 0 else between - between @ np.linalg.solve(between + within / m, between)
        covariance[(member == k) & (count == m)] = (within + own) / np.outer(SCALE, SCALE)
    diagonal = np.einsum("mii->mi", covariance)
    diagonal += np.maximum(ROUNDING - diagonal, 0.0)
    return expected / SCALE, covariance
