"""Labels carried through the years: what is normal, what is stable, what changed when, and what it became."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.migrate import relabel, stable
from esd_tasks.migrate.anomaly import anomaly_scores, unlike
from esd_tasks.migrate.normal import NormalModel, scaled
from esd_tasks.migrate.normal_fit import places_weight
from esd_tasks.migrate.series import LabelSeries
from esd_tasks.migrate.series_file import NODATA, NONE, RELABELLED, STABLE, UNCERTAIN
from esd_tasks.migrate.stretches import Leaving, Stretches, learn_stretches, weigh_stretches

BROKEN: Final = 0.5
"""Probability of a new stretch from which a state begins although its class is the same."""

STAGES: Final = ("normal", "relabel", "normal again", "relabel again", "select", "anomaly")
"""What is done, in order."""

_LEAST: Final = 1e-6


@dataclass(frozen=True, kw_only=True)
class Migration:
    """What was found of samples in all years; n samples."""

    label: NDArray[np.int64]
    """class_id of each year, (n, years); `NONE` where uncertain or without data."""

    state: NDArray[np.int64]
    """Likeliest class_id of each year, (n, years), however unlikely."""

    probability: NDArray[np.float64]
    """Of `state`, (n, years); NaN without data."""

    status: NDArray[np.uint8]
    """Position in `series_file.STATUSES`, (n, years)."""

    anomaly: NDArray[np.float64]
    """-log10 of the share of normal years at least as unlike, (n, years); NaN without data."""

    change_year: NDArray[np.int64]
    """Year of the change between a year's state and the next one towards the label's year; `NONE` in the label's own
    state, (n, years)."""

    restless: tuple[int, ...]
    """class_ids that look otherwise in other years than in those of their labels: no other year has them as label."""

    selected: NDArray[np.bool_]
    """Samples that are taken for stable in all years, (n,)."""

    p_value: NDArray[np.float64]
    """Share of made-up changes that look at least as stable, (n,)."""

    normal: NormalModel
    """What normal trajectories are."""

    facts: dict[str, Any]
    """What was learnt, as JSON content."""


def migrate(
    series: LabelSeries,
    *,
    error_rate: float,
    min_probability: float,
    seed: int = 0,
    on_stage: Callable[[str, int, int], Any] = lambda *_: None,
) -> Migration:
    """Carry labels to all years of their series.

    Args:
        series: Labelled pixels with all their years.
        error_rate: Share of the samples taken for stable that may have changed, 0..1.
        min_probability: A year whose likeliest class is less probable has no label.
        seed: Decides whatever is drawn.
        on_stage: Hears a stage, how many are done, and how many there are.
    """
    with _one_thread():
        work = _Work(series, seed)
        for number, stage in enumerate(STAGES[:4]):
            on_stage(stage, number, len(STAGES))
            work.learn(again=number > 1) if number % 2 == 0 else work.name()
        on_stage("select", 4, len(STAGES))
        p = work.judged()
        restless = work.restless()
        selected = stable.select(p, error_rate) & ~restless[work.member]
        on_stage("anomaly", 5, len(STAGES))
        anomaly = work.anomaly(selected)
        return _settled(work, selected, restless, p, anomaly, min_probability)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let linear algebra add up in one order on all machines: solvers stop at a tolerance, which rounding moves."""
    import sklearn.linear_model  # noqa: F401  # only libraries that are loaded can be told
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=1):
        yield


