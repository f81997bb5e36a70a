"""Reference points met with the pixels of a map: what is used, and what is left out and why."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.legend import UNCLASSIFIED
from esd_tasks.strata_raster import ClassRaster

OUTSIDE: Final = "outside the map"
NODATA: Final = "on a pixel without a class"
EXCLUDED: Final = "on an excluded class"
NO_STRATUM: Final = "without a stratum"
TRAINED: Final = "on a pixel and of the year of a sample that trained the map"
NOT_DRAWN: Final = "in a pixel that was not drawn"
UNANSWERED: Final = "no reference class filled in"
DUPLICATE: Final = "same pixel and class as another point"
CONFLICT: Final = "same pixel as a point of another class"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Reference samples, n of them, each a pixel of the population and none twice."""

    mapped: NDArray[np.int64]
    """class_id in the map, (n,)."""

    reference: NDArray[np.int64]
    """class_id in the reference, (n,)."""

    stratum: NDArray[np.int64]
    """Stratum, (n,)."""

    position: NDArray[np.int64]
    """Position of each among the points, (n,)."""

    left_out: dict[str, int]
    """Points left out, by reason."""

    unanswered: dict[int, int]
    """Points of the population without a reference class, by stratum."""


def meet(
    raster: ClassRaster,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    reference: NDArray[np.int64],
    *,
    strata: ClassRaster | NDArray[np.int64] | None = None,
    excluded: tuple[int, ...] = (),
    drawn: NDArray[np.bool_] | None = None,
    trained: NDArray[np.bool_] | None = None,
) -> Sample:
    """Meet points with the map; the first reason to leave one out counts.

    Args:
        raster: The map.
        rows: Rows of the points' pixels, -1 outside the map, (n,).
        columns: Columns, (n,).
        reference: class_id of each, 0 where nothing is filled in, (n,).
        strata: Raster of strata on the map's grid, or the stratum of each point, 0 for none; the map's class if None.
        excluded: Classes that are not part of the population.
        drawn: Whether each point is in a pixel that the record of the draw has, (n,); None without a record.
        trained: Whether each point is on a pixel that trained the map, (n,); None where that is not known.
    """
    reasons = np.full(len(rows), "", dtype=object)

    def leave_out(which: NDArray[np.bool_], reason: str) -> None:
        reasons[which & (reasons == "")] = reason

    inside = rows >= 0
    leave_out(~inside, OUTSIDE)
    mapped, stratum = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    mapped[inside] = raster.at(rows[inside], columns[inside])
    leave_out(mapped == UNCLASSIFIED, NODATA)
    leave_out(np.isin(mapped, excluded), EXCLUDED)
    if isinstance(strata, ClassRaster):
        stratum[inside] = strata.at(rows[inside], columns[inside])
    else:
        stratum = mapped if strata is None else strata
    leave_out(stratum == UNCLASSIFIED, NO_STRATUM)
    if drawn is not None:
        leave_out(~drawn, NOT_DRAWN)
    if trained is not None:
        leave_out(trained, TRAINED)
    unanswered = (reasons == "") & (reference == UNCLASSIFIED)
    leave_out(unanswered, UNANSWERED)
    kept = np.flatnonzero(reasons == "")
    first, conflict = _repeats(rows[kept] * raster.width + columns[kept], reference[kept])
    reasons[kept[conflict]] = CONFLICT
    reasons[kept[~conflict & ~first]] = DUPLICATE
    used = reasons == ""
    return Sample(
        mapped=mapped[used],
        reference=reference[used],
        stratum=stratum[used],
        position=np.flatnonzero(used),
        left_out=dict(Counter(reasons[~used].tolist())),
        unanswered=dict(Counter(stratum[unanswered].tolist())),
    )


def _repeats(pixels: NDArray[np.int64], reference: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which points are the first of their pixel, and in whose pixel points disagree."""
    _, position, member = np.unique(pixels, return_index=True, return_inverse=True)
    first = np.zeros(len(pixels), dtype=np.bool_)
    first[position] = True
    return first, np.bincount(member, weights=reference != reference[position][member])[member] > 0
