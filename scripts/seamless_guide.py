"""Whether a coarse sensor helps to fill gaps: the Gaussian process with a guide (`stactools_esd.guide`) and without.

    seamless_guide.py DATA [--sets romania] [--pixel-years 600] [--landscapes 3] [--dates 1,0.5,0.25]

No series of MODIS or VIIRS of these places is at hand. Three things stand in for one:

1. Emulation. Sentinel-2 cubes are averaged to footprints of 500 m whose place shakes by 60 m, where 85 % of a footprint
   are clear, and spoilt: 5 % of the light in all bands (angles of view), and 0.003 + 3 % band by band. Dates are left
   out as in `seamless_leftout.py`. `optimistic` leaves the guide all its dates; `pessimistic` hides it on four in five
   of the dates that are hidden from the pixel, the share of clouds that Landsat-8 and Sentinel-2 have in common on
   the sixteen days that they share in the Flemish cubes. The pixel is a six-hundredth of its footprint and stays in it.
2. Another sensor. Landsat-8 pixels of the Flemish cubes are guided by the footprints of Sentinel-2, with its own
   clouds, calibration and errors; nothing is made worse. Dates are hidden as above.
3. Truth. The simulated landscapes of `seamless_changes.py`, with composites of eight days from clear days (35 % of
   all) that have the same noise, and brightening of 0.02-0.08 on one in twenty for clouds that were missed.

`misled` is the pessimistic guide sixty days late: what the rival without a guide (`change_guard`) lets through.
`quarter`, `three_quarters` and `whole` take other shares of the pessimistic guide than a half.
Bands that the guide lacks are filled without it.
"""

import argparse
import json
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import seamless_changes as changes
import seamless_leftout as leftout
from numpy.typing import NDArray

from stactools_esd import guide
from stactools_esd.encoder.readers import Series, cube
from stactools_esd.guide import Guide, draw_curves
from stactools_esd.observations import YearWindow
from stactools_esd.pixel_series import PixelSeries
from stactools_esd.screening import CLEAR, judge
from stactools_esd.seamless import fill_process
from stactools_esd.simulation import Landscape
from stactools_esd.temporal_context import DEFAULT_CONTEXT

FOOTPRINT = 25  # pixels of 20 m
SHAKE = 3
CLEAR_SHARE = 0.85
LIGHT = 0.05
NOISE = (0.003, 0.03)
SHARED_CLOUDS = 0.8
LATE = 60
COMPOSITE = 8
CLEAR_DAYS = 0.35
MISSED_CLOUDS = 0.05
BLOCK = 16  # simulated pixels of 30 m
GUIDES = {
    "optimistic": (0.0, 0, guide.SHARE),
    "pessimistic": (SHARED_CLOUDS, 0, guide.SHARE),
    "misled": (SHARED_CLOUDS, LATE, guide.SHARE),
    "quarter": (SHARED_CLOUDS, 0, 0.25),
    "three_quarters": (SHARED_CLOUDS, 0, 0.75),
    "whole": (SHARED_CLOUDS, 0, 1.0),
}
FLANDERS_A = "worldcereal_cubes/flanders_2017_18_31UDS.npz"
FLANDERS_C = "worldcereal_cubes/flanders_2018_19_c.npz"
ROMANIA = "romania_s2_forest_cube/cube.npz"


@dataclass(frozen=True, kw_only=True)
class Site:
    """A cube whose pixels are guided by its own footprints."""

    path: str
    prefix: str
    starts: tuple[str, ...]
    split: str


SITES = {
    "flanders_a": Site(path=FLANDERS_A, prefix="", starts=("01-01", "07-01"), split="train"),
    "flanders_c": Site(path=FLANDERS_C, prefix="", starts=("01-01", "07-01"), split="dev"),
    "romania": Site(path=ROMANIA, prefix="", starts=("01-01",), split="dev"),
    "flanders_a_landsat": Site(path=FLANDERS_A, prefix="L8_", starts=("01-01", "07-01"), split="train"),
    "flanders_c_landsat": Site(path=FLANDERS_C, prefix="L8_", starts=("01-01", "07-01"), split="train"),
}


@dataclass(frozen=True, kw_only=True)
class Coarse:
    """What a coarse sensor saw."""

    values: NDArray[np.float32]
    """Reflectance of its pixels (m, t, 6), NaN where missing."""

    dates: NDArray[np.datetime64]
    """Days (t,)."""

    row: NDArray[np.intp]
    """Which of its pixels each pixel lies in."""


