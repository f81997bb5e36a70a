"""Pictures of maps: legend with mapped shares, scale bar, north arrow, places of the labels."""

import math
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray

from esd_tasks.fonts import drawable, families, legible
from esd_tasks.legend import UNCLASSIFIED, Legend, LegendClass
from stactools_esd.files import atomic_path

LONGEST_SIDE: Final = 1200
"""Pixels of the map that are read at most along one side; overviews serve larger maps."""

_LEGEND_ROWS: Final = 24
"""Classes that the legend lists at most, by mapped share."""

_CHARACTERS_PER_INCH: Final = 18
"""Of the note below the map."""


def write_preview(
    path: Path,
    map_path: Path,
    *,
    legend: Legend,
    counts: Mapping[int, int],
    labels_x: NDArray[np.float64],
    labels_y: NDArray[np.float64],
    title: str,
    note: str,
    dots: str = "samples",
) -> None:
    """Draw a class map as PNG.

    Args:
        path: `.png`.
        map_path: Class map.
        legend: Classes with colours.
        counts: Mapped pixels by class_id.
        labels_x: Places of samples in the CRS of the map, drawn as small dots.
        labels_y: The same, northing.
        title: Stands above the map.
        note: Stands below it, small.
        dots: What the legend calls the places.
    """
    picture = start_picture(map_path, lambda classes: rgba_of_classes(classes, legend), labels_x, labels_y, title=title)
    _legend(picture, legend, counts, dots if len(labels_x) else "")
    finish_picture(path, picture, note)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A map that is drawn, with room at its right for what explains it."""

    figure: Any
    """The figure of matplotlib."""

    axes: Any
    """Where the map is."""

    right: float
    """Where the room right of the map begins, as a share of the width."""


def start_picture(
    map_path: Path,
    colour: Callable[[NDArray[Any]], NDArray[np.uint8]],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    *,
    title: str,
) -> Picture:
    """Draw the first band of a map with title, scale bar, north arrow and places.

    Args:
        map_path: Raster; overviews serve large ones.
        colour: Turns values (h, w) into red, green, blue and alpha, (h, w, 4).
        x: Places in the CRS of the map, drawn as small dots.
        y: The same, northing.
        title: Stands above the map.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    values, bounds = read_small(map_path)
    width, height = bounds.right - bounds.left, bounds.top - bounds.bottom
    map_width, map_height = (7.0, 7.0 * height / width) if width >= height else (7.0 * width / height, 7.0)
    map_width, map_height = max(map_width, 2.2), max(map_height, 2.2)
    figure = Figure(figsize=(map_width + 3.4, map_height + 1.1), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    total_width, total_height = figure.get_size_inches()
    axes = figure.add_axes((0.25 / total_width, 0.6 / total_height, map_width / total_width, map_height / total_height))
    axes.imshow(colour(values), extent=(bounds.left, bounds.right, bounds.bottom, bounds.top), interpolation="nearest")
    axes.set_anchor("W")
    axes.scatter(x, y, s=5, c="white", edgecolors="black", linewidths=0.4, zorder=3)
    axes.set_xlim(bounds.left, bounds.right)
    axes.set_ylim(bounds.bottom, bounds.top)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(legible(title), loc="left", fontsize=11, parse_math=False, family=families())
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)
    _scale_bar(axes, width, height)
    _north_arrow(axes)
    return Picture(figure=figure, axes=axes, right=(0.5 + map_width) / total_width)


def read_small(map_path: Path, *, band: int = 1, longest: int = LONGEST_SIDE) -> tuple[NDArray[Any], Any]:
    """Read a band of a map for a picture: from its overviews, where it is large.

    Args:
        map_path: Raster.
        band: Band to read.
        longest: Pixels along the longer side, at most.

    Returns:
        Values (h, w), and the bounds of the map in its CRS.
    """
    with rasterio.open(map_path) as dataset:
        shrink = max(1.0, max(dataset.width, dataset.height) / longest)
        shape = (max(1, round(dataset.height / shrink)), max(1, round(dataset.width / shrink)))
        return dataset.read(band, out_shape=shape), dataset.bounds


