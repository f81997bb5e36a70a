"""The inner loops over stretches of years; `stretches` says what they compute."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled

NEVER: Final = -1e30
"""Logarithm of a probability of 0."""


@compiled
def add_logs(one: float, other: float) -> float:
    """Return the logarithm of the sum of two numbers given by their logarithms."""
    if one < other:
        one, other = other, one
    if other <= NEVER / 2:
        return one
    return float(one + np.log1p(np.exp(other - one)))


@compiled
def fill_stretches(
    turned: NDArray[np.float64],
    there: NDArray[np.bool_],
    base: NDArray[np.float64],
    factor: NDArray[np.float64],
    power: float,
    log_stay: NDArray[np.float64],
    log_leave: NDArray[np.float64],
    member: int,
    at: int,
    out: NDArray[np.float64],
) -> None:
    """Fill the log probability of each class and stretch a..b, (k, years, years), of one sample.

    `power (m log|T| - sum log(1 + m b) / 2 - sum z^2 / 2 + sum s^2 b / (2 (1 + m b)))` with s the sum of the m usable
    years, and the chance to stay so long and then to leave. A stretch with the label's year has the label's class.
    """
    k, years, channels = turned.shape
    total = np.empty(channels)
    for c in range(k):
        for a in range(years):
            total[:] = 0.0
            square, m = 0.0, 0
            for b in range(a, years):
                if there[b]:
                    m += 1
                    for d in range(channels):
                        z = turned[c, b, d]
                        total[d] += z
                        square += z * z
                if a <= at <= b and c != member:
                    out[c, a, b] = NEVER
                    continue
                value = base[c, m] - 0.5 * square
                for d in range(channels):
                    value += total[d] * total[d] * factor[c, m, d]
                out[c, a, b] = power * value + (b - a) * log_stay[c] + (log_leave[c] if b < years - 1 else 0.0)


@compiled
def posteriors(
    turned: NDArray[np.float64],
    there: NDArray[np.bool_],
    base: NDArray[np.float64],
    factor: NDArray[np.float64],
    power: float,
    log_stay: NDArray[np.float64],
    log_leave: NDArray[np.float64],
    log_to: NDArray[np.float64],
    member: NDArray[np.int64],
    at: NDArray[np.int64],
    state: NDArray[np.float64],
    own: NDArray[np.float64],
    starts: NDArray[np.float64],
    odds: NDArray[np.float64],
    moves: NDArray[np.float64],
) -> None:
    """Fill what all ways to cut each series say (forward and backward over stretches).

    `state` (n, years, k): class of each year; `own` (n, years): the year is of the label's stretch; `starts`
    (n, years): a stretch begins; `odds` (n,): log odds of one stretch for all; `moves` (k, k) is added to.
    """
    n, k, years, _ = turned.shape
    like = np.empty((k, years, years))
    enter, ended = np.empty((years, k)), np.empty((years, k))
    begun, left = np.empty((years, k)), np.empty((years, k))
    for i in range(n):
        fill_stretches(turned[i], there[i], base, factor, power, log_stay, log_leave, member[i], at[i], like)
        enter[0, :] = -np.log(k)
        for b in range(years):
            for c in range(k):
                value = NEVER
                for a in range(b + 1):
                    value = add_logs(value, enter[a, c] + like[c, a, b])
                ended[b, c] = value
            if b < years - 1:
                for c in range(k):
                    value = NEVER
                    for before in range(k):
                        value = add_logs(value, ended[b, before] + log_to[before, c])
                    enter[b + 1, c] = value
        whole, cut = NEVER, NEVER
        for c in range(k):
            whole = add_logs(whole, enter[0, c] + like[c, 0, years - 1])
            for a in range(1, years):
                cut = add_logs(cut, enter[a, c] + like[c, a, years - 1])
        evidence = add_logs(whole, cut)
        odds[i] = whole - cut
        left[years - 1, :] = 0.0
        for a in range(years - 1, -1, -1):
            for c in range(k):
                value = NEVER
                for b in range(a, years):
                    value = add_logs(value, like[c, a, b] + left[b, c])
                begun[a, c] = value
            if a > 0:
                for before in range(k):
                    value = NEVER
                    for c in range(k):
                        value = add_logs(value, log_to[before, c] + begun[a, c])
                        moves[before, c] += np.exp(ended[a - 1, before] + log_to[before, c] + begun[a, c] - evidence)
                    left[a - 1, before] = value
        for c in range(k):
            for a in range(years):
                for b in range(a, years):
                    chance = np.exp(enter[a, c] + like[c, a, b] + left[b, c] - evidence)
                    if chance > 1e-9:
                        starts[i, a] += chance
                        for year in range(a, b + 1):
                            state[i, year, c] += chance
                            if a <= at[i] <= b:
                                own[i, year] += chance
