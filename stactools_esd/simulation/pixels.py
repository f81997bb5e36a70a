"""Simulated pixel-years: daily six-band reflectance with its truth, everything drawn from a seed."""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.errors import ObservationsError
from stactools_esd.product import BANDS, DAYS
from stactools_esd.simulation import classes as kinds
from stactools_esd.simulation import surfaces
from stactools_esd.simulation.canopy import sunlit_share, two_stream
from stactools_esd.simulation.classes import CLASS_NAMES
from stactools_esd.simulation.phenology import leaf_area, season_truth
from stactools_esd.simulation.traits import Traits, draw_traits, vary_year
from stactools_esd.simulation.weather import Weather, simulate_weather

_OVERPASS: Final = np.deg2rad(-26.0)
"""Hour angle of the sun at a quarter past ten, when Landsat passes."""

_BATCH: Final = 4096
"""Pixels simulated at once, which bounds the memory of the intermediate states."""

_LATITUDES: Final = (
    (36, 67), (-22, 22), (31, 58), (20, 58), (12, 38), (3, 42), (5, 66), (5, 70), (5, 66), (2, 66), (5, 62), (8, 70),
    (58, 80),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SimulatedPixels:
    """Pixel-years that were simulated, with their truth."""

    clean: NDArray[np.float32]
    """Daily reflectance without noise or clouds (n, 365, 6), bands as `product.BANDS`."""

    class_id: NDArray[np.uint8]
    """Class (n,), a position in `CLASS_NAMES`."""

    phenology: NDArray[np.float32]
    """Truth (n, 6); columns, units and the meaning of NaN are at `phenology.PHENOLOGY`."""

    terrain: NDArray[np.float32]
    """Elevation in metres, slope and aspect in degrees, aspect NaN where flat (n, 3)."""

    latitude: NDArray[np.float32]
    """Degrees, negative in the south (n,)."""


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
    return _clean(traits, weather, days)[0]


def _clean(
    traits: Traits, weather: Weather, days: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
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
        traits.class_id == kinds.WATER,
        traits.class_id == kinds.IMPERVIOUS,
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


def draw_places(
    class_id: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw where pixels of given classes may lie.

    Args:
        class_id: Classes (n,).
        rng: Source of chance.

    Returns:
        Latitude in degrees (n,), about a quarter of them southern, and terrain (n, 3).
    """
    n = len(class_id)
    low, high = np.array(_LATITUDES, float)[class_id].T
    latitude = rng.uniform(low, high)
    # Land reaches further from the equator in the north than in the south.
    latitude = np.where((rng.random(n) < 0.28) & (np.abs(latitude) < 46), -np.abs(latitude), latitude)
    farmed = np.isin(class_id, (kinds.SINGLE, kinds.DOUBLE, kinds.PADDY, kinds.WETLAND, kinds.WATER, kinds.IMPERVIOUS))
    elevation = np.where(farmed, rng.gamma(1.1, 220, n), rng.gamma(1.2, 480, n))
    elevation = np.where(class_id == kinds.SNOW, elevation + rng.uniform(0, 1800, n), elevation)
    slope = np.where(farmed, rng.exponential(1.6, n), rng.exponential(8.0, n)).clip(0, 48)
    slope[(class_id == kinds.WATER) | (slope < 0.3)] = 0
    aspect = np.where(slope > 0, rng.uniform(0, 360, n), np.nan)
    terrain = np.stack([elevation.clip(0, 5200), slope, aspect], axis=1)
    return latitude.astype(np.float32), terrain.astype(np.float32)


def _cold_enough(weather: Weather, class_id: NDArray[np.uint8], rng: np.random.Generator) -> Weather:
    """Keep glaciers white: snow that thins in summer and leaves ice, but is never quite gone for a year."""
    glacier = class_id == kinds.SNOW
    floor = rng.uniform(0.0, 0.7, (int(glacier.sum()), 1)).astype(np.float32)
    snow = weather.snow.copy()
    snow[glacier] = np.maximum(snow[glacier], floor)
    return replace(weather, snow=snow)


def simulate_pixels(n: int, seed: int, class_probabilities: NDArray[np.float64] | None = None) -> SimulatedPixels:
    """Simulate pixel-years of places all over the world.

    The same arguments give the same numbers. A third of the pixels hold a second class beside their own, whose
    name they bear because it covers the larger part.

    Args:
        n: Number of pixels.
        seed: Any non-negative integer.
        class_probabilities: One for each of the 13 classes, or None for equal ones.

    Returns:
        Clean series and truth.

    Raises:
        ObservationsError: The probabilities are not thirteen non-negative numbers that sum to 1.
    """
    if class_probabilities is not None:
        chances = np.asarray(class_probabilities, float)
        if chances.shape != (len(CLASS_NAMES),) or (chances < 0).any() or abs(chances.sum() - 1) > 1e-6:
            raise ObservationsError(
                f"got class probabilities {chances.tolist()}, expected {len(CLASS_NAMES)} that sum to 1; "
                "give one for each simulated class"
            )
        class_probabilities = chances
    batches = [
        _batch(min(_BATCH, n - first), np.random.default_rng([seed, first]), class_probabilities)
        for first in range(0, n, _BATCH)
    ]
    names = ("clean", "class_id", "phenology", "terrain", "latitude")
    if not batches:
        return _batch(1, np.random.default_rng(seed), class_probabilities, keep=0)
    return SimulatedPixels(**{name: np.concatenate([getattr(batch, name) for batch in batches]) for name in names})


def _batch(
    n: int, rng: np.random.Generator, chances: NDArray[np.float64] | None, *, keep: int | None = None
) -> SimulatedPixels:
    class_id = rng.choice(len(CLASS_NAMES), n, p=chances).astype(np.uint8)
    latitude, terrain = draw_places(class_id, rng)
    weather = _cold_enough(simulate_weather(latitude, terrain[:, 0], rng), class_id, rng)
    days = np.arange(DAYS)
    clean, green = _clean(vary_year(draw_traits(class_id, latitude, terrain, rng), rng), weather, days)
    mixed = np.flatnonzero((rng.random(n) < 0.34) & (class_id != kinds.SNOW))
    if len(mixed):
        beside = rng.choice(
            np.array([kinds.NEEDLE, kinds.DECIDUOUS, kinds.SINGLE, kinds.GRASS, kinds.SHRUB, kinds.WATER,
                      kinds.IMPERVIOUS, kinds.BARE], np.uint8), len(mixed),
        )  # fmt: skip
        second = draw_traits(beside, latitude[mixed], terrain[mixed], rng)
        local = Weather(**{field.name: getattr(weather, field.name)[mixed] for field in fields(weather)})
        share = rng.uniform(0.03, 0.35, (len(mixed), 1, 1)).astype(np.float32)
        clean[mixed] = (1 - share) * clean[mixed] + share * clean_reflectance(second, local, days)
    taken = slice(0, keep)
    return SimulatedPixels(
        clean=clean[taken],
        class_id=class_id[taken],
        phenology=season_truth(green, clean)[taken],
        terrain=terrain[taken],
        latitude=latitude[taken],
    )
