"""What other years do to a changed one: filling, seen from change detection, on simulated years with truth.

    seamless_changes.py [--landscapes 3] [--dates 1,0.5,0.25]

Landscapes of nine years are observed between clouds, with all dates, a half and a quarter of them. Forest is cut, heath
burns and houses are built on days 20-109 of a year. Pixel-years are filled by each method and compared with the truth:

- `mae_still`, `mae_changed`: error of the daily reflectance, pixels without any change and years of a change, x 10,000;
- `delay`: days from the change until 15 days in a row lie, together, more than half way from the same days of the year
  before to the new state;
- `slow`: share of changes for which that takes more than 60 days;
- `attenuation`: share of the step between the means of 30 days, April to October, of the year before and the year of
  the change that is lost;
- `early`: share of that step that already shows between the two years before the change;
- `missed`: changes whose step is smaller than that of 95 % of the unchanged pixels;
- `alarm_before`: changed pixels, calm in the year before, that exceed the same limit in that year already.

`truth` is the clean series itself: what is left to its rows is not the filling's fault. Values are means over
landscapes, spreads their range.
"""

import argparse
import json
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stactools_esd.covariance import NOISE_SCALE
from stactools_esd.encoder.data import place_on_days
from stactools_esd.observations import YearWindow
from stactools_esd.pixel_series import PixelSeries
from stactools_esd.seamless import fill_linear, fill_process, screen
from stactools_esd.simulation import CHANGES, Landscape
from stactools_esd.temporal_context import CONTEXTS

YEARS = tuple(range(2014, 2023))
JUDGED = (2017, 2018, 2019)
FIRST_SEED = 31
SIZE = (48, 48)
MOST_STILL = 500
LASTING = CHANGES.index("clear-cut")
SEASON = np.arange(90, 301, 30)
SLOW_DAYS = 60
UNITS = {
    "mae_still": "reflectance x 10,000",
    "mae_changed": "reflectance x 10,000",
    "delay": "days",
    "slow": "share of changes",
    "attenuation": "share of the step",
    "early": "share of the step",
    "missed": "share of changes",
    "alarm_before": "share of changes",
}


