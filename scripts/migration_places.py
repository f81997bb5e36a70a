"""Simulated places with 25 years of codes and of truth, as `label_migration.py` judges labels on them.

    migration_places.py SEED ..

Each landscape is observed between clouds, filled and encoded year by year: about a minute of processor time. What was
made once is read again from build/.
"""

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stactools_esd.observations import YearWindow
from stactools_esd.seamless import prepare
from stactools_esd.simulation import Landscape

FOLDER: Final = Path(__file__).resolve().parent.parent / "build" / "migration"
SIZE: Final = (128, 128)
"""Rows and columns."""

YEARS: Final = tuple(range(2000, 2025))
"""Years of codes and truth."""

ROWS: Final = 16

LEGEND: Final = {
    1: "evergreen forest", 2: "deciduous forest", 3: "cropland", 4: "grassland", 5: "shrubland", 6: "wetland",
    7: "water", 8: "built-up", 9: "bare",
}  # fmt: skip
"""Classes of labels: one for all arable land, so that a rotation of crops is no change of land."""

_CLASS_IDS: Final = np.array([1, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9, 9])


@dataclass(frozen=True, kw_only=True)
class SimulatedPlace:
    """A landscape with codes and truth of every year."""

    landscape: Landscape
    """What was simulated."""

    bands: NDArray[np.uint16]
    """Codes and clear observations (years, 13, y, x)."""

    @cached_property
    def truth(self) -> NDArray[np.int64]:
        """class_id of every pixel in every year (years, y, x)."""
        return np.stack([_CLASS_IDS[self.landscape.class_map(year)] for year in YEARS])


def simulated_place(seed: int) -> SimulatedPlace:
    """Return a landscape, observed and encoded, from its seed."""
    landscape = Landscape(seed, size=SIZE, years=YEARS)
    path = FOLDER / f"codes_{seed}_{SIZE[0]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.save(file, _encoded(landscape))
        partial.rename(path)
    return SimulatedPlace(landscape=landscape, bands=np.load(path))


def _encoded(landscape: Landscape) -> NDArray[np.uint16]:
    import torch

    from stactools_esd.encoder import load_encoder

    torch.set_num_threads(1)
    encoder = load_encoder("esdnet-small")
    bands = np.empty((len(YEARS), 13, *SIZE), np.uint16)
    for position, year in enumerate(YEARS):
        for first in range(0, SIZE[0], ROWS):
            rows = slice(first, first + ROWS)
            series, clear_obs = prepare(landscape.observations(year, rows), YearWindow(year=year))
            bands[position, :12, rows] = encoder.encode(series).T.reshape(12, ROWS, SIZE[1])
            bands[position, 12, rows] = clear_obs.reshape(ROWS, SIZE[1])
    return bands


if __name__ == "__main__":
    for seed in sys.argv[1:]:
        print(seed, simulated_place(int(seed)).bands.shape, flush=True)
