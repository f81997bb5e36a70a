"""One class of land cover: F1 of codes and of raw reflectance on the folds of `landcover`, and what codes gain."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.encoder_tasks.bootstrap import DRAWS, Estimate, cluster_draws, estimate, numbered
from esd_tasks.encoder_tasks.landcover import LandCover

DEFORESTATION: Final = "Deforestation"
"""The class of clearings within the year: few dates show them, so they are the first that 192 bits may lose."""


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """F1 of one class in one set."""

    name: str
    """Name of the set."""

    role: str
    """Role of the set."""

    n: int
    """Places of the class."""

    raw: Estimate
    """F1 of raw reflectance and terrain."""

    codes: Estimate
    """F1 of codes, mean of seeds."""

    gain: Estimate
    """F1 of codes minus F1 of raw, on the same draws of blocks."""


def judge_class(one: LandCover, class_name: str = DEFORESTATION) -> ClassScores | None:
    """Score one class; None where the set has no such class.

    F1 is 2 hits / (called so + are so), counted over the places of all folds of a repeat, which is less biased than a
    mean over folds (Forman & Scholz 2010), then averaged over repeats and seeds. Intervals draw blocks again, the same
    draws for codes and raw; a draw without the class has no F1 and does not count.
    """
    if class_name not in one.class_names:
        return None
    wanted = one.class_names.index(class_name)
    reference = one.class_id == wanted
    whole = np.ones((1, int(one.plan.block.max()) + 1))
    drawn = np.vstack([whole, cluster_draws(whole.size, draws=DRAWS)])

    def scores(said: NDArray[np.int64]) -> NDArray[np.float64]:
        return _f1(said == wanted, reference, one.plan.block, drawn)

    raw = scores(one.raw_class)
    codes = np.asarray(np.mean([scores(seed) for seed in one.codes_class], axis=0))
    raw_f1, codes_f1, gain = (estimate(float(values[0]), values[1:]) for values in (raw, codes, codes - raw))
    return ClassScores(name=one.name, role=one.role, n=int(reference.sum()), raw=raw_f1, codes=codes_f1, gain=gain)


def _f1(
    said: NDArray[np.bool_], reference: NDArray[np.bool_], block: NDArray[np.int64], drawn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean of repeats of the F1 of each draw of blocks, (draws,); NaN where a draw lacks the class.

    Args:
        said: Places that were called so, (repeats, n).
        reference: Places that are so, (n,).
        block: Block of each place, (n,).
        drawn: How often each draw has each block, (draws, n_blocks).
    """
    member, n_blocks = numbered(block)

    def totals(counted: NDArray[np.bool_]) -> NDArray[np.float64]:
        by_block = np.stack([np.bincount(member, weights=row, minlength=n_blocks) for row in counted])
        return np.asarray(drawn @ by_block.T)

    there = totals(reference[None])
    hits, either = totals(said & reference), totals(said) + there
    shares = np.divide(2 * hits, either, out=np.full_like(hits, np.nan), where=there > 0)
    return np.asarray(shares.mean(axis=1))
