"""Daily noise of a gap-filled year, fitted once to real residuals and frozen: what denoising is scored against.

Every pixel-year draws the days it was clearly observed on; each such day has an error, correlated between the bands,
heavy-tailed, sometimes a leftover cloud or shadow; straight lines lead from one error to the next, and round the ends
of the year, as `seamless.fill_linear` draws them. Between dates the errors are independent, for the residuals of real
dates were (their correlation is in the file, under "checked"), so all correlation in time comes from the filling.
What filling does to a curved season is not part of it.

scripts/fit_noise.py wrote the parameters from sets of the training role. They are not to be changed: figures made with
another file could not be compared, so the file's hash is part of the code.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import ObservationsError
from stactools_esd.product import BANDS, DAYS, REFLECTANCE_RANGE
from stactools_esd.seamless import fill_linear
from stactools_esd.simulation.noise import generator
from stactools_esd.simulation.observation import CLOUD, check_clean

FROZEN_NOISE_SHA256: Final = "e3c08764d0fc5bec3e960b5ff7505064efea5780cee0e83d42d392a24968af81"
"""Hash of noise.json, which every figure of denoising names."""

_FILE: Final = "noise.json"
_BATCH: Final = 2048


@dataclass(frozen=True, kw_only=True)
class FrozenNoise:
    """Parameters of the noise of one clear observation, and of when there is one."""

    absolute: NDArray[np.float32]
    """Part of the standard deviation that does not depend on the reflectance (6,)."""

    relative: NDArray[np.float32]
    """Part in proportion to the reflectance (6,); variance = absolute² + (relative · reflectance)²."""

    highest: NDArray[np.float32]
    """Reflectance from which the standard deviation grows no more (6,): 97.5 % of what was fitted is darker."""

    band_correlation: NDArray[np.float64]
    """Correlation between the bands of one date (6, 6)."""

    degrees_of_freedom: float
    """Of Student's t, whose scale the bands of one date share; above 4."""

    interval_days: NDArray[np.float64]
    """Evenly spaced quantiles of the days between clear observations (k,)."""

    cloud_share: float
    """Share of observations with leftover cloud."""

    cloud_opacity: NDArray[np.float64]
    """Evenly spaced quantiles of the cloud's weight in the pixel (k,)."""

    shadow_share: float
    """Share of observations with leftover shadow."""

    shadow_depth: NDArray[np.float64]
    """Evenly spaced quantiles of the share of the light that is lost (k,)."""


def parse_noise(content: bytes) -> FrozenNoise:
    """Read the parameters from the bytes of noise.json.

    Raises:
        ObservationsError: The bytes are not those that figures were made with.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != FROZEN_NOISE_SHA256:
        raise ObservationsError(
            f"got parameters of noise with sha256 {found}, expected {FROZEN_NOISE_SHA256}; "
            "the noise is frozen, so install the package again"
        )
    values: dict[str, Any] = json.loads(content)
    return FrozenNoise(
        absolute=np.array(values["absolute"], np.float32),
        relative=np.array(values["relative"], np.float32),
        highest=np.array(values["highest"], np.float32),
        band_correlation=np.array(values["band_correlation"]),
        degrees_of_freedom=float(values["degrees_of_freedom"]),
        interval_days=np.array(values["interval_days"], float),
        cloud_share=float(values["cloud_share"]),
        cloud_opacity=np.array(values["cloud_opacity"]),
        shadow_share=float(values["shadow_share"]),
        shadow_depth=np.array(values["shadow_depth"]),
    )


@cache
def frozen_noise() -> FrozenNoise:
    """Return the parameters that come with the package.

    Raises:
        ObservationsError: The file was changed.
    """
    return parse_noise((resources.files("stactools_esd.simulation") / _FILE).read_bytes())


def _quantile(table: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of a quantile table at chances of 0..1."""
    return np.interp(chance, np.linspace(0, 1, len(table)), table)


def _observed_days(noise: FrozenNoise, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw which days have a clear observation (n, 365), at least one a pixel-year."""
    chance = rng.random((n, DAYS + 1))
    steps = np.maximum(np.rint(_quantile(noise.interval_days, chance[:, 1:])), 1)
    # The first falls anywhere in the first interval, so that no day of the year is favoured.
    first = np.floor(chance[:, :1] * steps[:, :1])
    days = (first + np.concatenate([np.zeros((n, 1)), np.cumsum(steps[:, 1:], axis=1)], axis=1)).astype(np.int64)
    observed = np.zeros((n, DAYS), np.bool_)
    pixel, column = np.nonzero(days < DAYS)
    observed[pixel, days[pixel, column]] = True
    return observed


def observation_errors(
    clean: NDArray[np.float32], noise: FrozenNoise, rngs: list[np.random.Generator]
) -> NDArray[np.float32]:
    """Draw the error that an observation of each day would have, before gaps are filled.

    Args:
        clean: Reflectance without noise (n, 365, 6).
        noise: Parameters.
        rngs: Four sources of chance, each of one kind of number.

    Returns:
        Error (n, 365, 6), reflectance.
    """
    n = len(clean)
    gaussian = rngs[0].standard_normal((n, DAYS, len(BANDS)), np.float32)
    correlated = gaussian @ np.linalg.cholesky(noise.band_correlation).T.astype(np.float32)
    freedom = noise.degrees_of_freedom
    # Student's t, scaled to unit variance.
    spread = np.sqrt((freedom - 2) / rngs[1].chisquare(freedom, (n, DAYS, 1))).astype(np.float32)
    size = np.sqrt(noise.absolute**2 + (noise.relative * np.clip(clean, 0, noise.highest)) ** 2)
    error: NDArray[np.float32] = correlated * spread * size
    which = rngs[2].random((n, DAYS, 1))
    chance = rngs[3].random((n, DAYS, 1))
    opacity = _quantile(noise.cloud_opacity, chance).astype(np.float32)
    depth = _quantile(noise.shadow_depth, chance).astype(np.float32)
    error += np.where(which < noise.cloud_share, opacity * (CLOUD - clean), 0)
    shaded = (which >= noise.cloud_share) & (which < noise.cloud_share + noise.shadow_share)
    error -= np.where(shaded, depth * clean, 0)
    return error


def add_frozen_noise(clean: NDArray[np.float32], seed: int, *, level: float = 1.0) -> NDArray[np.float32]:
    """Add the noise of a real gap-filled year to clean series.

    Row i depends on the seed and on its own series, not on how many rows there are. At another level the same errors
    are larger or smaller.

    Args:
        clean: Daily reflectance without noise (n, 365, 6).
        seed: Any non-negative integer.
        level: Factor of the whole error; 1 is what was fitted, 0 none.

    Returns:
        Noisy daily reflectance (n, 365, 6), clipped to -0.2..1.6.

    Raises:
        ObservationsError: The series are not daily six-band ones, or the level is negative, or noise.json was changed.
    """
    check_clean(clean)
    if not level >= 0:
        raise ObservationsError(f"got noise of level {level}, expected 0 or more; 1 is what was fitted")
    noise = frozen_noise()
    rngs = [generator(seed, kind) for kind in range(5)]
    noisy = np.empty(clean.shape, np.float32)
    for start in range(0, len(clean), _BATCH):
        part = np.asarray(clean[start : start + _BATCH], np.float32)
        error = observation_errors(part, noise, rngs[:4])
        error[~_observed_days(noise, len(part), rngs[4])] = np.nan
        low, high = REFLECTANCE_RANGE
        noisy[start : start + _BATCH] = np.clip(part + np.float32(level) * fill_linear(error), low, high)
    return noisy
