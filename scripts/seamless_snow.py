"""What filling makes of winters: simulated years at 62 and 51 degrees north, with truth.

    seamless_snow.py [--pixels 300]

Error of daily reflectance on days that are white in truth (as `screening` tells snow), on the others, and on all, for
all, a half and a quarter of the dates of a satellite that sees twenty clear ones a year. `white_is_snow` screens as
if everything white were snow; the others let the season tell snow from clouds of ice, of which the simulation has none:
what that costs here is set against what it gains where there are some (`seamless_leftout.py`, Flanders and Romania).
"""

import argparse
import json
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stactools_esd.encoder.data import place_on_days
from stactools_esd.observations import YearWindow
from stactools_esd.pixel_series import PixelSeries
from stactools_esd.seamless import fill_linear, fill_process, screen
from stactools_esd.simulation import Landscape
from stactools_esd.temporal_context import CONTEXTS

YEARS = tuple(range(2014, 2023))
JUDGED = (2017, 2018)
SIZE = (48, 48)
PLACES = {"62north": ("EPSG:32635", (520005.0, 6920025.0)), "51north": ("EPSG:32631", (520005.0, 5620035.0))}
SHARES = (1.0, 0.5, 0.25)


def by_pixel(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay images (t, 6, y, x) out as (n, t, 6)."""
    return np.ascontiguousarray(images.reshape(*images.shape[:2], -1).transpose(2, 0, 1), np.float32)


def white(clean: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell the days of snow of clean series (n, 365, 6)."""
    green, nir, swir = clean[:, :, 1], clean[:, :, 3], clean[:, :, 4]
    snow: NDArray[np.bool_] = (green - swir > 0.4 * (green + swir)) & (green > 0.12) & (nir > 0.11)
    return snow


def linear(series: PixelSeries, window: YearWindow, *, seasonal: bool) -> NDArray[np.float32]:
    """Straight lines within the window."""
    dates = np.broadcast_to(series.dates, series.reflectance.shape[:2])
    return fill_linear(screen(place_on_days(series.reflectance, dates, window.days[0]), seasonal=seasonal))


METHODS: dict[str, Callable[[PixelSeries, YearWindow], NDArray[np.float32]]] = {
    "linear_white_is_snow": lambda series, window: linear(series, window, seasonal=False),
    "linear_season": lambda series, window: linear(series, window, seasonal=True),
    **{
        f"gp_{name}": lambda series, window, name=name: fill_process(series, window, context=name).reflectance
        for name in CONTEXTS
    },
}


def main() -> None:
    """Simulate, fill and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, default=300, help="pixels of each place")
    pixels = parser.parse_args().pixels
    figures = []
    for place, (crs, origin) in PLACES.items():
        landscape = Landscape(41, size=SIZE, years=YEARS, crs=crs, origin=origin)
        chosen = np.random.default_rng(0).permutation(SIZE[0] * SIZE[1])[:pixels]
        images = [landscape.observations(year) for year in YEARS]
        values = by_pixel(np.concatenate([np.where(each.valid, each.reflectance, np.nan) for each in images]))[chosen]
        dates = np.concatenate([each.dates for each in images])
        clean = {year: by_pixel(landscape.clean(year, np.arange(365), slice(0, SIZE[0])))[chosen] for year in JUDGED}
        print(place, f"{np.mean([white(each).sum(axis=1).mean() for each in clean.values()]):.0f} days of snow a year")
        for share in SHARES:
            gone = np.random.default_rng(5).random(values.shape[:2]) >= share
            series = PixelSeries(dates=dates, reflectance=np.where(gone[:, :, None], np.float32(np.nan), values))
            for method, fill in METHODS.items():
                errors: dict[str, list[NDArray[np.float64]]] = {"all": [], "snow": [], "land": []}
                for year in JUDGED:
                    error = np.abs(fill(series, YearWindow(year=year)) - clean[year]).mean(axis=2) * 1e4
                    snow = white(clean[year])
                    for days, part in (("all", error.ravel()), ("snow", error[snow]), ("land", error[~snow])):
                        errors[days].append(part[np.isfinite(part)])
                found = {days: float(np.concatenate(parts).mean()) for days, parts in errors.items()}
                print(f"  {share:4.0%} {method:21}", ", ".join(f"{days} {value:.0f}" for days, value in found.items()))
                figures += [
                    {
                        "key": f"seamless.snow_mae_{days}.{place}.{100 * share:.0f}pct.{method}",
                        "value": round(value, 1), "unit": "reflectance x 10,000", "n": pixels * len(JUDGED),
                        "spread": None, "split": "simulated",
                    }
                    for days, value in found.items()
                ]  # fmt: skip
    for figure in figures:
        print("FIGURE", json.dumps(figure))


if __name__ == "__main__":
    main()
