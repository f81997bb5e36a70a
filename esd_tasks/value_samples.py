"""Pixels with a measured number: what a regression is trained on and judged by."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.samples import Samples
from stactools_esd.errors import LabelsError

LEAST_LABELS: Final = 20
"""Labels with usable pixels that a regression needs: with fewer, a fold says nothing."""

MOST_STRATA: Final = 5
"""Strata of labels by their number, at most, so that each fold holds low and high ones."""

LABELS_OF_STRATUM: Final = 10
"""Labels that a stratum has at least."""


@dataclass(frozen=True, kw_only=True)
class ValueSamples:
    """Pixels with the number of their label, n of them."""

    codes: NDArray[np.uint16]
    """Shape (n, 12)."""

    value: NDArray[np.float64]
    """Number of the label, (n,)."""

    class_id: NDArray[np.int64]
    """Stratum of the label 1.., by which folds are balanced, (n,)."""

    group: NDArray[np.int64]
    """Label of each pixel, 0..m-1, (n,)."""

    x: NDArray[np.float64]
    """Metres, (n,)."""

    y: NDArray[np.float64]
    """Metres, (n,)."""

    @property
    def weight(self) -> NDArray[np.float64]:
        """One over the number of pixels of the label, (n,): every label counts the same."""
        return np.asarray(1 / np.bincount(self.group)[self.group])

    def by_label(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over the pixels of each label, (m,) from (n,)."""
        return np.asarray(np.bincount(self.group, weights=values) / np.bincount(self.group))


def value_samples(samples: Samples, values: NDArray[np.float64]) -> ValueSamples:
    """Join pixels with the numbers of their labels, cut into strata of about equal size.

    Args:
        samples: Pixels of labels; `group` is the position of the label among `values`.
        values: Number of each label.

    Raises:
        LabelsError: Too few labels have pixels, or all have the same number.
    """
    labels, group = np.unique(samples.group, return_inverse=True)
    if len(labels) < LEAST_LABELS:
        raise LabelsError(
            f"got {len(labels)} labels with usable pixels, expected {LEAST_LABELS} or more; give more labels"
        )
    by_label = values[labels]
    if np.ptp(by_label) == 0:
        raise LabelsError(f"got {by_label[0]:g} for every label, expected numbers that differ; choose another field")
    n_strata = int(np.clip(len(by_label) // LABELS_OF_STRATUM, 1, MOST_STRATA))
    cuts = np.unique(np.quantile(by_label, np.linspace(0, 1, n_strata + 1)[1:-1]))
    return ValueSamples(
        codes=samples.codes,
        value=by_label[group],
        class_id=np.searchsorted(cuts, by_label, side="left")[group] + 1,
        group=group.astype(np.int64),
        x=samples.x,
        y=samples.y,
    )
