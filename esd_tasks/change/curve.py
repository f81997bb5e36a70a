"""The curve of precision over recall of out-of-fold scores."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from esd_tasks.change.thresholds import prevalence_weights
from stactools_esd.files import atomic_path

if TYPE_CHECKING:
    from esd_tasks.change.validation import Validation


def draw_curve(path: Path, validation: "Validation") -> None:
    """Draw user's over producer's accuracy at every threshold, and where the chosen thresholds lie.

    Args:
        path: `.png`.
        validation: Out-of-fold scores; where a share of changes was stated, its curve is drawn beside.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.6), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.13, 0.2, 0.83, 0.71))
    changed = validation.changed[validation.tested]
    shares: list[tuple[float | None, str, str]] = [(None, "samples as they are", "#0072b2")]
    if validation.rate is not None:
        shares.append((validation.rate, "at the expected rate", "#d55e00"))
    for rate, words, colour in shares:
        recall, precision = precision_recall(validation, rate)
        share = float(changed.mean()) if rate is None else rate
        axes.step(
            recall,
            precision,
            where="post",
            color=colour,
            label=f"{words}: {share:.1%} changed, area {validation.pr_auc(rate):.2f}",
        )
        axes.axhline(share, color=colour, linewidth=0.8, linestyle=":")
        rates = validation.rates(rate)
        axes.plot([rates.producers], [rates.users], marker="o", color=colour, markeredgecolor="black")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("producer's accuracy of change (recall)")
    axes.set_ylabel("user's accuracy of change (precision)")
    axes.set_title("Change, in blocks that did not train", fontsize=10, loc="left")
    axes.legend(fontsize=7.5, frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 0.02))
    figure.text(
        0.13,
        0.025,
        "Dots: the threshold that training blocks chose. Dotted: a coin's precision.",
        fontsize=7,
        color="#444444",
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None})


def precision_recall(validation: "Validation", rate: float | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall and precision at every threshold, from the highest, each (n,).

    Args:
        validation: Out-of-fold scores.
        rate: Share of changes that samples are weighted to; as they are if None.
    """
    changed = validation.changed[validation.tested]
    weight = prevalence_weights(changed, rate)
    order = np.argsort(-validation.scores[validation.tested], kind="stable")
    hits, alarms = np.cumsum(np.where(changed, weight, 0)[order]), np.cumsum(weight[order])
    return np.asarray(hits / max(hits[-1], 1e-12)), np.asarray(hits / alarms)
