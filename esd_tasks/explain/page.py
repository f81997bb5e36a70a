"""A picture for each change: anomaly through the years, steps and levels that deviate, curves of the bands."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.explain.attribution import STEP_OF_DAY
from esd_tasks.explain.words import BAND_WORDS, months_of
from esd_tasks.fonts import families, legible
from esd_tasks.migrate.series_file import NODATA, RELABELLED, STABLE, UNCERTAIN
from stactools_esd.files import atomic_path
from stactools_esd.product import BANDS, DAYS, FSQ, STEPS

_WIDTH: Final = 9.6
_HEIGHT: Final = 9.5
_SHORT: Final = 5.9
_OBSERVED: Final = "#c44f00"
_NORMAL: Final = "#0072b2"
_SHADE: Final = "#ececec"
_INK: Final = "#444444"
_LONGEST: Final = 44
_UNLIKE: Final = "How unlike the label's normal years each year is (▼ year of the label)"
_MARKERS: Final = {STABLE: ("o", "as labelled"), RELABELLED: ("s", "relabelled"), UNCERTAIN: ("D", "uncertain")}
_FACES: Final = {STABLE: _NORMAL, RELABELLED: _OBSERVED, UNCERTAIN: "white"}


@dataclass(frozen=True, kw_only=True)
class Page:
    """What stands on the page of one change."""

    sentence: str
    """The change in words."""

    place: str
    """Sample, label and place in a line."""

    years: NDArray[np.int64]
    """Years of the series, (years,)."""

    anomaly: NDArray[np.floating]
    """Of each year; NaN without data, (years,)."""

    status: NDArray[np.integer]
    """Position in `STATUSES` of each year, (years,)."""

    names: Sequence[str]
    """Class of each year; empty where uncertain or without data."""

    colours: Sequence[str]
    """Its colour, `#rrggbb`."""

    label_year: int
    """Year of the label that was given."""

    explained: int
    """Year that is compared with normal ones."""

    level: NDArray[np.floating]
    """Probability that each level deviates, (12, 6)."""

    step: NDArray[np.floating]
    """The same of each step, (12,)."""

    deviates: NDArray[np.bool_]
    """Steps that count as deviating, (12,)."""

    observed: NDArray[np.floating] | None
    """Decoded reflectance (365, 6); None without a decoder."""

    normal: NDArray[np.floating] | None
    """What would be normal, (365, 6)."""

    normal_name: str = ""
    """Class that is taken for normal."""

    note: str = ""
    """Why there are no curves."""

    first_month: int = 1
    """Month in which the year starts."""


def write_page(path: Path, page: Page) -> None:
    """Draw a page as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = page.observed is not None and page.normal is not None
    height = _HEIGHT if curves else _SHORT
    figure = Figure(figsize=(_WIDTH, height), dpi=110, facecolor="white")
    FigureCanvasAgg(figure)

    def axes(left: float, top: float, width: float, tall: float) -> Any:
        """Return axes placed in inches from the upper left."""
        return figure.add_axes((left / _WIDTH, 1 - (top + tall) / height, width / _WIDTH, tall / height))

    words: dict[str, Any] = {"parse_math": False, "family": families()}
    lines, size, line_height = textwrap.wrap(legible(page.sentence), 96), 11.0, 0.21
    if len(lines) > 2:  # more would meet the first panel
        lines, size, line_height = textwrap.wrap(legible(page.sentence), 120, max_lines=3, placeholder=" …"), 8.5, 0.165
    figure.text(0.3 / _WIDTH, 1 - 0.22 / height, "\n".join(lines), fontsize=size, weight="bold", va="top", **words)
    below = 0.3 + line_height * len(lines)
    figure.text(0.3 / _WIDTH, 1 - below / height, legible(page.place), fontsize=8.5, color=_INK, va="top", **words)
    _timeline(axes(0.85, 1.25, 8.4, 1.15), axes(0.85, 2.62, 8.4, 0.28), page)
    _heat(axes(0.85, 3.5, 7.7, 0.45), axes(0.85, 4.0, 7.7, 1.2), axes(8.75, 4.0, 0.12, 1.2), page)
    if curves:
        places = [axes(0.85 + 2.95 * (k % 3), 5.95 + 1.85 * (k // 3), 2.5, 1.35) for k in range(len(BANDS))]
        _curves(figure, places, page, height)
    elif page.note:
        figure.text(0.3 / _WIDTH, 0.12 / height, legible(page.note), fontsize=8.5, color=_INK, **words)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None})


def _timeline(axes: Any, strip: Any, page: Page) -> None:
    """Draw the anomaly of each year, and below it its class."""
    axes.plot(page.years, page.anomaly, color="#999999", linewidth=1, zorder=1)
    for status, (marker, name) in _MARKERS.items():
        there = page.status == status
        if there.any():
            axes.scatter(
                page.years[there], page.anomaly[there], s=26, marker=marker, color=_FACES[status], edgecolors="#222222",
                linewidths=0.7, label=name, zorder=2,
            )  # fmt: skip
    for one in (axes, strip):
        one.axvspan(page.explained - 0.5, page.explained + 0.5, color=_SHADE, zorder=0)
        one.set_xlim(page.years[0] - 0.6, page.years[-1] + 0.6)
    axes.set_ylim(0, 1.18 * max(float(np.nanmax(page.anomaly, initial=0.0)), 1.0))
    axes.set_xticks(_shown(page.years))
    axes.set_ylabel("anomaly", fontsize=8)
    axes.set_title(_UNLIKE, fontsize=9, loc="left")
    axes.legend(fontsize=7, ncols=3, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 0.97), borderaxespad=0.1)
    axes.tick_params(labelsize=7.5, labelbottom=False)
    _plain(axes)
    _classes(strip, page)


