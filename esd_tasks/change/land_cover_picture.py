"""Pictures of yearly classes: mapped shares by year, and what became what."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks import preview
from esd_tasks.fonts import families
from esd_tasks.legend import Legend
from stactools_esd.files import atomic_path

_MOST_ROWS: Final = 24
"""Classes of the matrix that is drawn, at most, by pixels."""


_NOTE: Final = "(mapped, not estimated: a map's errors do not cancel)"


def draw_series(
    path: Path,
    map_path: Path,
    *,
    legend: Legend,
    years: Sequence[int],
    shares: NDArray[np.float64],
    title: str,
    note: str,
) -> None:
    """Draw the last year's classes, and beside them the mapped share of each class in every year.

    Args:
        path: `.png`.
        map_path: Class map.
        legend: Classes with colours.
        years: All years.
        shares: Mapped share of each class (years, classes), in the order of the legend.
        title: Stands above the map.
        note: Stands below it, small.
    """
    table = np.zeros((legend.ids[-1] + 1, 4), np.uint8)
    for entry in legend.classes:
        table[entry.class_id] = (*entry.rgb, 255)

    def colour(values: NDArray[Any]) -> NDArray[np.uint8]:
        return np.asarray(table[values], dtype=np.uint8)

    empty = np.empty(0)
    picture = preview.start_picture(map_path, colour, empty, empty, title=title)
    box, left = picture.axes.get_position(), picture.right + 0.045
    axes = picture.figure.add_axes((left, box.y0 + 0.55 * box.height, 0.97 - left, 0.45 * box.height))
    order = [k for k in np.argsort(-shares.mean(axis=0)) if shares[:, k].any()]
    axes.stackplot(
        years, *(100 * shares[:, k] for k in order), colors=[legend.classes[k].colour for k in order], linewidth=0
    )
    axes.set_xlim(years[0], years[-1])
    axes.set_ylim(0, 100)
    axes.set_title("Mapped share by year, %", fontsize=8.5, loc="left")
    axes.tick_params(labelsize=7)
    axes.set_xticks(sorted({years[0], years[len(years) // 2], years[-1]}))
    _class_list(picture.figure, legend, order, shares, left, box.y0 + 0.5 * box.height)
    preview.finish_picture(path, picture, note)


def _class_list(
    figure: Any, legend: Legend, order: Sequence[int], shares: NDArray[np.float64], left: float, top: float
) -> None:
    """List the classes with their mapped shares of the first and the last year."""
    from matplotlib.patches import Patch

    handles = [
        Patch(
            facecolor=legend.classes[k].colour,
            edgecolor="#333333",
            linewidth=0.4,
            label=f"{preview.shorten(preview.readable(legend.classes[k]), 22)}  "
            f"{100 * shares[0, k]:.1f} to {100 * shares[-1, k]:.1f} %",
        )
        for k in order[:_MOST_ROWS]
    ]
    drawn = figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(left - 0.02, top),
        bbox_transform=figure.transFigure,
        frameon=False,
        prop={"size": 7, "family": families()},
        borderaxespad=0.0,
    )
    for text in drawn.get_texts():
        text.set_parse_math(False)


def draw_from_to(path: Path, *, legend: Legend, matrix: NDArray[np.int64], first: int, last: int) -> None:
    """Draw what became what: shares of the pixels of each class of the first year.

    Args:
        path: `.png`.
        legend: Classes.
        matrix: Pixels (from, to), in the order of the legend.
        first: The first year.
        last: The last year.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    used = np.flatnonzero((matrix.sum(axis=0) + matrix.sum(axis=1)) > 0)
    used = np.sort(used[np.argsort(-(matrix.sum(axis=0) + matrix.sum(axis=1))[used])][:_MOST_ROWS])
    counts = matrix[np.ix_(used, used)].astype(np.float64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [preview.shorten(preview.readable(legend.classes[k]), 24) for k in used]
    sizes = 100 * matrix.sum(axis=1)[used] / max(matrix.sum(), 1)
    rows = [f"{name}  {size:.1f} %" for name, size in zip(names, sizes.tolist(), strict=True)]
    side = 0.42 * len(used)
    width, height = 2.1 + max(side, 2.6) + 0.3, 1.9 + side + 0.5
    figure = Figure(figsize=(width, height), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((2.1 / width, 1.9 / height, side / width, side / height))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for a in range(len(used)):
        for b in range(len(used)):
            if share[a, b] >= 0.005:
                tone = "white" if share[a, b] > 0.55 else "black"
                axes.text(b, a, f"{100 * share[a, b]:.0f}", ha="center", va="center", fontsize=7, color=tone)
    text: dict[str, Any] = {"fontsize": 7, "parse_math": False, "family": families()}
    axes.set_xticks(range(len(used)), names, rotation=45, ha="right", **text)
    axes.set_yticks(range(len(used)), rows, **text)
    axes.set_xlabel(f"mapped in {last}", fontsize=8)
    axes.set_ylabel(f"mapped in {first}, with its share of all pixels", fontsize=8)
    axes.set_title(f"What became of each class of {first}, % of its pixels\n{_NOTE}", fontsize=8.5, loc="left")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, bbox_inches="tight", pad_inches=0.15, metadata={"Software": None})
