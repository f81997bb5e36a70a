"""What the codes of an encoder know: pictures and figures for docs/what-the-codes-know.md.

    what_codes_know.py FOLDER_OF_DATA [--encoder NAME|WEIGHTS]

Keys and pictures carry the encoder's name without `esdnet-`: `codes.base.bits.class`, `docs/img/codes_base_use.png`.
Simulated pixel-years tell which level carries what, for their truth is known; real pixel-years of training and
development sets whose licence allows it show what comes back, and what does not.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from codes_pictures import (
    draw_carriers,
    draw_failures,
    draw_influence,
    draw_neighbours,
    draw_reconstructions,
    draw_use,
)
from numpy.typing import NDArray

from stactools_esd import fsq
from stactools_esd.encoder import Encoder, load_encoder
from stactools_esd.encoder.code_use import code_use
from stactools_esd.encoder.data import read_years
from stactools_esd.observations import YearWindow
from stactools_esd.product import FSQ, STEPS
from stactools_esd.seamless import prepare
from stactools_esd.simulation import CLASS_NAMES, Landscape, simulate_pixels
from stactools_esd.simulation.classes import SNOW, WATER

PICTURES: Final = Path(__file__).parent.parent / "docs" / "img"
PIXELS: Final = 12_000
SEED: Final = 880_001
"""Odd, as no training simulates from."""

LEVELS: Final = STEPS * FSQ.dimensions
BINS: Final = 12
"""Equal shares into which a truth is cut, to count what a level tells of it."""

SHOWN: Final = (
    ("harvard_first_150", "Harvard Forest, deciduous, Landsat (train)"),
    ("flanders_2021", "Flanders, Sentinel-2 (train)"),
    ("brazil_cube_2018", "Rondônia and Roraima, Sentinel-2 (train)"),
    ("rondonia_a", "Rondônia, Sentinel-2 (dev)"),
    ("france_2023", "France, crops, Sentinel-2 (train)"),
    ("tundra_noatak", "Noatak, tundra, Landsat (train)"),
)
"""Real sets whose pixel-years are drawn: key and title. All have an open licence."""

Levels = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Shown:
    """A pixel-year beside what its codes give back."""

    title: str
    truth: NDArray[np.float32]
    rebuilt: NDArray[np.float32]
    codes: NDArray[np.uint16]
    error: float


def mutual_information(levels: Levels, truth: Levels) -> float:
    """Return the bits that a level tells of a truth, both numbers of bins (n,), less what chance would tell.

    Chance is that of shuffled truths, which takes off the bias of a finite sample (Treves & Panzeri 1995 estimate it).
    """

    def bits(values: Levels) -> float:
        table = np.zeros((int(levels.max()) + 1, int(values.max()) + 1))
        np.add.at(table, (levels, values), 1)
        joint = table / table.sum()
        independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        there = joint > 0
        return float((joint[there] * np.log2(joint[there] / independent[there])).sum())

    shuffled = np.random.default_rng(0).permutation(truth)
    return max(0.0, bits(truth) - bits(shuffled))


def binned(truth: Floats) -> Levels:
    """Cut a truth into bins of equal size (n,)."""
    edges = np.quantile(truth, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, truth)


def carriers(levels: Levels, truths: dict[str, tuple[NDArray[np.bool_], Levels]]) -> dict[str, Floats]:
    """Return the bits that each step and dimension tells of each truth, (12, 6) by name."""
    return {
        name: np.array(
            [
                [mutual_information(levels[rows, step, dim], values) for dim in range(FSQ.dimensions)]
                for step in range(STEPS)
            ]
        )
        for name, (rows, values) in truths.items()
    }


def truths_of(pixels: Any) -> dict[str, tuple[NDArray[np.bool_], Levels]]:
    """Name what is known of simulated pixels: which rows, and their bins."""
    start, peak, amplitude, mean = (pixels.phenology[:, column] for column in (0, 1, 4, 5))
    seasonal = ~np.isnan(start) & ~np.isnan(peak)
    everywhere = np.ones(len(start), bool)
    swir = pixels.clean[:, :, 5].mean(axis=1)
    return {
        "start of season": (seasonal, binned(start[seasonal])),
        "peak of season": (seasonal, binned(peak[seasonal])),
        "mean greenness (NDVI)": (everywhere, binned(mean)),
        "seasonal amplitude (NDVI)": (everywhere, binned(amplitude)),
        "water": (everywhere, (pixels.class_id == WATER).astype(np.int64)),
        "snow in the year": (everywhere, ((pixels.clean[:, :, 1] > 0.4).sum(axis=1) > 10).astype(np.int64)),
        "brightness in swir2": (everywhere, binned(swir)),
        "class": (everywhere, pixels.class_id.astype(np.int64)),
    }


def influence(encoder: Encoder, codes: NDArray[np.uint16]) -> Floats:
    """Move each level by one and see what changes: mean absolute change of reflectance (12, 6, 365)."""
    levels = fsq.codes_to_level_indices(codes).astype(np.int64)
    before = encoder.decode(codes)
    changes = np.zeros((STEPS, FSQ.dimensions, before.shape[1]))
    for step in range(STEPS):
        for dim, count in enumerate(FSQ.levels):
            moved = levels.copy()
            moved[:, step, dim] += np.where(moved[:, step, dim] < count - 1, 1, -1)
            after = encoder.decode(fsq.avoid_nodata(fsq.level_indices_to_codes(moved)))
            changes[step, dim] = np.abs(after - before).mean(axis=(0, 2))
    return changes


def shared_bits(levels: Levels) -> Floats:
    """Return the bits that each pair of the 72 levels shares (72, 72); the diagonal is their entropy."""
    flat = levels.reshape(len(levels), LEVELS)
    table = np.zeros((LEVELS, LEVELS))
    for i in range(LEVELS):
        for j in range(i, LEVELS):
            table[i, j] = table[j, i] = mutual_information(flat[:, i], flat[:, j])
    return table


def shown_years(encoder: Encoder, folder: Path) -> Iterator[list[Shown]]:
    """Yield for each set pixel-years by rising error: encoded, decoded and judged on what was measured."""
    rng = np.random.default_rng(3)
    for name, title in SHOWN:
        years = read_years(folder, name)
        sound = np.flatnonzero(~np.isnan(years.reflectance).any(axis=(1, 2)))
        rows = rng.permutation(sound)[:400]
        truth = years.reflectance[rows]
        codes = encoder.encode(truth, years.terrain[rows])
        rebuilt = encoder.decode(codes)
        error = np.abs(rebuilt - truth).mean(axis=(1, 2))
        order = np.argsort(error)
        yield [Shown(title, truth[i], rebuilt[i], codes[i], float(error[i])) for i in order]


def landscape_codes(encoder: Encoder, side: int = 220) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Encode one year of a simulated landscape: codes (y, x, 12) and its classes (y, x)."""
    landscape = Landscape(77, size=(side, side), years=range(2019, 2021))
    series, _ = prepare(landscape.observations(2020, slice(0, side)), YearWindow(year=2020))
    return encoder.encode(series).reshape(side, side, STEPS), landscape.class_map(2020)


