"""Draw the simulated classes, alone and against real series, and print how far their medians lie apart.

    python scripts/plot_simulation.py DATA

Writes docs/img/simulated_classes.png and docs/img/simulated_against_real.png. Real series are of the training role, one
of the development role, none of the test role. Both sides are medians of each calendar month over pixel-years;
simulated pixels are drawn within eight degrees of the latitude of the real ones. Days with snow are left out on both
sides, for a latitude does not say how much of it falls. A figure is the median over the twelve months of the distance
between the two medians, averaged over the bands of a group and over the pairs of a class; the spread ratio is the
distance between the quartiles, simulated over real.
"""

import json
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from PIL import Image

from stactools_esd.encoder.data import read_years
from stactools_esd.encoder.real_sets import REAL_SETS
from stactools_esd.files import atomic_path
from stactools_esd.product import BANDS, DAYS
from stactools_esd.simulation import CLASS_NAMES, simulate_pixels
from stactools_esd.simulation.classes import DECIDUOUS, DOUBLE, EVERGREEN, GRASS, IMPERVIOUS, NEEDLE, SHRUB, SINGLE

PICTURES = Path(__file__).parent.parent / "docs" / "img"
COLOURS = ("#3465d9", "#2b9348", "#d62839", "#7b2cbf", "#e07a1f", "#7f5539")
GROUPS = {"visible": (0, 1, 2), "nir": (3,), "swir": (4, 5)}
MONTHS = np.minimum(np.arange(DAYS) * 12 // DAYS, 11)
PIXELS = 4000
"""Simulated for each class before the latitude is chosen."""


@dataclass(frozen=True)
class Pair:
    """A simulated class and the real pixels that stand for it."""

    class_id: int
    """Position in `CLASS_NAMES`."""

    source: str
    """Key of `REAL_SETS`."""

    label: str
    """Label in the file, "" for all pixels."""

    latitude: float
    """Of the real pixels, degrees."""

    title: str
    """Place and meaning of the label."""


PAIRS = (
    Pair(NEEDLE, "single_pixels", "pyxccd_2_mpb_co_landsat", 40, "Colorado, one pine pixel with beetles"),
    Pair(EVERGREEN, "brazil_cube_2018", "Forest", -8, "Rondônia and Roraima, forest"),
    Pair(DECIDUOUS, "harvard_first_150", "", 42.5, "Harvard Forest, mostly deciduous, Landsat"),
    Pair(SINGLE, "flanders_a_sentinel2", "11", 51, "Flanders cube, annual crops"),
    Pair(SINGLE, "france_2023", "temporary_crops", 46, "France, temporary crops"),
    Pair(DOUBLE, "matogrosso", "Soy_Corn", -13, "Mato Grosso, soy then corn, MODIS (dev)"),
    Pair(GRASS, "flanders_a_sentinel2", "13", 51, "Flanders cube, grassland"),
    Pair(GRASS, "brazil_cube_2018", "Pasture", -8, "Rondônia and Roraima, pasture"),
    Pair(GRASS, "france_2023", "herbaceous", 46, "France, herbaceous"),
    Pair(GRASS, "corsica_2022", "herbaceous", 42, "Corsica, herbaceous"),
    Pair(SHRUB, "brazil_cube_2018", "NatNonForest", -8, "Rondônia and Roraima, natural non-forest"),
    Pair(IMPERVIOUS, "flanders_a_sentinel2", "60", 51, "Flanders cube, built-up"),
)


def labels_of(data: Path, source: str) -> NDArray[np.str_]:
    """Labels of the pixels of a set, in the order in which it is read."""
    with np.load(data / REAL_SETS[source].path, allow_pickle=False) as arrays:
        if source.startswith("flanders_a"):
            return arrays["LC_20m"].ravel().astype(int).astype(str)
        if source == "single_pixels":
            return arrays["name"][[("corrupt" not in str(note)) for note in arrays["note"]]]
        if source == "brazil_cube_2018":
            return arrays["label"][~(arrays["near_A_500m"] | arrays["near_B_500m"])]
        return arrays["label"]


def real_years(data: Path, pair: Pair) -> NDArray[np.float32]:
    """Gap-filled years (n, 365, 6) of the real pixels of a pair, turned to begin on 1 January."""
    years = read_years(data, pair.source)
    chosen = np.ones(len(years.pixel), bool)
    if pair.label:
        chosen = labels_of(data, pair.source)[years.pixel] == pair.label
    first = (years.start - years.start.astype("datetime64[Y]")).astype("timedelta64[D]").astype(int)
    source = (np.arange(DAYS) - first[:, None]) % DAYS
    return np.take_along_axis(years.reflectance, source[:, :, None], axis=1)[chosen]


def simulated_years(class_id: int, latitude: float | None = None) -> NDArray[np.float32]:
    """Clean years (n, 365, 6) of a class, within eight degrees of a latitude if one is given, else in the north."""
    chances = np.zeros(len(CLASS_NAMES))
    chances[class_id] = 1
    pixels = simulate_pixels(PIXELS, 1, chances)
    # The north outside the tropics has the seasons that most readers know.
    near = pixels.latitude > (0 if class_id == EVERGREEN else 20) if latitude is None else (
        np.abs(pixels.latitude - latitude) < 8
    )  # fmt: skip
    if near.sum() < 50:
        # The class does not grow there: take its seasons of the same hemisphere.
        near = pixels.latitude * (latitude or 1) > 0
    return pixels.clean[near]


def monthly(years: NDArray[np.float32], quantile: float = 50) -> NDArray[np.float64]:
    """Quantile over pixel-years of the mean of the snow-free days of each month, (12, 6)."""
    green, swir = years[:, :, 1], years[:, :, 4]
    with np.errstate(invalid="ignore"):
        snow = (green > 0.12) & (years[:, :, 3] > 0.11) & (green - swir > 0.4 * (green + swir))
    free = np.where(snow[:, :, None], np.nan, years)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice|All-NaN slice", RuntimeWarning)
        means = np.stack([np.nanmean(free[:, month == MONTHS], axis=1) for month in range(12)], axis=1)
        return np.nanpercentile(means, quantile, axis=0)


def save(figure: "plt.Figure", name: str) -> None:
    """Save a picture with few colours, so that it stays small."""
    with atomic_path(PICTURES / name) as path:
        figure.savefig(path, dpi=90)
        Image.open(path).convert("RGB").quantize(96).save(path, optimize=True)
    plt.close(figure)
    print(f"docs/img/{name}: {(PICTURES / name).stat().st_size / 1000:.0f} kB")


def decorate(axis: "plt.Axes", title: str) -> None:
    """Title, limits and months of a panel."""
    axis.set_title(title, fontsize=8.5)
    axis.set_xlim(0, DAYS)
    axis.set_xticks(np.arange(12)[::2] * DAYS / 12 + 15, list("JMMJSN"), fontsize=7)
    axis.tick_params(axis="y", labelsize=7)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.25, linewidth=0.5)


