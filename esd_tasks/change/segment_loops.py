"""The inner loops of the search for breaks; `segments` says what they compute.

They stand in one file because numba keeps compiled functions by the file that they are in: a change in another file
would not be noticed.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled

CAP: Final = 3.0
"""Distances count for no more than this many usual ones, so that one bad year costs the same wherever it is put."""

QUIETEST: Final = 0.5
"""A pixel is not taken to be calmer than this share of the usual distance."""

MOST_BREAKS: Final = 6
"""Breaks up to which the price of a break is looked for."""

_NEVER: Final = 1e30


@compiled
def gather(
    ratio: NDArray[np.float32], weight: NDArray[np.float32], order: NDArray[np.int64], capped: NDArray[np.float64]
) -> float:
    """Scale a pixel's ratios of distances to usual ones by its own noise, cap them, and return the noise.

    The noise is the weighted median of the ratios of neighbouring usable years: breaks do not move it as long as fewer
    than half of the neighbours are parted by one. `order` holds the usable years, in time or in any other order (m,).
    """
    m = order.shape[0]
    steps, weights, total = np.empty(max(m - 1, 1)), np.empty(max(m - 1, 1)), 0.0
    for k in range(m - 1):
        steps[k] = ratio[order[k], order[k + 1]]
        weights[k] = min(weight[order[k]], weight[order[k + 1]])
        total += weights[k]
    noise = 1.0
    if m > 2:
        rank, below = np.argsort(steps[: m - 1]), 0.0
        for k in rank:
            below += weights[k]
            noise = steps[k]
            if below >= total / 2:
                break
    noise = max(noise, QUIETEST)
    for a in range(m):
        for b in range(m):
            capped[a, b] = min(ratio[order[a], order[b]] / noise, CAP)
    return noise


@compiled
def fill_costs(capped: NDArray[np.float64], weight: NDArray[np.float64], m: int, cost: NDArray[np.float64]) -> None:
    """Fill the cost of every stretch of years a..b: each year's mean distance to the others of the stretch, summed.

    `sum_i w_i sum_{k != i} w_k r_ik / sum_{k != i} w_k`. A year is judged by the others, so that cutting a calm series
    gains nothing on average; neither does a single bad year, whatever stretch it is put into.
    """
    near = np.empty(m)
    for a in range(m):
        cost[a, a] = weight[a]  # alone, a year is judged by nobody and costs what is usual
        near[a], total = 0.0, weight[a]
        for b in range(a + 1, m):
            near[b] = 0.0
            for k in range(a, b):
                near[b] += weight[k] * capped[b, k]
                near[k] += weight[b] * capped[k, b]
            total += weight[b]
            value = 0.0
            for i in range(a, b + 1):
                value += weight[i] * near[i] / (total - weight[i])
            cost[a, b] = value


@compiled
def allowed(prefix: NDArray[np.float64], a: int, b: int, m: int, least: int, least_last: int) -> bool:
    """Tell whether the stretch a..b may be a state: long enough, and seen well enough (half of full weight)."""
    needed = least_last if b == m - 1 else least
    return b - a + 1 >= needed and prefix[b + 1] - prefix[a] >= 0.5 * needed


@compiled
def cut(
    cost: NDArray[np.float64],
    prefix: NDArray[np.float64],
    m: int,
    least: int,
    least_last: int,
    penalty: float,
    first: NDArray[np.int64],
) -> int:
    """Find the stretches of least cost plus `penalty` a break (optimal partitioning, Jackson et al. 2005).

    Fills `first` with the first year of each stretch after the first one, in order, and returns how many there are.
    """
    best, back = np.full(m + 1, _NEVER), np.full(m + 1, -1)
    best[0] = -penalty
    for end in range(1, m + 1):
        for start in range(end):
            if best[start] >= _NEVER:
                continue
            whole = start == 0 and end == m
            if whole or allowed(prefix, start, end - 1, m, least, least_last):
                value = best[start] + cost[start, end - 1] + penalty
                if value < best[end]:
                    best[end], back[end] = value, start
    n, end = 0, m
    while end > 0:
        start = back[end]
        if start > 0:
            first[n] = start
            n += 1
        end = start
    for k in range(n // 2):
        first[k], first[n - 1 - k] = first[n - 1 - k], first[k]
    return n


@compiled
def price(cost: NDArray[np.float64], prefix: NDArray[np.float64], m: int, least: int, least_last: int) -> float:
    """Return the penalty at which a pixel's first break appears: the most that breaks save, each."""
    before = np.full(m + 1, _NEVER)
    for end in range(1, m + 1):
        if allowed(prefix, 0, end - 1, m + 1, least, least_last):
            before[end] = cost[0, end - 1]
    highest = 0.0
    for breaks in range(1, MOST_BREAKS + 1):
        after = np.full(m + 1, _NEVER)
        for end in range(1, m + 1):
            for start in range(1, end):
                if before[start] < _NEVER and allowed(prefix, start, end - 1, m, least, least_last):
                    after[end] = min(after[end], before[start] + cost[start, end - 1])
        if after[m] >= _NEVER:
            break
        highest = max(highest, (cost[0, m - 1] - after[m]) / breaks)
        before = after
    return highest


