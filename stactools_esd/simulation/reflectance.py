"""Reflectance of whole pixels: canopy, ground, water, built surfaces, snow and slope put together, day by day."""

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.product import BANDS
from stactools_esd.simulation import surfaces
from stactools_esd.simulation.canopy import sunlit_share, two_stream
from stactools_esd.simulation.classes import IMPERVIOUS, WATER
from stactools_esd.simulation.phenology import leaf_area
from stactools_esd.simulation.sun import illumination, sun_position
from stactools_esd.simulation.traits import Traits
from stactools_esd.simulation.weather import Weather


@compiled
def _reflect(
    green: NDArray[np.float32],
    brown: NDArray[np.float32],
    green_leaf: NDArray[np.float32],
    brown_leaf: NDArray[np.float32],
    shadow: NDArray[np.float32],
    vegetated: NDArray[np.float32],
    buried: NDArray[np.float32],
    soil: NDArray[np.float32],
    other: NDArray[np.float32],
    water: NDArray[np.float32],
    flood: NDArray[np.float32],
    is_water: NDArray[np.bool_],
    is_built: NDArray[np.bool_],
    days: NDArray[np.float32],
    cos_sun: NDArray[np.float32],
    light: NDArray[np.float32],
    moisture: NDArray[np.float32],
    snow: NDArray[np.float32],
    ice: NDArray[np.float32],
    fresh: NDArray[np.float32],
    wet_share: NDArray[np.float32],
    new_snow: NDArray[np.float32],
    old_snow: NDArray[np.float32],
    ice_spectrum: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    # Two loops so that what all bands share is computed once; weather rows may be one for all pixels.
    for i in range(out.shape[0]):
        w = i if moisture.shape[0] > 1 else 0
        for t in range(out.shape[1]):
            sun, lit = cos_sun[i if cos_sun.shape[0] > 1 else 0, t], light[i, t]
            wet, white, frozen = moisture[w, t], snow[w, t], ice[w, t]
            flooded = 0.0
            for k in range(flood.shape[1]):
                since = (days[t] - flood[i, k, 0]) % 365.0
                left = flood[i, k, 1] - since
                if flood[i, k, 2] > 0.0 and left > 0.0:
                    flooded = max(flooded, flood[i, k, 2] * min(since / 12.0, left / 20.0, 1.0))
            area = green[i, t] + brown[i, t]
            dead = brown[i, t] / area if area > 0.0 else 0.0
            area *= 1.0 - buried[i] * white
            share = sunlit_share(area, shadow[i], sun)
            plants = vegetated[i]
            seen_sun = 0.5 * (1.0 + sun)  # seen from above: reciprocity puts the view, at 1, on a par with the sun
            rough = 1.0 - 0.06 * (1.0 / sun - 1.0)  # clods and walls cast shadows too
            canopy_snow = 0.15 * white * fresh[w, t]  # snow on twigs and needles, soon shed
            for band in range(out.shape[2]):
                bright = new_snow[band] * fresh[w, t] + old_snow[band] * (1.0 - fresh[w, t])
                level = water[i, band] * (0.75 + 0.6 * wet) * (1.0 - frozen) + ice_spectrum[band] * frozen
                level = level * (1.0 - 0.85 * frozen * white) + bright * 0.85 * frozen * white
                if is_water[i]:
                    out[i, t, band] = level
                    continue
                ground = rough * soil[i, band] * (1.0 - wet * (1.0 - wet_share[band]))
                ground = ground * (1.0 - flooded) + level * flooded
                ground = ground * (1.0 - white) + bright * white
                bare = ground
                if is_built[i]:
                    bare = rough * other[i, band] * (1.0 - 0.2 * wet)
                    bare = bare * (1.0 - 0.6 * white) + bright * 0.6 * white
                reflectance = bare
                if plants > 0.0:
                    albedo = green_leaf[i, band] * (1.0 - dead) + brown_leaf[i, band] * dead
                    if band >= 4:
                        albedo = min(albedo + 0.12 * (0.5 - wet), 0.98)  # leaves dry out with the soil
                    canopy = share * two_stream(area, albedo, ground, seen_sun)
                    canopy = canopy * (1.0 - canopy_snow) + share * bright * canopy_snow
                    reflectance = plants * canopy + (1.0 - plants) * bare
                out[i, t, band] = min(max(reflectance * lit, 0.001), 1.2)


def clean_reflectance(traits: Traits, weather: Weather, days: NDArray[np.integer]) -> NDArray[np.float32]:
    """Reflectance without noise on chosen days of a year.

    Args:
        traits: Pixels in their year (n).
        weather: Daily states, (n, 365) or (1, 365) where all pixels share them.
        days: Days of the year, 0..364 (t,).

    Returns:
        Reflectance (n, t, 6), 0.001..1.2.
    """
    return clean_with_leaves(traits, weather, days)[0]


def clean_with_leaves(
    traits: Traits, weather: Weather, days: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return `clean_reflectance` and the green leaf area (n, t) behind it."""
    when = days.astype(np.float32)
    green, brown = leaf_area(
        when, cycles=traits.cycles, evergreen=traits.evergreen, wood=traits.wood, mowings=traits.mowings
    )
    cos_sun, azimuth = sun_position(traits.latitude, when)
    out = np.empty((len(traits.class_id), len(when), len(BANDS)), np.float32)
    _reflect(
        green,
        brown,
        traits.green_leaf,
        traits.brown_leaf,
        traits.shadow,
        traits.vegetated,
        traits.buried,
        traits.soil,
        traits.other,
        traits.water,
        traits.flood,
        traits.class_id == WATER,
        traits.class_id == IMPERVIOUS,
        when,
        cos_sun,
        illumination(traits.terrain, cos_sun, azimuth),
        weather.moisture[:, days],
        weather.snow[:, days],
        weather.ice[:, days],
        weather.fresh[:, days],
        surfaces.WET_SHARE,
        surfaces.SNOW,
        surfaces.OLD_SNOW,
        surfaces.ICE,
        out,
    )
    return out, green
