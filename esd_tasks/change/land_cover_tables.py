"""Classes of every year counted: pixels and their true area, by year, and by what became what."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from esd_tasks.strata_area import PixelAreas
from stactools_esd.blocks import Block, BlockStore
from stactools_esd.files import atomic_path

if TYPE_CHECKING:
    from esd_tasks.change.land_cover import LandCoverPlan

_HECTARE = 1e4


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """Counts of k classes in some years; areas are true ones, in square metres."""

    mapped: NDArray[np.int64]
    """Pixels (years, k)."""

    mapped_area: NDArray[np.float64]
    """Their area (years, k)."""

    steps: NDArray[np.int64]
    """Pixels by the class of a year and that of the next (years - 1, k, k)."""

    steps_area: NDArray[np.float64]
    """Their area (years - 1, k, k)."""

    whole: NDArray[np.int64]
    """Pixels by the class of the first year and that of the last (k, k)."""

    whole_area: NDArray[np.float64]
    """Their area (k, k)."""

    tallies: NDArray[np.int64]
    """What blocks count, summed."""


def count_classes(plan: "LandCoverPlan", store: BlockStore, blocks: Sequence[Block]) -> ClassTable:
    """Count all blocks.

    Args:
        plan: Years, legend and grid.
        store: Blocks with `class_id` (years, h, w) and `tallies`.
        blocks: All of them.
    """
    years, k = len(plan.years), len(plan.legend.ids)
    areas = PixelAreas(crs=plan.grid.crs, transform=plan.grid.transform)
    mapped, steps, whole = (np.zeros(shape) for shape in ((years, k), (years - 1, k, k), (k, k)))
    metres = tuple(np.zeros_like(one) for one in (mapped, steps, whole))
    tallies: Any = 0
    for block in blocks:
        arrays = store.get(block)
        tallies = tallies + arrays["tallies"]
        classes = _positions(plan, arrays["class_id"].reshape(years, -1))
        there = classes[0] >= 0
        if not there.any():
            continue
        classes = classes[:, there]
        each = np.broadcast_to(areas.of(block), (block.height, block.width)).reshape(-1)[there]
        for tables, weights in (((mapped, steps, whole), None), (metres, each)):
            for year in range(years):
                tables[0][year] += np.bincount(classes[year], weights=weights, minlength=k)
            for year in range(years - 1):
                tables[1][year] += _pairs(classes[year], classes[year + 1], k, weights)
            tables[2][:] += _pairs(classes[0], classes[-1], k, weights)
    return ClassTable(
        mapped=mapped.astype(np.int64),
        mapped_area=metres[0],
        steps=steps.astype(np.int64),
        steps_area=metres[1],
        whole=whole.astype(np.int64),
        whole_area=metres[2],
        tallies=np.asarray(tallies),
    )


def write_mapped(path: Path, plan: "LandCoverPlan", table: ClassTable) -> None:
    """Write the mapped area of each class and year; the column says that it is mapped."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write("year,class_id,class_name,pixels,mapped_ha,mapped_share\n")
        for year, counts, metres in zip(plan.years, table.mapped.tolist(), table.mapped_area, strict=True):
            shares = (metres / max(metres.sum(), 1.0)).tolist()
            for entry, count, area, share in zip(plan.legend.classes, counts, metres.tolist(), shares, strict=True):
                names = f"{entry.class_id},{_quoted(entry.name)}"
                file.write(f"{year},{names},{count},{area / _HECTARE:.2f},{share:.6f}\n")


def write_from_to(path: Path, plan: "LandCoverPlan", table: ClassTable) -> None:
    """Write what became what in each step, and from the first year to the last; pairs without pixels are left out."""
    spans = [(plan.years[k], plan.years[k + 1], table.steps[k], table.steps_area[k]) for k in range(len(table.steps))]
    if len(plan.years) > 2:
        spans.append((plan.years[0], plan.years[-1], table.whole, table.whole_area))
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write("year_from,year_to,from_id,from_class,to_id,to_class,pixels,mapped_ha\n")
        for start, stop, matrix, metres in spans:
            for a, b in zip(*np.nonzero(matrix), strict=True):
                one, other = plan.legend.classes[a], plan.legend.classes[b]
                names = f"{one.class_id},{_quoted(one.name)},{other.class_id},{_quoted(other.name)}"
                file.write(f"{start},{stop},{names},{int(matrix[a, b])},{metres[a, b] / _HECTARE:.2f}\n")


def _pairs(one: NDArray[np.intp], other: NDArray[np.intp], k: int, weights: NDArray[np.float64] | None) -> NDArray[Any]:
    """Count pairs of classes, or sum weights of them (k, k)."""
    return np.bincount(one * k + other, weights=weights, minlength=k * k).reshape(k, k)


def _positions(plan: "LandCoverPlan", class_id: NDArray[Any]) -> NDArray[np.intp]:
    """Return the places of class ids in the legend; -1 for none."""
    table = np.full(int(plan.legend.ids[-1]) + 1, -1, np.intp)
    table[np.array(plan.legend.ids)] = np.arange(len(plan.legend.ids))
    return np.asarray(table[class_id])


def _quoted(name: str) -> str:
    """Return a name as a field of CSV."""
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\n') else name
