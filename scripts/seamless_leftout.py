"""How well gaps are filled: dates of real series are left out, and each method is asked for them.

    seamless_leftout.py DATA [--sets harvard,romania] [--pixel-years 600] [--test]

From each pixel-year dates are left out in four ways, three times each: a quarter of them at random, a block of 30 days,
a block of 90 days, all but three to six. The error of a set is the mean over the four of the mean absolute error of all
bands at the dates that were left out, where these show land: clouds, shadows and snow, as `screening.judge` tells them
from the whole series, are not asked for. Other years are given whole. Printed as a table and as `FIGURE` lines, with
the middle 95 % of 400 draws of pixels.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder.data import place_on_days, read_series
from stactools_esd.encoder.readers import Series, cube
from stactools_esd.observations import YearWindow, in_range
from stactools_esd.pixel_series import PixelSeries
from stactools_esd.screening import CLEAR, CLOUD, SNOW, judge
from stactools_esd.seamless import fill_linear, fill_process, screen
from stactools_esd.temporal_context import CONTEXTS

WINDOW = YearWindow(year=2001)  # every pixel-year is moved here, so that those of many years are filled at once
YEARS_AROUND = 5
FEWEST_DATES = 8
SEEDS = (0, 1, 2)
DRAWS = 400
HOLD_OUTS = ("random", "block of 30 days", "block of 90 days", "three to six kept")


@dataclass(frozen=True, kw_only=True)
class Leftout:
    """A set of pixel-years."""

    values: NDArray[np.float32]
    """Reflectance (n, t, 6), NaN where missing."""

    days: NDArray[np.int64]
    """Days from the first day of the window (n, t)."""

    pixel: NDArray[np.intp]
    """Which pixel each belongs to (n,)."""

    first: NDArray[np.datetime64]
    """First day of the window (n,)."""

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Observations of the window (n, t)."""
        return np.isfinite(self.values).any(axis=2) & (self.days >= 0) & (self.days < 365)


def known_set(name: str) -> Callable[[Path], Series]:
    """Read a set of `encoder.real_sets`."""
    return lambda data: read_series(data, name)


def flanders_c(data: Path) -> Series:
    """Sentinel-2 of the second Flemish cube, which lacks the visible bands."""
    with np.load(data / "worldcereal_cubes" / "flanders_2018_19_c.npz", allow_pickle=False) as arrays:
        return cube("")(arrays)


def matogrosso(data: Path) -> Series:
    """MODIS composites of six years, each pixel at the day that its composite took."""
    with np.load(data / "matogrosso_modis_cube" / "cube.npz", allow_pickle=False) as arrays:
        t = len(arrays["X"])
        values = arrays["X"].reshape(t, -1, 6).transpose(1, 0, 2).copy()
        day, nominal = arrays["composite_doy"].reshape(t, -1).T.astype(int), arrays["dates"][None]
    year = nominal.astype("datetime64[Y]")
    dates = year.astype("datetime64[D]") + (day - 1)
    dates = np.where(dates < nominal - 1, (year + 1).astype("datetime64[D]") + (day - 1), dates)
    late = (dates - nominal).astype(int)
    wrong = (late < -1) | (late > 17)
    values[wrong | ~in_range(values).any(axis=2)] = np.nan
    dates = np.maximum.accumulate(np.where(wrong, nominal, dates), axis=1)
    return Series(reflectance=values, dates=dates, terrain=np.full((len(values), 3), np.nan, np.float32))


SETS: dict[str, tuple[Callable[[Path], Series], tuple[str, ...], str]] = {
    "harvard": (known_set("harvard_first_150"), ("01-01",), "train"),
    "single_pixels": (known_set("single_pixels"), ("01-01",), "train"),
    "tundra": (known_set("tundra_noatak"), ("01-01",), "train"),
    "flanders_a": (known_set("flanders_a_sentinel2"), ("01-01", "07-01"), "train"),
    "flanders_c": (flanders_c, ("01-01", "07-01"), "dev"),
    "romania": (known_set("romania"), ("01-01",), "dev"),
    "matogrosso": (matogrosso, ("09-01",), "dev"),
}
TEST_SETS = {"harvard_last": (known_set("harvard_last_120"), ("01-01",), "test")}