def spoil(means: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Add the errors of a coarse sensor to images (t, m, 6)."""
    light = 1 + LIGHT * rng.standard_normal((len(means), 1, 1))
    return means * light + (NOISE[0] + NOISE[1] * means) * rng.standard_normal(means.shape)


def footprints(values: NDArray[np.float32], clear: NDArray[np.bool_], *, shake: int) -> tuple[NDArray, NDArray]:
    """Average a cube (t, y, x, 6) to footprints (t, m, 6), NaN where too little is clear, and tell each pixel's."""
    rng = np.random.default_rng(7)
    shape = values.shape[1:3]
    blocks = [max(1, round(side / FOOTPRINT)) for side in shape]
    seen = np.where(clear[..., None], values, np.nan)
    out = np.full((len(values), blocks[0] * blocks[1], 6), np.nan)
    for t, offset in enumerate(rng.integers(-shake, shake + 1, (len(values), 2))):
        for block in range(out.shape[1]):
            centre = (np.array(divmod(block, blocks[1])) + 0.5) * shape / blocks
            row, column = np.clip(centre - FOOTPRINT / 2 + offset, 0, np.array(shape) - FOOTPRINT).astype(int)
            part = (t, slice(row, row + FOOTPRINT), slice(column, column + FOOTPRINT))
            if clear[part].mean() >= CLEAR_SHARE:
                out[t, block] = np.nanmean(seen[part], axis=(0, 1))
    rows, columns = np.indices(shape)
    return out, ((rows * blocks[0] // shape[0]) * blocks[1] + columns * blocks[1] // shape[1]).ravel()


def read_site(data: Path, site: Site) -> tuple[Series, Coarse]:
    """Read the pixels of a site and what guides them."""
    with np.load(data / site.path, allow_pickle=False) as arrays:
        fine = cube(site.prefix)(arrays)
        values, clear, dates = arrays["X"], arrays["clear"], arrays["dates"]
    emulated = not site.prefix
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice")  # of bands that the cube lacks
        means, row = footprints(values, clear, shake=SHAKE if emulated else 0)
    if emulated:
        means = spoil(means, np.random.default_rng(8))
    return fine, Coarse(values=means.transpose(1, 0, 2).astype(np.float32), dates=dates, row=row)


def guide_of(
    coarse: Coarse, years: leftout.Leftout, held: NDArray[np.bool_], shared: float, late: int, seed: list[int]
) -> Guide:
    """Draw the guide of each pixel-year without a share of the dates that are hidden from it."""
    rng = np.random.default_rng(seed)
    values = coarse.values[coarse.row[years.pixel]]
    days = (coarse.dates - years.first[:, None]).astype(np.int64)
    for row, hidden in enumerate(held):
        clouded = np.isin(days[row], years.days[row, hidden]) & (rng.random(len(coarse.dates)) < shared)
        values[row, clouded] = np.nan
    series = PixelSeries(dates=leftout.WINDOW.days[0] + days + late, reflectance=values)
    curves, first = draw_curves(series, leftout.WINDOW, DEFAULT_CONTEXT)
    return Guide(curves=curves, first=first, row=np.arange(len(curves)))


def judge_site(
    fine: Series, coarse: Coarse, starts: tuple[str, ...], most: int
) -> tuple[dict[str, leftout.Score], int]:
    """Score filling with each guide and without; return the number of pixel-years, too."""
    years = leftout.pixel_years(fine, starts, most)
    truth = judge(years.values, years.days, seasonal=True)
    errors: dict = {name: {way: [] for way in leftout.HOLD_OUTS} for name in ("unguided", *GUIDES)}
    for number, way in enumerate(leftout.HOLD_OUTS):
        for seed in leftout.SEEDS:
            held = leftout.hold_out(years, way, np.random.default_rng([seed, number]))
            given = np.where(held[:, :, None], np.float32(np.nan), years.values)
            series = PixelSeries(dates=leftout.WINDOW.days[0] + years.days, reflectance=given)
            row, column = np.nonzero(held & (truth == CLEAR))
            for name in errors:
                shared, late, share = GUIDES.get(name, (0.0, 0, 0.0))
                led = guide_of(coarse, years, held, shared, late, [seed, number, 99]) if share else None
                with patch.object(guide, "SHARE", share):
                    made = fill_process(series, leftout.WINDOW, context=DEFAULT_CONTEXT, guide=led)
                filled = made.reflectance
                difference = filled[row, years.days[row, column]].astype(float) - years.values[row, column]
                errors[name][way].append((years.pixel[row], difference))
    return {name: leftout.score(parts) for name, parts in errors.items()}, len(years.pixel)


def composites(seed: int, pixels: NDArray[np.intp]) -> Coarse:
    """Observe a simulated landscape as a coarse sensor does."""
    landscape, rng = Landscape(seed, size=changes.SIZE, years=changes.YEARS), np.random.default_rng([seed, 77])
    blocks = changes.SIZE[0] // BLOCK
    images, dates = [], []
    for year in changes.YEARS:
        clean = landscape.clean(year, np.arange(365), slice(0, changes.SIZE[0]))
        for start in range(0, 365, COMPOSITE):
            clear = np.flatnonzero(rng.random(min(COMPOSITE, 365 - start)) < CLEAR_DAYS)
            day = start + int(rng.choice(clear)) if len(clear) else start
            offset = rng.integers(-SHAKE, SHAKE + 1, 2) - BLOCK // 4  # a footprint is half as wide again as its pixel
            image = np.empty((blocks**2, 6))
            for block in range(blocks**2):
                row, column = np.array(divmod(block, blocks)) * BLOCK + offset
                part = clean[day, :, max(row, 0) : row + 3 * BLOCK // 2, max(column, 0) : column + 3 * BLOCK // 2]
                image[block] = part.mean(axis=(1, 2))
            cloud = rng.uniform(0.02, 0.08) if rng.random() < MISSED_CLOUDS else 0.0
            images.append(spoil(image[None], rng)[0] + cloud if len(clear) else np.full_like(image, np.nan))
            dates.append(np.datetime64(f"{year}-01-01") + day)
    rows, columns = np.divmod(pixels, changes.SIZE[1])
    return Coarse(
        values=np.stack(images, axis=1).astype(np.float32),
        dates=np.array(dates),
        row=rows // BLOCK * blocks + columns // BLOCK,
    )


def judge_landscapes(landscapes: int, shares: list[float]) -> list[dict[str, object]]:
    """Compare years filled with a guide and without with their truth."""
    figures = []
    seeds = range(changes.FIRST_SEED, changes.FIRST_SEED + landscapes)
    places = [changes.Place(seed) for seed in seeds]
    guides = [composites(seed, place.pixels) for seed, place in zip(seeds, places, strict=True)]
    for share in shares:
        print(f"{share:.0%} of the dates")
        found: dict[str, list[dict[str, float]]] = {"unguided": [], "guided": []}
        for place, coarse in zip(places, guides, strict=True):
            series = changes.thinned(place, share)
            seen = PixelSeries(dates=coarse.dates, reflectance=coarse.values)
            filled: dict[str, dict[int, NDArray[np.float32]]] = {name: {} for name in found}
            for window in (YearWindow(year=year) for year in place.clean):
                curves, first = draw_curves(seen, window, DEFAULT_CONTEXT)
                for name, led in (("unguided", None), ("guided", Guide(curves=curves, first=first, row=coarse.row))):
                    made = fill_process(series, window, context=DEFAULT_CONTEXT, guide=led)
                    filled[name][window.year] = made.reflectance
            for name, each in filled.items():
                found[name].append(changes.measure(place, each))
        for name, each in found.items():
            for figure in changes.report(f"{100 * share:.0f}pct.{name}", each):
                figures.append(figure | {"key": str(figure["key"]).replace("seamless.", "seamless.guide.", 1)})
    return figures


def main() -> None:
    """Judge sites and landscapes and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of evaluation data")
    parser.add_argument("--sets", default=",".join(SITES), help="sets, separated by commas; none may be given")
    parser.add_argument("--pixel-years", type=int, default=600, help="most pixel-years of a set")
    parser.add_argument("--landscapes", type=int, default=3, help="how many are simulated")
    parser.add_argument("--dates", default="1,0.5,0.25", help="shares of the simulated dates that are kept")
    arguments = parser.parse_args()
    chosen = [name for name in arguments.sets.split(",") if name]
    if unknown := set(chosen) - set(SITES):
        sys.exit(f"Error: got sets {sorted(unknown)}, expected some of {', '.join(SITES)}; choose among them")
    figures: list[dict[str, object]] = []
    for name in chosen:
        site = SITES[name]
        scores, n = judge_site(*read_site(arguments.data, site), site.starts, arguments.pixel_years)
        print(f"{name}, {n} pixel-years")
        common = {"n": n, "split": site.split}
        plain = scores["unguided"]
        for variant, found in scores.items():
            gain = 100 * (1 - found.mae / plain.mae)
            gains = np.quantile(100 * (1 - found.drawn / plain.drawn), [0.025, 0.975])
            print(f"  {variant:14} {found.mae:6.1f}  gain {gain:5.1f} %  bias {found.bias:6.1f}", flush=True)
            for kind, value, unit, spread in (
                ("mae", found.mae, "reflectance x 10,000", found.spread),
                ("bias", found.bias, "reflectance x 10,000", None),
                ("gain", gain, "% of the error", [round(float(each), 1) for each in gains]),
            ):
                key = f"seamless.guide.leftout_{kind}.{name}.{variant}"
                if kind != "gain" or variant != "unguided":
                    figures.append({"key": key, "value": round(value, 1), "unit": unit, "spread": spread, **common})
    if arguments.landscapes:
        figures += judge_landscapes(arguments.landscapes, [float(text) for text in arguments.dates.split(",")])
    for figure in figures:
        print("FIGURE", json.dumps(figure))


if __name__ == "__main__":
    main()
