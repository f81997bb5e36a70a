"""What stays the same in a simulated pixel from year to year: its class, leaves, ground and normal seasons.

The numbers are ours, set so that seasonal medians of the classes look like those of real series of the training role.
"""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.simulation import surfaces
from stactools_esd.simulation.canopy import BROWN_LEAF, GREEN_LEAF
from stactools_esd.simulation.phenology import CYCLES, MOWINGS

CLASS_NAMES: Final = (
    "evergreen needleleaf forest",
    "evergreen broadleaf forest",
    "deciduous forest",
    "single crop",
    "double crop",
    "paddy rice",
    "grassland",
    "shrubland",
    "wetland",
    "water",
    "impervious",
    "bare",
    "snow and ice",
)
"""The simulated classes; a class_id is the position in this list."""

NEEDLE, EVERGREEN, DECIDUOUS, SINGLE, DOUBLE, PADDY, GRASS, SHRUB, WETLAND, WATER, IMPERVIOUS, BARE, SNOW = range(13)

_PLANTS: Final = (
    ("needle", "wood"),
    ("evergreen", "wood"),
    ("deciduous", "wood"),
    ("crop", "straw"),
    ("crop", "straw"),
    ("crop", "straw"),
    ("grass", "straw"),
    ("shrub", "litter"),
    ("grass", "litter"),
    ("grass", "straw"),
    ("grass", "straw"),
    ("shrub", "litter"),
    ("grass", "straw"),
)
_SHADOW: Final = (0.26, 0.20, 0.13, 0.06, 0.06, 0.06, 0.06, 0.13, 0.08, 0.0, 0.12, 0.08, 0.0)
_BURIED: Final = (0.05, 0.05, 0.15, 0.95, 0.95, 0.95, 0.9, 0.5, 0.7, 0.0, 0.8, 0.8, 0.0)
_VISIBLE_WEIGHT: Final = np.array((0.6, 1.0, 1.0, 0.0, 0.0, 0.0))
_WATER_WEIGHT: Final = np.array((0.0, 0.0, 0.0, 0.1, 0.8, 1.0))


@dataclass(frozen=True, kw_only=True)
class Traits:
    """Lasting properties of n pixels."""

    class_id: NDArray[np.uint8]
    """Class (n,), a position in `CLASS_NAMES`."""

    latitude: NDArray[np.float32]
    """Degrees, negative in the south (n,)."""

    terrain: NDArray[np.float32]
    """Elevation in metres, slope and aspect in degrees, aspect NaN where flat (n, 3)."""

    cycles: NDArray[np.float32]
    """Normal growth cycles (n, 4, 8); columns `phenology.CYCLE`."""

    mowings: NDArray[np.float32]
    """Normal days of cuts (n, 3), NaN for none."""

    evergreen: NDArray[np.float32]
    """Green leaf area that never goes (n,)."""

    wood: NDArray[np.float32]
    """Stem area (n,)."""

    shadow: NDArray[np.float32]
    """Self-shading of the crowns (n,)."""

    buried: NDArray[np.float32]
    """Share of the plants that lie under full snow (n,)."""

    green_leaf: NDArray[np.float32]
    """Scattering albedo of green leaves (n, 6)."""

    brown_leaf: NDArray[np.float32]
    """Scattering albedo of brown parts (n, 6)."""

    vegetated: NDArray[np.float32]
    """Share of the pixel under plants (n,)."""

    soil: NDArray[np.float32]
    """Reflectance of the dry ground (n, 6)."""

    other: NDArray[np.float32]
    """Reflectance of the share without plants where it is not soil: built or water (n, 6)."""

    water: NDArray[np.float32]
    """Reflectance of the water that floods or fills the pixel (n, 6)."""

    flood: NDArray[np.float32]
    """Start day, length in days and largest share of a yearly flood (n, 2, 3); share 0 for none."""

    def take(self, positions: NDArray[np.intp] | slice) -> "Traits":
        """Return the traits of some pixels."""
        return Traits(**{field.name: getattr(self, field.name)[positions] for field in fields(self)})


