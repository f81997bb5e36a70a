"""A small file of migrated labels, drawn from its own normal model, with planted changes."""

import numpy as np

from esd_tasks.migrate.normal import SCALE, NormalModel
from esd_tasks.migrate.series_file import RELABELLED, STABLE, MigratedSeries
from stactools_esd.fsq import level_indices_to_codes
from stactools_esd.product import FSQ

YEARS = np.arange(2000, 2025)
CHANGED = {0: 2016, 1: 2020}
"""Year from which each changed sample shows another class."""

PLANTED = slice(2, 6)
"""Steps of which the first changed sample shows the other class in that first year; later years show it whole."""


def model(seed: int = 0) -> NormalModel:
    """Return normal trajectories of two classes that differ in all steps."""
    generator = np.random.default_rng(seed)
    middle = np.array([(size - 1) / 2 for size in FSQ.levels] * 12)
    apart = generator.choice([-1.5, 1.5], 72)
    loads = generator.normal(0, 0.3, (72, 4))
    within = loads @ loads.T + 0.15 * np.eye(72)
    units = np.outer(SCALE, SCALE)
    return NormalModel(
        years=YEARS,
        class_ids=np.array([1, 2]),
        mean=np.stack([middle - apart, middle + apart]) * SCALE,
        drift=np.zeros((2, len(YEARS), 72)),
        between=np.stack([0.2 * np.eye(72) * units] * 2),
        within=np.stack([within * units] * 2),
    )


def migrated(n: int = 6, seed: int = 0) -> MigratedSeries:
    """Return samples of class 1, of which two became class 2."""
    generator = np.random.default_rng(seed)
    normal = model(seed)
    shape = (n, len(YEARS))
    class_of = np.ones(shape, np.int64)
    changed = {sample: year for sample, year in CHANGED.items() if sample < n}
    for sample, year in changed.items():
        class_of[sample, year <= YEARS] = 2
    own = generator.normal(0, np.sqrt(0.2), (n, 1, 72))
    noise = generator.normal(size=(*shape, 72)) @ np.linalg.cholesky(normal.within[0] / np.outer(SCALE, SCALE)).T
    mean = (normal.mean / SCALE)[class_of - 1]
    first = 0, int(CHANGED[0] - YEARS[0])
    part = mean[first].reshape(12, 6).copy()
    part[:] = (normal.mean[0] / SCALE).reshape(12, 6)
    part[PLANTED] = (normal.mean[1] / SCALE).reshape(12, 6)[PLANTED]
    mean[first] = part.ravel()
    top = np.array(list(FSQ.levels) * 12) - 1
    levels = np.clip(np.rint(mean + own + noise), 0, top).astype(np.int64)
    change = np.zeros(shape, np.int64)
    for sample, year in changed.items():
        change[sample, year <= YEARS] = year
    return MigratedSeries(
        years=YEARS,
        sample_id=np.arange(1, n + 1),
        lon=np.full(n, 3.3),
        lat=np.full(n, 50.7),
        codes=level_indices_to_codes(levels.reshape(*shape, 12, 6)),
        valid=np.ones(shape, np.bool_),
        class_id=np.ones(n, np.int64),
        label_year=np.full(n, 2010),
        label=class_of,
        probability=np.full(shape, 0.9, np.float32),
        anomaly=np.where(change > 0, 4.0, generator.exponential(0.43, shape)).astype(np.float32),
        status=np.where(change > 0, RELABELLED, STABLE).astype(np.uint8),
        change_year=change,
        class_ids=np.array([1, 2]),
        class_names=np.array(["forest", "cropland"]),
        normal=normal,
    )
