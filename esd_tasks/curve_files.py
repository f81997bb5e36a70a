"""A learning curve as files: a table for machines, a picture for people."""

import csv
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from esd_tasks.fonts import families, legible
from stactools_esd.files import atomic_path

COLUMNS: Final = (
    "features", "head", "k", "n_train", "draws", "mean", "sd", "low", "high", "difference", "difference_low",
    "difference_high",
)  # fmt: skip
"""Columns of the table."""

WHAT_GROWS: Final = {"labels": "labels a class", "years": "years with labels"}
"""What stands along a curve, in words."""

_COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#5b4a8a", "#4d4d4d")
_MARKERS: Final = ("o", "s", "^", "D")


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the points of a curve as CSV, empty where a figure is undefined."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(["" if row[name] is None else row[name] for name in COLUMNS] for row in rows)


def write_plot(
    path: Path, rows: Sequence[Mapping[str, Any]], *, chance: float, title: str, note: str, over: str = "labels"
) -> None:
    """Draw mean and SD of balanced accuracy against the number of labels, a line for each head and kind of features.

    Args:
        path: `.png`.
        rows: Points, as `curve_points.rows_of` gives them.
        chance: Balanced accuracy of guessing.
        title: Stands above.
        note: Stands below, small.
        over: Key of `WHAT_GROWS`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 5.4), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.09, 0.22, 0.66, 0.7))
    numbers = list(dict.fromkeys(row["k"] for row in rows))
    kinds = list(dict.fromkeys(row["features"] for row in rows))
    lines = list(dict.fromkeys((row["features"], row["head"]) for row in rows))
    heads = list(dict.fromkeys(head for _, head in lines))
    for turn, (kind, head) in enumerate(lines):
        points = [row for row in rows if (row["features"], row["head"]) == (kind, head)]
        aside = 0.3 * ((turn + 0.5) / len(lines) - 0.5)  # so that bars do not hide each other
        axes.errorbar(
            [numbers.index(row["k"]) + aside for row in points],
            [row["mean"] for row in points],
            yerr=[row["sd"] or 0.0 for row in points],
            color=_COLOURS[heads.index(head) % len(_COLOURS)],
            linestyle="-" if kind == kinds[0] else "--",
            marker=_MARKERS[kinds.index(kind) % len(_MARKERS)],
            markersize=4.5,
            linewidth=1.3,
            capsize=2,
            elinewidth=0.9,
            label=head if len(kinds) == 1 else f"{head}, {kind}",
        )
    axes.axhline(chance, color="#999999", linewidth=0.8, linestyle=":")
    axes.text(len(numbers) - 0.6, chance, "chance", fontsize=7, color="#777777", va="bottom", ha="right")
    axes.set_xlim(-0.4, len(numbers) - 0.6)
    axes.set_xticks(range(len(numbers)), [str(k) for k in numbers])
    axes.set_xlabel(f"{WHAT_GROWS[over]} that trained", fontsize=9)
    axes.set_ylabel("balanced accuracy of labels in other blocks", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_title(legible(title), loc="left", fontsize=11, parse_math=False, family=families())
    figure.legend(loc="upper left", bbox_to_anchor=(0.77, 0.92), fontsize=8, frameon=False, title="mean ± SD",
                  title_fontsize=8, alignment="left")  # fmt: skip
    figure.text(0.03, 0.02, textwrap.fill(note, 150), fontsize=7, color="#444444", va="bottom", parse_math=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None})
