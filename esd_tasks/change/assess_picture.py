"""A picture of an assessment: user's and producer's accuracy with their intervals."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stactools_esd.files import atomic_path

_WORDS = {"0": "exact year", "1": "± 1 year", "2": "± 2 years", "footprint": "footprint"}
_COLOURS = {"users": "#0072b2", "producers": "#d55e00"}


def draw_assessment(path: Path, report: Mapping[str, Any]) -> None:
    """Draw both accuracies at every tolerance, with intervals of 95 %.

    Args:
        path: `.png`.
        report: Content of `accuracy.json`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    keys = [key for key in _WORDS if f"users_{key}" in report["events"]]
    height = 1.4 + 0.55 * len(keys)
    figure = Figure(figsize=(5.6, height), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.2, 0.92 / height, 0.75, 0.55 * len(keys) / height))
    for place, key in enumerate(keys):
        for side, offset in (("users", -0.14), ("producers", 0.14)):
            share = report["events"][f"{side}_{key}"]
            if share["value"] is None:
                continue
            axes.plot([share["low"], share["high"]], [place + offset] * 2, color=_COLOURS[side], linewidth=2)
            axes.plot(share["value"], place + offset, marker="o", color=_COLOURS[side])
    for side, words in (("users", "user's: mapped events that happened"), ("producers", "producer's: events mapped")):
        axes.plot([], [], marker="o", color=_COLOURS[side], linewidth=2, label=words)
    axes.set_yticks(range(len(keys)), [_WORDS[key] for key in keys], fontsize=8)
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", linewidth=0.4, color="#cccccc")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    years = report["protocol"]["years"]
    title = f"Change {years[0]} to {years[-1]} against {report['n']:,} reference places"
    axes.set_title(title, fontsize=9, loc="left", parse_math=False)
    figure.legend(fontsize=7.5, frameon=False, loc="lower left", bbox_to_anchor=(0.18, 0.0), ncols=1)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None})
