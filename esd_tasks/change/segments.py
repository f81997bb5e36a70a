"""Every break of a series of years: where the state of a pixel changed for good.

A pixel's years are cut into stretches, states, by optimal partitioning (Jackson et al. 2005, IEEE Signal Processing
Letters 12; exact, not greedy): least cost plus a penalty for each break. What counts is

- the distance of two years (`whitening`) over the usual distance of that year pair in the population
  (`noise.usual_distances`), over the pixel's own noise, capped at three: a loss that one bad year cannot blow up
  (Fearnhead & Rigaill 2019, JASA 114);
- each year by its distance to the *other* years of its stretch, so that a calm series gains nothing by being cut, and a
  bad year is as dear in a stretch of its own as in any other;
- years of few clear observations with less weight.

The penalty is not chosen: it is the one under which a stated share of changeless pixels would show a break. Their order
of years means nothing, so shuffled years of pixels without a break say how much breaks save by chance.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.change import segment_loops as loops
from esd_tasks.change.noise import LEAST_POPULATION, usual_distances
from stactools_esd.errors import NothingFoundError

LEAST_YEARS: Final = 3
"""Years of a series, at least."""

_ROUNDS: Final = 5
_SHUFFLES: Final = 3
_HOLD: Final = 0.9
"""A state holds from the first year that is no further from it than this share of calm years are from the next."""


@dataclass(frozen=True, kw_only=True)
class SegmentRules:
    """What counts as a state."""

    least_years: int = 2
    """Usable years of a state, at least: with two, a single odd year is no break."""

    least_last: int | None = None
    """The same for the last state of a series; `least_years` if None. With 1, the last year may be a break of its own,
    which no later year confirms."""

    least_magnitude: float = 0.0
    """Breaks of a smaller level distance between their states are undone before events are chosen."""

    @property
    def last(self) -> int:
        """Usable years of the last state, at least."""
        return self.least_years if self.least_last is None else self.least_last


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a population says of change and of noise."""

    years: tuple[int, ...]
    """Calendar years, ascending."""

    usual: NDArray[np.float32]
    """Median distance between every two years (years, years)."""

    penalty: float
    """What a break must save, in usual distances."""

    hold: float
    """Distance, in usual ones of the pixel, within which a state holds."""

    false_alarms: float
    """Share of changeless series that would show a break, as stated."""

    n: int
    """Pixels of the population."""

    calm: int
    """Pixels of it without a break, from which the penalty was taken."""


@dataclass(frozen=True, kw_only=True)
class Breaks:
    """Events of pixels, each in the column of the year in which the new state begins."""

    magnitude: NDArray[np.float32]
    """Level distance 0..1 between the typical years (medoids) of the state before and after (n, years); 0: no break."""

    strength: NDArray[np.float32]
    """The whitened distance of both over the usual one of these two years and of this pixel (n, years)."""

    duration: NDArray[np.uint8]
    """Years from the break, itself counted, until the new state holds (n, years)."""

    since: NDArray[np.int16]
    """Last usable year of the state before (n, years): that before the break, or earlier where years are missing."""

    @property
    def there(self) -> NDArray[np.bool_]:
        """Where there is a break (n, years)."""
        return self.duration > 0