class _Work:
    """What is known so far."""

    def __init__(self, series: LabelSeries, seed: int) -> None:
        self.series, self.seed = series, seed
        self.years = np.array(series.years)
        self.class_ids = np.array(series.class_ids)
        self.values = scaled(series.levels)
        self.there, self.at = series.valid, series.at_label
        self.member = np.searchsorted(self.class_ids, series.class_id)
        self.weight = places_weight(series.x, series.y, self.member)
        self.smoothed: NDArray[np.float64]
        self.model: NormalModel
        self.leaving: Leaving
        self.found: Stretches

    def learn(self, *, again: bool) -> None:
        """Learn what is normal; the second time from the classes that were found for all years."""
        self.model, self.leaving, self.found = learn_stretches(
            self.values,
            self.there,
            self.member,
            self.at,
            years=self.years,
            class_ids=self.class_ids,
            share=self.smoothed if again else None,
            weight=self.weight,
            **({"rounds": 1} if again else {}),
        )

    def name(self) -> None:
        """Name every year."""
        series = self.series
        own = self.found.own * self.there
        of_years = relabel.year_probabilities(self.model, self.values, self.member, own, series.label, seed=self.seed)
        self.smoothed = relabel.smooth(of_years, self.found.starts, self.there, self.member, self.at)

    def restless(self) -> NDArray[np.bool_]:
        """Return which classes look otherwise in other years than in those of their labels."""
        own = self.found.own * self.there
        return relabel.restless_classes(
            self.model, self.values, self.member, self.at, own, self.series.label, seed=self.seed
        )

    def judged(self) -> NDArray[np.float64]:
        """Return the p-value of each sample against made-up changes, weighed as if they were samples."""
        made = stable.make_up(self.member, self.at, self.found.own, self.there, self.leaving.to, seed=self.seed)
        odds = weigh_stretches(
            self.model, made.join(self.values), made.there, self.member[made.host], self.at[made.host], self.leaving
        ).odds
        return stable.p_values(self.found.odds, odds)

    def anomaly(self, selected: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return how unlike normal each year is."""
        own = self.there & (self.found.own > BROKEN)
        normal = own & selected[:, None] if selected.any() else own
        score = unlike(self.model, self.values, own, self.member).both
        return np.where(self.there, anomaly_scores(score, normal, self.member), np.nan)


def _settled(
    work: _Work,
    selected: NDArray[np.bool_],
    restless: NDArray[np.bool_],
    p: NDArray[np.float64],
    anomaly: NDArray[np.float64],
    min_probability: float,
) -> Migration:
    """Decide labels and statuses."""
    series, there = work.series, work.there
    chance = work.smoothed
    best = chance.argmax(axis=2)
    best[selected] = work.member[selected][:, None]
    probability = np.take_along_axis(chance, best[..., None], axis=2)[..., 0]
    change = change_years(best, work.found.starts * ~selected[:, None], there, work.at, work.years)
    at_label = np.arange(len(work.years)) == work.at[:, None]
    sure = (selected[:, None] | (probability >= min_probability)) & (at_label | ~restless[best])
    as_label = (best == work.member[:, None]) & (selected[:, None] | (change == NONE))
    status = np.full(there.shape, UNCERTAIN, np.uint8)
    status[sure] = RELABELLED
    status[sure & as_label] = STABLE
    status[~there] = NODATA
    state = work.class_ids[best]
    return Migration(
        label=np.where(status < UNCERTAIN, state, NONE),
        state=state,
        probability=np.where(there, probability, np.nan),
        status=status,
        anomaly=anomaly,
        change_year=np.where(there, change, NONE),
        restless=tuple(work.class_ids[restless].tolist()),
        selected=selected,
        p_value=p,
        normal=work.model,
        facts={
            "samples": len(series),
            "selected": int(selected.sum()),
            "restless": [series.names[int(one)] for one in work.class_ids[restless]],
            "leaving": {
                series.names[int(c)]: round(float(chance), 4)
                for c, chance in zip(work.class_ids, work.leaving.chance, strict=True)
            },
        },
    )


def change_years(
    best: NDArray[np.intp],
    starts: NDArray[np.float64],
    there: NDArray[np.bool_],
    at: NDArray[np.intp],
    years: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the year of the change between each year's state and the next one towards the label's year, (n, years).

    A state begins where the class is another than in the usable year before, or where a stretch begins beyond doubt.

    Args:
        best: Class of each year, as a position (n, years).
        starts: Probability that a stretch begins (n, years).
        there: Usable years (n, years).
        at: Position of each label's year (n,).
        years: Calendar years.
    """
    n, count = best.shape
    out = np.full((n, count), NONE, np.int64)
    for i in range(n):
        usable = np.flatnonzero(there[i])
        begins = np.zeros(count, np.bool_)
        for before, year in pairwise(usable.tolist()):
            broken = starts[i, before + 1 : year + 1].max() > BROKEN
            begins[year] = best[i, before] != best[i, year] or broken
        latest = NONE
        for year in range(at[i] + 1, count):
            latest = int(years[year]) if begins[year] else latest
            out[i, year] = latest
        latest = NONE
        for year in range(at[i], 0, -1):
            latest = int(years[year]) if begins[year] else latest
            out[i, year - 1] = latest
    return out
