"""What an encoder must beat: other ways to spend twelve times 16 bits on a pixel-year, fitted on training pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder import data, real_sets
from stactools_esd.encoder.pentads import PENTADS, to_days, to_pentads
from stactools_esd.encoder.product_vq import ProductQuantiser
from stactools_esd.product import BANDS, DAYS, STEPS
from stactools_esd.simulation import simulate_pixels

BITS_A_STEP: Final = 16
"""Bits of one code as it is stored."""

BITS: Final = STEPS * BITS_A_STEP
"""Bits of a pixel-year: 192."""

FITTED_YEARS: Final = 1_500
"""Most pixel-years of one training set that baselines are fitted on."""

_SIMULATION_SEED: Final = 900_001

_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTH_EDGES = np.concatenate([[0], np.cumsum(_MONTH_DAYS)])
_MONTH_MIDDLE = (_MONTH_EDGES[:-1] + _MONTH_EDGES[1:] - 1) / 2


class Baseline(Protocol):
    """A fitted way to compress and rebuild."""

    key: str
    """Short name, in keys of figures."""

    name: str
    """Name for people."""

    def __call__(self, years: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compress and rebuild pixel-years (n, 365, 6) without gaps."""


def fit_baselines(years: NDArray[np.float32]) -> list[Baseline]:
    """Fit all baselines on pixel-years (n, 365, 6) without gaps."""
    return [MonthlyScalar(years), TransformCoder(years, "DCT"), TransformCoder(years, "PCA"), ProductVQ(years)]


def training_years(folder: Path, seed: int = 0) -> NDArray[np.float32]:
    """Return pixel-years without gaps for fitting baselines: some of every training set and simulation, (n, 365, 6).

    Raises:
        NothingFoundError: A training set is not in the folder.
    """
    rng = np.random.default_rng(seed)
    parts = [simulate_pixels(FITTED_YEARS, _SIMULATION_SEED + 2 * seed).clean]
    for name in real_sets.names("train"):
        years = data.read_years(folder, name).reflectance
        parts.append(years[rng.permutation(len(years))[:FITTED_YEARS]])
    joined = np.concatenate(parts)
    return joined[~np.isnan(joined).any(axis=(1, 2))]


