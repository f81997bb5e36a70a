"""The picture of `harvard_row.py`: likeness by years apart, by pair of years, and NDVI of one pixel."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray
from PIL import Image

from esd_tasks.encoder_tasks.bootstrap import mean_estimate
from esd_tasks.encoder_tasks.samples import PixelYears
from esd_tasks.encoder_tasks.stability import likeness, pairs_of_lag, with_others
from stactools_esd.encoder import Encoder
from stactools_esd.files import atomic_path
from stactools_esd.observations import Observations
from stactools_esd.product import BANDS, DAYS

COLOURS = {"linear": "#3465d9", "gp": "#e07a1f"}
NAMES = {"linear": "straight lines", "gp": "process, past years"}
SENSORS = {"tm": "TM", "tm_and_etm": "TM and ETM+", "etm": "ETM+"}
MOST_YEARS = 20
COLOURS_OF_SENSORS = {"tm": "#f6ecd2", "tm_and_etm": "#dbe9f4", "etm": "#f4d9e2"}
FEWEST_PIXELS = 20


def draw(
    tables: Mapping[str, PixelYears],
    sensors: Mapping[int, str],
    observations: Observations,
    encoder: Encoder,
    file: Path,
) -> None:
    """Draw all panels.

    Args:
        tables: Pixel-years by way of filling.
        sensors: Which sensors saw the row in each year.
        observations: Clear observations of all encoded pixels; pixel p of the tables is column p.
        encoder: What decodes.
        file: Where the picture goes.
    """
    figure = plt.figure(figsize=(12, 7.4), constrained_layout=True)
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 0.9))
    by_lag(figure.add_subplot(grid[0, 0]), tables)
    by_pair(figure.add_subplot(grid[0, 1]), tables, sensors)
    ndvi(figure.add_subplot(grid[1, :]), tables["linear"], observations, encoder)
    table = tables["linear"]
    half = "left out of training" if table.role == "test" else "trained on"
    figure.suptitle(
        f"Harvard row, pixels {table.pixel.min()} to {table.pixel.max()} ({half}), {encoder.identity.label}",
        fontsize=11,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(file) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
        with Image.open(temporary) as image:
            image.convert("P", palette=Image.Palette.ADAPTIVE, colors=256).save(temporary, "PNG", optimize=True)
    plt.close(figure)


def by_lag(axis: Axes, tables: Mapping[str, PixelYears]) -> None:
    """Draw the mean cosine of codes by the number of years between, with its interval."""
    for fill, table in tables.items():
        rows: dict[str, list[tuple[float, float, float, float]]] = {"same": [], "other": []}
        for lag in range(1, MOST_YEARS + 1):
            earlier, later = pairs_of_lag(table, lag)
            if not len(earlier):
                continue
            triples = with_others(table, earlier, later)
            for key, one, other in (("same", earlier, later), ("other", triples.anchor, triples.other)):
                found = mean_estimate([(likeness(table, one, other).cosine, table.pixel[one])])
                rows[key].append((lag, found.value, found.low, found.high))
        for key, style in (("same", "-"), ("other", "--")):
            lag, value, low, high = np.array(rows[key]).T
            label = f"{NAMES[fill]}, {'same pixel' if key == 'same' else 'another, 100 px away'}"
            axis.plot(lag, value, style, color=COLOURS[fill], linewidth=1.4, label=label)
            axis.fill_between(lag, low, high, color=COLOURS[fill], alpha=0.15, linewidth=0)
    axis.set_xticks([1, 2, 5, 10, 15, 20])
    axis.set_ylim(bottom=axis.get_ylim()[0] - 0.1)
    decorate(axis, "Codes: likeness by years apart", "years apart", "cosine of the 72 values")
    axis.legend(fontsize=8, frameon=False, loc="lower center", ncols=2)


def by_pair(axis: Axes, tables: Mapping[str, PixelYears], sensors: Mapping[int, str]) -> None:
    """Draw the mean cosine of codes of each year with the next, where enough pixels have both."""
    for fill, table in tables.items():
        earlier, later = pairs_of_lag(table, 1)
        triples = with_others(table, earlier, later)
        for one, other, style in ((earlier, later, "o-"), (triples.anchor, triples.other, "o--")):
            values, year = likeness(table, one, other).cosine, table.year[one]
            each = np.arange(table.year.min(), table.year.max())
            few = [np.count_nonzero(year == first) < FEWEST_PIXELS for first in each]
            means = [np.nan if none else values[year == first].mean() for first, none in zip(each, few, strict=True)]
            axis.plot(each + 0.5, means, style, color=COLOURS[fill], linewidth=1, markersize=2.5)
    for year, word in sensors.items():
        axis.axvspan(year - 0.5, year + 0.5, color=COLOURS_OF_SENSORS[word], linewidth=0, zorder=0)
    for word, name in SENSORS.items():
        of_word = [year for year, other in sensors.items() if other == word]
        if of_word:
            axis.text(np.mean(of_word), 0.96, name, transform=axis.get_xaxis_transform(), fontsize=8, ha="center")
    axis.set_ylim(top=min(1, axis.get_ylim()[1] + 0.06))
    decorate(axis, "Codes: each year with the next", "year", "cosine of the 72 values")


def ndvi(axis: Axes, table: PixelYears, observations: Observations, encoder: Encoder) -> None:
    """Draw what the codes of one pixel decode to, through the years, over what was observed."""
    pixels = np.unique(table.pixel)
    pixel = int(pixels[len(pixels) // 2])
    seen = observations.valid[:, :, 0, pixel].all(axis=1)
    axis.plot(days(observations.dates[seen]), index(observations.reflectance[seen, :, 0, pixel]), "o", color="#888888",
              markersize=2.2, label="observed, before screening")  # fmt: skip
    for number, row in enumerate(np.flatnonzero(table.pixel == pixel)):
        decoded = encoder.decode(table.codes[0][row : row + 1])[0]
        first = np.datetime64(f"{table.year[row]}-01-01")
        axis.plot(days(first + np.arange(DAYS)), index(decoded), color="#2b9348", linewidth=0.9,
                  label="decoded from codes" if number == 0 else None)  # fmt: skip
    decorate(axis, f"NDVI of pixel {pixel}, in the middle; gaps filled by straight lines", "", "NDVI")
    axis.set_ylim(-0.1, 1)
    axis.legend(fontsize=8, frameon=False, loc="lower right", ncols=2)


def index(reflectance: NDArray[np.float32]) -> NDArray[np.float32]:
    """NDVI of reflectance (n, 6)."""
    red, nir = (reflectance[:, BANDS.index(band)] for band in ("red", "nir"))
    return (nir - red) / np.maximum(nir + red, np.float32(1e-3))


def days(dates: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Dates as years with fractions."""
    years = dates.astype("datetime64[Y]")
    return years.astype(int) + 1970 + (dates - years.astype("datetime64[D]")).astype(int) / 365.25


def decorate(axis: Any, title: str, x: str, y: str) -> None:
    """Give a panel its title and light axes."""
    axis.set_title(title, fontsize=10)
    axis.set_xlabel(x, fontsize=9)
    axis.set_ylabel(y, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.25, linewidth=0.5)
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.01)
