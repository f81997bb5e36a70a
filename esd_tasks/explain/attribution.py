"""What deviates in years that changed: steps and levels, and through the decoder bands and days."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.explain.changes import Changes
from esd_tasks.explain.decoder import Decode, nearest_codes
from esd_tasks.explain.deviation import LIKELY, find_deviation
from esd_tasks.explain.normal_year import normal_years
from esd_tasks.features import level_features
from esd_tasks.migrate.series_file import MigratedSeries
from stactools_esd.product import BANDS, DAYS, FSQ, STEPS

STEP_OF_DAY: Final = np.arange(DAYS) * STEPS // DAYS
"""The step that stands for each day of the year, (365,): a step is read from the days around its own as well."""


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """What deviates in the explained years of m changes."""

    level: NDArray[np.float64]
    """Probability that each level deviates, (m, 12, 6)."""

    step: NDArray[np.float64]
    """Probability that a step holds a level that deviates, (m, 12)."""

    observed: NDArray[np.float32] | None
    """Reflectance decoded from the codes of the year, (m, 365, 6); None without a decoder."""

    normal: NDArray[np.float32] | None
    """The same after levels that deviate became what is expected of them given the others."""

    apart: NDArray[np.float64]
    """How far the two chains of the sampler differ, (m,)."""

    @property
    def deviates(self) -> NDArray[np.bool_]:
        """Steps that count as deviating, (m, 12)."""
        return self.step > LIKELY

    @property
    def days(self) -> NDArray[np.bool_]:
        """Days of these steps, (m, 365)."""
        return np.asarray(self.deviates[:, STEP_OF_DAY])

    @property
    def differences(self) -> NDArray[np.float64]:
        """Mean of observed less normal reflectance over these days, (m, 6); NaN where there are none, or no decoder."""
        if self.observed is None or self.normal is None:
            return np.full((len(self.step), len(BANDS)), np.nan)
        count = self.days.sum(axis=1, keepdims=True)
        total = np.where(self.days[..., None], self.observed - self.normal, 0.0).sum(axis=1)
        return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def attribute(series: MigratedSeries, changes: Changes, decode: Decode | None, *, seed: int = 0) -> Attribution:
    """Compare the explained years of changes with what the samples would normally show.

    Args:
        series: Migrated labels.
        changes: Which changes, m of them.
        decode: Turns codes into reflectance; None leaves reflectance out.
        seed: Decides the draws of the sampler.
    """
    codes = series.codes[changes.sample, changes.column]
    levels = level_features(codes).astype(np.float64)
    mean, covariance = normal_years(series, changes)
    shape = (len(codes), STEPS, FSQ.dimensions)
    found = find_deviation(levels.reshape(shape), mean.reshape(shape), covariance, np.array(FSQ.levels), seed=seed)
    observed = normal = None
    if decode is not None:
        observed, normal = decode(codes), decode(nearest_codes(found.expected))
    return Attribution(level=found.level, step=found.step, observed=observed, normal=normal, apart=found.apart)
