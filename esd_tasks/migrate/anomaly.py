"""How unlike normal each year of a sample is: by content, by time, and by both.

*Content* compares a year with the sample's class in that year. *Time* compares it with the sample's own other years of
the label's stretch, whatever the class looks like. *Both* compares it with what class and own years together predict.
Each is a mean square in units of the class's own variances and `FLOOR`; normal years of stable samples, each judged by
the others, turn it into the share of normal years that are at least as unlike.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.migrate.normal import NormalModel

FLOOR: Final = 0.1
"""Added to each variance of a class's years, levels over L - 1. Without it, directions in which normal years hardly
differ decide; on landscapes of tuning it raised the AUC of all three scores."""

TAIL: Final = 0.05
"""Share of the normal years, the most unlike, whose exponential tail says how rare what is beyond them is."""

MOST: Final = 99.0
"""Largest score."""

LEAST_NULL: Final = 200
"""Normal years of a class from which it is judged by its own; by those of all classes below."""


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """Mean squares in units of usual variances, (n, years) each."""

    content: NDArray[np.float64]
    """Against the class in that year."""

    time: NDArray[np.float64]
    """Against the sample's own other years; by content where it has none."""

    both: NDArray[np.float64]
    """Against what class and own other years predict."""


def unlike(
    model: NormalModel, values: NDArray[np.float64], known: NDArray[np.bool_], member: NDArray[np.int64]
) -> Unlike:
    """Compare every year with what is normal for the sample; no year is judged by itself.

    Args:
        model: Normal trajectories.
        values: `normal.scaled` levels (n, years, 72).
        known: Usable years of the label's own stretch (n, years).
        member: Class of each label, as a position (n,).
    """
    model = replace(model, within=model.within + FLOOR * np.eye(values.shape[2]))
    shape = known.shape
    found = Unlike(content=np.zeros(shape), time=np.zeros(shape), both=np.zeros(shape))
    for c in np.unique(member):
        rows = member == c
        turn, spread = model.turned_space(int(c))
        turned = model.turned(values[rows], int(c), turn)
        own = known[rows][..., None]
        total = (turned * own).sum(axis=1, keepdims=True) - turned * own
        count = own.sum(axis=1, keepdims=True) - own
        left = spread / (1 + count * spread)  # what is not known yet of the place's own part
        found.content[rows] = (turned**2 / (1 + spread)).mean(axis=2)
        found.both[rows] = ((turned - left * total) ** 2 / (1 + left)).mean(axis=2)
        several = np.maximum(count, 1)
        alone = ((turned - total / several) ** 2 / (1 + 1 / several)).mean(axis=2)
        found.time[rows] = np.where(count[..., 0] > 0, alone, found.content[rows])
    return found


def anomaly_scores(
    score: NDArray[np.float64], normal: NDArray[np.bool_], member: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return -log10 of the share of normal years that are at least as unlike, (n, years).

    Among the `TAIL` most unlike it is that of an exponential tail: changed years are beyond all normal ones, and they
    differ.

    Args:
        score: One of `Unlike` (n, years).
        normal: Years that are taken for normal (n, years).
        member: Class of each label (n,).
    """
    out = np.zeros(score.shape)
    pooled = np.sort(score[normal])
    for c in np.unique(member):
        rows = member == c
        own = np.sort(score[rows][normal[rows]])
        null = own if len(own) >= LEAST_NULL else pooled
        above = len(null) - np.searchsorted(null, score[rows], side="left")
        edge = float(np.quantile(null, 1 - TAIL))
        excess = max(float(np.mean(null[null >= edge]) - edge), 1e-9)
        within = -np.log10((1 + above) / (1 + len(null)))
        beyond = -np.log10(TAIL) + (score[rows] - edge) / excess * np.log10(np.e)
        out[rows] = np.where(score[rows] > edge, beyond, np.minimum(within, -np.log10(TAIL)))
    return np.clip(out, 0.0, MOST)
