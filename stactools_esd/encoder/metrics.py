"""How close a rebuilt pixel-year is to what went in: errors and the four correlations.

"CC" alone means nothing: what is published beside other encoders is not defined, so all four are always given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder.bootstrap import PixelBootstrap, interval

ERRORS: Final = ("mae", "rmse")
"""Names of the errors."""

CORRELATIONS: Final = ("cc_a", "cc_b", "cc_c", "cc_d")
"""Names of the four correlations."""

_ROWS: Final = 1_024
_CONSTANT: Final = 1e-9

# Columns of sums: known days, x, y, x², y², xy, |y - x|, (y - x)².
_COUNT, _X, _Y, _XX, _YY, _XY, _ABSOLUTE, _SQUARE = range(8)

Sums = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Score:
    """What `reconstruction` says of a method, over a set and over each draw of its pixels."""

    draws: dict[str, NDArray[np.float64]]
    """By name of error or correlation: the value in the set, then in each draw, (1 + resamples,)."""

    @classmethod
    def of(cls, truth: NDArray[np.floating], rebuilt: NDArray[np.floating], bootstrap: PixelBootstrap) -> "Score":
        """Compare series (n, 365, bands); what is NaN in the truth does not count, nor do bands that always are."""
        return cls(draws=_figures(_sums_by_year(truth, rebuilt), bootstrap.sums))

    @property
    def mae(self) -> float:
        """Mean absolute error in the set."""
        return round(float(self.draws["mae"][0]), 6)

    def as_dict(self) -> dict[str, Any]:
        """Return each figure in the set by name, and under `intervals` the ends of the interval of each."""
        figures: dict[str, Any] = {name: round(float(draws[0]), 6) for name, draws in self.draws.items()}
        return figures | {"intervals": {name: interval(draws) for name, draws in self.draws.items()}}

    def ratio(self, other: "Score") -> dict[str, Any]:
        """Divide by the MAE of another method on the same draws: `value` and its paired `interval`."""
        draws = self.draws["mae"] / other.draws["mae"]
        return {"value": round(float(draws[0]), 6), "interval": interval(draws)}


def reconstruction(truth: NDArray[np.floating], rebuilt: NDArray[np.floating]) -> dict[str, float]:
    """Compare daily pixel-years; days or bands that are NaN in the truth do not count.

    Args:
        truth: Shape (n, 365, bands).
        rebuilt: Same shape, without NaN where the truth has none.

    Returns:
        `mae` and `rmse` in reflectance, the mean over bands of what each band has over all pixels and days, and
        `cc_a`: per band over all pixels and days, mean of bands;
        `cc_b`: per pixel and band over time, mean of all that vary;
        `cc_c`: per pixel over bands and days after removing the mean of the pixel, mean of pixels;
        `cc_d`: over everything at once.
    """
    figures = _figures(_sums_by_year(truth, rebuilt), lambda values: values.sum(axis=0)[None])
    return {name: float(values[0]) for name, values in figures.items()}


def _sums_by_year(truth: NDArray[np.floating], rebuilt: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sum over the known days of each pixel-year and band all that errors and correlations need: (n, bands, 8)."""
    sums = np.zeros((len(truth), truth.shape[2], 8))
    for first in range(0, len(truth), _ROWS):
        rows = slice(first, first + _ROWS)
        known = ~np.isnan(truth[rows])
        x = np.where(known, truth[rows], 0).astype(np.float64)
        y = np.where(known, rebuilt[rows], 0).astype(np.float64)
        columns = (known, x, y, x * x, y * y, x * y, np.abs(y - x), (y - x) ** 2)
        sums[rows] = np.stack([column.sum(axis=1) for column in columns], axis=2)
    return sums


def _figures(years: NDArray[np.float64], sums: Sums) -> dict[str, NDArray[np.float64]]:
    """Turn sums of pixel-years (n, bands, 8) into figures (draws,); `sums` adds (n, ...) up to (draws, ...)."""
    years = years[:, years[:, :, _COUNT].any(axis=0)]
    total = sums(years)

    def mean_over_years(correlations: NDArray[np.float64]) -> NDArray[np.float64]:
        varies = ~np.isnan(correlations)
        pair = sums(np.stack([np.where(varies, correlations, 0).sum(axis=1), varies.sum(axis=1)], axis=1))
        return pair[:, 0] / pair[:, 1]

    with np.errstate(invalid="ignore", divide="ignore"):
        bands = _correlations(total)
        return {
            "mae": (total[..., _ABSOLUTE] / total[..., _COUNT]).mean(axis=1),
            "rmse": np.sqrt(total[..., _SQUARE] / total[..., _COUNT]).mean(axis=1),
            "cc_a": np.nansum(bands, axis=1) / (~np.isnan(bands)).sum(axis=1),
            "cc_b": mean_over_years(_correlations(years)),
            "cc_c": mean_over_years(_correlations(years.sum(axis=1))[:, None]),
            "cc_d": _correlations(total.sum(axis=1)),
        }


def _correlations(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson correlations from sums (..., 8); NaN for series that do not vary."""
    count = np.maximum(sums[..., _COUNT], 1)
    variance_x = sums[..., _XX] - sums[..., _X] ** 2 / count
    variance_y = sums[..., _YY] - sums[..., _Y] ** 2 / count
    covariance = sums[..., _XY] - sums[..., _X] * sums[..., _Y] / count
    varies = (variance_x > _CONSTANT) & (variance_y > _CONSTANT)
    scale = np.sqrt(np.where(varies, variance_x * variance_y, 1))
    correlations: NDArray[np.float64] = np.where(varies, covariance / scale, np.nan)
    return correlations
