"""Where the sun stands when the satellite passes, and what it makes of slopes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_OVERPASS: Final = np.deg2rad(-26.0)
"""Hour angle of the sun at a quarter past ten, when Landsat passes."""


def sun_position(
    latitude: NDArray[np.float32], days: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Place the sun at a quarter past ten, local solar time.

    Args:
        latitude: Degrees (n,).
        days: Days of the year from 0 (t,).

    Returns:
        Cosine of the zenith angle (n, t), at least 0.2 (no sensor looks at lower suns), and azimuth in radians,
        clockwise from north (n, t).
    """
    declination = np.deg2rad(-23.44) * np.cos(2 * np.pi * (days + 10) / 365)
    phi = np.deg2rad(latitude)[:, None]
    east = -np.cos(declination) * np.sin(_OVERPASS)
    north = np.cos(phi) * np.sin(declination) - np.sin(phi) * np.cos(declination) * np.cos(_OVERPASS)
    up = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(_OVERPASS)
    azimuth = np.arctan2(np.broadcast_to(east, north.shape), north)
    return np.maximum(up, 0.2).astype(np.float32), azimuth.astype(np.float32)


def illumination(
    terrain: NDArray[np.float32], cos_sun: NDArray[np.float32], azimuth: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Brightening or darkening of a slope against flat ground.

    Cosine of incidence softened by a constant, as in the C correction of Teillet et al. (1982).

    Args:
        terrain: Elevation, slope and aspect (n, 3).
        cos_sun: Cosine of the sun's zenith angle (n, t).
        azimuth: Of the sun, radians (n, t).

    Returns:
        Factor (n, t), 0.35..1.7.
    """
    slope = np.deg2rad(terrain[:, 1])[:, None]
    aspect = np.deg2rad(np.nan_to_num(terrain[:, 2]))[:, None]
    sin_sun = np.sqrt(1 - cos_sun**2)
    incidence = cos_sun * np.cos(slope) + sin_sun * np.sin(slope) * np.cos(azimuth - aspect)
    factor = (np.maximum(incidence, 0) + 0.4) / (cos_sun + 0.4)
    clipped: NDArray[np.float32] = np.clip(factor, 0.35, 1.7).astype(np.float32)
    return clipped
