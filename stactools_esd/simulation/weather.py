"""Weather that a pixel-year sees: temperature, rain, and from them soil moisture, snow and ice that persist.

Snow is a store filled by cold precipitation and emptied by a degree-day melt, soil moisture a leaking bucket, so both
change as slowly as they do outdoors and never flicker from day to day.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stactools_esd.compiled import compiled
from stactools_esd.product import DAYS

SPIN_UP = 210
"""Days simulated before the first, so that a year starts with last autumn's snow and moisture."""


@dataclass(frozen=True, kw_only=True)
class Weather:
    """Daily states, each (n, 365)."""

    moisture: NDArray[np.float32]
    """Moisture of the top soil, 0 dry to 1 wet."""

    snow: NDArray[np.float32]
    """Share of open ground under snow, 0..1."""

    ice: NDArray[np.float32]
    """Share of open water under ice, 0..1."""

    fresh: NDArray[np.float32]
    """How new the snow is, 1 on the day it fell, towards 0 in weeks."""


@compiled
def _run(
    mean: NDArray[np.float32],
    swing: NDArray[np.float32],
    coldest: NDArray[np.float32],
    wet_share: NDArray[np.float32],
    wet_swing: NDArray[np.float32],
    wettest: NDArray[np.float32],
    drying: NDArray[np.float32],
    weather_noise: NDArray[np.float32],
    chance: NDArray[np.float32],
    moisture: NDArray[np.float32],
    snow: NDArray[np.float32],
    ice: NDArray[np.float32],
    fresh: NDArray[np.float32],
) -> None:
    turn = 2.0 * np.pi / 365.0
    for i in range(mean.shape[0]):
        anomaly, store, bucket, frost = 0.0, 0.0, 0.4, 0.0
        raining, newness = False, 0.5
        for step in range(weather_noise.shape[1]):
            day = step - SPIN_UP
            anomaly = 0.85 * anomaly + 1.6 * weather_noise[i, step]
            temperature = mean[i] - swing[i] * np.cos(turn * (day - coldest[i])) + anomaly
            wet = wet_share[i] * (1.0 + wet_swing[i] * np.cos(turn * (day - wettest[i])))
            raining = chance[i, step] < (min(wet + 0.3, 0.9) if raining else 0.6 * wet)
            depth = 1.0 + 5.0 * abs(weather_noise[i, step]) if raining else 0.0
            newness *= 0.93 if temperature < 0.0 else 0.85
            if temperature < 0.5:
                newness += (1.0 - newness) * min(depth / 8.0, 1.0)
                store = min(store + depth, 500.0)
            else:
                melt = min(store, 3.0 * temperature)
                store -= melt
                bucket += (depth + melt) / 26.0
            bucket = min(bucket, 1.0) * (1.0 - drying[i] * min(max(0.3 + 0.05 * temperature, 0.15), 2.0))
            frost = min(max(frost - temperature, 0.0), 250.0)
            if day >= 0:
                moisture[i, day] = bucket
                snow[i, day] = store / (store + 6.0) if store > 0.5 else 0.0
                fresh[i, day] = newness
                ice[i, day] = min(max((frost - 50.0) / 40.0, 0.0), 1.0)


def simulate_weather(
    latitude: NDArray[np.float32],
    elevation: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    continental: tuple[float, float] = (0.3, 1.1),
) -> Weather:
    """Draw a year of weather for each place.

    Args:
        latitude: Degrees, negative in the south (n,).
        elevation: Metres (n,).
        rng: Source of chance.
        continental: Range of the yearly swing of temperature, 0.3 on a mild coast to 1.1 far inland.

    Returns:
        Daily states (n, 365).
    """
    n = len(latitude)
    polar = np.abs(latitude)

    def uniform(low: float, high: float) -> NDArray[np.float32]:
        return rng.uniform(low, high, n).astype(np.float32)

    southern = latitude < 0
    winter = np.where(southern, 200.0, 18.0) + uniform(-8, 8)
    summer_rain = rng.random(n) < np.where(polar < 28, 0.8, np.where(polar < 43, 0.35, 0.55))
    states = [np.empty((n, DAYS), np.float32) for _ in range(4)]
    _run(
        (29.0 - 33.0 * (polar / 70.0) ** 1.7 - 0.006 * elevation + uniform(-2, 2)).astype(np.float32),
        (1.5 + 12.0 * polar / 50.0 * uniform(*continental)).astype(np.float32),
        winter.astype(np.float32),
        uniform(0.15, 0.5),
        uniform(0.0, 0.9) * np.where(polar < 43, 1.0, 0.5).astype(np.float32),
        (winter + np.where(summer_rain, 182.5, 0.0)).astype(np.float32) + uniform(-25, 25),
        uniform(0.04, 0.14),
        rng.standard_normal((n, SPIN_UP + DAYS), np.float32),
        rng.random((n, SPIN_UP + DAYS), np.float32),
        *states,
    )
    moisture, snow, ice, fresh = states
    return Weather(moisture=moisture, snow=snow, ice=ice, fresh=fresh)
