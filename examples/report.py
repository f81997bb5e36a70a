"""Print accuracies side by side, and as lines that `scripts/figures.py` keeps."""

import json

import numpy as np
from numpy.typing import NDArray


def report(prefix: str, scores: dict[str, NDArray[np.float64]], *, n: int, split: str) -> None:
    """Print overall accuracies side by side, and as figures."""
    for name, score in scores.items():
        print(f"{name:<12} overall accuracy {score.mean():.3f} ± {score.std(ddof=1):.3f} over {len(score)} draws")
    gain = scores["codes"] - scores["raw"]
    print(f"codes - raw: {gain.mean():+.3f} ± {gain.std(ddof=1):.3f}; codes win {np.mean(gain > 0):.0%} of the draws")
    shown = {f"oa_{name}": (score, "overall accuracy") for name, score in scores.items()}
    for name, (score, unit) in (shown | {"gain": (gain, "codes minus raw, overall accuracy")}).items():
        spread = round(float(score.std(ddof=1)), 4)
        figure = {"value": round(float(score.mean()), 4), "unit": unit, "n": n, "spread": spread, "split": split}
        print("FIGURE", json.dumps({"key": f"{prefix}.{name}", **figure}))
