"""Simulated pixel-years: daily six-band reflectance with its truth, everything drawn from a seed."""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import ObservationsError
from stactools_esd.product import DAYS
from stactools_esd.simulation import classes as kinds
from stactools_esd.simulation.classes import CLASS_NAMES
from stactools_esd.simulation.phenology import season_truth
from stactools_esd.simulation.reflectance import clean_reflectance, clean_with_leaves
from stactools_esd.simulation.traits import draw_traits, vary_year
from stactools_esd.simulation.weather import Weather, simulate_weather

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
    clean, green = clean_with_leaves(vary_year(draw_traits(class_id, latitude, terrain, rng), rng), weather, days)
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
