"""A picture of a regression: what was predicted for labels left out, against what was measured."""

import textwrap
from pathlib import Path

import numpy as np

from esd_tasks.fonts import families, legible
from esd_tasks.regress_validation import Validation
from stactools_esd.files import atomic_path


def write_scatter(path: Path, validation: Validation, *, name: str, note: str) -> None:
    """Draw predicted against measured, each fold in a colour of its own, with the line of equality.

    Args:
        path: `.png`.
        validation: Predictions of labels left out.
        name: Quantity and unit.
        note: Stands below, small.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 5.6), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.15, 0.2, 0.8, 0.74))
    there = ~np.isnan(validation.predicted)
    both = np.concatenate([validation.reference[there], validation.predicted[there]])
    low, high = float(both.min()), float(both.max())
    margin = 0.04 * (high - low or 1.0)
    axes.plot([low - margin, high + margin], [low - margin, high + margin], color="#888888", linewidth=0.8, zorder=1)
    for number, fold in enumerate(np.unique(validation.fold).tolist()):
        chosen = there & (validation.fold == fold)
        axes.scatter(
            validation.reference[chosen],
            validation.predicted[chosen],
            s=10,
            color=colormaps["viridis"](number / 5),
            alpha=0.75,
            linewidths=0,
            label=f"fold {number + 1}",
        )
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(low - margin, high + margin)
    axes.set_aspect("equal")
    axes.set_xlabel(f"measured: {legible(name)}", parse_math=False, fontsize=9, family=families())
    axes.set_ylabel("predicted, block left out", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=7, frameon=False, loc="upper left")
    lines = textwrap.fill(legible(note), 92)
    figure.text(0.03, 0.02, lines, fontsize=7, color="#444444", va="bottom", parse_math=False, family=families())
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None})
