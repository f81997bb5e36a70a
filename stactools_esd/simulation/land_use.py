"""The map under a simulated landscape: terrain, what land is used for, parcels, and what happens to them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.product import PIXEL_SIZE
from stactools_esd.simulation import classes as kinds
from stactools_esd.simulation.noise import generator, smooth_noise, split_parcels

CHANGES: Final = ("none", "rotation", "clear-cut", "fire", "new buildings")
"""What may happen to a parcel from one year to the next; `change_map` holds positions in this list."""

NONE, ROTATION, CLEAR_CUT, FIRE, BUILDING = range(5)

FARMLAND, WOOD, HEATH, MARSH, TOWN, QUARRY, RIVER = range(7)


def draw_map(key: list[int], shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Draw terrain (3, y, x) and what the land is used for (y, x)."""
    height, width = shape
    reach = max(height, width)
    rng = generator(*key)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    # A river winds from north to south in a valley, with a lake on it.
    course = width * (0.3 + 0.07 * np.sin(2 * np.pi * (1.4 * y[:, 0] / height + rng.random())))
    course += 0.05 * width * smooth_noise([*key, 1], (height, 1), height / 5)[:, 0]
    from_river = np.abs(x - course[:, None])
    lake_row = int(height * rng.uniform(0.25, 0.75))
    rough = smooth_noise([*key, 2], shape, reach / 6)
    from_lake = np.hypot(y - lake_row, x - course[lake_row] + 0.04 * width) * np.maximum(1 + 0.15 * rough, 0.6)
    hills = smooth_noise([*key, 3], shape, reach / 3, octaves=5)
    valley = 1 - np.exp(-((from_river / (0.25 * width)) ** 2))
    elevation = 18 + 70 * valley + 45 * valley * np.maximum(hills + 0.6, 0) + 1.5 * hills
    down, right = np.gradient(elevation, PIXEL_SIZE)
    slope = np.degrees(np.arctan(np.hypot(down, right)))
    aspect = np.degrees(np.arctan2(-right, down)) % 360  # downhill direction; rows grow to the south
    aspect = np.where(slope < 0.5, np.nan, aspect)

    zone = np.full(shape, FARMLAND, np.uint8)
    woods = smooth_noise([*key, 4], shape, reach / 5, octaves=4) + 0.35 * hills
    zone[woods > 0.55] = WOOD
    heath = smooth_noise([*key, 5], shape, reach / 5, octaves=4) + 0.2 * hills
    zone[(heath > 1.0) & (woods <= 0.55)] = HEATH
    wet = smooth_noise([*key, 6], shape, reach / 8)
    zone[(from_river < (0.035 + 0.035 * wet) * width) | (from_lake < 0.115 * reach)] = MARSH
    town = (height * rng.uniform(0.3, 0.7), width * rng.uniform(0.62, 0.8))
    from_town = np.hypot(y - town[0], x - town[1]) * np.maximum(1 + 0.4 * rough, 0.6)
    zone[from_town < 0.13 * reach] = TOWN
    quarry = (height * rng.uniform(0.05, 0.95), width * rng.uniform(0.5, 0.95))
    zone[np.hypot(y - quarry[0], x - quarry[1]) * np.maximum(1 + 0.3 * rough, 0.6) < 0.055 * reach] = QUARRY
    zone[(from_river < max(1.6, 0.012 * width)) | (from_lake < 0.085 * reach)] = RIVER
    slope[zone == RIVER] = 0
    aspect[zone == RIVER] = np.nan
    return np.stack([elevation, slope, aspect]).astype(np.float32), zone


def draw_parcels(key: list[int], zone: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number parcels (y, x), smaller in town and larger in woods; none crosses the border of a zone."""
    areas = {FARMLAND: 55, WOOD: 90, HEATH: 60, MARSH: 60, TOWN: 6, QUARRY: 60}
    whole = zone.size * 1.6  # the bent and turned rectangle is larger than the area
    levels = {use: max(int(np.round(np.log2(whole / area))), 1) for use, area in areas.items()}
    finest = max(levels.values())
    levels[RIVER] = 0  # one water body
    parcel = split_parcels(key, (zone.shape[0], zone.shape[1]), finest)
    shift = np.array([finest - levels[use] for use in sorted(levels)])[zone]
    number = (parcel >> shift) * len(levels) + zone
    return np.unique(number, return_inverse=True)[1].reshape(zone.shape).astype(np.int64)


def first_classes(zones: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw the class of each parcel from its zone."""
    mixes: dict[int, dict[int, float]] = {
        FARMLAND: {kinds.SINGLE: 0.58, kinds.DOUBLE: 0.12, kinds.GRASS: 0.30},
        WOOD: {kinds.NEEDLE: 0.42, kinds.DECIDUOUS: 0.58},
        HEATH: {kinds.SHRUB: 0.8, kinds.GRASS: 0.2},
        MARSH: {kinds.WETLAND: 0.8, kinds.GRASS: 0.2},
        TOWN: {kinds.IMPERVIOUS: 0.85, kinds.GRASS: 0.1, kinds.DECIDUOUS: 0.05},
        QUARRY: {kinds.BARE: 1.0},
        RIVER: {kinds.WATER: 1.0},
    }
    classes = np.zeros(len(zones), np.uint8)
    for zone, mix in mixes.items():
        of_zone = np.flatnonzero(zones == zone)
        classes[of_zone] = rng.choice(list(mix), len(of_zone), p=list(mix.values()))
    return classes


def draw_changes(
    class_id: NDArray[np.uint8], zones: NDArray[np.uint8], last: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw what happens to each parcel in a year: kind of change, and class afterwards."""
    n = len(class_id)
    change, after = np.zeros(n, np.uint8), class_id.copy()
    after[last == FIRE] = kinds.SHRUB  # what burnt a year ago grows again
    chance = rng.random(n)
    arable = np.isin(class_id, (kinds.SINGLE, kinds.DOUBLE))
    change[arable] = ROTATION
    after[arable] = rng.choice([kinds.SINGLE, kinds.DOUBLE, kinds.GRASS], n, p=(0.82, 0.13, 0.05))[arable]
    ploughed = (class_id == kinds.GRASS) & (zones == FARMLAND) & (chance > 0.88)
    change[ploughed], after[ploughed] = ROTATION, kinds.SINGLE
    forest = (zones == WOOD) & (class_id <= kinds.DECIDUOUS)
    for kind, where, share, becomes in (
        (CLEAR_CUT, forest, 0.07, kinds.SHRUB),
        (FIRE, (zones == HEATH) & (last != FIRE), 0.12, kinds.BARE),
        (BUILDING, (zones == FARMLAND) & (class_id != kinds.IMPERVIOUS), 0.03, kinds.IMPERVIOUS),
    ):
        hit = np.flatnonzero(where & (chance < share))
        if not len(hit) and where.any():  # every kind happens somewhere, so that small landscapes have truth too
            candidates = np.flatnonzero(where)
            hit = candidates[[int(np.argmin(chance[candidates]))]]
        change[hit], after[hit] = kind, becomes
    return change, after
