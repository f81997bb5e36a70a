"""Land cover from codes and from raw reflectance: the same trees, the same folds, the same places."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.classifier import TreeParameters, grow_trees
from esd_tasks.encoder_tasks.apart import Plan, plan_folds
from esd_tasks.encoder_tasks.bootstrap import Estimate, mean_estimate
from esd_tasks.encoder_tasks.samples import LabelledYears
from esd_tasks.features import level_features

TREES: Final = TreeParameters(rounds=60)
"""How trees are grown, for codes and raw alike; fewer rounds than a map's, for the trees are grown fifty times."""


@dataclass(frozen=True, kw_only=True)
class LandCover:
    """What the tested places were taken for."""

    name: str
    """Name of the set."""

    role: str
    """Role of the set."""

    plan: Plan
    """Folds."""

    class_id: NDArray[np.int64]
    """Class of each place, (n,)."""

    class_names: tuple[str, ...]
    """Names of the classes."""

    raw_class: NDArray[np.int64]
    """What raw reflectance and terrain take each place for, (repeats, n)."""

    codes_class: tuple[NDArray[np.int64], ...]
    """The same of each seed of the encoder, (repeats, n)."""

    @property
    def n(self) -> int:
        """Number of places."""
        return len(self.class_id)

    @property
    def raw(self) -> NDArray[np.bool_]:
        """Whether raw reflectance and terrain were right, (repeats, n)."""
        return np.asarray(self.raw_class == self.class_id)

    @property
    def codes(self) -> tuple[NDArray[np.bool_], ...]:
        """The same of each seed of the encoder, (repeats, n)."""
        return tuple(np.asarray(seed == self.class_id) for seed in self.codes_class)

    @property
    def gains(self) -> NDArray[np.float64]:
        """Codes right minus raw right of each place, mean of repeats and seeds, (n,)."""
        return np.asarray(np.mean([seed.mean(axis=0) for seed in self.codes], axis=0) - self.raw.mean(axis=0))


def judge(
    years: LabelledYears,
    *,
    repeats: int = 10,
    parameters: TreeParameters = TREES,
    on_fold: Callable[[], None] = lambda: None,
) -> LandCover:
    """Train on some blocks and test on others, for raw reflectance once and for each seed of the encoder.

    Args:
        years: Labelled pixel-years.
        repeats: How many times the folds are drawn.
        parameters: How trees are grown.
        on_fold: Called after each fold.

    Raises:
        LabelsError: The places lie in too few blocks.
    """
    plan = plan_folds(years.lon, years.lat, years.class_id, repeats=repeats)

    def classes_of(table: NDArray[Any]) -> NDArray[np.int64]:
        found = np.zeros((repeats, len(table)), dtype=np.int64)
        for row, splits in zip(found, plan.repeats, strict=True):
            for train, test in splits:
                booster, classes = grow_trees(table[train], years.class_id[train], parameters)
                best = np.asarray(booster.predict(table[test], num_threads=1)).argmax(axis=1)
                row[test] = classes[best]
                on_fold()
        return found

    return LandCover(
        name=years.name,
        role=years.role,
        plan=plan,
        class_id=years.class_id,
        class_names=years.class_names,
        raw_class=classes_of(years.raw),
        codes_class=tuple(classes_of(level_features(codes)) for codes in years.codes),
    )


def gain(sets: Sequence[LandCover]) -> Estimate:
    """Estimate overall accuracy of codes minus raw over the places of some sets; blocks are drawn, set by set."""
    return mean_estimate([(one.gains, one.plan.block) for one in sets])


def accuracy(sets: Sequence[LandCover], *, raw: bool) -> Estimate:
    """Estimate overall accuracy of raw reflectance, or of codes as the mean of seeds, over the places of some sets."""
    parts = [(np.mean([one.raw] if raw else one.codes, axis=(0, 1)), one.plan.block) for one in sets]
    return mean_estimate(parts)
