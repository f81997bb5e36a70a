"""Labels by thresholded cosine, the rival of `label_migration.py`: years that it calls changed are named anew.

Only the finding of changes is the rival's. Names come from the classifier of `migrate-labels`, trained on the years
that the cosine calls unchanged, on levels whitened by a normal model that is fitted to those years.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.migrate.normal import scaled
from esd_tasks.migrate.normal_fit import fit_normal, places_weight
from esd_tasks.migrate.relabel import smooth, year_probabilities
from esd_tasks.migrate.series import LabelSeries
from esd_tasks.migrate.series_file import NONE
from stactools_esd.fsq import codes_to_vectors

KINDS: Final = ("cosine", "cosine_smoothed", "cosine_sure")
"""Each changed year by itself; years read together as ours are; the same, without a label where it is not probable."""

BEST: Final = "cosine_smoothed"
"""The kind with the most right rows on landscapes of tuning."""

STARTS: Final = (0.05, 0.5)
"""Chance that a stretch begins where the cosine stays on its side of the limit, and where it crosses it: the better of
two settings that were tried on landscapes of tuning (the other, 0.01 and 0.95)."""


@dataclass(frozen=True, kw_only=True)
class CosineLabels:
    """What the cosine makes of samples in all years; n samples."""

    quiet: NDArray[np.bool_]
    """Years that it calls unchanged (n, years)."""

    label: dict[str, NDArray[np.int64]]
    """class_id of each year, of each of `KINDS` (n, years); `NONE` where there is none."""


def distance_to_label(series: LabelSeries) -> NDArray[np.float64]:
    """Return the cosine distance of each year to the label's, 0..2, (n, years)."""
    n = len(series)
    vectors = codes_to_vectors(series.codes.reshape(-1, 12)).reshape(n, len(series.years), -1).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return np.asarray(1 - np.einsum("nyd,nd->ny", vectors, vectors[np.arange(n), series.at_label]))


def best_limit(distance: NDArray[np.float64], changed: NDArray[np.bool_]) -> float:
    """Return the distance of best balanced accuracy.

    Args:
        distance: Of each year (n,).
        changed: Years of another class than the label's (n,).
    """
    grid = np.quantile(distance, np.linspace(0.02, 0.98, 97))
    gain = [(distance[changed] > limit).mean() + (distance[~changed] <= limit).mean() for limit in grid]
    return float(grid[int(np.argmax(gain))])


def cosine_labels(series: LabelSeries, limit: float, *, min_probability: float, seed: int = 0) -> CosineLabels:
    """Name the years that lie beyond the limit.

    Args:
        series: Labelled pixels with all their years.
        limit: Cosine distance to the label's year above which a year has changed.
        min_probability: A changed year whose likeliest class is less probable has no label, of the kind `cosine_sure`.
        seed: Decides how labels are dealt to folds.
    """
    quiet = distance_to_label(series) <= limit
    known = quiet & series.valid
    class_ids, values = np.array(series.class_ids), scaled(series.levels)
    member = np.searchsorted(class_ids, series.class_id)
    model = fit_normal(
        values,
        np.eye(len(class_ids))[member][:, None] * known[..., None],
        years=np.array(series.years),
        class_ids=class_ids,
        weight=places_weight(series.x, series.y, member),
    )
    alone = year_probabilities(model, values, member, known.astype(np.float64), series.label, seed=seed)
    crosses = np.zeros(quiet.shape, np.intp)
    crosses[:, 1:] = quiet[:, 1:] != quiet[:, :-1]
    together = smooth(alone, np.array(STARTS)[crosses], series.valid, member, series.at_label)

    def kept(state: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(quiet, series.class_id[:, None], state)

    likeliest = class_ids[together.argmax(axis=2)]
    sure = np.where(together.max(axis=2) >= min_probability, likeliest, NONE)
    named = (class_ids[alone.argmax(axis=2)], likeliest, sure)
    return CosineLabels(quiet=quiet, label=dict(zip(KINDS, map(kept, named), strict=True)))
