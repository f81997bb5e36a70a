"""What stays the same in a simulated pixel from year to year: its class, leaves, ground and normal seasons.

The numbers are ours, set so that seasonal medians of the classes look like those of real series of the training role.
"""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.simulation import surfaces
from stactools_esd.simulation.canopy import BROWN_LEAF, GREEN_LEAF
from stactools_esd.simulation.classes import BARE, DECIDUOUS, IMPERVIOUS, SNOW
from stactools_esd.simulation.seasons import SeasonDraw

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
    draw = SeasonDraw(class_id, latitude, terrain[:, 0], int(rng.integers(2**63)))
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


def char(traits: Traits, burnt: NDArray[np.intp]) -> Traits:
    """Blacken the ground of burnt parcels."""
    soil, other = traits.soil.copy(), traits.other.copy()
    soil[burnt] *= 0.45
    other[burnt] *= 0.45
    return replace(traits, soil=soil, other=other)


def with_rows(traits: Traits, rows: NDArray[np.intp], new: Traits) -> Traits:
    """Return traits in which some rows are replaced."""
    columns = {}
    for field in fields(Traits):
        column = getattr(traits, field.name).copy()
        column[rows] = getattr(new, field.name)
        columns[field.name] = column
    return Traits(**columns)


def vary_pixels(
    traits: Traits, terrain: NDArray[np.float32], spread: NDArray[np.float32], smooth: list[NDArray[np.float32]]
) -> Traits:
    """Let the pixels of a parcel differ: growth, timing, ground, share of plants; the terrain is their own."""
    woody = traits.class_id <= DECIDUOUS
    growth = np.exp(0.07 * smooth[0] + np.where(woody, 0.10, 0.05) * spread[:, 0]).astype(np.float32)
    cycles = traits.cycles.copy()
    cycles[:, :, 4] *= growth[:, None]
    cycles[:, :, :2] += (2.5 * smooth[1] + 1.5 * spread[:, 1])[:, None, None]
    loose = np.where(traits.class_id == IMPERVIOUS, 0.12, np.where(woody, 0.03, 0.015)).astype(np.float32)
    ground = np.exp(0.07 * smooth[1] + 0.06 * spread[:, 2])[:, None].astype(np.float32)
    bare = traits.vegetated == 0
    shadow = traits.shadow * np.exp(np.where(woody, 0.12, 0.08) * spread[:, 3]).astype(np.float32)
    return replace(
        traits,
        cycles=cycles,
        terrain=terrain,
        evergreen=(traits.evergreen * growth).astype(np.float32),
        vegetated=np.where(bare, 0, np.clip(traits.vegetated + loose * spread[:, 1], 0, 1)).astype(np.float32),
        shadow=np.clip(shadow, 0, 0.45).astype(np.float32),
        soil=traits.soil * ground,
        other=traits.other * ground,
        water=(traits.water * np.exp(0.05 * spread[:, 2:3] + 0.06 * smooth[0][:, None])).astype(np.float32),
    )
