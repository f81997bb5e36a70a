"""Samples counted by stratum, map class and reference class, and what follows from the counts alone."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.assess_population import Population
from esd_tasks.assess_sample import Sample
from esd_tasks.estimates import Moments
from esd_tasks.wilson import wilson


def count(
    sample: Sample, population: Population, ids: tuple[int, ...], values: ArrayLike = 1, dtype: type = np.int64
) -> NDArray[Any]:
    """Count samples by stratum, map class and reference class, or sum values of them."""
    cube: NDArray[Any] = np.zeros((len(population.stratum_ids), len(ids), len(ids)), dtype=dtype)
    # A simple random sample is of one stratum, whatever its pixels are mapped as.
    stratum = np.searchsorted(population.stratum_ids, sample.stratum)
    if len(population.stratum_ids) == 1:
        stratum[:] = 0
    np.add.at(cube, (stratum, np.searchsorted(ids, sample.mapped), np.searchsorted(ids, sample.reference)), values)
    return cube


def moments_of(
    sample: Sample, population: Population, ids: tuple[int, ...], areas: NDArray[np.float64] | None
) -> Moments | None:
    """Sum the pixel areas of samples, relative to their mean, and their squares."""
    if areas is None:
        return None
    relative = areas / areas.mean()
    return Moments(
        first=count(sample, population, ids, relative, np.float64),
        second=count(sample, population, ids, relative**2, np.float64),
    )


def score_intervals(
    counts: NDArray[np.int64], possible: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return score intervals of user's and overall accuracy, NaN where samples of several strata are joined."""
    strata = len(counts)
    alone = np.ones(counts.shape[1], dtype=np.bool_) if strata == 1 else np.zeros(counts.shape[1], dtype=np.bool_)
    if strata > 1 and possible is not None:
        alone = possible.sum(axis=0) == 1
    matrix = counts.sum(axis=0)
    users = wilson(np.where(alone, matrix.diagonal(), 0), np.where(alone, matrix.sum(axis=1), 0))
    overall = wilson(matrix.trace(), matrix.sum() if strata == 1 else 0)
    return users, overall