def _classes(axes: Any, page: Page) -> None:
    """Draw the class of each year as boxes, with names where they have room."""
    axes.set_ylim(0, 1)
    for year, status, colour in zip(page.years, page.status, page.colours, strict=True):
        if status != NODATA:
            hatch = "////" if status == UNCERTAIN else None
            face = "white" if status == UNCERTAIN else colour
            axes.add_patch(_box(year - 0.5, 1.0, face, hatch))
    first = 0
    for end in range(1, len(page.years) + 1):
        if end < len(page.years) and page.names[end] == page.names[first]:
            continue
        wide = page.years[end - 1] - page.years[first] + 1
        name, room = page.names[first], int(wide / len(page.years) * 105)
        if name and room >= 4:
            shown = name if len(name) <= room else f"{name[: room - 1]}…"
            middle = (page.years[first] + page.years[end - 1]) / 2
            axes.text(
                middle, 0.47, legible(shown), ha="center", va="center", fontsize=7.5, parse_math=False,
                family=families(), bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.0},
            )  # fmt: skip
        first = end
    if page.years[0] <= page.label_year <= page.years[-1]:
        axes.plot([page.label_year], [1.16], marker="v", color="#222222", markersize=5, clip_on=False)
    axes.set_yticks([])
    axes.set_xticks(_shown(page.years), map(str, _shown(page.years)))
    axes.tick_params(labelsize=7.5, length=2)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)


def _heat(bars: Any, axes: Any, scale: Any, page: Page) -> None:
    """Draw the probability that steps and levels deviate."""
    colours = [_OBSERVED if there else "#999999" for there in page.deviates]
    bars.bar(range(STEPS), page.step, color=colours, width=0.9)
    bars.axhline(0.5, color="#222222", linewidth=0.6, linestyle=":")
    bars.set_xlim(-0.5, STEPS - 0.5)
    bars.set_ylim(0, 1)
    bars.set_yticks([0, 1])
    bars.tick_params(labelsize=7.5, labelbottom=False, bottom=False)
    bars.set_ylabel("step", fontsize=8)
    bars.set_title(f"Probability that steps and levels of {page.explained} deviate", fontsize=9, loc="left")
    _plain(bars)
    image = axes.imshow(page.level.T, cmap="Oranges", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(STEPS), months_of(page.first_month))
    axes.set_yticks(range(FSQ.dimensions), [f"d{k}" for k in range(1, FSQ.dimensions + 1)])
    axes.set_xticks(np.arange(STEPS - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(FSQ.dimensions - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", labelsize=7.5, length=0)
    axes.set_ylabel("level", fontsize=8)
    bar = axes.figure.colorbar(image, cax=scale)
    bar.ax.tick_params(labelsize=7)


def _curves(figure: Any, places: Sequence[Any], page: Page, height: float) -> None:
    """Draw observed and normal reflectance of each band, days of steps that deviate shaded."""
    if page.observed is None or page.normal is None:
        return
    edges = np.flatnonzero(np.diff(np.r_[False, page.deviates[STEP_OF_DAY], False])).reshape(-1, 2)
    ticks = (np.arange(STEPS) + 0.5) * DAYS / STEPS
    for k, (axes, band) in enumerate(zip(places, BANDS, strict=True)):
        for first, end in edges:
            axes.axvspan(first, end, color=_SHADE, zorder=0, linewidth=0)
        axes.plot(page.normal[:, k], color=_NORMAL, linewidth=1.5, linestyle="--")
        axes.plot(page.observed[:, k], color=_OBSERVED, linewidth=1.5)
        both = np.concatenate([page.normal[:, k], page.observed[:, k]])
        spread = max(float(both.max() - both.min()), 0.04)
        middle = float(both.max() + both.min()) / 2
        axes.set_ylim(max(0.0, middle - 0.6 * spread), middle + 0.6 * spread)
        axes.set_xlim(0, DAYS)
        axes.set_xticks(ticks, [month[0] for month in months_of(page.first_month)])
        axes.set_title(BAND_WORDS[band], fontsize=8.5, loc="left")
        axes.tick_params(labelsize=7, length=2)
        _plain(axes)
    top = 1 - 5.5 / height
    figure.text(0.85 / _WIDTH, top, "Reflectance decoded from codes; deviating months shaded", fontsize=9, va="center")
    names = [f"were it normal {page.normal_name}", f"observed in {page.explained}"]
    legend = figure.legend(
        places[0].get_lines(),
        [legible(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…") for name in names],
        prop={"size": 7.5, "family": families()},
        ncols=2,
        frameon=False,
        loc="center right",
        bbox_to_anchor=(0.965, top),
        borderaxespad=0.0,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _shown(years: NDArray[np.int64]) -> list[int]:
    """Return the years that have room to be written."""
    return [int(year) for year in years[:: max(1, -(-len(years) // 13))]]


def _box(left: float, width: float, face: str, hatch: str | None) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((left, 0), width, 1, facecolor=face, edgecolor="#777777", linewidth=0.4, hatch=hatch)


def _plain(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
