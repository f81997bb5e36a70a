"""Pictures of a training run: losses over steps, and pixel-years beside their reconstruction."""

import json
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from stactools_esd.encoder.pentads import PENTAD_DAYS, PENTADS
from stactools_esd.files import atomic_path
from stactools_esd.product import BANDS

_BAND_COLOURS: Final = ("#3b6fb5", "#3f9b55", "#c8443c", "#7b3fa0", "#d98b1f", "#7a5230")


def draw_losses(metrics: Path, path: Path) -> None:
    """Draw metrics.jsonl: reconstruction error in reflectance above, the losses of the heads below."""
    lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    steps = [line["step"] for line in lines]
    figure = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.plot(steps, [line["mae"] for line in lines], color="#3b6fb5")
    upper.set(ylabel="MAE of pentads (reflectance)", yscale="log", title="Training losses, on corrupted input")
    lower.plot(steps, [line["land_class"] for line in lines], color="#3f9b55", label="land cover")
    lower.plot(steps, [line["phenology"] for line in lines], color="#d98b1f", label="phenology")
    lower.set(xlabel="step", ylabel="loss of the head")
    lower.legend(frameon=False)
    _save(figure, path)


def draw_examples(pentads: NDArray[np.float32], decoded: NDArray[np.float32], names: list[str], path: Path) -> None:
    """Draw pixel-years (n, 73, 6) as dots and their reconstruction as lines, one panel each."""
    columns = min(3, len(pentads))
    rows = -(-len(pentads) // columns)
    figure = Figure(figsize=(5 * columns, 3.4 * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    day = np.arange(PENTADS) * PENTAD_DAYS + PENTAD_DAYS // 2 + 1
    for panel, series, rebuilt, name in zip(panels, pentads, decoded, names, strict=False):
        for band, (label, colour) in enumerate(zip(BANDS, _BAND_COLOURS, strict=True)):
            panel.plot(day, series[:, band], ".", markersize=3, color=colour, alpha=0.6)
            panel.plot(day, rebuilt[:, band], color=colour, linewidth=1.2, label=label)
        panel.set(title=name, ylim=(min(0, float(series.min())), max(0.5, float(series.max()) * 1.08)))
    for panel in panels[len(pentads) :]:
        panel.set_axis_off()
    figure.supxlabel("day of the window")
    figure.supylabel("reflectance")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(BANDS), frameon=False)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
