"""Stable samples, selected so that few of them are not: made-up changes tell how stable changed land can look.

A made-up change joins the years of two samples of different classes, each where it is as its label says: noise, weather
and gaps are real, and what changed is known. A sample's p-value is the share of made-up changes that look at least as
stable as it does. Those of all samples are cut where the false ones are expected to be no more than the stated share
(Benjamini & Hochberg 1995, JRSS B 57; as a selection by conformal p-values: Jin & Candes 2023, JMLR 24).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.product import CHANNELS, FSQ, STEPS

MADE_UP: Final = 2_000
"""Changes that are made up."""

LEAST_SAMPLES: Final = 50
"""Samples below which none is taken for stable: a model of few samples fits each of them better than any change."""

UNDONE: Final = 0.5
"""Share of episodes that end after each year: the shortest ones, which are hardest to see, are half of them."""

EPISODES: Final = 0.5
"""Share of made-up changes that are undone again; the others last to the end, or began before the first year."""

LEAST_OWN: Final = 0.5
"""Probability of being as its label says from which a year of a sample stands for its class."""

_TRIES: Final = 30


@dataclass(frozen=True, kw_only=True)
class MadeUp:
    """Changes that were made up; m of them."""

    host: NDArray[np.int64]
    """Sample that the label is of, (m,)."""

    guest: NDArray[np.int64]
    """Sample that it changes to, (m,)."""

    foreign: NDArray[np.bool_]
    """Years that are the guest's, (m, years)."""

    turning: NDArray[np.bool_]
    """Channels of the year after a turn that still are as the year before was, (m, years, 72)."""

    there: NDArray[np.bool_]
    """Years that may be used, (m, years): those in which each is as its label says."""

    def join(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return levels of samples (n, years, 72) as the made-up series have them (m, years, 72)."""
        guests = self.foreign[..., None] ^ self.turning
        return np.where(guests, values[self.guest], values[self.host])


def make_up(
    member: NDArray[np.int64],
    at: NDArray[np.int64],
    own: NDArray[np.float64],
    there: NDArray[np.bool_],
    to: NDArray[np.float64],
    *,
    seed: int,
    n: int = MADE_UP,
) -> MadeUp:
    """Make changes up.

    The class after a change is drawn half from what follows what in the series themselves, half from all classes alike.
    A change comes within a year: up to a step of its first half that is drawn, its levels still are as before. Later
    ones leave most of the year as it was: they are changes of the next.

    Args:
        member: Class of each label, as a position (samples,).
        at: Position of each label's year (samples,).
        own: Probability that a year is as the label says (samples, years).
        there: Usable years (samples, years).
        to: Class after a change (from, to).
        seed: Decides what is drawn.
        n: How many.
    """
    generator = np.random.default_rng([seed, 6])
    years, k = own.shape[1], len(to)
    present = np.bincount(member, minlength=k) > 0
    sound = there & (own > LEAST_OWN)
    of_class = [np.flatnonzero(member == c) for c in range(k)]
    chance = _after(to, present)
    host, guest, foreign = np.empty(n, np.int64), np.empty(n, np.int64), np.zeros((n, years), np.bool_)
    for number in range(n):
        for _ in range(_TRIES):
            one = int(generator.integers(len(member)))
            first, stop = _interval(generator, years, int(at[one]))
            other = int(generator.choice(of_class[generator.choice(k, p=chance[member[one]])]))
            if sound[other, first:stop].any() and first < stop:
                break
        host[number], guest[number] = one, other
        foreign[number, first:stop] = True
    usable = np.where(foreign, sound[guest], sound[host])
    kept = (usable & foreign).any(axis=1)
    return MadeUp(
        host=host[kept],
        guest=guest[kept],
        foreign=foreign[kept],
        turning=_turning(generator, foreign[kept]),
        there=usable[kept],
    )


def p_values(odds: NDArray[np.float64], made_up: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each sample the share of made-up changes that look at least as stable, itself counted with them.

    Args:
        odds: Log odds that nothing changed, of samples (n,).
        made_up: The same of made-up changes (m,).
    """
    above = len(made_up) - np.searchsorted(np.sort(made_up), odds, side="left")
    return np.asarray((1 + above) / (1 + len(made_up)))


def select(p: NDArray[np.float64], error_rate: float) -> NDArray[np.bool_]:
    """Return which samples are taken for stable: as many as keep the expected share of changed ones (n,).

    Of fewer than `LEAST_SAMPLES` none is.

    Args:
        p: As `p_values` gives them.
        error_rate: Share of the selected that may have changed.
    """
    n = len(p)
    if n < LEAST_SAMPLES:
        return np.zeros(n, np.bool_)
    ordered = np.sort(p)
    fits = np.flatnonzero(ordered <= error_rate * np.arange(1, n + 1) / n)
    return p <= ordered[fits[-1]] if len(fits) else np.zeros(n, np.bool_)


def _after(to: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the chance of each other class after a made-up change (from, to)."""
    k = len(to)
    other = (1 - np.eye(k)) * present
    found = to * other
    total = found.sum(axis=1, keepdims=True)
    even = other / np.maximum(other.sum(axis=1, keepdims=True), 1)
    return np.asarray(np.where(total > 0, 0.5 * found / np.maximum(total, 1e-12) + 0.5 * even, even))


def _interval(generator: np.random.Generator, years: int, at: int) -> tuple[int, int]:
    """Return the first foreign year and the first after the last, without the label's year."""
    if generator.random() < EPISODES:
        first = int(generator.integers(years))
        stop = min(first + int(generator.geometric(UNDONE)), years)
        if at < first or at >= stop:
            return first, stop
        return (first, at) if first < at else (at + 1, stop)
    turn = int(generator.integers(1, years)) if years > 1 else 0
    return (turn, years) if at < turn else (0, turn)


def _turning(generator: np.random.Generator, foreign: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the channels (m, years, 72) of years with a turn that lie before it.

    The year after an episode is whole again, for half of an episode of one year would be no episode.
    """
    turns = np.zeros(foreign.shape, np.bool_)
    turns[:, 1:] = foreign[:, 1:] != foreign[:, :-1]
    undone = turns & ~foreign & ~foreign[:, :1]
    turns &= ~undone
    steps = generator.integers(0, STEPS // 2 + 1, foreign.shape)
    before = np.arange(CHANNELS) // FSQ.dimensions < steps[..., None]
    return np.asarray(before & turns[..., None])
