"""What changed land became: a classifier trained on years that are as their label says, all years smoothed together.

It is logistic regression on levels without the drift that all classes share in a year: with a few hundred labels it
names other years better than trees do. Nobody is named by a model that saw him: labels are dealt to folds. A sample's
years are then read together, forward and backward, with a change the likelier where its stretches begin; the year of
the label is known.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.migrate.normal import NormalModel

LEAST_OWN: Final = 0.9
"""Probability of being as the label says from which a year trains."""

LEAST_KNOWN: Final = 0.4
"""Share of a class's years that must be known again, of the share that is known in the years of its labels. Of
simulated classes 0.5 to 1 are, of crops that follow one another 0.2."""

FOLDS: Final = 5
"""Folds of labels."""

RIDGE: Final = 0.01
"""Inverse of the penalty of the regression, levels in units of what is usual within classes. From simulated landscapes
of tuning, as the next two."""

TEMPERATURE: Final = 0.4
"""Power of a year's probabilities: years of one place err together, so that each counts for less."""

WRONG: Final = 0.02
"""Share of years whose class the classifier gets wrong however sure it is."""

_STEPS: Final = 2000
_TOLERANCE: Final = 1e-3
_ROUNDS: Final = 3
_HAZARD: Final = (0.01, 0.95)
_PRIOR_MOVES: Final = 0.2
_ROWS: Final = 512
_NUMBERS: Final = 16_000_000


def year_probabilities(
    model: NormalModel,
    values: NDArray[np.float64],
    member: NDArray[np.int64],
    own: NDArray[np.float64],
    group: NDArray[np.int64],
    *,
    seed: int,
) -> NDArray[np.float64]:
    """Return the probability of each class in each year by models that saw nothing of a sample, (n, years, k).

    Each sample counts once among those of its class, however many years of it train, and each class the same: a place
    that burnt in the year of its label shows what burnt land is like as well as a quarry shows it in 25 years.

    Args:
        model: For the drift that all classes share.
        values: `normal.scaled` levels (n, years, 72).
        member: Class of each label, as a position (n,).
        own: Probability that a usable year is as the label says, 0 for others (n, years).
        group: Which samples are of one label (n,).
        seed: Decides how labels are dealt.
    """
    k = len(model.class_ids)
    table = _table(model, values)
    fold = deal(member, group, seed=seed)
    out = np.zeros((*own.shape, k))
    for number in np.unique(fold):
        test = fold == number
        sample, year = np.nonzero((own > LEAST_OWN) & ~test[:, None])
        weight = 1 / np.bincount(sample)[sample]
        weight /= np.bincount(member[sample], weights=weight)[member[sample]]
        weight *= len(weight) / weight.sum()
        named, classes = _trained(table[sample, year], member[sample], weight, table[test].reshape(-1, table.shape[2]))
        of_test = np.zeros((len(named), k))
        of_test[:, classes] = named
        out[test] = of_test.reshape(-1, own.shape[1], k)
    return out


