"""Time and content together: how a sample's years fall into stretches, each of one class and one state of its own.

All ways to cut a series are weighed at once (product partition model, Barry & Hartigan 1992, Annals of Statistics 20,
with classes on the stretches): the probability of the levels of a stretch under the two-level model of its class, in
closed form, times the chance that land of this class stays as long. Stretches may follow each other in one class:
burnt heath is heath again, but another. The year of the label is of the label's class.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.migrate import stretch_loops as loops
from esd_tasks.migrate.normal import NormalModel
from esd_tasks.migrate.normal_fit import fit_normal
from stactools_esd.product import CHANNELS

POWER: Final = 0.5
"""Power to which probabilities of levels are raised: levels are no Gaussians, and 72 of them say less than 72 numbers
that do not hang together would. From simulated landscapes of tuning."""

SAME_CLASS: Final = 0.3
"""Share of new states that are of the class before; not learnt, for labels do not tell it."""

LEAVING: Final = 0.05
"""Chance a year that a state ends, before it is learnt."""

ROUNDS: Final = 5
"""Rounds of learning."""

_PRIOR_YEARS: Final = 20.0
_LEAST_LEAVING, _MOST_LEAVING = 1e-3, 0.3
_ROWS: Final = 256
_NUMBERS: Final = 16_000_000


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """How long states last and what follows."""

    chance: NDArray[np.float64]
    """That a state of each class ends after a year, (k,)."""

    to: NDArray[np.float64]
    """Class of the next state (from, to); rows sum to 1."""

    @classmethod
    def stated(cls, k: int) -> "Leaving":
        """Return what is assumed before anything is learnt."""
        return cls(chance=np.full(k, LEAVING), to=_with_same(np.ones((k, k))))


@dataclass(frozen=True, kw_only=True)
class Stretches:
    """What the years of samples say, all ways to cut them weighed; n samples."""

    state: NDArray[np.float64]
    """Probability of each class in each year, (n, years, k)."""

    own: NDArray[np.float64]
    """Probability that a year is of the same stretch as the label's year, (n, years)."""

    starts: NDArray[np.float64]
    """Probability that a new state begins in a year, (n, years); 1 in the first year."""

    odds: NDArray[np.float64]
    """Log odds that all years are one stretch, (n,)."""

    moves: NDArray[np.float64]
    """Expected number of changes of state (from, to)."""


def weigh_stretches(
    model: NormalModel,
    values: NDArray[np.float64],
    there: NDArray[np.bool_],
    member: NDArray[np.int64],
    at: NDArray[np.int64],
    leaving: Leaving,
    *,
    power: float = POWER,
) -> Stretches:
    """Weigh all ways to cut samples' years into stretches.

    Args:
        model: Normal trajectories.
        values: `normal.scaled` levels (n, years, 72).
        there: Usable years (n, years).
        member: Class of each label, as a position (n,).
        at: Position of each label's year (n,).
        leaving: How long states last.
        power: Power of probabilities of levels.
    """
    n, years = there.shape
    k = len(model.class_ids)
    turns, base, factor = _prepared(model, years)
    found = Stretches(
        state=np.zeros((n, years, k)),
        own=np.zeros((n, years)),
        starts=np.zeros((n, years)),
        odds=np.zeros(n),
        moves=np.zeros((k, k)),
    )
    some = max(1, min(_ROWS, _NUMBERS // (k * years * CHANNELS)))  # many classes take more room
    for first in range(0, n, some):
        rows = slice(first, min(first + some, n))
        turned = np.stack([model.turned(values[rows], c, turns[c]) for c in range(k)], axis=1)
        loops.posteriors(
            turned,
            np.ascontiguousarray(there[rows]),
            base,
            factor,
            power,
            np.log1p(-leaving.chance),
            np.log(leaving.chance),
            np.log(np.maximum(leaving.to, 1e-12)),
            member[rows].astype(np.int64),
            at[rows].astype(np.int64),
            found.state[rows],
            found.own[rows],
            found.starts[rows],
            found.odds[rows],
            found.moves,
        )
    return found


def learn_stretches(
    values: NDArray[np.float64],
    there: NDArray[np.bool_],
    member: NDArray[np.int64],
    at: NDArray[np.int64],
    *,
    years: NDArray[np.int64],
    class_ids: NDArray[np.int64],
    share: NDArray[np.float64] | None = None,
    weight: NDArray[np.float64] | None = None,
    rounds: int = ROUNDS,
) -> tuple[NormalModel, Leaving, Stretches]:
    """Learn normal trajectories from samples of which some change, in turns with how their years fall into stretches.

    Expectation and maximisation (Dempster et al. 1977). It begins with the labels: a year so far from a label's is of
    its class with the probability that nothing happened in between.

    Args:
        values: `normal.scaled` levels (n, years, 72).
        there: Usable years (n, years).
        member: Class of each label, as a position among `class_ids` (n,).
        at: Position of each label's year (n,).
        years: Calendar years.
        class_ids: Classes, ascending.
        share: Probability of each class in each year (n, years, k), to begin with, where more is known.
        weight: How much each sample counts for means and drift (n,).
        rounds: Rounds of learning.
    """
    k = len(class_ids)
    if share is None:
        share = np.zeros((*there.shape, k))
        apart = np.abs(years - years[at][:, None])
        share[np.arange(len(member)), :, member] = (1 - LEAVING) ** apart
    leaving = Leaving.stated(k)
    for _ in range(rounds):
        model = fit_normal(values, share * there[..., None], years=years, class_ids=class_ids, weight=weight)
        found = weigh_stretches(model, values, there, member, at, leaving)
        stayed = found.state[:, :-1].sum(axis=(0, 1))
        chance = (found.moves.sum(axis=1) + LEAVING * _PRIOR_YEARS) / (stayed + _PRIOR_YEARS)
        leaving = Leaving(chance=np.clip(chance, _LEAST_LEAVING, _MOST_LEAVING), to=_with_same(found.moves + 1 / k))
        share = found.state
    return model, leaving, found


def _with_same(moves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows that sum to 1, with the stated share on the diagonal."""
    k = len(moves)
    others = moves * (1 - np.eye(k))
    others /= np.maximum(others.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray((1 - SAME_CLASS) * others + SAME_CLASS * np.eye(k))


def _prepared(model: NormalModel, years: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return turns (k, 72, 72) under which `within` is 1 and `between` diagonal, b, and what depends on b and m alone.

    For m years of a stretch with turned levels z, sum s: the logarithm of their probability is `base - sum z^2 / 2 +
    sum_d s_d^2 factor_d`, with `factor = b / (2 (1 + m b))`; constants that are the same for all classes are left out.
    """
    k = len(model.class_ids)
    turns = np.empty((k, CHANNELS, CHANNELS))
    count = np.arange(years + 1)
    base, factor = np.empty((k, years + 1)), np.empty((k, years + 1, CHANNELS))
    for c in range(k):
        turns[c], spread = model.turned_space(c)
        grown = 1 + count[:, None] * spread
        base[c] = count * np.linalg.slogdet(turns[c])[1] - 0.5 * np.log(grown).sum(axis=1)
        factor[c] = 0.5 * spread / grown
    return turns, base, factor
