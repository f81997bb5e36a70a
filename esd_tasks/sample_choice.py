"""Which samples train: at most so many of a class, drawn by lot."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.samples import Samples

BEYOND_CLASS_CAP: Final = "beyond the cap of samples a class"


def cap_classes(samples: Samples, cap: int | None, *, seed: int) -> Samples:
    """Draw at most `cap` samples of each class; the others are counted in `dropped`.

    Labels are drawn evenly: every label gives its first pixel before one gives its second, so that a class with a
    few large polygons and many points keeps the points.

    Args:
        samples: All samples.
        cap: Most samples of one class; None for all.
        seed: The same seed draws the same samples.
    """
    if cap is None or max(samples.counts.values()) <= cap:
        return samples
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(samples.class_id))
    turn = np.empty(len(order), dtype=np.int64)
    for group in np.unique(samples.group):
        members = order[samples.group[order] == group]
        turn[members] = np.arange(len(members))
    order = order[np.argsort(turn[order], kind="stable")]
    kept = np.sort(np.concatenate([order[samples.class_id[order] == one][:cap] for one in samples.class_ids]))
    beyond = {class_id: n - cap for class_id, n in samples.counts.items() if n > cap}
    return replace(subset(samples, kept), dropped={**samples.dropped, BEYOND_CLASS_CAP: beyond})


def subset(samples: Samples, rows: NDArray[np.intp]) -> Samples:
    """Return some samples, in the order given."""
    n = len(samples.class_id)
    changed: dict[str, Any] = {}
    for field in fields(samples):
        value = getattr(samples, field.name)
        if isinstance(value, np.ndarray) and len(value) == n:
            changed[field.name] = value[rows]
    changed["covariates"] = {name: values[rows] for name, values in samples.covariates.items()}
    return replace(samples, **changed)


def training_rows(samples: Any, rows: NDArray[np.intp]) -> Mapping[str, Any]:
    """Return what `Classifier.fit` takes beside codes and classes, of some samples."""
    weight, covariates = getattr(samples, "weight", None), getattr(samples, "covariates", {})
    return {
        "weight": None if weight is None else weight[rows],
        "covariates": {name: values[rows] for name, values in covariates.items()},
    }


def covariate_rows(samples: Any, rows: NDArray[np.intp]) -> NDArray[np.float32] | None:
    """Return what `Classifier.predict` takes beside codes, of some samples."""
    covariates = getattr(samples, "covariates", {})
    return np.column_stack([values[rows] for values in covariates.values()]) if covariates else None
