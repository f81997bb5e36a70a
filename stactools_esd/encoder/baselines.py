"""What an encoder must beat: other ways to spend twelve times 16 bits on a pixel-year, fitted on training pixels."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder.pentads import PENTADS, to_days, to_pentads
from stactools_esd.product import BANDS, DAYS, STEPS

BITS_A_STEP: Final = 16
"""Bits of one code as it is stored."""

BITS: Final = STEPS * BITS_A_STEP
"""Bits of a pixel-year: 192."""

_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTH_EDGES = np.concatenate([[0], np.cumsum(_MONTH_DAYS)])
_MONTH_MIDDLE = (_MONTH_EDGES[:-1] + _MONTH_EDGES[1:] - 1) / 2


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
        self.name = f"{kind}, 192 bits"
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
