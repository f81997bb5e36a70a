"""Reflectance of what is not a plant: soil, built surfaces, water, snow and ice, in the six bands of the product.

Our own approximations of what spectral libraries and clear images show; each pixel mixes and scales them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SOILS: Final = np.array(
    [
        (0.095, 0.130, 0.165, 0.230, 0.310, 0.270),  # loam
        (0.075, 0.110, 0.155, 0.215, 0.280, 0.245),  # red, iron-rich
        (0.130, 0.165, 0.190, 0.235, 0.290, 0.250),  # grey, chalky
        (0.060, 0.080, 0.105, 0.165, 0.230, 0.190),  # dark, humic
        (0.140, 0.205, 0.270, 0.340, 0.420, 0.370),  # sandy
    ]
)
"""Dry soils."""

WET_SHARE: Final = np.array((0.55, 0.55, 0.54, 0.55, 0.48, 0.42), np.float32)
"""Reflectance of a soaked soil over that of the dry one (after Lobell and Asner 2002)."""

BUILT: Final = np.array(
    [
        (0.075, 0.088, 0.098, 0.130, 0.165, 0.150),  # asphalt
        (0.150, 0.180, 0.205, 0.260, 0.320, 0.290),  # concrete, gravel
        (0.065, 0.090, 0.140, 0.220, 0.290, 0.265),  # tiles
        (0.050, 0.058, 0.062, 0.090, 0.120, 0.105),  # dark roofs and shadows
        (0.260, 0.290, 0.310, 0.355, 0.380, 0.340),  # bright roofs
    ]
)
"""Built surfaces."""

WATERS: Final = np.array(
    [
        (0.036, 0.034, 0.020, 0.009, 0.005, 0.004),  # clear
        (0.036, 0.058, 0.042, 0.026, 0.010, 0.007),  # with algae
        (0.058, 0.086, 0.096, 0.058, 0.013, 0.008),  # with sediment
        (0.018, 0.021, 0.018, 0.012, 0.007, 0.005),  # brown, humic
    ]
)
"""Water as surface reflectance holds it, with a little sky and neighbourhood left in."""

SNOW: Final = np.array((0.82, 0.84, 0.83, 0.73, 0.11, 0.08), np.float32)
"""Settled snow."""

OLD_SNOW: Final = np.array((0.60, 0.62, 0.60, 0.46, 0.06, 0.05), np.float32)
"""Snow weeks after it fell, coarse and dusty."""

ICE: Final = np.array((0.47, 0.48, 0.44, 0.33, 0.045, 0.035), np.float32)
"""Ice of glaciers and lakes."""


def mixtures(
    spectra: NDArray[np.float64], n: int, rng: np.random.Generator, *, evenness: float, spread: float
) -> NDArray[np.float32]:
    """Mix and scale library spectra.

    Args:
        spectra: Library (k, 6).
        n: Number of mixtures.
        rng: Source of chance.
        evenness: Concentration of the Dirichlet shares; small ones leave pure spectra.
        spread: Standard deviation of the brightness, as the logarithm of a factor.

    Returns:
        Reflectance (n, 6).
    """
    shares = rng.dirichlet(np.full(len(spectra), evenness), n)
    brightness = np.exp(rng.normal(0, spread, (n, 1)))
    tint = np.exp(rng.normal(0, 0.05, (n, 6)))
    mixed: NDArray[np.float32] = np.clip(shares @ spectra * brightness * tint, 0.002, 0.9).astype(np.float32)
    return mixed
