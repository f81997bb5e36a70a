"""Which steps and levels of a year deviate from what is normal: Gibbs sampling of a spike and slab.

A year has S steps of D levels, x = (x_11, .., x_SD). In a normal year x is Gaussian with a known mean and covariance.
Of a year that is not normal as a whole we ask where. Each level has an indicator z: 0 where it is normal given the
other normal levels, 1 where it is free, that is, as likely to be any of its L levels:

    p(x | z) = N(x_A; mean_A, covariance_AA) * product over free levels of 1 / L,  A = levels with z = 0.

A step is at work with probability `STEP_PRIOR`, and each level of such a step is free with `LEVEL_PRIOR`; so levels of
a step come and go together. A block of the sampler is a step: given all other indicators, the six levels of a step
have 2^6 = 64 settings, whose probabilities follow from the conditional Gaussian

    x_s | x_A ~ N(mean_s + C_sA C_AA^-1 (x_A - mean_A), C_ss - C_sA C_AA^-1 C_As),

and one of them is drawn. What is returned are means of these conditional probabilities over the sweeps (Rao-Blackwell),
which vary less than shares of draws. Two chains start at the ends: no level is free, and all are, for the year is
unusual as a whole; how far they differ in the end is returned too.

Sources: indicators of spike and slab by Gibbs sampling, George & McCulloch (1993, Journal of the American Statistical
Association 88, 881); blocks and means of conditional probabilities, Liu, Wong & Kong (1994, Biometrika 81, 27).
"""

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEP_PRIOR: Final = 0.1
"""Probability, before the year is seen, that a step holds a level that deviates."""

LEVEL_PRIOR: Final = 0.5
"""Probability that a level of such a step deviates."""

SWEEPS: Final = 80
"""Sweeps over all steps that count, of each of the two chains."""

BURN: Final = 20
"""Sweeps before them, which do not."""

LIKELY: Final = 0.5
"""Probability from which on a step or level counts as deviating."""

_CHUNK: Final = 64
_LOG_TURN: Final = float(np.log(2 * np.pi))


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Where years deviate, n of them."""

    level: NDArray[np.float64]
    """Probability that each level deviates, (n, S, D)."""

    step: NDArray[np.float64]
    """Probability that at least one level of each step deviates, (n, S)."""

    expected: NDArray[np.float64]
    """The year with levels that deviate (`deviating`) as they are expected given the others, (n, S, D)."""

    apart: NDArray[np.float64]
    """Largest difference of the two chains in the probability of a step, (n,): near 0 where the sampler converged."""


def find_deviation(
    levels: NDArray[np.floating],
    mean: NDArray[np.floating],
    covariance: NDArray[np.floating],
    sizes: NDArray[np.integer],
    *,
    sweeps: int = SWEEPS,
    burn: int = BURN,
    seed: int = 0,
) -> Deviation:
    """Find which steps and levels of years deviate from what is normal.

    Args:
        levels: Level indices (n, S, D).
        mean: What is expected of each normal year, in level indices (n, S, D).
        covariance: Of normal years around it (n, S * D, S * D), positive definite; or (S * D, S * D) for all. The
            rounding to levels must be in it: 1/12 on the diagonal at least.
        sizes: L of each of the D dimensions.
        sweeps: Sweeps that count, of each chain.
        burn: Sweeps before them.
        seed: Decides the draws.
    """
    n, steps, _ = levels.shape
    every = np.broadcast_to(covariance, (n, *covariance.shape[-2:]))
    apart = np.asarray(levels, np.float64) - mean
    level, step = np.zeros(levels.shape), np.zeros((n, steps))
    differ, expected = np.zeros(n), np.asarray(levels, np.float64).copy()
    for number, first in enumerate(range(0, n, _CHUNK)):
        rows = slice(first, first + _CHUNK)
        both = np.tile(apart[rows], (2, 1, 1)), np.tile(every[rows], (2, 1, 1))
        sampler = _Sampler(*both, np.asarray(sizes), np.random.default_rng([seed, number]))
        by_level, by_step = (part.reshape(2, -1, *part.shape[1:]) for part in sampler.run(sweeps, burn))
        level[rows], step[rows] = by_level.mean(axis=0), by_step.mean(axis=0)
        differ[rows] = np.abs(by_step[0] - by_step[1]).max(axis=1)
        gap = conditional_gap(apart[rows], every[rows], deviating(level[rows], step[rows]))
        expected[rows] -= gap
    return Deviation(level=level, step=step, expected=expected, apart=differ)


def deviating(level: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which levels deviate: those that more probably do than not, and the likeliest one of each step that does.

    Args:
        level: Probabilities of levels (n, S, D).
        step: Probabilities of steps (n, S).
    """
    likeliest = level == level.max(axis=2, keepdims=True)
    return np.asarray((level > LIKELY) | (likeliest & (step > LIKELY)[..., None]))


