"""Where a model may be trusted to know what it sees: the area of applicability.

Meyer and Pebesma 2021 (Methods in Ecology and Evolution 12, 1620-1633, section 2): features are centred and scaled by
the training samples and multiplied by their importance, `z_j = w_j (x_j - mean_j) / sd_j`; the dissimilarity of a pixel
is its distance to the nearest training sample over the mean distance between training samples, `DI = min_i |z - z_i| /
mean_ik |z_i - z_k|`. The area of applicability is where it does not exceed the threshold: the largest dissimilarity of
a training sample to those outside its cross-validation fold that is no outlier, that is, none beyond the third quartile
by more than 1.5 times the distance between the quartiles.

Features here are the 72 levels and the covariates, and their importance is the share of each in the gain of the trees.
They say nothing of values that are missing, which levels never are: a missing covariate is as far from every value as
two values `ABSENT` standard deviations apart, and like any other that is missing. Within the area the cross-validated
figures may hold; outside it they do not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.classifier import Classifier
from esd_tasks.features import level_features
from esd_tasks.folds import Folds
from esd_tasks.model_file import MALFORMED
from esd_tasks.nearest import Nearest
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

_ROWS: Final = 8192
"""Pixels that are placed at once: 8 MB of them."""

ABSENT: Final = 3.0
"""How far a missing covariate is from one that is not, in standard deviations of its values."""


@dataclass(frozen=True, kw_only=True)
class Applicability:
    """Training samples in the weighted space of levels and covariates."""

    codes: NDArray[np.uint16]
    """Codes of training samples, (m, 12)."""

    covariates: NDArray[np.float64]
    """Their covariates, (m, c); NaN is missing."""

    names: tuple[str, ...] = ()
    """Names of the covariates, c of them."""

    weight: NDArray[np.float64]
    """Importance of each feature over its standard deviation, (72 + c,); 0 where all samples have one value."""

    centre: NDArray[np.float64]
    """Mean of each covariate over the training samples, (c,)."""

    absent: NDArray[np.float64]
    """Distance of a missing covariate from one that is not, (c,)."""

    mean_distance: float
    """Mean distance between training samples."""

    threshold: float
    """Largest dissimilarity within the area of applicability."""

    @cached_property
    def _nearest(self) -> Nearest:
        return Nearest(self.places(self.codes, self.covariates))

    def places(self, codes: NDArray[np.uint16], covariates: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
        """Return where pixels lie in the weighted space, (n, 72 + 2 c), what is missing on axes of its own.

        Args:
            codes: Shape (n, 12).
            covariates: Shape (n, c), where there are some.
        """
        levels = level_features(codes) * self.weight[:CHANNELS]
        if covariates is None or not len(self.names):
            return np.asarray(levels)
        missing = np.isnan(covariates)
        values = np.where(missing, 0.0, (covariates - self.centre) * self.weight[CHANNELS:])
        return np.column_stack([levels, values, missing * self.absent])

    def dissimilarity(
        self, codes: NDArray[np.uint16], covariates: NDArray[np.floating] | None = None
    ) -> NDArray[np.float64]:
        """Return the dissimilarity index of pixels, (n,): 0 like a training sample, 1 as far as these are apart.

        Args:
            codes: Shape (n, 12).
            covariates: Shape (n, c), where the model has some.
        """
        distance = np.empty(len(codes))
        for first in range(0, len(codes), _ROWS):
            piece = slice(first, first + _ROWS)
            beside = None if covariates is None else covariates[piece]
            distance[piece] = self._nearest.distance(self.places(codes[piece], beside))
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
                "covariates": {
                    name: {
                        "mean": self.centre[column],
                        "absent": self.absent[column],
                        "values": [None if value != value else value for value in self.covariates[:, column].tolist()],
                    }
                    for column, name in enumerate(self.names)
                },
            },
        )

    @classmethod
    def load(cls, folder: Path, covariates: Sequence[str] = ()) -> "Applicability":
        """Read what `save` wrote.

        Args:
            folder: Where the model is.
            covariates: Names of what the model sees beside the codes.

        Raises:
            OutputError: The file is absent or damaged, or knows nothing of the covariates.
        """
        if not (folder / FILE).is_file():
            raise OutputError(
                f"got a model in {folder} without {FILE}, expected it for --band applicability; "
                "classify again with --band applicability"
            )
        content: Mapping[str, Any] = read_json(folder / FILE, error=OutputError)
        try:
            codes = np.array(content["codes"], dtype=np.uint16).reshape(-1, 12)
            beside: Mapping[str, Any] = {name: content["covariates"][name] for name in covariates}
            values = [np.array(one["values"], dtype=float) for one in beside.values()]
            return cls(
                codes=codes,
                covariates=np.column_stack(values) if values else np.empty((len(codes), 0)),
                names=tuple(beside),
                weight=np.array(content["weight"], dtype=float).reshape(CHANNELS + len(beside)),
                centre=np.array([one["mean"] for one in beside.values()], dtype=float),
                absent=np.array([one["absent"] for one in beside.values()], dtype=float),
                mean_distance=float(content["mean_distance"]),
                threshold=float(content["threshold"]),
            )
        except MALFORMED as error:
            raise OutputError(f"cannot read {folder / FILE} ({error!r}); classify again") from error


def find_applicability(
    model: Classifier,
    codes: NDArray[np.uint16],
    folds: Folds,
    *,
    covariates: Mapping[str, NDArray[np.floating]] | None = None,
    seed: int = 0,
) -> Applicability:
    """Find the area of applicability of a model.

    Args:
        model: Trained on the samples.
        codes: Codes of all samples, (n, 12).
        folds: Their folds, buffer included: what may train while a sample is tested.
        covariates: Values of all samples beside the codes, (n,) each; NaN is missing.
        seed: Decides which samples are compared where there are many.
    """
    beside = np.column_stack([np.empty((len(codes), 0)), *(covariates or {}).values()]).astype(np.float64)
    features = np.column_stack([level_features(codes).astype(np.float64), beside])
    known = ~np.isnan(features)
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, features, 0).sum(axis=0) / counts
    deviation = np.sqrt((np.where(known, features - mean, 0) ** 2).sum(axis=0) / counts)
    total = model.gain.sum()
    share = model.gain / total if total > 0 else np.full(len(mean), 1 / len(mean))
    area = Applicability(
        codes=codes,
        covariates=beside,
        names=tuple(covariates or ()),
        weight=np.divide(share, deviation, out=np.zeros(len(mean)), where=deviation > 0),
        centre=mean[CHANNELS:],
        absent=ABSENT * share[CHANNELS:],
        mean_distance=1.0,
        threshold=0.0,
    )
    placed = area.places(codes, beside)
    generator = np.random.default_rng(seed)
    some = np.sort(generator.permutation(len(codes))[:MOST_SAMPLES])
    pairs = placed[np.sort(generator.permutation(len(codes))[:_PAIRS])]
    mean_distance = _mean_distance(pairs)
    out_of_fold = np.full(len(codes), np.nan)
    for train, test in folds.splits():
        kept = np.intersect1d(train, some)
        if len(kept):
            out_of_fold[test] = Nearest(placed[kept]).distance(placed[test]) / mean_distance
    return replace(
        area,
        codes=codes[some],
        covariates=beside[some],
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