def calibrate(
    matrix: NDArray[np.float32],
    weight: NDArray[np.float32],
    years: tuple[int, ...],
    *,
    rules: SegmentRules,
    false_alarms: float,
    seed: int = 0,
) -> Calibration:
    """Learn from a population what is usual, and the penalty for a stated share of false alarms.

    Pixels whose series would break are taken for changed and left out, in rounds that begin with all pixels; the years
    of the others are shuffled. Shuffling keeps every distance and undoes its order, so that what breaks save in
    shuffled series, they save by chance (a permutation test).

    Args:
        matrix: Distances of pixels drawn without regard to change (n, years, years).
        weight: Weight of each of their years (n, years).
        years: Calendar years, ascending.
        rules: What counts as a state.
        false_alarms: Share of changeless series in which a break may be found.
        seed: Decides how years are shuffled.

    Raises:
        NothingFoundError: Too few years, or too few pixels that have them.
    """
    if len(years) < LEAST_YEARS:
        raise NothingFoundError(
            f"got {len(years)} years, expected {LEAST_YEARS} or more for a series; add years, or compare two with "
            "`change pair`"
        )
    usual = usual_distances(matrix, weight > 0)
    enough = (weight > 0).sum(axis=1) >= rules.least_years + rules.last
    if (n := int(np.count_nonzero(enough))) < LEAST_POPULATION:
        raise NothingFoundError(
            f"got {n} pixels with {rules.least_years + rules.last} usable years, expected {LEAST_POPULATION} or more "
            "to tell change from noise; choose other years or a lower --min-clear"
        )
    ratio, weights = (matrix[enough] / usual).astype(np.float32), weight[enough]
    actual = _prices(ratio, weights, np.arange(len(years)), rules)
    generator = np.random.default_rng(seed)
    shuffled = np.stack([
        _prices(ratio, weights, generator.permuted(np.tile(np.arange(len(years)), (n, 1)), axis=1), rules)
        for _ in range(_SHUFFLES)
    ])  # fmt: skip
    calm = np.ones(n, np.bool_)
    for _ in range(_ROUNDS):
        penalty = float(np.quantile(shuffled[:, calm], 1 - false_alarms))
        if np.count_nonzero(kept := actual <= penalty) < LEAST_POPULATION:
            break
        calm = kept
    return Calibration(
        years=years,
        usual=usual,
        penalty=penalty,
        hold=_hold(ratio[calm], weights[calm]),
        false_alarms=false_alarms,
        n=len(weight),
        calm=int(np.count_nonzero(calm)),
    )


def find_breaks(
    matrix: NDArray[np.float32],
    level: NDArray[np.float32],
    weight: NDArray[np.float32],
    calibration: Calibration,
    rules: SegmentRules,
) -> Breaks:
    """Find every break of pixels.

    Args:
        matrix: Distances as in the calibration, by which breaks are found (n, years, years).
        level: Level distances, by which they are measured (n, years, years).
        weight: Weight of each year (n, years); 0 where it is missing or must not count.
        calibration: From a population of the same years.
        rules: As in the calibration.
    """
    shape = weight.shape
    found = Breaks(
        magnitude=np.zeros(shape, np.float32),
        strength=np.zeros(shape, np.float32),
        duration=np.zeros(shape, np.uint8),
        since=np.zeros(shape, np.int16),
    )
    loops.find(
        np.ascontiguousarray(matrix, np.float32),
        np.ascontiguousarray(level, np.float32),
        calibration.usual,
        np.ascontiguousarray(weight, np.float32),
        np.array(calibration.years, np.int64),
        rules.least_years,
        rules.last,
        calibration.penalty,
        rules.least_magnitude,
        calibration.hold,
        found.magnitude,
        found.strength,
        found.duration,
        found.since,
    )
    return found


def _prices(
    ratio: NDArray[np.float32], weight: NDArray[np.float32], order: NDArray[np.int64], rules: SegmentRules
) -> NDArray[np.float64]:
    """Return what a break saves in each pixel at most, its years read in an order."""
    out = np.empty(len(weight))
    orders = np.ascontiguousarray(np.broadcast_to(order, weight.shape), np.int64)
    loops.prices(ratio, np.ascontiguousarray(weight), orders, rules.least_years, rules.last, out)
    return out


def _hold(ratio: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
    """Return how far neighbouring years of calm pixels are apart, at most, in usual distances of the pixel."""
    steps = np.stack([ratio[:, k, k + 1] for k in range(weight.shape[1] - 1)], axis=1)
    both = (weight[:, :-1] > 0) & (weight[:, 1:] > 0)
    own = np.maximum(np.nanmedian(np.where(both, steps, np.nan), axis=1, keepdims=True), loops.QUIETEST)
    return float(np.quantile((steps / own)[both], _HOLD))
