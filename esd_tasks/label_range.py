"""How far labels resemble each other, and how far apart training and test samples are kept.

The variogram of classes is the share of pairs of labels whose classes differ, by their distance (the sum of the
indicator variograms of all classes; Journel 1983, Mathematical Geology 15). Its range is the distance at which that
share reaches 95 % of its value over all pairs. Where the buffer of a cross-validation is shorter, what is tested still
resembles what was trained, and the figure is flattered.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from scipy.spatial.distance import pdist

from esd_tasks.folds import Folds, PlacedSamples, near_samples

REACHED: Final = 0.95
"""Share of the sill at which the range is read."""

MOST_LABELS: Final = 1_500
"""Labels whose pairs are looked at; of more, that many are drawn."""

_CLASSES_OF_DISTANCE: Final = 20
_LEAST_PAIRS: Final = 30


def label_range(samples: PlacedSamples, *, seed: int = 0) -> float | None:
    """Return the range of the variogram of classes in metres; None where it is not reached, or labels are too few.

    Args:
        samples: Placed samples; those of one label count once, at their mean place.
        seed: Decides which labels are looked at where there are many.
    """
    _, first, member = np.unique(np.asarray(samples.group), return_index=True, return_inverse=True)
    counts = np.bincount(member)
    places = np.column_stack([np.bincount(member, weights=values) / counts for values in (samples.x, samples.y)])
    some = np.sort(np.random.default_rng(seed).permutation(len(first))[:MOST_LABELS])
    distance = pdist(places[some])
    differs = pdist(np.asarray(samples.class_id)[first][some][:, None].astype(float)) > 0
    if not differs.any():
        return None
    near = distance <= distance.max() / 2
    bins = min(_CLASSES_OF_DISTANCE, int(near.sum()) // _LEAST_PAIRS)
    if bins < 2:
        return None
    order = np.argsort(distance[near], kind="stable")
    for part in np.array_split(order, bins):
        if differs[near][part].mean() >= REACHED * differs.mean():
            return float(distance[near][part].mean())
    return None


def with_buffer(folds: Folds, samples: PlacedSamples, metres: float) -> Folds:
    """Return folds in which nothing trains within so many metres of a tested sample.

    Args:
        folds: Spatial folds.
        samples: What they were dealt from.
        metres: The buffer.
    """
    near = tuple(near_samples(samples, np.flatnonzero(folds.fold == k), metres) for k in range(folds.n_folds))
    return replace(folds, near=near, buffer=metres)


def range_facts(reach: float | None, buffer: float) -> dict[str, Any]:
    """Return what `accuracy.json` says of range and buffer."""
    if reach is None:
        statement = "The range over which labels resemble each other cannot be read from them; the buffer may be short."
    elif buffer >= reach:
        statement = "The buffer is as long as the labels resemble each other."
    else:
        statement = (
            f"Labels resemble each other over about {reach:,.0f} m and the buffer is {buffer:,.0f} m, so a leak from "
            "training to test remains; --buffer range closes it."
        )
    covered = None if reach is None else buffer >= reach
    return {
        "label_range_m": None if reach is None else round(reach, 1),
        "buffer_covers_label_range": covered,
        "buffer_statement": statement,
    }
