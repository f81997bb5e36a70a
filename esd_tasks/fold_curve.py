"""Whether more labels would help: the cross-validation again, with a part of the labels that may train.

The folds, what is tested and the buffer stay as they are; of what may train in a fold a tenth, a quarter and a half of
the labels of each class are kept, the smaller parts within the larger. All of them is the cross-validation itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.accuracy import json_number, mean_and_sd
from esd_tasks.crossval import N_FOLDS, CrossValidation, cross_validate
from esd_tasks.folds import Folds
from esd_tasks.samples import Samples
from esd_tasks.trees import TreeParameters

SHARES: Final = (0.1, 0.25, 0.5)
"""Shares of the labels that train, beside all of them."""

STATEMENT: Final = (
    "Accuracy in blocks that trained nothing, by the share of the labels that trained; where the curve still rises, "
    "more labels help. It is not the accuracy of the map."
)
"""Stands wherever the curve stands."""

N_MODELS: Final = len(SHARES) * N_FOLDS
"""Models that a curve trains."""


def fold_curve(
    samples: Samples,
    folds: Folds,
    parameters: TreeParameters | Sequence[TreeParameters],
    whole: CrossValidation,
    *,
    on_fold: Callable[[], Any] = lambda: None,
) -> dict[str, Any]:
    """Return the curve as JSON content.

    Args:
        samples: What is trained and tested.
        folds: Spatial folds; their seed draws the labels.
        parameters: How trees are grown, for all folds or for each.
        whole: The cross-validation by all that may train.
        on_fold: Called after each fold of each share.
    """
    points = []
    for share in (*SHARES, 1.0):
        part = thinned(folds, samples, share)
        done = whole if share == 1.0 else cross_validate(samples, part, parameters, on_fold=on_fold)
        training = [train for train, _ in part.splits()]
        points.append(
            {
                "share": share,
                "n_train": json_number(float(np.mean([len(rows) for rows in training])), 2),
                "n_labels": json_number(float(np.mean([len(np.unique(samples.group[rows])) for rows in training])), 2),
                "overall_accuracy": _spread(done.fold_overall),
                "balanced_accuracy": _spread(_balanced(done, samples.class_id)),
            }
        )
    return {"statement": STATEMENT, "n_folds": folds.n_folds, "points": points}


def thinned(folds: Folds, samples: Samples, share: float) -> Folds:
    """Return folds in which of each class only a share of the labels trains, rounded up: at least one.

    Args:
        folds: Folds of the samples.
        samples: A polygon trains as a whole or not at all.
        share: 0..1.
    """
    left_out = []
    for number, (train, _) in enumerate(folds.splits()):
        generator = np.random.default_rng((folds.seed, number, 5))
        label, first = np.unique(samples.group[train], return_index=True)
        class_id = samples.class_id[train][first]
        order = generator.permutation(len(label))
        kept = np.concatenate(
            [_first(order[class_id[order] == one], share) for one in np.unique(class_id)] or [np.empty(0, dtype=int)]
        )
        gone = train[~np.isin(samples.group[train], label[kept])]
        left_out.append(np.union1d(folds.near[number], gone).astype(np.intp))
    return replace(folds, near=tuple(left_out))


def _first(members: NDArray[np.integer], share: float) -> NDArray[np.integer]:
    return members[: int(np.ceil(round(share * len(members), 9)))]


def _balanced(done: CrossValidation, class_id: NDArray[np.integer]) -> list[float]:
    """Return balanced accuracy in each fold over the classes tested there; NaN for one that could not be trained."""
    found = []
    for overall, (_, test) in zip(done.fold_overall, done.folds.splits(), strict=True):
        shares = [done.right[test][class_id[test] == one].mean() for one in np.unique(class_id[test])]
        found.append(float("nan") if np.isnan(overall) else float(np.mean(shares)))
    return found


def _spread(values: Sequence[float]) -> dict[str, Any]:
    """Return mean, SD and values over folds."""
    mean, sd = mean_and_sd(values)
    return {"mean": json_number(mean), "sd": json_number(sd), "values": [json_number(value) for value in values]}
