"""Where a model may be trusted to know what it sees: the area of applicability.

Meyer and Pebesma 2021 (Methods in Ecology and Evolution 12, 1620-1633): features are centred and scaled by the training
samples and multiplied by their importance; the dissimilarity of a pixel is its distance to the nearest training sample
over the mean distance between training samples. The area of applicability is where it does not exceed the threshold:
the largest dissimilarity of a training sample to those outside its cross-validation fold that is no outlier, that is,
none beyond the third quartile by more than 1.5 times the distance between the quartiles.

Features here are the 72 levels, and their importance is the gain of the trees. Covariates take no part, for they may be
missing. Within the area the cross-validated figures may hold; outside it they do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from esd_tasks.classifier import Classifier
from esd_tasks.features import level_features
from esd_tasks.folds import Folds
from stactools_esd.errors import OutputError
from stactools_esd.files import read_json, write_json
from stactools_esd.product import CHANNELS

FILE: Final = "applicability.json"
"""What is needed to find the area of applicability again; stands beside the model."""

SCHEMA_VERSION: Final = "1"
"""Version of the layout of the file."""

MOST_SAMPLES: Final = 5_000
"""Training samples that pixels are compared with; of more, that many are drawn."""

_PAIRS: Final = 2_000
"""Samples between which the mean distance is taken."""


@dataclass(frozen=True, kw_only=True)
class Applicability:
    """Training samples in weighted level space."""

    codes: NDArray[np.uint16]
    """Codes of training samples, (m, 12)."""

    weight: NDArray[np.float64]
    """Importance of each level over its standard deviation, (72,); 0 where all samples have one level."""

    mean_distance: float
    """Mean distance between training samples."""

    threshold: float
    """Largest dissimilarity within the area of applicability."""

    @cached_property
    def _tree(self) -> Any:
        return cKDTree(level_features(self.codes) * self.weight)

    def dissimilarity(self, codes: NDArray[np.uint16]) -> NDArray[np.float64]:
        """Return the dissimilarity index of pixels, (n,): 0 like a training sample, 1 as far as these are apart.

        Args:
            codes: Shape (n, 12).
        """
        distance, _ = self._tree.query(level_features(codes) * self.weight)
        return np.asarray(distance / self.mean_distance)

    def save(self, folder: Path) -> None:
        """Write `applicability.json`."""
        write_json(
            folder / FILE,
            {
                "schema_version": SCHEMA_VERSION,
                "method": "Meyer and Pebesma 2021, doi:10.1111/2041-210X.13650",
                "threshold": self.threshold,
                "mean_distance": self.mean_distance,
                "weight": self.weight.tolist(),
                "codes": self.codes.tolist(),
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "Applicability":
        """Read what `save` wrote.

        Raises:
            OutputError: The file is absent or damaged.
        """
        if not (folder / FILE).is_file():
            raise OutputError(
                f"got a model in {folder} without {FILE}, expected it for --band applicability; "
                "classify again with --band applicability"
            )
        content: Mapping[str, Any] = read_json(folder / FILE, error=OutputError)
        try:
            return cls(
                codes=np.array(content["codes"], dtype=np.uint16).reshape(-1, 12),
                weight=np.array(content["weight"], dtype=float).reshape(CHANNELS),
                mean_distance=float(content["mean_distance"]),
                threshold=float(content["threshold"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise OutputError(f"cannot read {folder / FILE} ({error!r}); classify again") from error


def find_applicability(model: Classifier, codes: NDArray[np.uint16], folds: Folds, *, seed: int = 0) -> Applicability:
    """Find the area of applicability of a model.

    Args:
        model: Trained on the samples.
        codes: Codes of all samples, (n, 12).
        folds: Their folds, buffer included: what may train while a sample is tested.
        seed: Decides which samples are compared where there are many.
    """
    levels = level_features(codes).astype(np.float64)
    deviation = levels.std(axis=0)
    gain = model.gain[:CHANNELS]
    share = gain / gain.sum() if gain.sum() > 0 else np.full(CHANNELS, 1 / CHANNELS)
    weight = np.divide(share, deviation, out=np.zeros(CHANNELS), where=deviation > 0)
    generator = np.random.default_rng(seed)
    some = np.sort(generator.permutation(len(codes))[:MOST_SAMPLES])
    placed = levels * weight
    pairs = placed[np.sort(generator.permutation(len(codes))[:_PAIRS])]
    mean_distance = _mean_distance(pairs)
    out_of_fold = np.full(len(codes), np.nan)
    for train, test in folds.splits():
        kept = np.intersect1d(train, some)
        if len(kept):
            out_of_fold[test] = cKDTree(placed[kept]).query(placed[test])[0] / mean_distance
    return Applicability(
        codes=codes[some],
        weight=weight,
        mean_distance=mean_distance,
        threshold=upper_whisker(out_of_fold[np.isfinite(out_of_fold)]),
    )


def upper_whisker(values: NDArray[np.float64]) -> float:
    """Return the largest value that lies at most 1.5 interquartile ranges above the third quartile (Tukey 1977)."""
    if not len(values):
        return 0.0
    first, third = np.quantile(values, (0.25, 0.75))
    return float(values[values <= third + 1.5 * (third - first)].max())


def _mean_distance(places: NDArray[np.float64]) -> float:
    """Return the mean distance between different rows; 1 where all are the same."""
    total = sum(float(np.sqrt(((places[k + 1 :] - places[k]) ** 2).sum(axis=1)).sum()) for k in range(len(places)))
    n_pairs = len(places) * (len(places) - 1) / 2
    return total / n_pairs if total > 0 else 1.0