def pixel_years(series: Series, starts: tuple[str, ...], most: int) -> Leftout:
    """Draw pixel-years with enough dates, and the observations of five years around each."""
    unset = np.isnat(series.dates)
    seen = np.isfinite(series.reflectance).any(axis=2) & ~unset
    dates = np.maximum.accumulate(np.where(unset, np.datetime64("1900-01-01"), series.dates), axis=1)
    years = dates[seen].astype("datetime64[Y]").astype(int) + 1970
    found: list[tuple[int, np.datetime64]] = []
    for year in range(years.min() - 1, years.max() + 1):
        for start in (np.datetime64(f"{year}-{day}") for day in starts):
            inside = seen & (dates >= start) & (dates < start + 365)
            found += [(pixel, start) for pixel in np.flatnonzero(inside.sum(axis=1) >= FEWEST_DATES)]
    drawn = [found[place] for place in np.sort(np.random.default_rng(0).permutation(len(found))[:most])]
    rows, first = np.array([pixel for pixel, _ in drawn]), np.array([start for _, start in drawn])
    days = (dates[rows] - first[:, None]).astype(np.int64)
    near = seen[rows] & (days >= -366 * YEARS_AROUND) & (days < 366 * (YEARS_AROUND + 1))
    # Observations to the left, then padding.
    order = np.argsort(~near, axis=1, kind="stable")[:, : near.sum(axis=1).max()]
    kept = np.take_along_axis(near, order, axis=1)
    days = np.take_along_axis(days, order, axis=1)
    last = np.take_along_axis(days, kept.sum(axis=1)[:, None] - 1, axis=1)
    values = np.take_along_axis(series.reflectance[rows], order[:, :, None], axis=1)
    return Leftout(
        values=np.where(kept[:, :, None], values, np.float32(np.nan)),
        days=np.where(kept, days, last),
        pixel=rows,
        first=first,
    )