def finish_picture(path: Path, picture: Picture, note: str) -> None:
    """Write a picture as PNG, with a note below the map."""
    total_width, total_height = picture.figure.get_size_inches()
    lines = textwrap.fill(legible(note), round((total_width - 0.5) * _CHARACTERS_PER_INCH))
    place = 0.25 / total_width, 0.1 / total_height
    picture.figure.text(*place, lines, fontsize=7, color="#444444", va="bottom", parse_math=False, family=families())
    with atomic_path(path) as temporary:
        picture.figure.savefig(temporary, metadata={"Software": None})


def rgba_of_classes(classes: NDArray[np.integer], legend: Legend) -> NDArray[np.uint8]:
    """Colour classes; unclassified pixels are transparent."""
    table = np.zeros((max(legend.ids[-1], int(classes.max())) + 1, 4), dtype=np.uint8)
    for entry in legend.classes:
        table[entry.class_id] = (*entry.rgb, 255)
    table[UNCLASSIFIED] = 0
    colours: NDArray[np.uint8] = table[classes]
    return colours


def _scale_bar(axes: Any, width: float, height: float) -> None:
    """Draw a bar of a round length, about a quarter of the map, in its lower left corner."""
    metres = round_length(width / 4)
    text = metres_text(metres)
    left, bottom, high = axes.get_xlim()[0] + 0.03 * width, axes.get_ylim()[0] + 0.03 * height, 0.012 * height
    box = {"boxstyle": "square,pad=0.25", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    axes.text(left, bottom + 2.2 * high, text, fontsize=8, va="bottom", ha="left", bbox=box, zorder=4)
    axes.add_patch(_rectangle((left, bottom), metres, high))


def _rectangle(corner: tuple[float, float], width: float, height: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, facecolor="black", edgecolor="white", linewidth=0.8, zorder=5)


def _north_arrow(axes: Any) -> None:
    """Draw an arrow to grid north in the upper right corner."""
    axes.annotate(
        "N",
        xy=(0.955, 0.975),
        xytext=(0.955, 0.885),
        xycoords="axes fraction",
        ha="center",
        va="center",
        fontsize=9,
        arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.2},
        bbox={"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        zorder=5,
    )


def _legend(picture: Picture, legend: Legend, counts: Mapping[int, int], dots: str) -> None:
    """List classes by mapped share, right of the map."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    total = sum(counts.values())
    ranked = sorted(legend.classes, key=lambda entry: (-counts.get(entry.class_id, 0), entry.class_id))
    handles: list[Any] = [
        Patch(
            facecolor=entry.colour,
            edgecolor="#333333",
            linewidth=0.4,
            label=f"{shorten(readable(entry))}  {share_text(counts.get(entry.class_id, 0), total)}",
        )
        for entry in ranked[:_LEGEND_ROWS]
    ]
    if len(ranked) > _LEGEND_ROWS:
        handles.append(Patch(facecolor="none", edgecolor="none", label=f"and {len(ranked) - _LEGEND_ROWS} more"))
    if not all(drawable(entry.name) for entry in ranked[:_LEGEND_ROWS]):
        handles.append(Patch(facecolor="none", edgecolor="none", label="names: see report.html, map.qml"))
    if dots:
        handles.append(Line2D([], [], linestyle="", marker="o", markersize=3, mfc="white", mec="black", label=dots))
    drawn = picture.figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(picture.right, picture.axes.get_position().y1),
        bbox_transform=picture.figure.transFigure,
        borderaxespad=0.0,
        frameon=False,
        prop={"family": families(), "size": 8.5},
        title="Mapped share",
        title_fontsize=8.5,
        alignment="left",
    )
    for text in drawn.get_texts():
        text.set_parse_math(False)  # a class may be called $x$


def round_length(metres: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not longer than a length."""
    power = 10.0 ** math.floor(math.log10(metres))
    return max(step * power for step in (0.5, 1, 2, 5) if step * power <= metres)  # 0.5: the logarithm may round up


def metres_text(metres: float) -> str:
    """Return a length in metres or kilometres."""
    return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"


def share_text(count: int, total: int) -> str:
    """Return a share in percent; small ones are not rounded to nothing."""
    if not count or not total:
        return "0 %"
    percent = 100 * count / total
    return f"{percent:.1f} %" if percent >= 0.1 else "< 0.1 %"


def readable(entry: LegendClass) -> str:
    """Return a class name, or its id where no font has the script; reports and styles have every name."""
    return entry.name if drawable(entry.name) else f"class {entry.class_id}"


def shorten(name: str, length: int = 28) -> str:
    """Cut a long name, with an ellipsis."""
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"
