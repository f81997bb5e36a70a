"""Reflectance of a plant canopy over its background, in the six bands of the product.

Leaves are six-band scattering albedos (reflectance plus transmittance), our own broadband approximations of the
spectra that leaf models and handbooks show: low in the visible, high in the near infrared, water absorption in the
two shortwave bands. The canopy above them is the two-stream closed form of Sellers (1985, International Journal of
Remote Sensing 6, 1335-1372; equations as numbered in the technical note of the Community Land Model, chapter 3) with
leaves in all directions alike. It gives the albedo of a flat canopy; crowns that cast shadows on each other look
darker from above, which a sunlit share expresses (in the spirit of Li and Strahler 1985).
"""

import math
from typing import Final

from stactools_esd.compiled import compiled

GREEN_LEAF: Final[dict[str, tuple[float, ...]]] = {
    "needle": (0.130, 0.195, 0.135, 0.860, 0.590, 0.320),
    "evergreen": (0.125, 0.215, 0.125, 0.940, 0.640, 0.310),
    "deciduous": (0.145, 0.235, 0.145, 0.958, 0.670, 0.330),
    "crop": (0.160, 0.290, 0.165, 0.972, 0.710, 0.420),
    "grass": (0.155, 0.290, 0.180, 0.967, 0.760, 0.490),
    "shrub": (0.145, 0.245, 0.175, 0.935, 0.760, 0.500),
}
"""Scattering albedo (reflectance + transmittance) of a green leaf, or of a shoot for needles, by plant type."""

BROWN_LEAF: Final[dict[str, tuple[float, ...]]] = {
    "wood": (0.170, 0.205, 0.245, 0.480, 0.420, 0.300),
    "litter": (0.150, 0.230, 0.340, 0.640, 0.680, 0.480),
    "straw": (0.240, 0.340, 0.450, 0.720, 0.800, 0.640),
}
"""Scattering albedo of what stands when the green has gone: bark, dead leaves, straw."""

_UPWARD: Final = 0.51
"""Share of the diffuse scattering that goes back up; leaves reflect slightly more than they transmit."""


@compiled
def two_stream(area: float, albedo: float, ground: float, cos_sun: float) -> float:
    """Reflectance of a canopy under the direct sun.

    Sellers (1985) for leaves of spherical distribution: projection G = 0.5, mean inverse diffuse depth 1.

    Args:
        area: One-sided leaf and stem area per ground area, 0 or more.
        albedo: Scattering albedo of the leaves, 0..1 (both excluded).
        ground: Reflectance of what lies below, 0..1.
        cos_sun: Cosine of the sun's zenith angle, 0..1 (0 excluded).

    Returns:
        Reflectance, 0..1.
    """
    if area <= 0.0:
        return ground
    beam = 0.5 / cos_sun
    upward = _UPWARD * albedo
    single = 0.5 * albedo * (1.0 - cos_sun * math.log((1.0 + cos_sun) / cos_sun))
    b = 1.0 - albedo + upward
    c = upward
    d = min((1.0 + beam) * single, albedo * beam)
    f = albedo * beam - d
    h = math.sqrt(max(b * b - c * c, 1e-9))
    sigma = beam * beam + c * c - b * b
    if abs(sigma) < 1e-4:
        sigma = 1e-4 if sigma >= 0.0 else -1e-4
    u1 = b - c / max(ground, 1e-4)
    s1 = math.exp(-min(h * area, 40.0))
    s2 = math.exp(-min(beam * area, 40.0))
    p1, p2, p3, p4 = b + h, b - h, b + beam, b - beam
    d1 = p1 * (u1 - h) / s1 - p2 * (u1 + h) * s1
    h1 = -d * p4 - c * f
    source = d - h1 / sigma * p3
    lower = d - c - h1 / sigma * (u1 + beam)
    h2 = (source * (u1 - h) / s1 - p2 * lower * s2) / d1
    h3 = -(source * (u1 + h) * s1 - p1 * lower * s2) / d1
    return min(max(h1 / sigma + h2 + h3, 0.0), 1.0)


@compiled
def sunlit_share(area: float, shadow: float, cos_sun: float) -> float:
    """Share of the light that crowns leave to the view from above.

    Args:
        area: Leaf and stem area.
        shadow: How strongly the canopy shades itself at an overhead sun, 0 for a lawn to 0.5 for spires.
        cos_sun: Cosine of the sun's zenith angle.

    Returns:
        Factor of the canopy's reflectance, 0.3..1.
    """
    lower_sun = 1.0 + 0.5 * (1.0 / cos_sun - 1.0)
    return max(1.0 - shadow * (1.0 - math.exp(-0.8 * area)) * lower_sun, 0.3)
