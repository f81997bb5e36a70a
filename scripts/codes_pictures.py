"""The pictures of `what_codes_know.py`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from stactools_esd import fsq
from stactools_esd.files import atomic_path
from stactools_esd.product import BANDS, DAYS, FSQ, STEPS

COLOURS: Final = ("#3465d9", "#2b9348", "#d62839", "#7b2cbf", "#e07a1f", "#7f5539")
MONTHS: Final = ("J", "F", "M", "A", "M", "J", "J", "A", "S", "O", "N", "D")
DIMENSIONS: Final = tuple(f"{number + 1} ({count})" for number, count in enumerate(FSQ.levels))

Floats = NDArray[np.floating[Any]]


class ShownYear(Protocol):
    """A pixel-year beside what its codes give back."""

    title: str
    truth: NDArray[np.float32]
    rebuilt: NDArray[np.float32]
    codes: NDArray[np.uint16]
    error: float


def draw_reconstructions(years: Sequence[ShownYear], path: Path) -> None:
    """Draw each pixel-year as dots, its reconstruction as lines, and its 72 levels below."""
    _draw_years(years, path, "Pixel-years of median error in their set: given (dots), decoded (lines), and the codes")


def draw_failures(years: Sequence[ShownYear], path: Path) -> None:
    """Draw what comes back wrong."""
    _draw_years(years, path, "Where codes fail: given (dots), decoded (lines), and the codes")


def draw_carriers(told: Mapping[str, Floats], path: Path) -> None:
    """Draw a table of steps and dimensions for each truth: the bits that a level tells of it."""
    figure = Figure(figsize=(12, 6.2), layout="constrained")
    panels = figure.subplots(2, -(-len(told) // 2), squeeze=False)
    for panel, (name, table) in zip(panels.ravel(), told.items(), strict=False):
        image = panel.imshow(table.T, aspect="auto", cmap="viridis", vmin=0, vmax=max(0.05, float(table.max())))
        _steps_and_dimensions(panel)
        panel.set_title(name, fontsize=10)
        figure.colorbar(image, ax=panel, shrink=0.8, format="%.2f")
    figure.suptitle("Bits that one level tells of a truth (simulated pixel-years, mutual information)")
    _save(figure, path)


def draw_influence(changes: Floats, path: Path) -> None:
    """Draw which days change, and how much, when one level moves by one: changes (12, 6, 365)."""
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    panels = figure.subplots(2, 3, sharex=True, sharey=True)
    most = float(changes.max())
    for dim, panel in enumerate(panels.ravel()):
        image = panel.imshow(
            changes[:, dim], aspect="auto", cmap="magma", vmin=0, vmax=most, extent=(0, DAYS, STEPS + 0.5, 0.5)
        )
        panel.set_title(f"dimension {dim + 1}, {FSQ.levels[dim]} levels", fontsize=10)
        panel.set_yticks(range(1, STEPS + 1, 2))
    figure.supxlabel("day of the window")
    figure.supylabel("step that is moved by one level")
    figure.colorbar(image, ax=panels, shrink=0.8, label="mean change of reflectance")
    _save(figure, path)


def draw_use(entropy: Floats, together: Floats, path: Path) -> None:
    """Draw the entropy of each level (12, 6), as a share of its most, and what pairs of levels share (72, 72)."""
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    image = left.imshow((entropy / np.log2(FSQ.levels)).T, aspect="auto", cmap="viridis", vmin=0.5, vmax=1)
    _steps_and_dimensions(left)
    left.set_title("Entropy of a level, share of what it could hold", fontsize=10)
    figure.colorbar(image, ax=left, shrink=0.8)
    shared = np.where(np.eye(len(together), dtype=bool), np.nan, together)
    image = right.imshow(shared, cmap="viridis", vmin=0, vmax=float(np.nanquantile(shared, 0.995)))
    edges = np.arange(STEPS) * FSQ.dimensions
    right.set_xticks(edges + 2.5, range(1, STEPS + 1))
    right.set_yticks(edges + 2.5, range(1, STEPS + 1))
    right.set(xlabel="step (six dimensions each)", ylabel="step")
    right.set_title("Bits that two levels share", fontsize=10)
    figure.colorbar(image, ax=right, shrink=0.8)
    _save(figure, path)


def draw_neighbours(
    classes: NDArray[np.uint8], names: Sequence[str], likeness: Callable[[int, int], Floats], path: Path
) -> None:
    """Draw the classes of a landscape, and for a pixel of each of five large classes how like it all others are."""
    there, count = np.unique(classes, return_counts=True)
    chosen = [int(number) for number in there[np.argsort(count)[::-1]][:5]]
    figure = Figure(figsize=(12, 9), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    palette = ListedColormap(colormaps["tab20"](np.linspace(0, 1, len(names))))
    panels[0].imshow(classes, cmap=palette, norm=BoundaryNorm(np.arange(len(names) + 1) - 0.5, len(names)))
    panels[0].set_title("classes (truth of the simulation)", fontsize=10)
    for panel, number in zip(panels[1:], chosen, strict=False):
        row, column = _inside(classes == number)
        image = panel.imshow(likeness(row, column), cmap="viridis", vmin=0, vmax=1)
        panel.plot(column, row, "o", markersize=9, markerfacecolor="none", markeredgecolor="#ff2d2d", mew=2)
        panel.set_title(f"how like the circled pixel: {names[number]}", fontsize=10)
    figure.colorbar(image, ax=list(panels), shrink=0.5, label="cosine of the 72 values")
    patches = [Patch(color=palette(int(number)), label=names[number]) for number in there]
    figure.legend(handles=patches, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    for panel in panels:
        panel.set_axis_off()
    _save(figure, path)


def _inside(there: NDArray[np.bool_]) -> tuple[int, int]:
    """Find the pixel furthest from all that is outside."""
    from scipy.ndimage import distance_transform_edt

    row, column = np.unravel_index(int(np.argmax(distance_transform_edt(np.pad(there, 1)))), np.add(there.shape, 2))
    return int(row) - 1, int(column) - 1


def _draw_years(years: Sequence[ShownYear], path: Path, title: str) -> None:
    """Draw pixel-years in two rows; each has its levels below it."""
    columns = -(-len(years) // 2)
    figure = Figure(figsize=(4.3 * columns, 9), layout="constrained")
    panels = figure.subplots(4, columns, squeeze=False, height_ratios=(3, 1, 3, 1))
    day = np.arange(DAYS) + 1
    for number, year in enumerate(years):
        row, column = 2 * (number // columns), number % columns
        upper, lower = panels[row, column], panels[row + 1, column]
        for band, (name, colour) in enumerate(zip(BANDS, COLOURS, strict=True)):
            upper.plot(day[::5], year.truth[::5, band], ".", markersize=3, color=colour, alpha=0.6)
            upper.plot(day, year.rebuilt[:, band], color=colour, linewidth=1.1, label=name)
        upper.set_title(f"{year.title}\nmean absolute error {year.error:.4f}", fontsize=9)
        upper.set(xlim=(1, DAYS), ylim=(min(0, float(year.truth.min())), max(0.4, float(year.truth.max()) * 1.1)))
        vectors = fsq.codes_to_vectors(year.codes[None])[0]
        lower.imshow(vectors.T, aspect="auto", cmap="PuOr", vmin=-1, vmax=1)
        _steps_and_dimensions(lower, short=True)
    for panel in panels[:, 0][::2]:
        panel.set_ylabel("reflectance")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(BANDS), frameon=False)
    figure.suptitle(title)
    _save(figure, path)


def _steps_and_dimensions(panel: Axes, *, short: bool = False) -> None:
    """Name both axes of a table of steps and dimensions."""
    panel.set_xticks(range(STEPS), range(1, STEPS + 1), fontsize=7)
    panel.set_yticks(range(FSQ.dimensions), range(1, FSQ.dimensions + 1) if short else DIMENSIONS, fontsize=7)
    panel.set_xlabel("step", fontsize=8)
    panel.set_ylabel("dimension" if short else "dimension (levels)", fontsize=8)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100)
