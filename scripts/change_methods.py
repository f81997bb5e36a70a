"""Ways to find changes that `change_accuracy.py` compares: codes, raw reflectance, and the baseline of medoids."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import change_sets as sets
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from esd_tasks.change.distances import distance_matrix, pair_distances, vector_distance_matrix
from esd_tasks.change.matching import Share, event_accuracy, match_events
from esd_tasks.change.medoid import first_above, medoid_scores
from esd_tasks.change.model import pair_features
from esd_tasks.change.noise import pair_noise, year_weights
from esd_tasks.change.segments import Breaks, SegmentRules, calibrate, find_breaks
from esd_tasks.change.whitening import learn_turn, learn_whitening, turned_distances
from esd_tasks.classifier import TreeParameters, grow_trees

FALSE_ALARMS = 0.01
FULL_CLEAR = 10.0
COMPONENTS = 72
LAG = 2
FOLDS = 5
ROUNDS = 100
Rows = NDArray[np.bool_]


@dataclass
class Pairs:
    """Pixels in two years, pooled over sets of one name."""

    score: NDArray[np.float64]
    level: NDArray[np.float64]
    raw: NDArray[np.float64]
    codes_table: NDArray[np.float32]
    raw_table: NDArray[np.float32]
    changed: Rows
    cluster: NDArray[np.int64]
    block: NDArray[np.int64]


def with_components(several: Sequence[sets.YearsOfPixels]) -> list[tuple[sets.YearsOfPixels, NDArray[np.float32]]]:
    """Give each set its raw reflectance, standardised, as principal components (years, n, 72): one basis for all."""
    known = np.concatenate([one.raw[:, one.calm][one.usable[:, one.calm]] for one in several])
    mean, deviation = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-6)
    model = PCA(min(COMPONENTS, known.shape[1], len(known)), random_state=0).fit((known - mean) / deviation)

    def turned(one: sets.YearsOfPixels) -> NDArray[np.float32]:
        flat = (one.raw.reshape(-1, one.raw.shape[2]) - mean) / deviation
        return np.asarray(model.transform(flat).reshape(*one.raw.shape[:2], -1), dtype=np.float32)

    return [(replace(one, raw=((one.raw - mean) / deviation).astype(np.float32)), turned(one)) for one in several]


def deal(block: NDArray[np.int64], weight: NDArray[np.floating]) -> NDArray[np.int64]:
    """Deal whole blocks to folds, the heaviest first, each to the lightest fold (n,)."""
    names, member = np.unique(block, return_inverse=True)
    load, fold = np.zeros(min(FOLDS, len(names))), np.zeros(len(names), np.int64)
    heavy = np.bincount(member.reshape(-1), weights=weight)
    for k in np.argsort(-heavy, kind="stable"):
        fold[k] = int(np.argmin(load))
        load[fold[k]] += heavy[k]
    return np.asarray(fold[member.reshape(-1)])


def folds_of(one: sets.YearsOfPixels) -> Iterator[tuple[Rows, Rows]]:
    """Yield calm pixels to learn from and pixels to judge: all of simulated ones, else of other blocks."""
    if one.split == "simulated" or one.name == "spliced_harvard":
        yield one.calm, np.ones(len(one.calm), np.bool_)
        return
    place = deal(one.block, one.calm + 0.01)
    for fold in np.unique(place):
        yield one.calm & (place != fold), place == fold


def breaks_of(one: sets.YearsOfPixels, rules: SegmentRules, values: NDArray[np.float32] | None = None) -> Breaks:
    """Find the breaks of all pixels by codes, or by other values (years, n, k)."""
    weight = year_weights(one.clear, one.usable, FULL_CLEAR).T
    n, years = weight.shape
    out = Breaks(
        magnitude=np.zeros((n, years), np.float32), strength=np.zeros((n, years), np.float32),
        duration=np.zeros((n, years), np.uint8), since=np.zeros((n, years), np.int16),
    )  # fmt: skip
    for calm, judged in folds_of(one):
        if values is None:
            whitening = learn_whitening(one.codes[:, calm], one.usable[:, calm])
            matrix, level = whitening.distances(one.codes), distance_matrix(one.codes)
        else:
            both = one.usable[1:, calm] & one.usable[:-1, calm]
            turn = learn_turn((values[1:, calm] - values[:-1, calm])[both])
            matrix = level = turned_distances(values, turn)
        learnt = calibrate(matrix[calm], weight[calm], one.years, rules=rules, false_alarms=FALSE_ALARMS)
        found = find_breaks(matrix[judged], level[judged], weight[judged], learnt, rules)
        for name in ("magnitude", "strength", "duration", "since"):
            getattr(out, name)[judged] = getattr(found, name)
    return out


def medoid_years(several: Sequence[sets.YearsOfPixels]) -> list[list[tuple[int, ...]]]:
    """Return the baseline's event of each pixel, its threshold chosen on other blocks."""
    scores = [medoid_scores(distance_matrix(one.codes), one.usable.T.astype(np.float32)) for one in several]
    grid = np.quantile(np.concatenate([np.nanmax(score, axis=1) for score in scores]), np.linspace(0.3, 0.98, 18))

    def events(one: sets.YearsOfPixels, score: NDArray[np.float32], limit: float) -> list[tuple[int, ...]]:
        return [(one.years[k],) if k >= 0 else () for k in first_above(score, limit).tolist()]

    every = np.concatenate([one.block for one in several])
    place = deal(every, np.concatenate([[bool(years) + 0.01 for years in one.events] for one in several]))
    fold = dict(zip(every.tolist(), place.tolist(), strict=True))
    out: list[list[tuple[int, ...]]] = [[()] * len(one.judged) for one in several]
    for number in sorted(set(fold.values())):
        gain = []
        for limit in grid:
            hits = wanted = shown = 0
            for one, score in zip(several, scores, strict=True):
                rows = np.array([fold[int(block)] != number for block in one.block]) & one.judged
                found = events(one, score[rows], limit)
                matched = match_events(found, [one.events[k] for k in np.flatnonzero(rows)])
                hits += matched.pairs[1].sum()
                wanted, shown = wanted + matched.reference.sum(), shown + matched.mapped.sum()
            gain.append(2 * hits / max(wanted + shown, 1))
        limit = float(grid[int(np.argmax(gain))])
        for one, score, kept in zip(several, scores, out, strict=True):
            found = events(one, score, limit)
            for k in np.flatnonzero([fold[int(block)] == number for block in one.block]).tolist():
                kept[k] = found[k]
    return out