def cosines(codes: NDArray[np.uint16], row: int, column: int) -> Floats:
    """Return the cosine of every pixel's vectors with those of one pixel (y, x)."""
    vectors = fsq.codes_to_vectors(codes.reshape(-1, STEPS)).reshape(-1, LEVELS).astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness: Floats = (unit @ unit[row * codes.shape[1] + column]).reshape(codes.shape[:2])
    return likeness


def figure(key: str, value: float, unit: str, n: int, split: str) -> None:
    """Print a figure."""
    content = {"key": key, "value": round(value, 4), "unit": unit, "n": n, "spread": None, "split": split}
    print("FIGURE", json.dumps(content), flush=True)


def main() -> None:
    """Draw all pictures and print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="esdnet-small", help="name or path of weights")
    arguments = parser.parse_args()
    encoder = load_encoder(arguments.encoder)
    label = encoder.identity.name.removeprefix("esdnet-")

    def picture(name: str) -> Path:
        return PICTURES / f"codes_{label}_{name}.png"

    pixels = simulate_pixels(PIXELS, SEED)
    codes = encoder.encode(pixels.clean, pixels.terrain)
    levels = fsq.codes_to_level_indices(codes).astype(np.int64)
    told = carriers(levels, truths_of(pixels))
    draw_carriers(told, picture("carriers"))
    for name, table in told.items():
        key = name.split(" (")[0].replace(" ", "_")
        figure(f"codes.{label}.bits.{key}", float(table.max()), "bits of the best level", PIXELS, "simulated")
    moved = influence(encoder, codes[:400])
    draw_influence(moved, picture("influence"))

    use, together = code_use(codes), shared_bits(levels[:6_000])
    draw_use(np.array(use["entropy_bits"]), together, picture("use"))
    off = together[~np.eye(LEVELS, dtype=bool)]
    figure(f"codes.{label}.entropy_bits", use["entropy_bits_a_pixel"], "bits of 72 levels", PIXELS, "simulated")
    figure(f"codes.{label}.distinct_codes", use["distinct_codes"], "of 64,000", PIXELS, "simulated")
    figure(f"codes.{label}.shared_bits_mean", float(off.mean()), "bits a pair of levels", 6_000, "simulated")
    figure(f"codes.{label}.shared_bits_most", float(off.max()), "bits a pair of levels", 6_000, "simulated")

    real = list(shown_years(encoder, arguments.folder))
    draw_reconstructions([years[len(years) // 2] for years in real], picture("reconstructions"))
    simulated = _worst_simulated(pixels, encoder.decode(codes), codes)
    draw_failures([*[years[-4] for years in real[:3]], *simulated], picture("failures"))
    field, classes = landscape_codes(encoder)
    draw_neighbours(classes, CLASS_NAMES, lambda row, column: cosines(field, row, column), picture("neighbours"))


def _worst_simulated(pixels: Any, rebuilt: NDArray[np.float32], codes: NDArray[np.uint16]) -> list[Shown]:
    """Take a year at nine tenths of the error from snow, and from the two other classes that come back worst."""
    error = np.abs(rebuilt - pixels.clean).mean(axis=(1, 2))
    mean = np.array([error[pixels.class_id == number].mean() for number in range(len(CLASS_NAMES))])
    classes = [SNOW, *[int(number) for number in np.argsort(mean)[::-1] if number != SNOW][:2]]
    shown = []
    for number in classes:
        rows = np.flatnonzero(pixels.class_id == number)
        row = rows[np.argsort(error[rows])[int(0.9 * len(rows))]]
        title = f"simulated: {CLASS_NAMES[number]}"
        shown.append(Shown(title, pixels.clean[row], rebuilt[row], codes[row], float(error[row])))
    return shown


if __name__ == "__main__":
    main()