@compiled
def medoid(capped: NDArray[np.float64], weight: NDArray[np.float64], a: int, b: int) -> int:
    """Return the year of a stretch a..b that is nearest to its others."""
    found, least = a, _NEVER
    for i in range(a, b + 1):
        value = 0.0
        for k in range(a, b + 1):
            value += weight[k] * capped[i, k]
        if value < least:
            found, least = i, value
    return found


@compiled
def prices(
    ratio: NDArray[np.float32],
    weight: NDArray[np.float32],
    order: NDArray[np.int64],
    least: int,
    least_last: int,
    out: NDArray[np.float64],
) -> None:
    """Fill the price of each pixel's first break; `order` holds the years as they are to be read, unusable ones too."""
    n, years = weight.shape
    capped, cost = np.empty((years, years)), np.empty((years, years))
    place, weights, prefix = np.empty(years, np.int64), np.empty(years), np.zeros(years + 1)
    for pixel in range(n):
        m = 0
        for k in range(years):
            if weight[pixel, order[pixel, k]] > 0:
                place[m] = order[pixel, k]
                weights[m] = weight[pixel, place[m]]
                prefix[m + 1] = prefix[m] + weights[m]
                m += 1
        out[pixel] = 0.0
        if m >= least + least_last:
            gather(ratio[pixel], weight[pixel], place[:m], capped)
            fill_costs(capped, weights, m, cost)
            out[pixel] = price(cost, prefix, m, least, least_last)


@compiled
def find(
    matrix: NDArray[np.float32],
    level: NDArray[np.float32],
    usual: NDArray[np.float32],
    weight: NDArray[np.float32],
    calendar: NDArray[np.int64],
    least: int,
    least_last: int,
    penalty: float,
    least_magnitude: float,
    hold: float,
    magnitude: NDArray[np.float32],
    strength: NDArray[np.float32],
    duration: NDArray[np.uint8],
    since: NDArray[np.int16],
) -> None:
    """Fill the events of each pixel at the year in which its new state begins; 0 elsewhere."""
    n, years = weight.shape
    ratio, capped = np.empty((years, years), np.float32), np.empty((years, years))
    cost, prefix = np.empty((years, years)), np.zeros(years + 1)
    place, weights = np.empty(years, np.int64), np.empty(years)
    first, centre = np.empty(years + 1, np.int64), np.empty(years + 1, np.int64)
    for pixel in range(n):
        m = 0
        for year in range(years):
            if weight[pixel, year] > 0:
                place[m], weights[m] = year, weight[pixel, year]
                prefix[m + 1] = prefix[m] + weights[m]
                m += 1
        if m < least + least_last:
            continue
        for a in range(years):
            for b in range(years):
                ratio[a, b] = matrix[pixel, a, b] / usual[a, b]
        noise = gather(ratio, weight[pixel], place[:m], capped)
        fill_costs(capped, weights, m, cost)
        breaks = cut(cost, prefix, m, least, least_last, penalty, first)
        while breaks > 0:  # breaks that are too small go first, the smallest before the others, and states are joined
            for k in range(breaks + 1):
                start = 0 if k == 0 else first[k - 1]
                end = m if k == breaks else first[k]
                centre[k] = medoid(capped, weights, start, end - 1)
            smallest, size = -1, least_magnitude
            for k in range(breaks):
                jump = level[pixel, place[centre[k]], place[centre[k + 1]]]
                if jump < size:
                    smallest, size = k, jump
            if smallest < 0:
                break
            for k in range(smallest, breaks - 1):
                first[k] = first[k + 1]
            breaks -= 1
        for k in range(breaks):
            start, end = first[k], m if k == breaks - 1 else first[k + 1]
            year, old, new = place[start], place[centre[k]], place[centre[k + 1]]
            held = end - 1
            for i in range(start, end):
                if ratio[place[i], new] / noise <= hold or place[i] == new:
                    held = i
                    break
            magnitude[pixel, year] = level[pixel, old, new]
            strength[pixel, year] = ratio[old, new] / noise
            duration[pixel, year] = min(calendar[place[held]] - calendar[year] + 1, 255)
            since[pixel, year] = calendar[place[start - 1]]