def judge_events(
    several: Sequence[sets.YearsOfPixels], mapped: Sequence[Sequence[Sequence[int]]]
) -> tuple[dict[str, Share], Share]:
    """Return the accuracies of events, and the share of places without one that show one."""
    found, truth, cluster = [], [], []
    for one, years in zip(several, mapped, strict=True):
        rows = np.flatnonzero(one.judged)
        found += [years[k] for k in rows]
        truth += [one.events[k] for k in rows]
        cluster.append(one.cluster[rows])
    together = np.concatenate(cluster)
    shares = event_accuracy(match_events(found, truth), cluster=together)
    calm = [k for k, years in enumerate(truth) if not years]
    alarms = event_accuracy(
        match_events([(0,) if found[k] else () for k in calm], [(0,)] * len(calm)), cluster=together[calm]
    )["producers_footprint"]
    return shares, alarms


def pairs_of(several: Sequence[sets.YearsOfPixels]) -> Pairs:
    """Gather pairs of years `LAG` apart: every third of simulated sets, the last of others."""
    parts = []
    for one, values in with_components(several):
        starts = range(1, len(one.years) - LAG, 3) if one.split == "simulated" else [len(one.years) - 1 - LAG]
        for a in starts:
            b = a + LAG
            rows = np.flatnonzero(one.usable[a] & one.usable[b] & one.judged)
            before, after = one.codes[a], one.codes[b]
            level = pair_distances(before, after)[0]
            clear = np.minimum(one.clear[a], one.clear[b])
            calm = one.calm & one.usable[a] & one.usable[b]
            noise = pair_noise(level[calm], clear[calm], before[calm])
            apart = vector_distance_matrix(one.raw[[a, b]][:, rows])[:, 0, 1]
            span = one.years[a] + 1, one.years[b]
            changed = np.array([any(span[0] <= year <= span[1] for year in one.events[k]) for k in rows])
            raw = values[:, rows]
            parts.append((
                noise.score(level[rows], clear[rows], before[rows]), level[rows], apart,
                pair_features(before[rows], after[rows]), np.concatenate([raw[a], raw[b], raw[b] - raw[a]], axis=1),
                changed, one.cluster[rows], one.block[rows],
            ))  # fmt: skip
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def trained_scores(table: NDArray[np.float32], pairs: Pairs) -> NDArray[np.float64]:
    """Score pairs by models of other blocks."""
    place = deal(pairs.block, pairs.changed + 0.01)
    scores = np.full(len(table), np.nan)
    for fold in np.unique(place):
        train = place != fold
        booster, _ = grow_trees(table[train], 1 + pairs.changed[train], TreeParameters(rounds=ROUNDS))
        scores[~train] = np.asarray(booster.predict(table[~train], num_threads=1))[:, 1]
    return scores