def smooth(
    probability: NDArray[np.float64],
    starts: NDArray[np.float64],
    there: NDArray[np.bool_],
    member: NDArray[np.int64],
    at: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Read the years of each sample together: a hidden Markov model whose chance of change is each sample's own.

    What follows what is learnt from all samples (Baum and Welch's algorithm).

    Args:
        probability: Of each class in each year (n, years, k).
        starts: Probability that a stretch begins (n, years).
        there: Usable years (n, years); others say nothing.
        member: Class of each label, as a position (n,).
        at: Position of each label's year (n,).

    Returns:
        Probability of each class in each year, (n, years, k).
    """
    n, years, k = probability.shape
    some = max(1, min(_ROWS, _NUMBERS // (years * k * k)))  # many classes take more room
    seen = TEMPERATURE * np.log((1 - WRONG) * probability + WRONG / k) * there[..., None]
    seen[np.arange(n), at] = np.where(np.arange(k) == member[:, None], 0.0, -np.inf)
    hazard = np.clip(starts, *_HAZARD)
    to, out = np.full((k, k), 1 / k), np.empty_like(probability)
    for _ in range(_ROUNDS):
        moves = np.full((k, k), _PRIOR_MOVES)
        for first in range(0, n, some):
            rows = slice(first, first + some)
            out[rows], expected = _forward_backward(seen[rows], hazard[rows], to)
            moves += expected
        to = moves / moves.sum(axis=1, keepdims=True)
    return out


def restless_classes(
    model: NormalModel,
    values: NDArray[np.float64],
    member: NDArray[np.int64],
    at: NDArray[np.int64],
    own: NDArray[np.float64],
    group: NDArray[np.int64],
    *,
    seed: int,
) -> NDArray[np.bool_]:
    """Return which classes look otherwise in other years than in those of their labels, (k,).

    Crops that follow one another from year to year look like one restless class: all years of a field of maize would be
    called maize. So the years of the labels alone train, labels dealt to folds, and must know the class again in the
    years that are taken for its own, nearly as well as in the years of its labels.

    Args:
        model: For the drift that all classes share.
        values: `normal.scaled` levels (n, years, 72).
        member: Class of each label, as a position (n,).
        at: Position of each label's year (n,).
        own: Probability that a usable year is as the label says, 0 for others (n, years).
        group: Which samples are of one label (n,).
        seed: Decides how labels are dealt.
    """
    k, rows = len(model.class_ids), np.arange(len(member))
    table, fold = _table(model, values), deal(member, group, seed=seed)
    known = np.zeros(own.shape, np.bool_)
    for number in np.unique(fold):
        test, train = fold == number, np.flatnonzero(fold != number)
        weight = (1 / np.bincount(member[train], minlength=k).clip(1))[member[train]]
        weight *= len(weight) / weight.sum()
        named, classes = _trained(
            table[train, at[train]], member[train], weight, table[test].reshape(-1, table.shape[2])
        )
        known[test] = classes[named.argmax(axis=1)].reshape(-1, own.shape[1]) == member[test][:, None]
    others = own > LEAST_OWN
    others[rows, at] = False
    found = np.zeros(k, np.bool_)
    for c in range(k):
        of_class = member == c
        if (seen := others[of_class]).any():
            found[c] = known[of_class][seen].mean() < LEAST_KNOWN * known[rows[of_class], at[of_class]].mean()
    return found


def _table(model: NormalModel, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return levels without common drift, in units of what is usual within classes."""
    usual = (model.within + model.between).mean(axis=0)
    return np.asarray((values - model.common_drift) @ np.linalg.inv(np.linalg.cholesky(usual)).T)


def deal(member: NDArray[np.int64], group: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """Deal labels to folds, those of each class evenly, and return the fold of each sample (n,)."""
    label, first, back = np.unique(group, return_index=True, return_inverse=True)
    order = np.random.default_rng([seed, 4]).permutation(len(label))
    order = order[np.argsort(member[first][order], kind="stable")]
    fold = np.empty(len(label), np.int64)
    fold[order] = np.arange(len(label)) % FOLDS
    return np.asarray(fold[back.reshape(-1)])


def _trained(
    table: NDArray[np.float64], member: NDArray[np.int64], weight: NDArray[np.float64], tested: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return probabilities of rows, and the classes of their columns."""
    from sklearn.linear_model import LogisticRegression

    if len(classes := np.unique(member)) == 1:
        return np.ones((len(tested), 1)), classes
    model = LogisticRegression(C=RIDGE, max_iter=_STEPS, tol=_TOLERANCE).fit(table, member, sample_weight=weight)
    return np.asarray(model.predict_proba(tested)), np.asarray(model.classes_)


def _forward_backward(
    seen: NDArray[np.float64], hazard: NDArray[np.float64], to: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return probabilities (n, years, k) and expected changes (from, to) (Rabiner 1989, Proceedings of the IEEE 77)."""
    n, years, k = seen.shape
    like = np.exp(seen - seen.max(axis=2, keepdims=True))
    stay = np.eye(k)
    step = (1 - hazard)[..., None, None] * stay + hazard[..., None, None] * to
    forward, backward = np.empty((n, years, k)), np.ones((n, years, k))
    forward[:, 0] = like[:, 0] / like[:, 0].sum(axis=1, keepdims=True)
    for year in range(1, years):
        moved = np.einsum("nc,ncd->nd", forward[:, year - 1], step[:, year]) * like[:, year]
        forward[:, year] = moved / moved.sum(axis=1, keepdims=True)
    moves = np.zeros((k, k))
    for year in range(years - 1, 0, -1):
        ahead = like[:, year] * backward[:, year]
        both = forward[:, year - 1][:, :, None] * hazard[:, year][:, None, None] * to * ahead[:, None, :]
        back = np.einsum("ncd,nd->nc", step[:, year], ahead)
        moves += (both / (forward[:, year - 1] * back).sum(axis=1)[:, None, None]).sum(axis=0)
        backward[:, year - 1] = back / back.sum(axis=1, keepdims=True)
    joint = forward * backward
    return joint / joint.sum(axis=2, keepdims=True), moves
