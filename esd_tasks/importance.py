"""Which steps and levels the trees use: their share of the gain, as JSON and as a picture.

Gain is by how much splits on a feature lowered the loss in training. Levels of one step tell much the same, so the
share of a step or of a dimension says more than that of one level; no share says that a class cannot be told without.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.classifier import Classifier
from esd_tasks.fonts import families, legible
from stactools_esd.files import atomic_path
from stactools_esd.product import CHANNELS, FSQ, STEP_BANDS, STEPS

IMPORTANCE_JSON, IMPORTANCE_PNG = "importance.json", "importance.png"
"""File names."""

STATEMENT: Final = "Share of the gain of all splits in training; features that tell the same share it by chance."


def importance_facts(model: Classifier) -> dict[str, Any]:
    """Return the share of the gain of each step, dimension, level and covariate."""
    gain = model.gain
    share = gain / gain.sum() if gain.sum() > 0 else gain
    levels = share[:CHANNELS].reshape(STEPS, FSQ.dimensions)
    return {
        "schema_version": "1",
        "statement": STATEMENT,
        "steps": _named(STEP_BANDS, levels.sum(axis=1)),
        "dimensions": _named([f"d{k}" for k in range(1, FSQ.dimensions + 1)], levels.sum(axis=0)),
        "levels": _named(model.feature_names[:CHANNELS], share[:CHANNELS]),
        "covariates": _named(model.covariates, share[CHANNELS:]),
    }


def write_importance_picture(path: Path, facts: dict[str, Any]) -> None:
    """Draw the shares of steps and dimensions as PNG.

    Args:
        path: `.png`.
        facts: What `importance_facts` returned.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    levels = 100 * np.array(list(facts["levels"].values())).reshape(STEPS, FSQ.dimensions)
    figure = Figure(figsize=(7.0, 3.4), dpi=150, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(levels.T, cmap="viridis", aspect="auto")
    axes.set_xticks(range(STEPS), [f"{k}" for k in range(1, STEPS + 1)])
    axes.set_yticks(range(FSQ.dimensions), list(facts["dimensions"]))
    axes.set_xlabel("step of the year")
    axes.set_ylabel("dimension")
    rest = "".join(f"; {name} {value:.0%}" for name, value in facts["covariates"].items())
    title = legible(f"Share of the gain, % (all levels {levels.sum():.0f} %{rest})")
    axes.set_title(title, fontsize=10, parse_math=False, family=families())
    figure.colorbar(image, ax=axes)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None})


def _named(names: Any, shares: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(share), 6) for name, share in zip(names, shares, strict=True)}