def conditional_gap(
    apart: NDArray[np.float64], covariance: NDArray[np.float64], free: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return how far free levels lie from their expectation given the others; 0 for levels that are not free.

    Args:
        apart: Levels less their mean (n, S, D).
        covariance: Shape (n, S * D, S * D).
        free: Shape (n, S, D).
    """
    n = len(apart)
    off = free.reshape(n, -1)
    values = np.where(off, 0.0, apart.reshape(n, -1))
    weights = np.linalg.solve(_without(covariance, ~off), values[..., None])
    expected = (covariance @ np.where(off[..., None], 0.0, weights))[..., 0]
    return np.asarray(np.where(off, apart.reshape(n, -1) - expected, 0.0).reshape(apart.shape))


class _Sampler:
    """Chains of n years at once; what a step's settings are worth is computed again only where others changed."""

    def __init__(
        self,
        apart: NDArray[np.float64],
        covariance: NDArray[np.float64],
        sizes: NDArray[np.integer],
        generator: np.random.Generator,
    ) -> None:
        self._n, self._steps, self._dims = apart.shape
        self._apart, self._covariance, self._generator = apart, covariance, generator
        self._settings = np.array(list(product((False, True), repeat=self._dims)))  # True is free
        free = self._settings.sum(axis=1)
        at_work = STEP_PRIOR * LEVEL_PRIOR**free * (1 - LEVEL_PRIOR) ** (self._dims - free)
        self._prior = np.log(at_work + np.where(free == 0, 1 - STEP_PRIOR, 0.0)) - self._settings @ np.log(sizes)
        self._worth = np.zeros((self._steps, self._n, len(self._settings)))
        self._known = np.zeros((self._steps, self._n, self._steps * self._dims), np.bool_)
        self._fresh = np.zeros((self._steps, self._n), np.bool_)

    def run(self, sweeps: int, burn: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return probabilities of levels (n, S, D) and of steps (n, S); the second half starts with all levels free."""
        state = np.zeros(self._apart.shape, np.bool_)
        state[self._n // 2 :] = True
        level, step = np.zeros(self._apart.shape), np.zeros((self._n, self._steps))
        for sweep in range(burn + sweeps):
            for s in range(self._steps):
                chance = self._chances(state, s)
                drawn = (chance.cumsum(axis=1) < self._generator.random((self._n, 1))).sum(axis=1)
                state[:, s] = self._settings[np.minimum(drawn, len(self._settings) - 1)]
                if sweep >= burn:
                    level[:, s] += chance @ self._settings
                    step[:, s] += 1 - chance[:, 0]
        return level / sweeps, step / sweeps

    def _chances(self, state: NDArray[np.bool_], s: int) -> NDArray[np.float64]:
        """Return the probability of each setting of a step, given the other steps (n, 2^D)."""
        normal = ~state
        normal[:, s] = False
        conditions = normal.reshape(self._n, -1)
        rows = np.flatnonzero(~self._fresh[s] | (self._known[s] != conditions).any(axis=1))
        if len(rows):
            self._known[s, rows], self._fresh[s, rows] = conditions[rows], True
            self._worth[s, rows] = self._price(rows, s, conditions[rows])
        worth: NDArray[np.float64] = self._worth[s]
        return worth

    def _price(self, rows: NDArray[np.intp], s: int, normal: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Compute probabilities of the settings of a step for some years, given which levels are normal."""
        own = slice(s * self._dims, (s + 1) * self._dims)
        covariance = self._covariance[rows]
        cross = np.where(normal[:, None], covariance[:, own], 0.0)
        values = np.where(normal, self._apart[rows].reshape(len(rows), -1), 0.0)
        given = np.concatenate([np.swapaxes(cross, 1, 2), values[..., None]], axis=2)
        solved = cross @ np.linalg.solve(_without(covariance, normal), given)
        rest = self._apart[rows, s] - solved[..., -1]
        log = self._prior + _log_density(rest, covariance[:, own, own] - solved[..., :-1], ~self._settings)
        chance = np.exp(log - log.max(axis=1, keepdims=True))
        return np.asarray(chance / chance.sum(axis=1, keepdims=True))


def _without(covariance: NDArray[np.float64], kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return covariances (n, K, K) with the rows and columns that are not kept those of a unit matrix."""
    inside = kept[:, :, None] & kept[:, None, :]
    return np.where(inside, covariance, np.eye(covariance.shape[-1]))


def _log_density(
    rest: NDArray[np.float64], covariance: NDArray[np.float64], parts: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the logarithm of the Gaussian density of several parts of vectors (n, p), by Cholesky's decomposition.

    Args:
        rest: Vectors less their mean (n, D).
        covariance: Shape (n, D, D).
        parts: Which of the D belong to each part (p, D).
    """
    size = rest.shape[1]
    inside = parts[:, :, None] & parts[:, None, :]
    matrix = np.where(inside, covariance[:, None], np.eye(size))
    values = np.where(parts, rest[:, None], 0.0)
    lower = np.zeros_like(matrix)
    solved = np.zeros_like(values)
    log = np.zeros(values.shape[:2]) - 0.5 * _LOG_TURN * parts.sum(axis=1)
    for j in range(size):  # a few columns of very many matrices: faster than one call for each of them
        before = lower[..., j, :j]
        diagonal = np.sqrt(np.maximum(matrix[..., j, j] - (before**2).sum(axis=-1), 1e-9))
        lower[..., j, j] = diagonal
        for i in range(j + 1, size):
            lower[..., i, j] = (matrix[..., i, j] - (lower[..., i, :j] * before).sum(axis=-1)) / diagonal
        solved[..., j] = (values[..., j] - (before * solved[..., :j]).sum(axis=-1)) / diagonal
        log -= np.log(diagonal) + 0.5 * solved[..., j] ** 2
    return np.asarray(log)
