"""Accuracy from a confusion matrix: numpy only.

Rows of a matrix are the map, columns the reference. User's accuracy is precision, producer's accuracy is recall
(Congalton 1991, Remote Sensing of Environment 37). A measure whose denominator is zero is undefined: NaN here, null
in JSON, never 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stactools_esd.errors import LabelsError

SCHEMA_VERSION: Final = "1"
"""Version of the layout of `accuracy.json`."""

TRANSFER_STATEMENT: Final = (
    "Spatial cross-validation estimates how well the model transfers to blocks without samples; it is not the "
    "accuracy of the map."
)
"""Stands wherever figures of a cross-validation stand."""

DESIGN_STATEMENT: Final = (
    "The samples are not known to be a probability sample of the map, so design-based intervals and area-adjusted "
    "estimates are not valid for them; those need reference data at places drawn at random from the map."
)
"""Why a convenience split gives no confidence intervals."""


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Measures of one matrix; every array has one value a class, in the order of `class_ids`."""

    class_ids: tuple[int, ...]
    """Classes of rows and columns."""

    matrix: NDArray[np.int64]
    """Counts (k, k), rows map, columns reference."""

    overall: float
    """Share of samples on the diagonal; NaN without samples."""

    users: NDArray[np.float64]
    """User's accuracy; NaN where the class was never mapped."""

    producers: NDArray[np.float64]
    """Producer's accuracy; NaN where the class has no reference sample."""

    f1: NDArray[np.float64]
    """`2 n_ii / (n_i. + n_.i)`; NaN where the class is in neither map nor reference."""

    balanced: float
    """Mean producer's accuracy of the classes that have reference samples."""

    kappa: float
    """Cohen's kappa; NaN where chance agreement is 1. For comparison with older studies only."""

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.matrix.sum())

    def as_dict(self, names: Mapping[int, str]) -> dict[str, Any]:
        """Return the measures as JSON content; undefined ones are None with a note that says why.

        Args:
            names: Class names by class_id.
        """
        mapped, reference = self.matrix.sum(axis=1), self.matrix.sum(axis=0)
        classes = []
        for position, class_id in enumerate(self.class_ids):
            entry: dict[str, Any] = {
                "class_id": class_id,
                "class_name": names[class_id],
                "n_map": int(mapped[position]),
                "n_reference": int(reference[position]),
                "users_accuracy": json_number(self.users[position]),
                "producers_accuracy": json_number(self.producers[position]),
                "f1": json_number(self.f1[position]),
            }
            notes = []
            if not mapped[position]:
                notes.append("user's accuracy is undefined: no sample was mapped as this class")
            if not reference[position]:
                notes.append("producer's accuracy is undefined: no tested sample is of this class")
            if notes:
                entry["note"] = "; ".join(notes)
            classes.append(entry)
        return {
            "n": self.n,
            "overall_accuracy": json_number(self.overall),
            "balanced_accuracy": json_number(self.balanced),
            "kappa": json_number(self.kappa),
            "classes": classes,
            "matrix": {
                "rows": "map",
                "columns": "reference",
                "class_ids": list(self.class_ids),
                "class_names": [names[class_id] for class_id in self.class_ids],
                "counts": self.matrix.tolist(),
            },
        }


def confusion(mapped: ArrayLike, reference: ArrayLike, class_ids: Sequence[int]) -> NDArray[np.int64]:
    """Count pairs of mapped and reference class.

    Args:
        mapped: class_id in the map, (n,).
        reference: class_id in the reference, (n,).
        class_ids: Classes of rows and columns, in the order wanted; a class may be absent from either side.

    Returns:
        Counts (k, k), rows map, columns reference.

    Raises:
        LabelsError: The lengths differ, a class is listed twice, or a value is not among `class_ids`: unclassified
            samples (0) are no class and must be left out, and counted, before.
    """
    ids = np.asarray(class_ids, dtype=np.int64)
    rows, columns = np.asarray(mapped, dtype=np.int64).ravel(), np.asarray(reference, dtype=np.int64).ravel()
    if rows.shape != columns.shape:
        raise LabelsError(f"got {rows.size} mapped and {columns.size} reference classes, expected pairs; match them")
    if np.unique(ids).size != ids.size:
        raise LabelsError(f"got classes {ids.tolist()}, expected each once; drop the repeats")
    order = np.argsort(ids)
    matrix = np.zeros((ids.size, ids.size), dtype=np.int64)
    positions = []
    for side, values in (("map", rows), ("reference", columns)):
        if strange := sorted(set(np.unique(values).tolist()) - set(ids.tolist())):
            raise LabelsError(
                f"got class_id {', '.join(map(str, strange))} in the {side}, expected one of "
                f"{', '.join(map(str, ids.tolist()))}; leave out unclassified samples, or name the class"
            )
        positions.append(order[np.searchsorted(ids, values, sorter=order)])
    np.add.at(matrix, (positions[0], positions[1]), 1)
    return matrix


def summary(matrix: ArrayLike, class_ids: Sequence[int]) -> Accuracy:
    """Compute the measures of a matrix.

    Args:
        matrix: Counts (k, k), rows map, columns reference.
        class_ids: Classes of rows and columns.

    Raises:
        LabelsError: The matrix is not square, does not fit the classes, or has a negative count.
    """
    counts = np.asarray(matrix, dtype=np.int64)
    if counts.shape != (len(class_ids), len(class_ids)) or (counts < 0).any():
        raise LabelsError(
            f"got a matrix of shape {counts.shape}, expected counts of {len(class_ids)} x {len(class_ids)} classes; "
            "rows are the map, columns the reference"
        )
    return weighted_summary(counts, counts, class_ids)


def weighted_summary(shares: ArrayLike, matrix: NDArray[np.int64], class_ids: Sequence[int]) -> Accuracy:
    """Compute the measures of shares of pairs, such as those of a map's area that samples estimate.

    Args:
        shares: Weights of pairs in any unit, (k, k), rows map, columns reference.
        matrix: Counts of the samples behind them, (k, k).
        class_ids: Classes of rows and columns.
    """
    table = np.asarray(shares, dtype=np.float64)
    n = float(table.sum())
    hits, mapped, reference = table.diagonal().copy(), table.sum(axis=1), table.sum(axis=0)
    producers = ratio(hits, reference)
    overall = float(hits.sum() / n) if n else float("nan")
    chance = float((mapped * reference).sum() / n**2) if n else float("nan")
    return Accuracy(
        class_ids=tuple(int(class_id) for class_id in class_ids),
        matrix=matrix,
        overall=overall,
        users=ratio(hits, mapped),
        producers=producers,
        f1=ratio(2 * hits, mapped + reference),
        balanced=float(producers[reference > 0].mean()) if (reference > 0).any() else float("nan"),
        kappa=(overall - chance) / (1 - chance) if chance < 1 else float("nan"),
    )


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation (n - 1) of figures by fold; NaN where there are too few."""
    figures = np.asarray([value for value in values if not np.isnan(value)], dtype=np.float64)
    mean = float(figures.mean()) if figures.size else float("nan")
    return mean, float(figures.std(ddof=1)) if figures.size > 1 else float("nan")


def json_number(value: float, digits: int = 6) -> float | None:
    """Return a figure as JSON can hold it: rounded, None where undefined."""
    return None if np.isnan(value) else round(float(value), digits)


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide, NaN where the denominator is zero."""
    shares = np.full(above.shape, np.nan)
    np.divide(above, below, out=shares, where=below > 0)
    return shares
