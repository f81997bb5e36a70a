"""A small search of tree parameters: draws from a fixed table, judged by spatial folds.

The folds of the search are dealt by another seed than those of the accuracy, yet from the same samples: after a search
the cross-validated figure is a little too good, and `accuracy.json` says so.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Final, Literal

import numpy as np

from esd_tasks import crossval
from esd_tasks.accuracy import json_number
from esd_tasks.folds import spatial_folds
from esd_tasks.samples import Samples
from esd_tasks.trees import TreeParameters

STATEMENT: Final = (
    "Tree parameters were chosen by spatial folds of the same samples, dealt otherwise; the figures are a little too "
    "good for that."
)
"""Stands in `accuracy.json` after a search."""

_CHOICES: Final[dict[str, tuple[float, ...]]] = {
    "num_leaves": (7, 15, 31, 63),
    "feature_fraction": (0.1, 0.25, 0.5, 0.8),
    "lambda_l2": (0.0, 1.0, 5.0, 20.0),
    "max_min_data_in_leaf": (5, 20, 50),
}
_PACES: Final = ((0.5, 2.0), (1.0, 1.0), (2.0, 0.5))
"""Factors of learning rate and rounds, whose product stays."""


def search_parameters(
    samples: Samples,
    start: TreeParameters,
    n: int,
    *,
    block_size: float | Literal["auto"],
    seed: int,
    on_trial: Callable[[int], Any] = lambda _: None,
) -> tuple[TreeParameters, dict[str, Any]]:
    """Try the parameters at hand and `n` draws, and keep those of the best balanced accuracy; on a tie the first.

    Args:
        samples: What is trained and tested.
        start: Parameters at hand.
        n: Draws.
        block_size: Of the spatial folds.
        seed: Decides draws and folds.
        on_trial: Called with the number of trials done.

    Returns:
        The parameters, and the content of `search.json`.
    """
    generator = np.random.default_rng((seed, 77))
    trials = [start]
    for _ in range(n):
        drawn = {name: values[int(generator.integers(len(values)))] for name, values in _CHOICES.items()}
        rate, rounds = _PACES[int(generator.integers(len(_PACES)))]
        pace = {"learning_rate": start.learning_rate * rate, "rounds": max(1, round(start.rounds * rounds))}
        trials.append(replace(start, **drawn, **pace))  # type: ignore[arg-type]
    folds = spatial_folds(samples, block_size=block_size, n_folds=crossval.N_FOLDS, seed=(seed + 1) % 2**31)
    scores = []
    for done, trial in enumerate(trials, start=1):
        scores.append(crossval.cross_validate(samples, folds, trial).pooled.balanced)
        on_trial(done)
    best = int(np.nanargmax(np.round(scores, 9))) if not np.isnan(scores).all() else 0
    return trials[best], {
        "schema_version": "1",
        "measure": "balanced accuracy, spatial cross-validation",
        "chosen": best,
        "trials": [
            {"balanced_accuracy": json_number(score), "parameters": asdict(trial)}
            for score, trial in zip(scores, trials, strict=True)
        ],
        "statement": STATEMENT,
    }