class Place:
    """Pixels of a simulated landscape: those that change in one of the judged years, and some that never do."""

    def __init__(self, seed: int) -> None:
        landscape = Landscape(seed, size=SIZE, years=YEARS)
        every = slice(0, SIZE[0])
        change = np.stack([landscape.change_map(year).ravel() for year in YEARS], axis=1)
        judged = change[:, [YEARS.index(year) for year in JUDGED]] >= LASTING
        changed = np.flatnonzero(judged.any(axis=1))
        still = np.random.default_rng(seed).permutation(np.flatnonzero((change == 0).all(axis=1)))[:MOST_STILL]
        self.pixels = np.concatenate([changed, still])
        self.still = np.arange(len(changed), len(self.pixels))
        self.change = change[self.pixels]
        self.day = {year: landscape.change_day(year).ravel()[self.pixels] for year in JUDGED}
        self.clean = {year: self._by_pixel(landscape.clean(year, np.arange(365), every)) for year in range(2015, 2020)}
        images = [landscape.observations(year) for year in YEARS]
        self.dates = np.concatenate([each.dates for each in images])
        self.values = np.concatenate(
            [self._by_pixel(np.where(each.valid, each.reflectance, np.nan)) for each in images], axis=1
        )

    def _by_pixel(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Lay images (t, 6, y, x) out as (n, t, 6)."""
        flat = images.reshape(*images.shape[:2], -1)
        return np.ascontiguousarray(flat[:, :, self.pixels].transpose(2, 0, 1), np.float32)

    def changed_in(self, year: int) -> NDArray[np.intp]:
        """Pixels whose only lasting change of the years around is in a year."""
        lasting = self.change >= LASTING
        place = YEARS.index(year)
        return np.flatnonzero(lasting[:, place] & (lasting[:, place - 2 : place + 1].sum(axis=1) == 1))


def thinned(place: Place, share: float) -> PixelSeries:
    """Keep a share of each pixel's dates, drawn at random."""
    gone = np.random.default_rng(5).random(place.values.shape[:2]) >= share
    values = np.where(gone[:, :, None], np.float32(np.nan), place.values)
    return PixelSeries(dates=place.dates, reflectance=values)


def linear(series: PixelSeries, window: YearWindow) -> NDArray[np.float32]:
    """Straight lines within the window, as `seamless.prepare` draws them."""
    dates = np.broadcast_to(series.dates, series.reflectance.shape[:2])
    return fill_linear(screen(place_on_days(series.reflectance, dates, window.days[0])))


METHODS: dict[str, Callable[[PixelSeries, YearWindow], NDArray[np.float32]]] = {
    "linear": linear,
    **{
        f"gp_{name}": lambda series, window, name=name: fill_process(series, window, context=name).reflectance
        for name in CONTEXTS
    },
}


def months(filled: NDArray[np.float32]) -> NDArray[np.float64]:
    """Means of 30 days of the growing season, in units of the noise (n, 7, 6)."""
    parts = [filled[:, first:last].mean(axis=1) for first, last in pairwise(SEASON)]
    return np.stack(parts, axis=1) / NOISE_SCALE


def delays(place: Place, filled: NDArray[np.float32], year: int, rows: NDArray[np.intp]) -> list[int]:
    """Days from each change until the filled series is more than half way, for 15 days together."""
    before, truth = place.clean[year - 1][rows] / NOISE_SCALE, place.clean[year][rows] / NOISE_SCALE
    step = truth - before
    along, size = (step * (filled[rows] / NOISE_SCALE - before)).sum(axis=2), (step**2).sum(axis=2)
    found = []
    for row, day in enumerate(place.day[year][rows]):
        total = [np.convolve(part[row, day:], np.ones(15), "valid") for part in (along, size)]
        there = np.flatnonzero(total[0] >= 0.5 * total[1])
        found.append(int(there[0]) if len(there) else 365 - int(day))
    return found


def measure(place: Place, filled: dict[int, NDArray[np.float32]]) -> dict[str, float]:
    """Compare filled years 2015-2019 of one landscape with their truth."""
    means = {year: months(values) for year, values in filled.items()}
    clean = {year: months(values) for year, values in place.clean.items()}
    steps, real, early, size, late = [], [], [], [], []
    errors: dict[str, list[NDArray[np.float64]]] = {"still": [], "changed": []}
    calm, changed, before = [], [], []
    for year in JUDGED:
        rows = place.changed_in(year)
        seen = np.isfinite(means[year] + means[year - 1] + means[year - 2]).all(axis=(1, 2))
        rows, still = rows[seen[rows]], place.still[seen[place.still]]
        step, truth = means[year] - means[year - 1], clean[year] - clean[year - 1]
        leading = (means[year - 1] - means[year - 2]) - (clean[year - 1] - clean[year - 2])
        steps.append((step * truth)[rows].sum())
        early.append((leading * truth)[rows].sum())
        size.append((truth**2)[rows].sum())
        length = np.sqrt((step**2).mean(axis=(1, 2)))
        calm.append(length[still])
        changed.append(length[rows])
        quiet = rows[place.change[rows, YEARS.index(year) - 1] == 0]
        before.append(np.sqrt(((means[year - 1] - means[year - 2]) ** 2).mean(axis=(1, 2)))[quiet])
        late += delays(place, filled[year], year, rows)
        for name, chosen in (("still", still), ("changed", rows)):
            errors[name].append(np.abs(filled[year][chosen] - place.clean[year][chosen]).mean(axis=(1, 2)) * 1e4)
        real.append(len(rows))
    limit = np.quantile(np.concatenate(calm), 0.95)
    return {
        "mae_still": float(np.mean(np.concatenate(errors["still"]))),
        "mae_changed": float(np.mean(np.concatenate(errors["changed"]))),
        "delay": float(np.mean(late)),
        "slow": float(np.mean(np.array(late) > SLOW_DAYS)),
        "attenuation": 1 - sum(steps) / sum(size),
        "early": sum(early) / sum(size),
        "missed": float(np.mean(np.concatenate(changed) < limit)),
        "alarm_before": float(np.mean(np.concatenate(before) > limit)),
        "n": sum(real),
    }


def report(name: str, found: list[dict[str, float]]) -> list[dict[str, object]]:
    """Print the measures of one method and return them as figures."""
    figures: list[dict[str, object]] = []
    for measured, unit in UNITS.items():
        values = [each[measured] for each in found]
        figures.append({
            "key": f"seamless.change_{measured}.{name}", "value": round(float(np.mean(values)), 3), "unit": unit,
            "n": int(sum(each["n"] for each in found)), "spread": [round(min(values), 3), round(max(values), 3)],
            "split": "simulated",
        })  # fmt: skip
    print(
        f"  {name:18}",
        ", ".join(f"{measured} {figure['value']:g}" for measured, figure in zip(UNITS, figures, strict=True)),
    )
    return figures


def main() -> None:
    """Simulate, fill, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landscapes", type=int, default=3, help="how many are simulated")
    parser.add_argument("--dates", default="1,0.5,0.25", help="shares of the dates that are kept")
    arguments = parser.parse_args()
    places = [Place(FIRST_SEED + number) for number in range(arguments.landscapes)]
    figures = []
    for share in (float(text) for text in arguments.dates.split(",")):
        series = [thinned(place, share) for place in places]
        seen = np.mean([np.isfinite(each.reflectance).any(axis=2).mean() * len(each.dates) for each in series])
        print(f"{seen / len(YEARS):.1f} clear dates a year")
        for method, fill in METHODS.items():
            found = []
            for place, each in zip(places, series, strict=True):
                filled = {year: fill(each, YearWindow(year=year)) for year in place.clean}
                found.append(measure(place, filled))
            figures += report(f"{100 * share:.0f}pct.{method}", found)
    figures += report("truth", [measure(place, place.clean) for place in places])
    for figure in figures:
        print("FIGURE", json.dumps(figure))


if __name__ == "__main__":
    main()