def draw_classes() -> None:
    """Draw the typical year of each class with its spread."""
    figure, axes = plt.subplots(4, 4, figsize=(12, 9.6), constrained_layout=True)
    for class_id, axis in zip(range(len(CLASS_NAMES)), axes.flat, strict=False):
        years = simulated_years(class_id)
        low, middle, high = (np.percentile(years, q, axis=0) for q in (25, 50, 75))
        for band, colour in enumerate(COLOURS):
            axis.fill_between(range(DAYS), low[:, band], high[:, band], color=colour, alpha=0.16, linewidth=0)
            axis.plot(middle[:, band], color=colour, linewidth=1.1, label=BANDS[band])
        decorate(axis, CLASS_NAMES[class_id])
    handles, names = axes.flat[0].get_legend_handles_labels()
    for axis in axes.flat[len(CLASS_NAMES) :]:
        axis.axis("off")
    axes[3, 1].legend(handles, names, loc="center left", fontsize=9, frameon=False, title="simulated reflectance")
    axes[3, 2].text(0, 0.5, "Line: median of the pixels on each day.\nBand: their middle half.\n"
                    "North of 20° N (evergreen broadleaf:\nnorth of the equator).\nClean: no noise, no clouds.",
                    fontsize=9, va="center")  # fmt: skip
    save(figure, "simulated_classes.png")


def draw_pairs(data: Path) -> None:
    """Draw real and simulated medians, and print the figures."""
    figure, axes = plt.subplots(3, 4, figsize=(12, 7.6), constrained_layout=True)
    found: dict[str, list[tuple[float, int, str]]] = {}
    middle_of_month = (np.arange(12) + 0.5) * DAYS / 12
    for pair, axis in zip(PAIRS, axes.flat, strict=True):
        real_all, simulated_all = real_years(data, pair), simulated_years(pair.class_id, pair.latitude)
        real, simulated = monthly(real_all), monthly(simulated_all)
        for band, colour in enumerate(COLOURS):
            axis.plot(middle_of_month, real[:, band], color=colour, linewidth=1.4, label=BANDS[band])
            axis.plot(middle_of_month, simulated[:, band], color=colour, linewidth=1.1, linestyle=(0, (3, 2)))
        decorate(axis, f"{pair.title}\nagainst {CLASS_NAMES[pair.class_id]}, n = {len(real_all)}")
        spread = [monthly(years, 75) - monthly(years, 25) for years in (real_all, simulated_all)]
        for group, bands in GROUPS.items():
            seen = [band for band in bands if np.isfinite(real[:, band]).all()]
            distance = float(np.median(np.abs(real - simulated)[:, seen], axis=0).mean())
            ratio = float(np.mean([np.median(spread[1][:, band]) / np.median(spread[0][:, band]) for band in seen]))
            for measure, value in (("median_error", distance), ("spread_ratio", ratio)):
                key = f"simulation.{measure}.{CLASS_NAMES[pair.class_id].replace(' ', '_')}.{group}"
                found.setdefault(key, []).append((value, len(real_all), REAL_SETS[pair.source].role))
        print(f"{pair.title}: real less simulated {np.round(np.median(real - simulated, axis=0), 3)}")
    handles, names = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=6, fontsize=9, frameon=False,
                  title="medians of months without snow: real ———   simulated – – –", title_fontsize=9)  # fmt: skip
    save(figure, "simulated_against_real.png")
    for key, entries in sorted(found.items()):
        values = [value for value, *_ in entries]
        line = {
            "key": key,
            "value": round(float(np.mean(values)), 4),
            "unit": "reflectance" if "error" in key else "ratio",
            "n": sum(n for _, n, _ in entries),
            "spread": [round(min(values), 4), round(max(values), 4)] if len(values) > 1 else None,
            "split": "dev" if any(role == "dev" for *_, role in entries) else "train",
        }
        print(f"FIGURE {json.dumps(line)}")


if __name__ == "__main__":
    draw_classes()
    draw_pairs(Path(sys.argv[1]))
