"""How many pixel-years a second are filled, on one core: CPU time of simulated pixels, compiled code only.

    seamless_speed.py [--rounds 3]

A simulated landscape of 48 x 48 pixels, about 22 clear dates a year; 60 of them go into a fit of several years.
Clouds hide pixels one by one, so that hardly any two pixels share their dates; where all do, the fit costs a tenth.
`gp_past_guided` draws the curves of a guide, too, one for every 8 x 8 pixels.
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from stactools_esd.encoder.data import place_on_days
from stactools_esd.guide import Guide, draw_curves
from stactools_esd.observations import YearWindow
from stactools_esd.pixel_series import PixelSeries
from stactools_esd.seamless import Seamless, fill_linear, fill_process, screen
from stactools_esd.simulation import Landscape
from stactools_esd.temporal_context import CONTEXTS

YEARS = tuple(range(2014, 2023))
WINDOW = YearWindow(year=2018)
CELL = 64


def series() -> PixelSeries:
    """Observe a landscape for nine years."""
    landscape = Landscape(31, size=(48, 48), years=YEARS)
    images = [landscape.observations(year) for year in YEARS]
    values = np.concatenate([np.where(each.valid, each.reflectance, np.nan) for each in images])
    return PixelSeries(
        dates=np.concatenate([each.dates for each in images]),
        reflectance=values.reshape(*values.shape[:2], -1).transpose(2, 0, 1),
    )


def guided(observed: PixelSeries) -> Seamless:
    """Fill with a guide whose curves are drawn of some of the pixels themselves."""
    coarse = PixelSeries(dates=observed.dates, reflectance=observed.reflectance[::CELL])
    curves, first = draw_curves(coarse, WINDOW, "past")
    guide = Guide(curves=curves, first=first, row=np.arange(len(observed.reflectance)) // CELL)
    return fill_process(observed, WINDOW, context="past", guide=guide)


def main() -> None:
    """Time each method after one run that compiles it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs that are timed; the fastest counts")
    arguments = parser.parse_args()
    observed = series()
    pixels = len(observed.reflectance)
    dates = np.broadcast_to(observed.dates, observed.reflectance.shape[:2])
    year = place_on_days(observed.reflectance, dates, WINDOW.days[0])
    methods: dict[str, Callable[[], object]] = {"linear": lambda: fill_linear(screen(year))}
    for name in CONTEXTS:
        methods[f"gp_{name}"] = lambda name=name: fill_process(observed, WINDOW, context=name)
        methods[f"gp_{name}_details"] = lambda name=name: fill_process(observed, WINDOW, context=name, details=True)
    methods["gp_past_guided"] = lambda: guided(observed)
    for method, fill in methods.items():
        fill()
        spent = []
        for _ in range(arguments.rounds):
            started = time.process_time()
            fill()
            spent.append(time.process_time() - started)
        rates = sorted(pixels / seconds for seconds in spent)
        print(f"{method:18} {rates[-1]:8.0f} pixel-years a second")
        figure = {
            "key": f"seamless.px_per_s.{method}", "value": round(rates[-1]), "unit": "pixel-years a CPU second",
            "n": pixels, "spread": [round(rates[0]), round(rates[-1])], "split": "simulated",
        }  # fmt: skip
        print("FIGURE", json.dumps(figure))


if __name__ == "__main__":
    main()
