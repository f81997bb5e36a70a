"""Places far apart: blocks of half a degree, and nothing trains within half a degree of what is tested."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from esd_tasks.compare import grouped_splits
from esd_tasks.folds import Split

BLOCK_DEGREES: Final = 0.5
"""Side of a block in degrees of longitude and of latitude."""

BUFFERS: Final = (0.5, 0.25, 0.1, 0.05, 0.0)
"""Degrees between training and test places: the first is the rule, the others serve sets too small for it."""

LEAST_KEPT: Final = 0.1
"""A buffer must leave every fold at least this share of its training places, and two classes."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which places train and which are tested, several times over."""

    block: NDArray[np.int64]
    """Block of each place, (n,)."""

    repeats: tuple[tuple[Split, ...], ...]
    """Folds of each repeat; together they test every place once."""

    buffer: float
    """Least distance in degrees between a test place and a training place of its fold."""

    kept: float
    """Mean share of the training places that the buffer left."""


def degree_blocks(lon: NDArray[np.float64], lat: NDArray[np.float64], size: float = BLOCK_DEGREES) -> NDArray[np.int64]:
    """Return the block of each place, squares in degrees counted from 180 W on the equator."""
    squares = np.floor(np.column_stack([(np.asarray(lon) + 180) % 360, lat]) / size)
    _, block = np.unique(squares, axis=0, return_inverse=True)
    return np.asarray(block, dtype=np.int64).reshape(-1)


def distances(
    lon: NDArray[np.float64], lat: NDArray[np.float64], places: NDArray[np.intp], others: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return for each of some places how far the nearest of others is, in degrees of longitude and latitude.

    A degree of longitude counts as one of latitude, as in the blocks; longitudes meet at the antimeridian.
    """
    table = np.column_stack([np.asarray(lon) % 360, lat])
    nearest, _ = cKDTree(table[others], boxsize=(360, 0)).query(table[places])
    return np.asarray(nearest)


def plan_folds(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    class_id: NDArray[np.integer],
    *,
    repeats: int = 10,
    n_folds: int = 5,
    seed: int = 0,
) -> Plan:
    """Deal blocks to folds at random, and drop training places near test places.

    The buffer is half a degree. Where that leaves a fold less than a tenth of its training places, or one class, the
    set is too small for it and gets the largest of `BUFFERS` that does not.

    Raises:
        LabelsError: The places lie in fewer blocks than there are folds.
    """
    block = degree_blocks(lon, lat)
    dealt = grouped_splits(block, repeats=repeats, n_folds=n_folds, seed=seed)
    far = [[distances(lon, lat, train, test) for train, test in splits] for splits in dealt]
    for buffer in BUFFERS:
        kept = [
            [(train[distance >= buffer], test) for (train, test), distance in zip(splits, nearest, strict=True)]
            for splits, nearest in zip(dealt, far, strict=True)
        ]
        if buffer == 0 or _enough(kept, dealt, class_id):
            break
    shares = [_share(a, b) for a, b in zip(kept, dealt, strict=True)]
    return Plan(
        block=block,
        repeats=tuple(tuple(splits) for splits in kept),
        buffer=buffer,
        kept=float(np.mean(shares)),
    )


def _share(kept: Sequence[Split], dealt: Sequence[Split]) -> list[float]:
    return [len(train) / len(whole) for (train, _), (whole, _) in zip(kept, dealt, strict=True)]


def _enough(kept: Sequence[Sequence[Split]], dealt: Sequence[Sequence[Split]], class_id: NDArray[np.integer]) -> bool:
    """Tell whether every fold has enough to train on."""
    return all(
        min(_share(few, all_)) >= LEAST_KEPT and all(len(np.unique(class_id[train])) >= 2 for train, _ in few)
        for few, all_ in zip(kept, dealt, strict=True)
    )