def hold_out(years: Leftout, way: str, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose the dates to leave out; two or more of each pixel-year stay (n, t)."""
    held = np.zeros(years.days.shape, np.bool_)
    for row, inside in enumerate(years.inside):
        dates = np.flatnonzero(inside)
        if way == "random":
            gone = rng.choice(dates, max(1, round(len(dates) / 4)), replace=False)
        elif way == "three to six kept":
            gone = np.setdiff1d(dates, rng.choice(dates, rng.integers(3, 7), replace=False))
        else:
            centre = years.days[row, rng.choice(dates)]
            gone = dates[np.abs(years.days[row, dates] - centre) <= (15 if way == "block of 30 days" else 45)]
            gone = gone if len(dates) - len(gone) >= 2 else gone[:0]
        held[row, gone] = True
    return held


def linear(values: NDArray[np.float32], days: NDArray[np.int64], screened: str) -> NDArray[np.float32]:
    """Straight lines within the window."""
    placed = place_on_days(values, WINDOW.days[0] + days, WINDOW.days[0])
    return fill_linear(placed if screened == "not" else screen(placed, seasonal=screened == "season"))


def process(values: NDArray[np.float32], days: NDArray[np.int64], context: str) -> NDArray[np.float32]:
    """Fill by the Gaussian process."""
    series = PixelSeries(dates=WINDOW.days[0] + days, reflectance=values)
    return fill_process(series, WINDOW, context=context).reflectance  # type: ignore[arg-type]


Method = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]
METHODS: dict[str, Method] = {
    "linear_unscreened": lambda values, days: linear(values, days, "not"),
    "linear": lambda values, days: linear(values, days, "year"),
    "linear_season": lambda values, days: linear(values, days, "season"),
    **{f"gp_{name}": lambda values, days, name=name: process(values, days, name) for name in CONTEXTS},
}


@dataclass(frozen=True, kw_only=True)
class Score:
    """Errors of one method on one set, x 10,000."""

    mae: float
    """Mean over the ways of leaving out."""

    drawn: NDArray[np.float64]
    """The same of each draw of pixels (400,)."""

    by_way: list[float]
    """Mean absolute error of each way."""

    bias: float
    """Mean error, of the way where it is largest."""

    @property
    def spread(self) -> list[float]:
        """2.5 % and 97.5 % of the draws of pixels."""
        return [round(float(value), 1) for value in np.quantile(self.drawn, [0.025, 0.975])]


def score(errors: dict[str, list[tuple[NDArray[np.intp], NDArray[np.float64]]]]) -> Score:
    """Sum up errors: for each way, pixels (k,) and errors (k, 6) of each draw."""
    pixels = np.unique(np.concatenate([pixel for parts in errors.values() for pixel, _ in parts]))
    draws = np.random.default_rng(0).multinomial(len(pixels), np.full(len(pixels), 1 / len(pixels)), DRAWS)
    by_way, drawn, biases = [], [], []
    for parts in errors.values():
        place = np.searchsorted(pixels, np.concatenate([pixel for pixel, _ in parts]))
        error = np.concatenate([values for _, values in parts]) * 1e4
        total = np.bincount(place, np.nansum(np.abs(error), axis=1), len(pixels))
        count = np.bincount(place, np.isfinite(error).sum(axis=1), len(pixels))
        by_way.append(total.sum() / count.sum())
        asked = draws @ count
        drawn.append(np.where(asked > 0, draws @ total / np.maximum(asked, 1), np.nan))
        biases.append(np.nanmean(error))
    return Score(
        mae=float(np.mean(by_way)),
        drawn=np.nanmean(drawn, axis=0),
        by_way=[float(value) for value in by_way],
        bias=float(max(biases, key=abs)),
    )


def judge_set(years: Leftout) -> Iterator[tuple[str, Score, float]]:
    """Yield each method's score and its CPU time of a pixel-year in microseconds."""
    truth = judge(years.values, years.days, seasonal=True)
    errors: dict[str, dict[str, list[tuple[NDArray[np.intp], NDArray[np.float64]]]]] = {
        method: {way: [] for way in HOLD_OUTS} for method in METHODS
    }
    spent = dict.fromkeys(METHODS, 0.0)
    for number, way in enumerate(HOLD_OUTS):
        for seed in SEEDS:
            held = hold_out(years, way, np.random.default_rng([seed, number]))
            given = np.where(held[:, :, None], np.float32(np.nan), years.values)
            row, column = np.nonzero(held & (truth == CLEAR))
            for method, fill in METHODS.items():
                started = time.process_time()
                filled = fill(given, years.days)
                spent[method] += time.process_time() - started
                difference = filled[row, years.days[row, column]].astype(float) - years.values[row, column]
                errors[method][way].append((years.pixel[row], difference))
    fills = len(years.pixel) * len(HOLD_OUTS) * len(SEEDS)
    clouds, snow = (((truth == kind) & years.inside).sum() / years.inside.sum() for kind in (CLOUD, SNOW))
    print(f"  {len(years.pixel)} pixel-years of {len(np.unique(years.pixel))} pixels,", end=" ")
    print(f"{years.inside.sum(axis=1).mean():.1f} dates a year, {clouds:.1%} clouds, {snow:.1%} snow")
    for method in METHODS:
        yield method, score(errors[method]), 1e6 * spent[method] / fills


def main() -> None:
    """Judge the sets that were asked for and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of evaluation data")
    parser.add_argument("--sets", default=",".join(SETS), help="sets, separated by commas")
    parser.add_argument("--pixel-years", type=int, default=1000, help="most pixel-years of a set")
    parser.add_argument("--test", action="store_true", help="score the test set too: once, for a frozen recipe")
    arguments = parser.parse_args()
    chosen = arguments.sets.split(",") + (list(TEST_SETS) if arguments.test else [])
    if unknown := set(chosen) - set(SETS) - set(TEST_SETS):
        sys.exit(f"Error: got sets {sorted(unknown)}, expected some of {', '.join(SETS)}; choose among them")
    figures = []
    for name in chosen:
        read, starts, split = (SETS | TEST_SETS)[name]
        years = pixel_years(read(arguments.data), starts, arguments.pixel_years)
        print(name)
        for method, found, microseconds in judge_set(years):
            ways = " ".join(f"{value:5.0f}" for value in found.by_way)
            print(
                f"  {method:18} {found.mae:6.1f}  ({ways})  bias {found.bias:6.1f}  {microseconds:4.0f} us", flush=True
            )
            for kind, value, spread in (("mae", found.mae, found.spread), ("bias", found.bias, None)):
                figures.append({
                    "key": f"seamless.leftout_{kind}.{name}.{method}", "value": round(value, 1),
                    "unit": "reflectance x 10,000", "n": len(years.pixel), "spread": spread, "split": split,
                })  # fmt: skip
    for figure in figures:
        print("FIGURE", json.dumps(figure))


if __name__ == "__main__":
    main()