def impute_bands(years: NDArray[np.float32], training: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill bands that a set never measured with a linear regression on the others, day by day.

    Args:
        years: Shape (n, 365, 6), whole bands NaN.
        training: Shape (m, 365, 6), without gaps.

    Returns:
        Shape (n, 365, 6).
    """
    missing = np.isnan(years).all(axis=(0, 1))
    if not missing.any():
        return years
    days = training[:, ::10].reshape(-1, len(BANDS)).astype(np.float64)
    known = np.column_stack([days[:, ~missing], np.ones(len(days))])
    weights, *_ = np.linalg.lstsq(known, days[:, missing], rcond=None)
    filled = years.copy()
    filled[..., missing] = years[..., ~missing] @ weights[:-1] + weights[-1]
    return filled


@dataclass(frozen=True, kw_only=True)
class ScalarQuantiser:
    """Levels of one number, placed to make the mean square error small (Lloyd 1982)."""

    levels: NDArray[np.float64]
    """Ascending values that a number is replaced by, (l,)."""

    @classmethod
    def fit(cls, values: NDArray[np.floating], count: int, rounds: int = 40) -> "ScalarQuantiser":
        """Place `count` levels on a sample (n,): quantiles first, then the mean of each cell over and over."""
        sample = np.sort(np.asarray(values, dtype=np.float64))
        levels = np.quantile(sample, (np.arange(count) + 0.5) / count)
        total = np.concatenate([[0.0], np.cumsum(sample)])
        for _ in range(rounds):
            edges = np.searchsorted(sample, (levels[:-1] + levels[1:]) / 2)
            first, last = np.concatenate([[0], edges]), np.concatenate([edges, [len(sample)]])
            held = last > first
            levels[held] = (total[last] - total[first])[held] / (last - first)[held]
        return cls(levels=np.sort(levels))

    def __call__(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Replace each value by the nearest level."""
        cell = np.searchsorted((self.levels[:-1] + self.levels[1:]) / 2, values)
        rounded: NDArray[np.float64] = self.levels[cell]
        return rounded


class MonthlyScalar:
    """Median of each calendar month of the window, six bands rounded into 16 bits a month.

    Bits are handed out so that the error over the training pixels is smallest: one more level at a time to the band
    that gains most, while the product of all levels still fits 16 bits. Days come back by linear interpolation
    between the middles of months, closing the circle.
    """

    key = "monthly"
    name = "monthly medians, 16 bits"

    def __init__(self, years: NDArray[np.float32]) -> None:
        """Fit on training pixel-years (n, 365, 6) without gaps."""
        months = monthly_medians(years).reshape(-1, len(BANDS))
        counts = np.full(len(BANDS), 2)
        self.quantisers = [ScalarQuantiser.fit(months[:, band], 2) for band in range(len(BANDS))]
        while True:
            trials = {}
            for band in range(len(BANDS)):
                more = counts.copy()
                more[band] += 1
                if np.prod(more) <= 2**BITS_A_STEP:
                    trial = ScalarQuantiser.fit(months[:, band], int(more[band]))
                    old = np.abs(self.quantisers[band](months[:, band]) - months[:, band]).mean()
                    gain = old - np.abs(trial(months[:, band]) - months[:, band]).mean()
                    trials[band] = (gain / np.log2(more[band] / counts[band]), trial)
            if not trials:
                break
            best = max(trials, key=lambda band: trials[band][0])
            counts[best] += 1
            self.quantisers[best] = trials[best][1]
        self.levels = tuple(int(count) for count in counts)

    def __call__(self, years: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compress and rebuild pixel-years (n, 365, 6) without gaps."""
        months = monthly_medians(years)
        rounded = np.stack([quantise(months[..., band]) for band, quantise in enumerate(self.quantisers)], axis=-1)
        circle = np.concatenate([rounded[:, -1:], rounded, rounded[:, :1]], axis=1)
        middle = np.concatenate([[_MONTH_MIDDLE[-1] - DAYS], _MONTH_MIDDLE, [_MONTH_MIDDLE[0] + DAYS]])
        day = np.arange(DAYS)
        before = np.searchsorted(middle, day, side="right") - 1
        share = ((day - middle[before]) / (middle[before + 1] - middle[before]))[None, :, None]
        days: NDArray[np.float32] = (circle[:, before] * (1 - share) + circle[:, before + 1] * share).astype(np.float32)
        return days


class TransformCoder:
    """Linear transform, then scalar quantisers that share 192 bits.

    The transform is the PCA of whole training pixel-years, or a DCT along time of the principal spectra.
    """

    def __init__(self, years: NDArray[np.float32], kind: str) -> None:
        """Fit on training pixel-years (n, 365, 6) without gaps; `kind` is `PCA` or `DCT`."""
        self.key, self.name = kind.lower(), f"{kind}, 192 bits"
        flat = _five_days(years)
        self.mean = flat.mean(axis=0)
        self.basis = _pca_basis(flat - self.mean) if kind == "PCA" else _dct_basis(flat - self.mean)
        coefficients = (flat - self.mean) @ self.basis
        # Reverse water-filling: the next bit goes where the remaining variance is largest; a bit quarters it.
        remaining = coefficients.var(axis=0)
        bits = np.zeros(len(remaining), dtype=np.int64)
        for _ in range(BITS):
            most = int(np.argmax(remaining))
            bits[most] += 1
            remaining[most] /= 4
        self.kept = np.flatnonzero(bits)
        self.quantisers = [ScalarQuantiser.fit(coefficients[:, k], 2 ** int(bits[k])) for k in self.kept]

    def __call__(self, years: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compress and rebuild pixel-years (n, 365, 6) without gaps."""
        coefficients = (_five_days(years) - self.mean) @ self.basis[:, self.kept]
        rounded = np.stack([quantise(coefficients[:, i]) for i, quantise in enumerate(self.quantisers)], axis=1)
        flat = rounded @ self.basis[:, self.kept].T + self.mean
        return to_days(flat.reshape(len(years), -1, len(BANDS)).astype(np.float32))


class ProductVQ:
    """Product vector quantiser of means of five days."""

    key = "vq"
    name = "product VQ, 192 bits"

    def __init__(self, years: NDArray[np.float32]) -> None:
        """Fit on training pixel-years (n, 365, 6) without gaps."""
        self.quantise = ProductQuantiser(_five_days(years))

    def __call__(self, years: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compress and rebuild pixel-years (n, 365, 6) without gaps."""
        return to_days(self.quantise(_five_days(years)).reshape(len(years), -1, len(BANDS)).astype(np.float32))


def monthly_medians(years: NDArray[np.float32]) -> NDArray[np.float32]:
    """Medians of the twelve calendar-length months of a window: (n, 365, 6) to (n, 12, 6)."""
    months = [np.median(years[:, _MONTH_EDGES[m] : _MONTH_EDGES[m + 1]], axis=1) for m in range(STEPS)]
    return np.stack(months, axis=1).astype(np.float32)


def _five_days(years: NDArray[np.float32]) -> NDArray[np.float64]:
    """Means of five days, flat: (n, 365, 6) to (n, 438)."""
    flat: NDArray[np.float64] = to_pentads(years)[0].reshape(len(years), -1).astype(np.float64)
    return flat


def _pca_basis(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Directions of largest variance, as columns (438, k)."""
    _, directions = np.linalg.eigh(centred.T @ centred)
    basis: NDArray[np.float64] = directions[:, ::-1][:, : BITS // 2]
    return basis


def _dct_basis(flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal cosines along time (DCT-II) times the principal spectra of single pentads, as columns (438, 438)."""
    k, step = np.meshgrid(np.arange(PENTADS), np.arange(PENTADS), indexing="ij")
    cosines = np.sqrt(2 / PENTADS) * np.cos(np.pi * (step + 0.5) * k / PENTADS)
    cosines[0] /= np.sqrt(2)
    spectra = flat.reshape(-1, len(BANDS))
    _, directions = np.linalg.eigh(spectra.T @ spectra)
    return np.kron(cosines.T, directions)
