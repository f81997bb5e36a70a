"""A small search of tree parameters: draws from a fixed table, judged by spatial folds, and judged fairly itself.

What a search chose on tells nothing of how good it is (Varma and Simon 2006, BMC Bioinformatics 7, 91). So the search
is nested: it runs anew inside the training part of every fold of the cross-validation, whose tested samples it never
sees, and once more over all samples for the map. The cross-validated figure is that of searching and training together.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from esd_tasks import crossval
from esd_tasks.accuracy import json_number
from esd_tasks.folds import Folds, spatial_folds
from esd_tasks.sample_choice import subset
from esd_tasks.samples import Samples
from esd_tasks.trees import TreeParameters
from stactools_esd.errors import LabelsError

STATEMENT: Final = (
    "Tree parameters were searched anew inside the training part of each fold, so no figure is of samples that the "
    "choice saw; the map has the parameters that a search over all samples chose."
)
"""Stands in `accuracy.json` after a search."""

SEARCH_FOLDS: Final = 3
"""Folds by which trials are compared."""

_CHOICES: Final[dict[str, tuple[float, ...]]] = {
    "num_leaves": (7, 15, 31, 63),
    "feature_fraction": (0.1, 0.25, 0.5, 0.8),
    "lambda_l2": (0.0, 1.0, 5.0, 20.0),
    "max_min_data_in_leaf": (5, 20, 50),
}
_PACES: Final = ((0.5, 2.0), (1.0, 1.0), (2.0, 0.5))
"""Factors of learning rate and rounds, whose product stays."""


@dataclass(frozen=True, kw_only=True)
class Searched:
    """What a search chose, and how."""

    parameters: TreeParameters
    """Chosen over all samples: those of the map."""

    by_fold: tuple[TreeParameters, ...]
    """Chosen in the training part of each fold: those of its validation."""

    content: dict[str, Any]
    """Content of `search.json`."""


def n_models(n: int) -> int:
    """Return how many models a search of `n` draws trains: trials, folds, and each fold of the validation and all."""
    return (n + 1) * SEARCH_FOLDS * (crossval.N_FOLDS + 1) if n else 0


def draw_trials(start: TreeParameters, n: int, *, seed: int) -> list[TreeParameters]:
    """Return the parameters at hand and `n` draws."""
    generator = np.random.default_rng((seed, 77))
    trials = [start]
    for _ in range(n):
        drawn = {name: values[int(generator.integers(len(values)))] for name, values in _CHOICES.items()}
        rate, rounds = _PACES[int(generator.integers(len(_PACES)))]
        pace = {"learning_rate": start.learning_rate * rate, "rounds": max(1, round(start.rounds * rounds))}
        trials.append(replace(start, **drawn, **pace))  # type: ignore[arg-type]
    return trials


def search_parameters(
    samples: Samples,
    folds: Folds,
    start: TreeParameters,
    n: int,
    *,
    seed: int,
    on_trial: Callable[[int, int], Any] = lambda *_: None,
) -> Searched:
    """Search inside the training part of each fold, and over all samples.

    Args:
        samples: What is trained and tested.
        folds: Spatial folds of the cross-validation, whose block size the search takes.
        start: Parameters at hand; they stay where no other is better, and where a part has too few blocks to compare.
        n: Draws beside them.
        seed: Decides draws and folds.
        on_trial: Called with the number of trials done, and of all.
    """
    trials = draw_trials(start, n, seed=seed)
    parts = [subset(samples, train) for train, _ in folds.splits()]
    total, done = len(trials) * (len(parts) + 1), 0

    def one_done() -> None:
        nonlocal done
        done += 1
        on_trial(done, total)

    *inner, whole = (_compare(part, trials, folds.block_size, seed, one_done) for part in [*parts, samples])
    return Searched(
        parameters=trials[whole[0]],
        by_fold=tuple(trials[chosen] for chosen, _ in inner),
        content={
            "schema_version": "2",
            "measure": f"balanced accuracy, spatial cross-validation in {SEARCH_FOLDS} folds",
            "chosen": whole[0],
            "trials": [
                {"balanced_accuracy": json_number(score), "parameters": asdict(trial)}
                for score, trial in zip(whole[1], trials, strict=True)
            ],
            "folds": [
                {"chosen": chosen, "balanced_accuracy": [json_number(score) for score in scores]}
                for chosen, scores in inner
            ],
            "statement": STATEMENT,
        },
    )


def _compare(
    samples: Samples,
    trials: Sequence[TreeParameters],
    block_size: float | None,
    seed: int,
    on_trial: Callable[[], Any],
) -> tuple[int, list[float]]:
    """Return which trial is best, the first on a tie, and the balanced accuracy of each; NaN where none can be had."""
    try:
        folds = spatial_folds(samples, block_size=block_size or "auto", n_folds=SEARCH_FOLDS, seed=(seed + 1) % 2**31)
    except LabelsError:  # too few blocks or samples: the parameters at hand stay
        folds = None
    scores = []
    for trial in trials:
        score = float("nan") if folds is None else crossval.cross_validate(samples, folds, trial).pooled.balanced
        scores.append(score)
        on_trial()
    return (0 if np.isnan(scores).all() else int(np.nanargmax(np.round(scores, 9)))), scores
