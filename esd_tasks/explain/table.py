"""Explained changes as rows, and counted: which steps and bands deviate, by what became what."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.explain.words import LEAST_DIFFERENCE, months_of
from stactools_esd.files import atomic_path
from stactools_esd.product import BANDS, STEP_BANDS, STEPS

UNCERTAIN_NAME: Final = "uncertain"
"""What stands for a class that cannot be told."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One explained change."""

    sample_id: int
    """As in the GeoPackage."""

    year: int
    """First year of the later state."""

    before: str
    """Class before; `UNCERTAIN_NAME` where it cannot be told."""

    after: str
    """Class after."""

    explained: int
    """Year that was compared with normal ones."""

    normal: str
    """Class that is taken for normal."""

    status: str
    """Of the explained year, one of `STATUSES`."""

    probability: float
    """Of its likeliest class."""

    anomaly: float
    """Of that year."""

    step: NDArray[np.float64]
    """Probability that each step deviates, (12,)."""

    deviates: NDArray[np.bool_]
    """Steps that count as deviating, (12,)."""

    differences: NDArray[np.float64]
    """Observed less normal reflectance of these steps (6,); NaN where not known."""

    sentence: str
    """The change in words."""

    page: str = ""
    """File of its page."""


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write changes as CSV: class names, probability of each step, difference of each band, sentence and page."""
    head = ["sample_id", "year", "before", "after", "explained_year", "normal", "status", "probability", "anomaly"]
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*head, *STEP_BANDS, *(f"{band}_difference" for band in BANDS), "sentence", "page"])
        for row in rows:
            facts = [row.sample_id, row.year, row.before, row.after, row.explained, row.normal, row.status]
            numbers = [row.probability, row.anomaly, *row.step, *row.differences]
            writer.writerow([*facts, *(_text(number) for number in numbers), row.sentence, row.page])


def _text(number: float) -> str:
    return "" if np.isnan(number) else f"{number:.4f}"


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Changes of one kind, counted."""

    before: str
    """Class before."""

    after: str
    """Class after."""

    changes: int
    """How many."""

    years: dict[int, int]
    """How many in each year, ascending."""

    steps: tuple[int, ...]
    """How many deviate in each step, (12,)."""

    lower: tuple[int, ...]
    """In how many each band is lower by `LEAST_DIFFERENCE` or more over the steps that deviate, (6,)."""

    higher: tuple[int, ...]
    """In how many it is higher, (6,)."""

    differences: tuple[float, ...]
    """Median difference of each band, (6,); NaN where not known."""

    def as_dict(self, first_month: int) -> dict[str, Any]:
        """Return the counts as JSON content."""
        bands = zip(BANDS, self.lower, self.higher, self.differences, strict=True)
        return {
            "before": self.before,
            "after": self.after,
            "changes": self.changes,
            "years": {str(year): n for year, n in self.years.items()},
            "steps": [
                {"step": name, "month": month, "deviate": n}
                for name, month, n in zip(STEP_BANDS, months_of(first_month), self.steps, strict=True)
            ],
            "bands": [
                {
                    "band": band,
                    "lower": low,
                    "higher": high,
                    "median_difference": None if np.isnan(middle) else round(middle, 4),
                }
                for band, low, high, middle in bands
            ],
        }


def tallies(rows: Sequence[Row]) -> list[Tally]:
    """Count changes by what became what, the most frequent first."""
    kinds = Counter((row.before, row.after) for row in rows)
    return [
        _tally(kind, [row for row in rows if (row.before, row.after) == kind])
        for kind, _ in sorted(kinds.items(), key=lambda entry: (-entry[1], entry[0]))
    ]


def _tally(kind: tuple[str, str], rows: Sequence[Row]) -> Tally:
    deviates = np.array([row.deviates for row in rows]).reshape(-1, STEPS)
    differences = np.array([row.differences for row in rows]).reshape(-1, len(BANDS))
    known = differences[~np.isnan(differences).any(axis=1)]
    middle = np.median(known, axis=0) if len(known) else np.full(len(BANDS), np.nan)
    return Tally(
        before=kind[0],
        after=kind[1],
        changes=len(rows),
        years=dict(sorted(Counter(row.year for row in rows).items())),
        steps=tuple(deviates.sum(axis=0).tolist()),
        lower=tuple((known <= -LEAST_DIFFERENCE).sum(axis=0).tolist()),
        higher=tuple((known >= LEAST_DIFFERENCE).sum(axis=0).tolist()),
        differences=tuple(middle.tolist()),
    )
