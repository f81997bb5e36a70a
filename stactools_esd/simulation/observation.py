"""What sensors make of clean simulated series: noise, haze, gain, clouds, shadows, and gaps between passes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import ObservationsError
from stactools_esd.product import BANDS, DAYS

CLOUD: Final = np.array((0.60, 0.59, 0.60, 0.64, 0.48, 0.36), np.float32)
"""Reflectance of a thick cloud."""

_HAZE: Final = np.array((1.0, 0.65, 0.45, 0.15, 0.05, 0.03), np.float32)
"""How haze and errors of its correction weigh on the bands, against blue."""


def check_clean(clean: NDArray[np.float32]) -> None:
    """Make sure that series are daily, six-band and complete.

    Raises:
        ObservationsError: They are not.
    """
    if clean.ndim != 3 or clean.shape[1:] != (DAYS, len(BANDS)):
        raise ObservationsError(
            f"got clean series of shape {clean.shape}, expected (n, {DAYS}, {len(BANDS)}); "
            "give daily six-band pixel-years"
        )


def _sensor_noise(
    clean: NDArray[np.float32], rng: np.random.Generator, level: float, haze: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Add haze, and noise that shares a part between the bands of a date; shapes (n, t, 6), haze (n, t, 1)."""
    size = np.float32(level) * (np.float32(0.025) * clean + np.float32(0.003))
    shared = rng.standard_normal((*clean.shape[:2], 1), np.float32)
    own = rng.standard_normal(clean.shape, np.float32)
    noisy: NDArray[np.float32] = clean + size * (np.float32(0.8) * shared + np.float32(0.6) * own)
    noisy += np.float32(0.008 * level) * haze * _HAZE * (1 - clean)
    return noisy


def add_sensor_noise(
    image: NDArray[np.float32], noise: NDArray[np.float32], *, haze: float, level: float = 1.0
) -> NDArray[np.float32]:
    """Add the noise of one date to an image.

    Args:
        image: Reflectance without noise (6, y, x).
        noise: Standard normal numbers (7, y, x), the last shared by the bands.
        haze: Haze of the date, about -0.5 to 2.
        level: Size of noise and haze; 1 is typical.

    Returns:
        Reflectance (6, y, x).
    """
    size = np.float32(level) * (np.float32(0.02) * image + np.float32(0.002))
    noisy: NDArray[np.float32] = image + size * (np.float32(0.8) * noise[-1] + np.float32(0.6) * noise[:-1])
    noisy += np.float32(0.008 * level * haze) * _HAZE[:, None, None] * (1 - image)
    return noisy


def _gain(clean: NDArray[np.float32], rng: np.random.Generator, level: float) -> NDArray[np.float32]:
    """Scale and shift each pixel's bands as a sensor's calibration would."""
    n = len(clean)
    gain = 1 + 0.02 * level * rng.standard_normal((n, 1, 6), np.float32)
    offset = 0.002 * level * rng.standard_normal((n, 1, 6), np.float32)
    scaled: NDArray[np.float32] = (clean * gain + offset).astype(np.float32)
    return scaled


def observe(
    clean: NDArray[np.float32], seed: int, *, level: float = 1.0, revisit: int = 8, cloudiness: float = 0.5
) -> NDArray[np.float32]:
    """Observe clean series on a satellite's passes, between clouds.

    A few clouds and shadows escape the screening, as they do in real cloud masks.

    Args:
        clean: Daily reflectance (n, 365, 6).
        seed: Any non-negative integer.
        level: Size of noise and haze; 1 is typical.
        revisit: Days between passes.
        cloudiness: Mean share of passes lost to clouds, 0..1; each pixel has its own about it.

    Returns:
        Reflectance (n, 365, 6), NaN where nothing was observed.

    Raises:
        ObservationsError: The series are not daily six-band ones.
    """
    check_clean(clean)
    rng = np.random.default_rng(seed)
    n = len(clean)
    passes = rng.integers(0, revisit, (n, 1)) + np.arange(0, DAYS, revisit)
    inside = passes < DAYS
    passes = np.minimum(passes, DAYS - 1)
    seen = np.take_along_axis(_gain(clean, rng, level), passes[:, :, None], axis=1)
    haze = rng.standard_gamma(0.7, (*passes.shape, 1)).astype(np.float32) - np.float32(0.5)
    seen = _sensor_noise(seen, rng, level, haze)
    own = np.clip(cloudiness + 0.18 * rng.standard_normal((n, 1)), 0.02, 0.95)
    season = 0.25 * np.cos(2 * np.pi * (passes - rng.uniform(0, DAYS, (n, 1))) / DAYS)
    cloudy = rng.random(passes.shape) < own * (1 + season)
    escaped = rng.random(passes.shape)
    thin = rng.uniform(0.02, 0.25, (*passes.shape, 1)).astype(np.float32)
    hazy, shaded = escaped < 0.03 * level, (escaped > 1 - 0.02 * level)
    seen = np.where(hazy[:, :, None], seen * (1 - thin) + CLOUD * thin, seen)
    seen = np.where(shaded[:, :, None], seen * (0.8 - 1.6 * thin), seen)
    seen[cloudy | ~inside] = np.nan
    out = np.full(clean.shape, np.nan, np.float32)
    rows = np.broadcast_to(np.arange(n)[:, None], passes.shape)
    out[rows[inside], passes[inside]] = np.clip(seen, 0, 1.4)[inside]
    return out


def observe_daily(clean: NDArray[np.float32], seed: int, *, level: float = 1.0) -> NDArray[np.float32]:
    """Observe clean series every day, as a fused daily cube does: noise that lasts for days, a few residual clouds.

    Args:
        clean: Daily reflectance (n, 365, 6).
        seed: Any non-negative integer.
        level: Size of noise and haze; 1 is typical.

    Returns:
        Reflectance without gaps (n, 365, 6).

    Raises:
        ObservationsError: The series are not daily six-band ones.
    """
    check_clean(clean)
    rng = np.random.default_rng(seed)
    n = len(clean)
    knots = rng.standard_normal((n, DAYS // 5 + 2, 7), np.float32)
    day = np.arange(DAYS) / 5
    left = day.astype(int)
    weight = (day - left).astype(np.float32)[None, :, None]
    slow = knots[:, left] * (1 - weight) + knots[:, left + 1] * weight
    noisy = _gain(clean, rng, level)
    size = np.float32(level) * (np.float32(0.03) * clean + np.float32(0.003))
    fast = rng.standard_normal(clean.shape, np.float32)
    noisy += size * (np.float32(0.8) * slow[:, :, :1] + np.float32(0.4) * slow[:, :, 1:] + np.float32(0.3) * fast)
    days = np.arange(DAYS)
    for _ in range(3):
        first, length = rng.integers(0, DAYS, (n, 1)), rng.integers(1, 9, (n, 1))
        hit = (days >= first) & (days < first + length) & (rng.random((n, 1)) < 0.3 * level)
        thickness = rng.uniform(0.03, 0.25, (n, 1)).astype(np.float32)
        bright = rng.random((n, 1)) < 0.6
        veil = np.where(hit & bright, thickness, 0)[:, :, None].astype(np.float32)
        dark = np.where(hit & ~bright, 1.5 * thickness, 0)[:, :, None].astype(np.float32)
        noisy = (noisy * (1 - veil) + CLOUD * veil) * (1 - dark)
    clipped: NDArray[np.float32] = np.clip(noisy, 0, 1.4)
    return clipped