def _leaves(
    kind: dict[str, tuple[float, ...]], types: list[str], class_id: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw leaf albedos (n, 6): absorption grows with pigment and water content as in Beer's law."""
    n = len(class_id)
    table = np.array([kind[name] for name in types])
    pigment, moisture = rng.normal(0, 0.13, (n, 1)), rng.normal(0, 0.13, (n, 1))
    structure = rng.normal(0, 0.22, (n, 1))
    exponent = np.exp(pigment * _VISIBLE_WEIGHT + moisture * _WATER_WEIGHT + rng.normal(0, 0.03, (n, 6)))
    exponent[:, 3:4] *= np.exp(structure)
    albedo: NDArray[np.float32] = np.clip(table[class_id] ** exponent, 0.01, 0.985).astype(np.float32)
    return albedo


class _Draw:
    """Normal seasons, class by class; arrays are filled in place."""

    def __init__(
        self, class_id: NDArray[np.uint8], latitude: NDArray[np.float32], elevation: NDArray[np.float32], seed: int
    ) -> None:
        n = len(class_id)
        self.class_id = class_id
        self.rng = np.random.default_rng(seed)
        self.polar = np.abs(latitude)
        self.late = 2.2 * (np.clip(self.polar, 25, 68) - 45) + 0.018 * elevation  # days that spring is late
        self.cycles = np.zeros((n, CYCLES, 8))
        self.mowings = np.full((n, MOWINGS), np.nan)
        self.evergreen, self.wood = np.zeros(n), np.zeros(n)
        self.vegetated = np.ones(n)
        self.flood = np.zeros((n, 2, 3))

    def of(self, *classes: int) -> NDArray[np.intp]:
        return np.flatnonzero(np.isin(self.class_id, classes))

    def uniform(self, rows: NDArray[np.intp], low: float, high: float) -> NDArray[np.float64]:
        return self.rng.uniform(low, high, len(rows))

    def normal(self, rows: NDArray[np.intp], mean: float, deviation: float) -> NDArray[np.float64]:
        return self.rng.normal(mean, deviation, len(rows))

    def some(self, rows: NDArray[np.intp], share: float) -> NDArray[np.intp]:
        return rows[self.rng.random(len(rows)) < share]

    def cycle(
        self,
        rows: NDArray[np.intp],
        number: int,
        start: NDArray[np.float64],
        end: NDArray[np.float64],
        amplitude: tuple[float, float],
        *,
        rise: tuple[float, float] = (0.06, 0.13),
        fall: tuple[float, float] = (0.05, 0.12),
        residue: tuple[float, float] = (0.3, 0.8),
        linger: tuple[float, float] = (10, 35),
        clearing: tuple[float, float] = (0.3, 1.0),
    ) -> None:
        spans = (rise, fall, amplitude, residue, linger, clearing)
        columns = [self.uniform(rows, *span) for span in spans]
        self.cycles[rows, number] = np.stack([start, end, *columns], axis=1)

    def forests(self) -> None:
        rows = self.of(NEEDLE)
        self.evergreen[rows] = self.uniform(rows, 1.6, 4.2)
        self.wood[rows] = self.uniform(rows, 0.3, 0.9)
        start = 135 + self.late[rows] + self.normal(rows, 0, 8)
        self.cycle(rows, 0, start, start + self.normal(rows, 140, 15), (0.3, 1.4), residue=(0, 0.2))
        rows = self.of(EVERGREEN)
        self.evergreen[rows] = self.uniform(rows, 2.8, 6.0)
        self.wood[rows] = self.uniform(rows, 0.2, 0.6)
        start = self.uniform(rows, 0, 365)
        self.cycle(
            rows, 0, start, start + self.uniform(rows, 110, 200), (0.3, 2.0), rise=(0.03, 0.07), residue=(0, 0.2)
        )
        rows = self.of(DECIDUOUS)
        self.evergreen[rows] = np.exp(self.normal(rows, -1.4, 0.7))
        self.wood[rows] = self.uniform(rows, 0.6, 1.4)
        start = 130 + self.late[rows] + self.normal(rows, 0, 7)
        end = 285 - 0.8 * self.late[rows] + self.normal(rows, 0, 8)
        self.cycle(rows, 0, start, np.maximum(end, start + 80), (2.6, 5.2), rise=(0.08, 0.20), linger=(6, 18))
        dry = rows[self.polar[rows] < 25]  # leaves fall in the dry season, whenever that is
        start = self.uniform(dry, 0, 365)
        self.cycle(dry, 0, start, start + self.normal(dry, 205, 20), (2.0, 4.5), fall=(0.03, 0.06))

    def crops(self) -> None:
        rows = self.of(SINGLE)
        kind = self.rng.random(len(rows))
        winter, summer, spring = rows[kind < 0.36], rows[(kind >= 0.36) & (kind < 0.88)], rows[kind >= 0.88]
        start = 92 + self.late[winter] + self.normal(winter, 0, 9)
        end = 168 + self.late[winter] + self.normal(winter, 0, 8)
        self.cycle(winter, 0, start, end, (2.6, 5.5), fall=(0.10, 0.20), residue=(0.4, 0.8), linger=(15, 32))
        self._stubble(winter, 1, end + 25, 0.45)
        autumn = 300 - 0.5 * self.late[winter] + self.normal(winter, 0, 12)
        self.cycle(winter, 2, autumn, start + 375, (0.3, 1.6), residue=(0, 0.1), linger=(0, 5))
        start = 162 + 0.5 * self.late[summer] + self.normal(summer, 0, 11)
        end = start + self.normal(summer, 88, 12)
        self.cycle(summer, 0, start, end, (2.6, 5.5), fall=(0.06, 0.13), residue=(0.4, 0.8))
        self._stubble(summer, 1, end + 25, 0.35)
        weeds = self.some(summer, 0.4)
        self.cycle(weeds, 2, self.normal(weeds, 25, 25), self.normal(weeds, 115, 10), (0.3, 1.6), residue=(0.1, 0.4))
        start = 122 + self.late[spring] + self.normal(spring, 0, 9)
        self.cycle(spring, 0, start, start + self.normal(spring, 70, 8), (2.4, 5.0), fall=(0.08, 0.16))
        self._stubble(spring, 1, start + 95, 0.4)

        rows = self.of(DOUBLE)
        start = 68 + 0.8 * self.late[rows] + self.normal(rows, 0, 8)
        end = start + self.normal(rows, 72, 7)
        self.cycle(rows, 0, start, end, (2.4, 5.0), fall=(0.12, 0.22), linger=(8, 16))
        start = end + self.normal(rows, 58, 7)
        end = start + self.normal(rows, 68, 9)
        self.cycle(rows, 1, start, end, (2.2, 5.2), rise=(0.08, 0.16), linger=(8, 18))
        self.cycle(rows, 2, end + self.normal(rows, 45, 8), self.normal(rows, 438, 8), (0.3, 1.2), residue=(0, 0.1))

        rows = self.of(PADDY)
        start = 188 + 0.6 * self.late[rows] + self.normal(rows, 0, 11)
        self.cycle(rows, 0, start, start + self.normal(rows, 68, 7), (3.0, 5.8), fall=(0.08, 0.16), linger=(8, 20))
        self.flood[rows, 0] = np.stack([start - 38, self.uniform(rows, 75, 110), self.uniform(rows, 0.7, 1.0)], axis=1)
        early = self.some(rows[self.polar[rows] < 31], 0.5)
        start = self.cycles[early, 0, 0] - self.normal(early, 92, 5)
        self.cycle(early, 1, start, start + self.normal(early, 55, 4), (2.5, 5.0), fall=(0.1, 0.2), linger=(5, 10))
        self.flood[early, 1] = np.stack([start - 32, self.uniform(early, 65, 85), self.uniform(early, 0.7, 1)], axis=1)
        weeds = self.some(rows, 0.5)
        self.cycle(weeds, 2, self.normal(weeds, 330, 20), self.normal(weeds, 470, 15), (0.3, 2.0))

    def _stubble(self, rows: NDArray[np.intp], number: int, harvest: NDArray[np.float64], cover: float) -> None:
        """Straw left on the field until it is tilled, or a green cover that follows."""
        self.cycle(rows, number, harvest, harvest, (0.2, 0.7), residue=(1, 1), linger=(15, 110), clearing=(0.5, 1.5))
        sown = self.some(rows, cover)
        start = harvest[np.isin(rows, sown)] + self.normal(sown, 35, 12)
        self.cycle(sown, number + 2, start, start + self.uniform(sown, 60, 160), (0.6, 3.2), residue=(0.1, 0.5))

    def meadows(self) -> None:
        rows = self.of(GRASS)
        self.evergreen[rows] = np.exp(self.normal(rows, -0.6, 0.7))
        warm = (self.polar[rows] > 27) & (self.polar[rows] < 44) & (self.rng.random(len(rows)) < 0.6)
        self._grow(rows[warm], 318, 142, 14)  # green in winter, straw in summer
        self._grow(rows[~warm], 98, 240, 16, (0.9, 4.2))
        lush = self.some(rows[~warm & (self.polar[rows] > 35)], 0.55)
        self.evergreen[lush] += self.uniform(lush, 0.5, 2.4)
        first = 140 + self.late[lush] + self.normal(lush, 0, 12)
        for cut in range(MOWINGS):
            mown = self.rng.random(len(lush)) < 0.7
            self.mowings[lush[mown], cut] = (first + 52 * cut + self.normal(lush, 0, 8))[mown]
        rows = self.of(SHRUB)
        self.evergreen[rows] = np.exp(self.normal(rows, -0.1, 0.55))
        self.wood[rows] = self.uniform(rows, 0.2, 0.6)
        warm = (self.polar[rows] > 27) & (self.polar[rows] < 44) & (self.rng.random(len(rows)) < 0.6)
        self._grow(rows[warm], 320, 150, 16, (0.2, 1.6))
        self._grow(rows[~warm], 120, 262, 14, (0.2, 2.0))
        rows = self.of(WETLAND)
        self.evergreen[rows] = self.uniform(rows, 0.2, 0.9)
        self._grow(rows, 125, 265, 12, (1.0, 3.6), linger=(80, 160))
        wet = self.uniform(rows, 0, 365)
        self.flood[rows, 0] = np.stack([wet, self.uniform(rows, 90, 260), self.uniform(rows, 0.15, 0.85)], axis=1)

    def _grow(
        self,
        rows: NDArray[np.intp],
        start: float,
        end: float,
        deviation: float,
        amplitude: tuple[float, float] = (0.7, 3.2),
        linger: tuple[float, float] = (40, 110),
    ) -> None:
        """Give grass-like plants one season; in the tropics it starts with the rains, at any time."""
        late = self.late[rows] if start < end else -0.4 * self.late[rows]
        begin = start + late + self.normal(rows, 0, deviation)
        length = (end - start) % 365 - np.where(start < end, 1.6, 0.0) * np.maximum(late, 0)
        length = np.clip(length + self.normal(rows, 0, deviation), 55, 235)
        tropical = self.polar[rows] < 25
        begin[tropical] = self.rng.uniform(0, 365, tropical.sum())
        self.cycle(
            rows, 0, begin, begin + length, amplitude,
            rise=(0.035, 0.10), fall=(0.025, 0.07), linger=linger, clearing=(0.03, 0.08),
        )  # fmt: skip

    def sparse(self) -> None:
        rows = self.of(IMPERVIOUS)
        self.vegetated[rows] = 0.75 * self.rng.beta(1.2, 3.0, len(rows))
        self.evergreen[rows] = self.uniform(rows, 0.4, 2.0)
        self._grow(rows, 110, 275, 10, (0.6, 3.0))
        rows = self.of(BARE)
        self.vegetated[rows] = 0.4 * self.rng.beta(1.0, 4.0, len(rows))
        self.evergreen[rows] = self.uniform(rows, 0.1, 0.5)
        self._grow(rows, 110, 250, 15, (0.1, 1.2))
        self.vegetated[self.of(WATER, SNOW)] = 0
        gaps = self.of(NEEDLE, EVERGREEN, DECIDUOUS, GRASS, SHRUB, WETLAND)
        self.vegetated[gaps] = 1 - 0.25 * self.rng.beta(1.0, 4.0, len(gaps))
        fields_ = self.of(SINGLE, DOUBLE, PADDY)
        self.vegetated[fields_] = 1 - 0.3 * self.rng.beta(1.0, 3.0, len(fields_))
        shrubs = self.of(SHRUB)
        self.vegetated[shrubs] = self.rng.beta(3.0, 1.5, len(shrubs))


def draw_traits(
    class_id: NDArray[np.uint8],
    latitude: NDArray[np.float32],
    terrain: NDArray[np.float32],
    rng: np.random.Generator,
) -> Traits:
    """Draw the lasting properties of pixels of given classes at given places.

    Args:
        class_id: Classes (n,).
        latitude: Degrees, negative in the south, where seasons shift by half a year (n,).
        terrain: Elevation m, slope degrees, aspect degrees (n, 3).
        rng: Source of chance.
    """
    n = len(class_id)
    draw = _Draw(class_id, latitude, terrain[:, 0], int(rng.integers(2**63)))
    draw.forests()
    draw.crops()
    draw.meadows()
    draw.sparse()
    southern = np.where(latitude < 0, 182.5, 0.0)
    draw.cycles[:, :, :2] += southern[:, None, None]
    draw.mowings += southern[:, None]
    draw.mowings[draw.mowings >= 365] -= 365
    draw.flood[:, :, 0] += southern[:, None]
    soil = surfaces.mixtures(surfaces.SOILS, n, rng, evenness=0.5, spread=0.22)
    desert = class_id == BARE
    soil[desert] = np.clip(soil[desert] * rng.uniform(0.8, 1.7, (int(desert.sum()), 1)), 0, 0.8)
    forest = class_id <= DECIDUOUS
    soil[forest] *= 0.62  # litter and moss, in shade
    glacier = class_id == SNOW
    soil[glacier] = surfaces.ICE * rng.uniform(0.7, 1.25, (int(glacier.sum()), 1))
    water = surfaces.mixtures(surfaces.WATERS, n, rng, evenness=0.5, spread=0.25)
    built = surfaces.mixtures(surfaces.BUILT, n, rng, evenness=0.8, spread=0.18)
    single = np.asarray
    return Traits(
        class_id=class_id,
        latitude=single(latitude, np.float32),
        terrain=single(terrain, np.float32),
        cycles=draw.cycles.astype(np.float32),
        mowings=draw.mowings.astype(np.float32),
        evergreen=draw.evergreen.astype(np.float32),
        wood=draw.wood.astype(np.float32),
        shadow=(np.array(_SHADOW)[class_id] * rng.uniform(0.75, 1.25, n)).astype(np.float32),
        buried=np.array(_BURIED, np.float32)[class_id],
        green_leaf=_leaves(GREEN_LEAF, [green for green, _ in _PLANTS], class_id, rng),
        brown_leaf=_leaves(BROWN_LEAF, [brown for _, brown in _PLANTS], class_id, rng),
        vegetated=draw.vegetated.astype(np.float32),
        soil=soil.astype(np.float32),
        other=np.where((class_id == IMPERVIOUS)[:, None], built, soil).astype(np.float32),
        water=water,
        flood=draw.flood.astype(np.float32),
    )


def vary_year(traits: Traits, rng: np.random.Generator, *, shared: bool = False) -> Traits:
    """Return the traits of one year: seasons a little earlier or later, richer or poorer than normal.

    Args:
        traits: Normal traits.
        rng: Source of chance.
        shared: True where all pixels lie in one landscape and most of the variation is common to them.
    """
    n = len(traits.class_id)

    def normal(deviation: float) -> NDArray[np.float64]:
        own = rng.normal(0, deviation * (0.4 if shared else 1.0), n)
        return own + (rng.normal(0, deviation * 0.9) if shared else 0.0)

    cycles = traits.cycles.copy()
    cycles[:, :, 0] += normal(5)[:, None]
    cycles[:, :, 1] += normal(6)[:, None]
    cycles[:, :, 4] *= np.exp(normal(0.08))[:, None]
    return replace(
        traits,
        cycles=cycles,
        mowings=(traits.mowings + normal(7)[:, None]).astype(np.float32),
        evergreen=(traits.evergreen * np.exp(normal(0.05))).astype(np.float32),
        water=(traits.water * np.exp(normal(0.08))[:, None]).astype(np.float32),
    )
