"""The normal seasons of each class: when plants grow, how much, and what else comes every year.

Days are those of the northern half of the earth; the numbers are ours.
"""

import numpy as np
from numpy.typing import NDArray

from stactools_esd.simulation.classes import (
    BARE,
    DECIDUOUS,
    DOUBLE,
    EVERGREEN,
    GRASS,
    IMPERVIOUS,
    NEEDLE,
    PADDY,
    SHRUB,
    SINGLE,
    SNOW,
    WATER,
    WETLAND,
)
from stactools_esd.simulation.phenology import CYCLES, MOWINGS


class SeasonDraw:
    """Normal seasons of n pixels, drawn class by class."""

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
        self._forests()
        self._crops()
        self._meadows()
        self._sparse()

    def _of(self, *classes: int) -> NDArray[np.intp]:
        return np.flatnonzero(np.isin(self.class_id, classes))

    def _uniform(self, rows: NDArray[np.intp], low: float, high: float) -> NDArray[np.float64]:
        return self.rng.uniform(low, high, len(rows))

    def _normal(self, rows: NDArray[np.intp], mean: float, deviation: float) -> NDArray[np.float64]:
        return self.rng.normal(mean, deviation, len(rows))

    def _some(self, rows: NDArray[np.intp], share: float) -> NDArray[np.intp]:
        return rows[self.rng.random(len(rows)) < share]

    def _cycle(
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
        columns = [self._uniform(rows, *span) for span in spans]
        self.cycles[rows, number] = np.stack([start, end, *columns], axis=1)

    def _forests(self) -> None:
        rows = self._of(NEEDLE)
        self.evergreen[rows] = self._uniform(rows, 1.6, 4.2)
        self.wood[rows] = self._uniform(rows, 0.3, 0.9)
        start = 135 + self.late[rows] + self._normal(rows, 0, 8)
        self._cycle(rows, 0, start, start + self._normal(rows, 140, 15), (0.3, 1.4), residue=(0, 0.2))
        rows = self._of(EVERGREEN)
        self.evergreen[rows] = self._uniform(rows, 2.8, 6.0)
        self.wood[rows] = self._uniform(rows, 0.2, 0.6)
        start = self._uniform(rows, 0, 365)
        self._cycle(
            rows, 0, start, start + self._uniform(rows, 110, 200), (0.3, 2.0), rise=(0.03, 0.07), residue=(0, 0.2)
        )
        rows = self._of(DECIDUOUS)
        self.evergreen[rows] = np.exp(self._normal(rows, -1.4, 0.7))
        self.wood[rows] = self._uniform(rows, 0.6, 1.4)
        start = 130 + self.late[rows] + self._normal(rows, 0, 7)
        end = 285 - 0.8 * self.late[rows] + self._normal(rows, 0, 8)
        self._cycle(rows, 0, start, np.maximum(end, start + 80), (2.6, 5.2), rise=(0.08, 0.20), linger=(6, 18))
        dry = rows[self.polar[rows] < 25]  # leaves fall in the dry season, whenever that is
        start = self._uniform(dry, 0, 365)
        self._cycle(dry, 0, start, start + self._normal(dry, 205, 20), (2.0, 4.5), fall=(0.03, 0.06))

    def _crops(self) -> None:
        rows = self._of(SINGLE)
        kind = self.rng.random(len(rows))
        winter, summer, spring = rows[kind < 0.36], rows[(kind >= 0.36) & (kind < 0.88)], rows[kind >= 0.88]
        start = 92 + self.late[winter] + self._normal(winter, 0, 9)
        end = 168 + self.late[winter] + self._normal(winter, 0, 8)
        self._cycle(winter, 0, start, end, (2.6, 5.5), fall=(0.10, 0.20), residue=(0.4, 0.8), linger=(15, 32))
        self._stubble(winter, 1, end + 25, 0.45)
        autumn = 300 - 0.5 * self.late[winter] + self._normal(winter, 0, 12)
        self._cycle(winter, 2, autumn, start + 375, (0.3, 1.6), residue=(0, 0.1), linger=(0, 5))
        start = 162 + 0.5 * self.late[summer] + self._normal(summer, 0, 11)
        end = start + self._normal(summer, 88, 12)
        self._cycle(summer, 0, start, end, (2.6, 5.5), fall=(0.06, 0.13), residue=(0.4, 0.8))
        self._stubble(summer, 1, end + 25, 0.35)
        weeds = self._some(summer, 0.4)
        self._cycle(weeds, 2, self._normal(weeds, 25, 25), self._normal(weeds, 115, 10), (0.3, 1.6), residue=(0.1, 0.4))
        start = 122 + self.late[spring] + self._normal(spring, 0, 9)
        self._cycle(spring, 0, start, start + self._normal(spring, 70, 8), (2.4, 5.0), fall=(0.08, 0.16))
        self._stubble(spring, 1, start + 95, 0.4)

        rows = self._of(DOUBLE)
        start = 68 + 0.8 * self.late[rows] + self._normal(rows, 0, 8)
        end = start + self._normal(rows, 72, 7)
        self._cycle(rows, 0, start, end, (2.4, 5.0), fall=(0.12, 0.22), linger=(8, 16))
        start = end + self._normal(rows, 58, 7)
        end = start + self._normal(rows, 68, 9)
        self._cycle(rows, 1, start, end, (2.2, 5.2), rise=(0.08, 0.16), linger=(8, 18))
        self._cycle(rows, 2, end + self._normal(rows, 45, 8), self._normal(rows, 438, 8), (0.3, 1.2), residue=(0, 0.1))

        rows = self._of(PADDY)
        start = 188 + 0.6 * self.late[rows] + self._normal(rows, 0, 11)
        self._cycle(rows, 0, start, start + self._normal(rows, 68, 7), (3.0, 5.8), fall=(0.08, 0.16), linger=(8, 20))
        self.flood[rows, 0] = np.stack(
            [start - 38, self._uniform(rows, 75, 110), self._uniform(rows, 0.7, 1.0)], axis=1
        )
        early = self._some(rows[self.polar[rows] < 31], 0.5)
        start = self.cycles[early, 0, 0] - self._normal(early, 92, 5)
        self._cycle(early, 1, start, start + self._normal(early, 55, 4), (2.5, 5.0), fall=(0.1, 0.2), linger=(5, 10))
        self.flood[early, 1] = np.stack(
            [start - 32, self._uniform(early, 65, 85), self._uniform(early, 0.7, 1)], axis=1
        )
        weeds = self._some(rows, 0.5)
        self._cycle(weeds, 2, self._normal(weeds, 330, 20), self._normal(weeds, 470, 15), (0.3, 2.0))

    def _flooded(
        self,
        rows: NDArray[np.intp],
        number: int,
        start: NDArray[np.float64],
        length: tuple[float, float],
        share: tuple[float, float],
    ) -> None:
        columns = [start, self._uniform(rows, *length), self._uniform(rows, *share)]
        self.flood[rows, number] = np.stack(columns, axis=1)

    def _stubble(self, rows: NDArray[np.intp], number: int, harvest: NDArray[np.float64], cover: float) -> None:
        """Straw left on the field until it is tilled, or a green cover that follows."""
        self._cycle(rows, number, harvest, harvest, (0.2, 0.7), residue=(1, 1), linger=(15, 110), clearing=(0.5, 1.5))
        sown = self._some(rows, cover)
        start = harvest[np.isin(rows, sown)] + self._normal(sown, 35, 12)
        self._cycle(sown, number + 2, start, start + self._uniform(sown, 60, 160), (0.6, 3.2), residue=(0.1, 0.5))

    def _meadows(self) -> None:
        rows = self._of(GRASS)
        self.evergreen[rows] = np.exp(self._normal(rows, -0.6, 0.7))
        warm = (self.polar[rows] > 27) & (self.polar[rows] < 44) & (self.rng.random(len(rows)) < 0.6)
        self._grow(rows[warm], 318, 142, 14)  # green in winter, straw in summer
        self._grow(rows[~warm], 98, 240, 16, (0.9, 4.2))
        lush = self._some(rows[~warm & (self.polar[rows] > 35)], 0.55)
        self.evergreen[lush] += self._uniform(lush, 0.5, 2.4)
        first = 140 + self.late[lush] + self._normal(lush, 0, 12)
        for cut in range(MOWINGS):
            mown = self.rng.random(len(lush)) < 0.7
            self.mowings[lush[mown], cut] = (first + 52 * cut + self._normal(lush, 0, 8))[mown]
        rows = self._of(SHRUB)
        self.evergreen[rows] = np.exp(self._normal(rows, -0.1, 0.55))
        self.wood[rows] = self._uniform(rows, 0.2, 0.6)
        warm = (self.polar[rows] > 27) & (self.polar[rows] < 44) & (self.rng.random(len(rows)) < 0.6)
        self._grow(rows[warm], 320, 150, 16, (0.2, 1.6))
        self._grow(rows[~warm], 120, 262, 14, (0.2, 2.0))
        rows = self._of(WETLAND)
        self.evergreen[rows] = self._uniform(rows, 0.2, 0.9)
        self._grow(rows, 125, 265, 12, (1.0, 3.6), linger=(80, 160))
        self._flooded(rows, 0, self._uniform(rows, 0, 365), (90, 260), (0.15, 0.85))

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
        begin = start + late + self._normal(rows, 0, deviation)
        length = (end - start) % 365 - np.where(start < end, 1.6, 0.0) * np.maximum(late, 0)
        length = np.clip(length + self._normal(rows, 0, deviation), 55, 235)
        tropical = self.polar[rows] < 25
        begin[tropical] = self.rng.uniform(0, 365, tropical.sum())
        self._cycle(
            rows, 0, begin, begin + length, amplitude,
            rise=(0.035, 0.10), fall=(0.025, 0.07), linger=linger, clearing=(0.03, 0.08),
        )  # fmt: skip

    def _sparse(self) -> None:
        rows = self._of(IMPERVIOUS)
        self.vegetated[rows] = 0.75 * self.rng.beta(1.2, 3.0, len(rows))
        self.evergreen[rows] = self._uniform(rows, 0.4, 2.0)
        self._grow(rows, 110, 275, 10, (0.6, 3.0))
        rows = self._of(BARE)
        self.vegetated[rows] = 0.4 * self.rng.beta(1.0, 4.0, len(rows))
        self.evergreen[rows] = self._uniform(rows, 0.1, 0.5)
        self._grow(rows, 110, 250, 15, (0.1, 1.2))
        self.vegetated[self._of(WATER, SNOW)] = 0
        gaps = self._of(NEEDLE, EVERGREEN, DECIDUOUS, GRASS, SHRUB, WETLAND)
        self.vegetated[gaps] = 1 - 0.25 * self.rng.beta(1.0, 4.0, len(gaps))
        fields_ = self._of(SINGLE, DOUBLE, PADDY)
        self.vegetated[fields_] = 1 - 0.3 * self.rng.beta(1.0, 3.0, len(fields_))
        shrubs = self._of(SHRUB)
        self.vegetated[shrubs] = self.rng.beta(3.0, 1.5, len(shrubs))
