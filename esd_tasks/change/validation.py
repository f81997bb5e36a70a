"""How well changes are told, tested on blocks that chose neither threshold nor model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from esd_tasks.accuracy import json_number, mean_and_sd
from esd_tasks.accuracy_content import RANDOM_STATEMENT, accuracy_content, protocol_of
from esd_tasks.change.reference import CHANGE_NAMES, changed_summary
from esd_tasks.change.thresholds import (
    Rates,
    average_precision,
    best_threshold,
    prevalence_weights,
    rates_at,
)
from esd_tasks.folds import Folds, PlacedSamples, Split, spatial_folds

N_FOLDS: Final = 5
"""Folds of the cross-validation."""

_LEAST_GAP: Final = 0.0005
"""A gap that three digits show."""

STATEMENT: Final = (
    "Leakage-reduced cross-validation in spatial blocks estimates how well changes are told in blocks without samples; "
    "it is not the accuracy of the map. User's accuracy depends on how rare change is: see the share of changes."
)
"""Stands wherever these figures stand."""

Scores = Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float64]]
"""Scores test samples by what training samples teach: called with the positions of both."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Out-of-fold scores and thresholds of labelled pixels."""

    folds: Folds
    """Which samples were tested together."""

    scores: NDArray[np.float64]
    """Out-of-fold score of each sample; NaN where a fold had nothing to train on, (n,)."""

    thresholds: NDArray[np.float64]
    """Threshold that the training blocks of each sample chose, (n,)."""

    changed: NDArray[np.bool_]
    """The reference, (n,)."""

    rate: float | None
    """Share of changes to reckon with; that of the samples if None."""

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Samples that were scored, (n,)."""
        return np.isfinite(self.scores) & np.isfinite(self.thresholds)

    def rates(self, rate: float | None) -> Rates:
        """Return the rates of the samples as they are, or weighted to a share of changes."""
        changed = self.changed[self.tested]
        alarm = (self.scores > self.thresholds)[self.tested].astype(np.float64)
        return rates_at(alarm, changed, 0.5, prevalence_weights(changed, rate))

    def pr_auc(self, rate: float | None) -> float:
        """Return the area under precision and recall of the samples as they are, or weighted to a share of changes."""
        changed = self.changed[self.tested]
        if changed.all() or not changed.any():
            return float("nan")
        return average_precision(self.scores[self.tested], changed, prevalence_weights(changed, rate))

    def final_threshold(self) -> float:
        """Return the threshold of the map: that of all out-of-fold scores."""
        changed = self.changed[self.tested]
        return best_threshold(self.scores[self.tested], changed, prevalence_weights(changed, self.rate))


def validate_threshold(
    samples: PlacedSamples,
    changed: NDArray[np.bool_],
    scores: NDArray[np.floating],
    *,
    rate: float | None,
    block_size: float | Literal["auto"],
    seed: int,
) -> Validation:
    """Choose a threshold on the training blocks of each fold for scores that need no training.

    Args:
        samples: Places of the samples.
        changed: The reference, (n,).
        scores: Higher means change, (n,).
        rate: Share of changes to reckon with.
        block_size: Side of the blocks in metres.
        seed: Decides the folds.

    Raises:
        LabelsError: The samples lie in too few blocks.
    """
    folds = spatial_folds(samples, block_size=block_size, n_folds=N_FOLDS, seed=seed)
    values = np.asarray(scores, np.float64)
    thresholds = np.full(len(values), np.nan)
    for train, test in folds.splits():
        if 0 < changed[train].sum() < len(train):
            thresholds[test] = best_threshold(values[train], changed[train], prevalence_weights(changed[train], rate))
    return Validation(folds=folds, scores=values, thresholds=thresholds, changed=changed, rate=rate)


def validate_model(
    changed: NDArray[np.bool_],
    score: Scores,
    *,
    rate: float | None,
    folds: Folds,
    inner_folds: int,
    on_fold: Callable[[], Any] = lambda: None,
) -> Validation:
    """Score every sample by a model that saw none of its fold, and choose its threshold on the training blocks alone.

    The threshold of a fold comes from scores within its training blocks, each given by a model of the other training
    blocks: a model's scores of its own samples are too sure to choose by.

    Args:
        changed: The reference, (n,).
        score: Trains and scores.
        rate: Share of changes to reckon with.
        folds: Outer folds.
        inner_folds: Folds within the training blocks.
        on_fold: Called after each outer fold.
    """
    scores, thresholds = np.full(len(changed), np.nan), np.full(len(changed), np.nan)
    for train, test in folds.splits():
        if 0 < changed[train].sum() < len(train):
            scores[test] = score(train, test)
            inside = _inner_scores(score, folds, train, changed, inner_folds)
            seen = np.isfinite(inside)
            if seen.any() and 0 < changed[train][seen].sum() < seen.sum():
                truth = changed[train][seen]
                thresholds[test] = best_threshold(inside[seen], truth, prevalence_weights(truth, rate))
        on_fold()
    return Validation(folds=folds, scores=scores, thresholds=thresholds, changed=changed, rate=rate)


def _inner_scores(
    score: Scores, folds: Folds, train: NDArray[np.intp], changed: NDArray[np.bool_], n: int
) -> NDArray[np.float64]:
    """Score training samples by models of the other training blocks; blocks are dealt by number."""
    found = np.full(len(train), np.nan)
    place = np.unique(folds.block[train], return_inverse=True)[1] % n
    for number in range(n):
        split: Split = train[place != number], train[place == number]
        if 0 < changed[split[0]].sum() < len(split[0]) and len(split[1]):
            found[place == number] = score(*split)
    return found


def accuracy_report(validation: Validation, *, kind: str, random_pr_auc: float | None = None) -> dict[str, Any]:
    """Return the content of `accuracy.json`.

    Args:
        validation: What was tested.
        kind: What was validated, in words.
        random_pr_auc: The same area under a random split, for the gap.
    """
    tested, folds = validation.tested, validation.folds
    changed, alarm = validation.changed[tested], (validation.scores > validation.thresholds)[tested]
    chosen = validation.thresholds[tested][np.unique(folds.fold[tested], return_index=True)[1]]
    mean, sd = mean_and_sd(chosen.tolist())
    further: dict[str, Any] = {
        "n_changed": int(changed.sum()),
        "as_sampled": _figures(validation, None, float(changed.mean())),
        "threshold": {
            "map": json_number(validation.final_threshold()),
            "folds_mean": json_number(mean),
            "folds_sd": json_number(sd),
        },
    }
    if validation.rate is not None:
        further["at_expected_rate"] = _figures(validation, validation.rate, validation.rate)
    if random_pr_auc is not None:
        further["random_split"] = {
            "pr_auc": json_number(random_pr_auc),
            "gap": json_number(random_pr_auc - validation.pr_auc(None)),
            "statement": RANDOM_STATEMENT,
        }
    return accuracy_content(
        changed_summary(alarm, changed).as_dict(CHANGE_NAMES),
        kind=kind,
        statement=STATEMENT,
        protocol=protocol_of(folds, n_samples=len(tested), n_tested=int(tested.sum())),
        further=further,
    )


def accuracy_lines(report: dict[str, Any]) -> list[str]:
    """Say a report in lines."""
    lines = []
    for key, words in (("as_sampled", "of the samples"), ("at_expected_rate", "at the expected rate")):
        if key in report:
            it = report[key]
            lines.append(
                f"{words} ({it['share_changed']:.1%} changed): user's accuracy {_word(it['users_accuracy'])}, "
                f"producer's {_word(it['producers_accuracy'])}, F1 {_word(it['f1'])}, PR-AUC {_word(it['pr_auc'])}"
            )
    if (gap := report.get("random_split", {}).get("gap")) is not None:
        told = f"higher by {gap:.3f}: leakage" if gap >= _LEAST_GAP else "no higher: there is no leakage to see"
        lines.append(f"PR-AUC under a random split is {told}")
    return lines


def _figures(validation: Validation, rate: float | None, share: float) -> dict[str, Any]:
    rates = validation.rates(rate)
    return {
        "share_changed": json_number(share),
        "users_accuracy": json_number(rates.users),
        "producers_accuracy": json_number(rates.producers),
        "f1": json_number(rates.f1),
        "balanced_accuracy": json_number(rates.balanced),
        "pr_auc": json_number(validation.pr_auc(rate)),
    }


def _word(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
