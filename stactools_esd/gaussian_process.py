"""A robust Gaussian process of reflectance in time: one covariance for all bands and pixels, fixed beforehand.

Reflectance is standardised, z = (x - `MEAN`) / `NOISE_SCALE`, and z is a constant of variance `OFFSET_VARIANCE` plus a
process with the covariance of `covariance`, observed with variance `NOISE_VARIANCE`. Rasmussen and Williams, Gaussian
Processes for Machine Learning (2006), sections 2.2 (prediction), 4.2 (covariances) and 5.4.2 (leave-one-out).

Two passes of reweighting make it robust: an observation whose leave-one-out residual exceeds two noise deviations gets
more noise. What can be shared is shared: the bands of a pixel, and pixels with the same clear dates, have one inverse
matrix before any reweighting; afterwards only the reweighted observations differ, and Woodbury's identity corrects the
shared inverse for those few (Hager, SIAM Review 31, 1989) instead of inverting again.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.cases import Cases
from stactools_esd.covariance import OFFSET_VARIANCE, SEASONAL_DECAY, covariance
from stactools_esd.process_loops import fit_cases, predict_cases, spread_cases
from stactools_esd.product import DAYS

_PRIOR: Final = 3.0
_TABLE_STEP: Final = 4096


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What the process learned of each case."""

    seasonal_decay: float
    """Of the covariance, in days."""

    alpha: NDArray[np.float64]
    """Inverse covariance times standardised reflectance (m, 6, c)."""

    weights: NDArray[np.float64]
    """Factor of the noise variance of each observation, 1 or more (m, c)."""

    error: NDArray[np.float64]
    """Leave-one-out residual of each observation, root mean square over its bands, in units (m, c)."""

    def take(self, rows: NDArray[np.intp]) -> "Fit":
        """Return the fits of some of the cases."""
        return Fit(
            seasonal_decay=self.seasonal_decay,
            alpha=self.alpha[rows],
            weights=self.weights[rows],
            error=self.error[rows],
        )


@lru_cache(maxsize=8)
def _table(reach: int, seasonal_decay: float) -> NDArray[np.float64]:
    table = covariance(np.arange(-reach, reach + 1), seasonal_decay)
    table.flags.writeable = False
    return table


def _mirrored(cases: Cases, seasonal_decay: float) -> NDArray[np.float64]:
    """Covariance by lag, from the most negative to the most positive that is asked of, and some more."""
    earliest, latest = min(int(cases.days.min(initial=0)), 0), max(int(cases.days.max(initial=0)), DAYS - 1)
    return _table(-(-(latest - earliest) // _TABLE_STEP) * _TABLE_STEP, seasonal_decay)


def fit(cases: Cases, seasonal_decay: float = SEASONAL_DECAY) -> Fit:
    """Fit the process to cases, robustly.

    Args:
        cases: Observations; cases with the same days cost less.
        seasonal_decay: Days over which the seasonal shape is forgotten.

    Returns:
        What is needed to predict; rows of cases without observations are 0.
    """
    alpha: NDArray[np.float64] = np.zeros(cases.values.shape)
    weights, error = np.ones(cases.days.shape), np.zeros(cases.days.shape)
    # Cases with the same days stand side by side, so that each inverse is made once.
    days = np.ascontiguousarray(cases.days)
    patterns = days.view(np.dtype((np.void, days.dtype.itemsize * days.shape[1]))).ravel()
    order = np.argsort(patterns, kind="stable")
    mirrored = _mirrored(cases, seasonal_decay)
    fit_cases(days, cases.count, cases.values, cases.bands, order, mirrored, alpha, weights, error)
    return Fit(seasonal_decay=seasonal_decay, alpha=alpha, weights=weights, error=error)


def predict(cases: Cases, found: Fit, out: NDArray[np.float32]) -> None:
    """Write the expected reflectance of the bands of each case, every day of the window.

    Args:
        cases: What was fitted.
        found: What came of it.
        out: Reflectance (n, 365, 6), written where a case holds a pixel's band.
    """
    mirrored = _mirrored(cases, found.seasonal_decay).astype(np.float32)
    predict_cases(cases.days, cases.count, found.alpha, cases.bands, cases.pixel, mirrored, out)


def misfit(cases: Cases, found: Fit) -> NDArray[np.float64]:
    """Tell by what factor the errors of each case exceed what the covariance expects (m,).

    The covariance is one for all places: forests vary less, fields more. The leave-one-out residuals of a case, each
    in its own expected deviation, say by how much; three residuals of 1 are added, so that few observations say little.
    """
    held = np.maximum(cases.bands.sum(axis=1), 1)
    # alpha = residual / variance, so that alpha times residual is the squared standardised residual.
    squares = np.sqrt((found.alpha**2).sum(axis=1) / held[:, None]) * found.error
    factor: NDArray[np.float64] = np.sqrt((squares.sum(axis=1) + _PRIOR) / (cases.count + _PRIOR))
    return factor


def spread(cases: Cases, found: Fit) -> NDArray[np.float64]:
    """Standard deviation of the error of the expected reflectance, without the noise of an observation.

    Returns:
        Units of `NOISE_SCALE`, every day of the window (m, 365).
    """
    out = np.empty((len(cases.pixel), DAYS))
    mirrored = _mirrored(cases, found.seasonal_decay) + OFFSET_VARIANCE
    spread_cases(cases.days, cases.count, found.weights, mirrored, out)
    return out * misfit(cases, found)[:, None]
