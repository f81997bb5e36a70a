"""Cross-validation of the classifier in spatial blocks, with the gap to a random split beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.accuracy import (
    TRANSFER_STATEMENT,
    Accuracy,
    confusion,
    json_number,
    mean_and_sd,
    summary,
)
from esd_tasks.accuracy_content import RANDOM_STATEMENT, accuracy_content, protocol_of
from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.folds import Folds, random_folds
from esd_tasks.legend import Legend
from esd_tasks.reliability import reliability
from esd_tasks.sample_choice import covariate_rows, training_rows

if TYPE_CHECKING:
    from esd_tasks.samples import Samples

N_FOLDS: Final = 5
"""Folds of the cross-validation."""


@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """Out-of-fold predictions of one set of folds."""

    folds: Folds
    """Which samples were tested together."""

    pooled: Accuracy
    """Measures over all out-of-fold predictions."""

    fold_overall: tuple[float, ...]
    """Overall accuracy of each fold; NaN for one that could not be trained."""

    untested: int
    """Samples in folds without training samples."""

    confidence: NDArray[np.float64]
    """Probability of the class that was predicted, (n,); NaN where a sample was not tested."""

    right: NDArray[np.bool_]
    """Whether that is the reference, (n,)."""

    @property
    def reliability(self) -> dict[str, Any] | None:
        """Confidence against accuracy, as JSON content; None where nothing was tested."""
        tested = ~np.isnan(self.confidence)
        return reliability(self.confidence[tested], self.right[tested], self.folds.block[tested], seed=self.folds.seed)

    @property
    def overall_mean_and_sd(self) -> tuple[float, float]:
        """Mean and standard deviation of overall accuracy over folds."""
        return mean_and_sd(self.fold_overall)


def cross_validate(
    samples: "Samples",
    folds: Folds,
    parameters: TreeParameters | Sequence[TreeParameters],
    *,
    on_fold: Callable[[], Any] = lambda: None,
) -> CrossValidation:
    """Predict every sample by a model that saw none of its fold.

    A class that no training sample of a fold has cannot be predicted there and counts as wrong; a fold whose training
    samples are all of one class predicts that class.

    Args:
        samples: Codes and classes.
        folds: Plan of training and test samples.
        parameters: How trees are grown, in all folds or in each.
        on_fold: Called after each fold.
    """
    by_fold = repeat(parameters) if isinstance(parameters, TreeParameters) else parameters
    class_ids = sorted(set(samples.class_id.tolist()))
    predicted = np.zeros(len(samples.class_id), dtype=np.int64)
    confidence = np.full(len(samples.class_id), np.nan)
    overall = []
    for (train, test), grown in zip(folds.splits(), by_fold, strict=False):
        if len(train):
            predicted[test], confidence[test] = _predict(samples, train, test, grown)
        overall.append(float((predicted[test] == samples.class_id[test]).mean()) if len(train) else float("nan"))
        on_fold()
    tested = predicted > 0
    matrix = confusion(predicted[tested], samples.class_id[tested], class_ids)
    return CrossValidation(
        folds=folds,
        pooled=summary(matrix, class_ids),
        fold_overall=tuple(overall),
        untested=int((~tested).sum()),
        confidence=confidence,
        right=predicted == samples.class_id,
    )


def random_overall(
    samples: "Samples", parameters: TreeParameters, *, seed: int, on_fold: Callable[[], Any] = lambda: None
) -> float:
    """Return overall accuracy under a random split: too good, and printed only as the gap.

    Args:
        samples: Codes and classes.
        parameters: How trees are grown.
        seed: Seed of the split.
        on_fold: Called after each fold.
    """
    folds = random_folds(samples, n_folds=N_FOLDS, seed=seed)
    return cross_validate(samples, folds, parameters, on_fold=on_fold).pooled.overall


def accuracy_report(
    validation: CrossValidation, random: float, samples: "Samples", legend: Legend | None = None
) -> dict[str, Any]:
    """Return the content of `accuracy.json`.

    Args:
        validation: Spatial cross-validation.
        random: Overall accuracy under a random split.
        samples: What was validated.
        legend: Where its classes have parents, accuracy is given for these as well.
    """
    folds = validation.folds
    mean, sd = validation.overall_mean_and_sd
    return accuracy_content(
        validation.pooled.as_dict(samples.names),
        kind="spatial cross-validation",
        statement=TRANSFER_STATEMENT,
        protocol={
            **protocol_of(folds, n_samples=len(samples.class_id), n_tested=validation.pooled.n),
            "n_groups": int(np.unique(samples.group).size),
            "classes_not_trained_in_a_fold": [list(missing) for missing in folds.missing_classes],
            "classes_in_one_block": list(folds.single_block_classes),
            "polygon_rule": samples.polygon_rule,
            "polygon_cap": samples.polygon_cap,
            "min_clear": samples.min_clear,
            "years": sorted({int(year) for year in samples.year}),
            "dropped_samples": {
                reason: {str(class_id): int(count) for class_id, count in counts.items()}
                for reason, counts in samples.dropped.items()
            },
        },
        further={
            "overall_accuracy_folds": {
                "mean": json_number(mean),
                "sd": json_number(sd),
                "values": [json_number(value) for value in validation.fold_overall],
            },
            "random_split": {
                "overall_accuracy": json_number(random),
                "gap": json_number(random - validation.pooled.overall),
                "statement": RANDOM_STATEMENT,
            },
            "reliability": validation.reliability,
            **_of_parents(validation.pooled, legend),
        },
    )


def _of_parents(pooled: Accuracy, legend: Legend | None) -> dict[str, Any]:
    """Return the measures of parent classes: the same predictions, with fewer ways to be wrong."""
    wider = None if legend is None else legend.parents
    if legend is None or wider is None:
        return {}
    parent_ids = legend.parent_ids
    ids = sorted({parent_ids[class_id] for class_id in pooled.class_ids})
    member = np.array([ids.index(parent_ids[class_id]) for class_id in pooled.class_ids])
    merged = np.zeros((len(ids), len(ids)), dtype=np.int64)
    np.add.at(merged, (member[:, None], member[None, :]), pooled.matrix)
    return {"parents": summary(merged, ids).as_dict(wider.by_id)}


def accuracy_line(report: Mapping[str, Any]) -> str:
    """Return overall accuracy with its spread and protocol in one line.

    Args:
        report: Content of `accuracy.json`.
    """
    folds, protocol = report["overall_accuracy_folds"], report["protocol"]
    sd = "" if folds["sd"] is None else f" ± {folds['sd']:.3f} (SD over {protocol['n_folds']} folds)"
    return (
        f"OA {report['overall_accuracy']:.3f}{sd} by spatial cross-validation of {protocol['n_samples']} samples in "
        f"{protocol['n_blocks']} blocks of {protocol['block_size_m']:g} m; a random split gives "
        f"{report['random_split']['overall_accuracy']:.3f}"
    )


def _predict(
    samples: "Samples", train: NDArray[np.intp], test: NDArray[np.intp], parameters: TreeParameters
) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
    """Train on some samples and predict others: their classes, and the probability of these."""
    classes = np.unique(samples.class_id[train])
    if len(classes) == 1:
        return np.full(len(test), classes[0]), np.ones(len(test))
    model = Classifier(parameters).fit(samples.codes[train], samples.class_id[train], **training_rows(samples, train))
    probability = model.predict_proba(samples.codes[test], covariate_rows(samples, test))
    return model.class_ids_of(probability), probability.max(axis=1)
