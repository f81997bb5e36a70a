"""Codes as they really are, for measurements: a simulated landscape through the shipped encoder, kept in build/.

    landscape_codes.py [--side 1024] [--years 2]

The landscape is observed between clouds, its gaps are filled, and every pixel is encoded: about 130 s of processor time
for a million pixel-years. What was made once is read again. Neighbouring pixels are alike as in nature, so that files
compress as real ones do; random codes would not compress at all.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent.parent / "build" / "benchmarks"
SEED = 41
FIRST_YEAR = 2000
ROWS = 16


def landscape_codes(side: int, year: int, *, years: int) -> NDArray[np.uint16]:
    """Return a year of a landscape as bands (13, side, side): twelve of codes, then clear observations.

    Args:
        side: Rows and columns.
        year: Position of the year, from 0.
        years: Years that the landscape has.
    """
    path = FOLDER / f"codes_{side}_{years}_{year:02d}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.save(file, _encode(side, FIRST_YEAR + year, years))
        partial.rename(path)
    return np.asarray(np.load(path))


def _encode(side: int, year: int, years: int) -> NDArray[np.uint16]:
    import torch

    from stactools_esd.encoder import load_encoder
    from stactools_esd.observations import YearWindow
    from stactools_esd.seamless import prepare
    from stactools_esd.simulation import Landscape

    torch.set_num_threads(1)
    encoder = load_encoder("esdnet-small")
    landscape = Landscape(SEED, size=(side, side), years=range(FIRST_YEAR, FIRST_YEAR + years))
    bands = np.empty((13, side, side), np.uint16)
    for first in range(0, side, ROWS):
        rows = slice(first, min(first + ROWS, side))
        series, clear_obs = prepare(landscape.observations(year, rows), YearWindow(year=year))
        shape = (rows.stop - rows.start, side)
        bands[:12, rows] = encoder.encode(series).T.reshape(12, *shape)
        bands[12, rows] = clear_obs.reshape(shape)
    return bands


def mosaic(piece: NDArray[np.uint16], side: int) -> NDArray[np.uint16]:
    """Lay a piece (bands, h, w) out over a square, every other one turned over, so that edges meet."""
    height, width = piece.shape[1:]
    rows = np.arange(side) % (2 * height)
    columns = np.arange(side) % (2 * width)
    rows = np.where(rows < height, rows, 2 * height - 1 - rows)
    columns = np.where(columns < width, columns, 2 * width - 1 - columns)
    return np.ascontiguousarray(piece[:, rows[:, None], columns])


def main() -> None:
    """Make codes before they are needed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1024, help="rows and columns")
    parser.add_argument("--years", type=int, default=2, help="years")
    arguments = parser.parse_args()
    for year in range(arguments.years):
        print(landscape_codes(arguments.side, year, years=arguments.years).shape, flush=True)


if __name__ == "__main__":
    main()
