"""How unlike normal each year of a sample is: by content, by time, and by both.

*Content* compares a year with the sample's class in that year. *Time* compares it with the sample's own other years of
the label's stretch, whatever the class looks like. *Both* compares it with what class and own years together predict.
Each is a mean square in units of the class's own variances, so 1 is usual; normal years of stable samples, each judged
by the others, turn it into the share of normal years that are at least as unlike.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.migrate.normal import NormalModel

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
    """Return -log10 of the share of normal years that are at least as unlike, itself counted with them, (n, years).

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
        out[rows] = -np.log10((1 + above) / (1 + len(null)))
    return np.maximum(out, 0.0)
