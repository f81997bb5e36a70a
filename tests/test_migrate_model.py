"""Stretches, made-up changes and smoothing of migrated labels: against sums over all cases, and by their rules."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from migrated_noise import noise
from scipy.stats import multivariate_normal

from esd_tasks.migrate import relabel, stable
from esd_tasks.migrate.anomaly import anomaly_scores, unlike
from esd_tasks.migrate.migration import change_years, migrate
from esd_tasks.migrate.normal import NormalModel
from esd_tasks.migrate.normal_fit import fit_normal, places_weight
from esd_tasks.migrate.series_file import NONE, STATUSES
from esd_tasks.migrate.stretches import Leaving, weigh_stretches
from stactools_esd.product import CHANNELS

YEARS = 4
POWER = 0.5


def model(seed: int = 0) -> NormalModel:
    """Return a model of two classes, with covariances that are not diagonal."""
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(4, CHANNELS, CHANNELS)) / CHANNELS
    spread = np.einsum("aij,akj->aik", root, root) + 0.05 * np.eye(CHANNELS)
    return NormalModel(
        years=np.arange(YEARS), class_ids=np.array([1, 2]), mean=generator.normal(size=(2, CHANNELS)) * 0.1,
        drift=generator.normal(size=(2, YEARS, CHANNELS)) * 0.05, within=spread[:2], between=spread[2:],
    )  # fmt: skip


def density(one: NormalModel, values: np.ndarray, c: int, a: int, b: int) -> float:
    """Return the log density of the years a..b as one stretch of a class."""
    m = b - a + 1
    covariance = np.kron(np.eye(m), one.within[c]) + np.kron(np.ones((m, m)), one.between[c])
    apart = values[a : b + 1] - (one.mean[c] + one.drift[c, a : b + 1])
    return float(multivariate_normal(np.zeros(m * CHANNELS), covariance).logpdf(apart.ravel()))


def test_stretches_are_the_sum_over_all_ways_to_cut() -> None:
    """Probabilities of classes, of the label's stretch and of no change equal those of every cut, added up."""
    one, leaving = model(), Leaving(chance=np.array([0.1, 0.3]), to=np.array([[0.3, 0.7], [0.6, 0.4]]))
    generator = np.random.default_rng(3)
    values = one.mean[0] + one.drift[0] + generator.normal(size=(YEARS, CHANNELS)) * 0.2
    values[2:] += 0.5 * (one.mean[1] - one.mean[0])
    at, member = 1, 0
    state, own, whole, total = np.zeros((YEARS, 2)), np.zeros(YEARS), 0.0, 0.0
    known = {(c, a, b): density(one, values, c, a, b) for c in (0, 1) for a in range(YEARS) for b in range(a, YEARS)}
    shift = max(known.values())
    for cuts in product((False, True), repeat=YEARS - 1):
        edges = [0, *(k + 1 for k, cut in enumerate(cuts) if cut), YEARS]
        parts = [(a, b - 1) for a, b in pairwise(edges)]
        for classes in product((0, 1), repeat=len(parts)):
            if any(a <= at <= b and c != member for (a, b), c in zip(parts, classes, strict=True)):
                continue
            log = -np.log(2)
            for (a, b), c in zip(parts, classes, strict=True):
                log += POWER * (known[c, a, b] - shift) + (b - a) * np.log1p(-leaving.chance[c])
                log += np.log(leaving.chance[c]) if b < YEARS - 1 else 0
            log += sum(np.log(leaving.to[c, d]) for c, d in pairwise(classes))
            chance = np.exp(log + POWER * shift * len(parts) - POWER * shift)
            total += chance
            whole += chance if len(parts) == 1 else 0
            for (a, b), c in zip(parts, classes, strict=True):
                state[a : b + 1, c] += chance
                own[a : b + 1] += chance if a <= at <= b else 0
    found = weigh_stretches(
        one, values[None], np.ones((1, YEARS), np.bool_), np.array([member]), np.array([at]), leaving, power=POWER
    )
    np.testing.assert_allclose(found.state[0], state / total, atol=1e-6)
    np.testing.assert_allclose(found.own[0], own / total, atol=1e-6)
    assert found.odds[0] == pytest.approx(np.log(whole / (total - whole)), abs=1e-5)


def test_what_is_expected_is_the_conditional_mean() -> None:
    """`expected` is the mean of the Gaussian of all years given those that are known."""
    one = model(1)
    values = np.random.default_rng(2).normal(size=(1, YEARS, CHANNELS)) * 0.3
    known = np.array([[True, False, True, False]])
    apart = (values[0] - one.mean[1] - one.drift[1])[[0, 2]].ravel()
    joint = np.kron(np.eye(2), one.within[1]) + np.kron(np.ones((2, 2)), one.between[1])
    own = np.hstack([one.between[1]] * 2) @ np.linalg.solve(joint, apart)
    np.testing.assert_allclose(
        one.expected(values, known, np.array([2]))[0], one.mean[1] + one.drift[1] + own, atol=1e-8
    )


def test_a_dozen_changes_of_one_year_are_no_noise() -> None:
    """A third of a class that jumps in one year hardly widens what is normal."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(60, 10, CHANNELS)) * 0.05
    calm = fit_normal(values, np.ones((60, 10, 1)), years=np.arange(10), class_ids=np.array([1]))
    values[:20, -1] += 0.5
    jumped = fit_normal(values, np.ones((60, 10, 1)), years=np.arange(10), class_ids=np.array([1]))
    assert np.trace(jumped.within[0]) < 1.3 * np.trace(calm.within[0])


def test_samples_of_one_place_count_as_one() -> None:
    """Samples of a class within 300 m share the weight of one; others keep theirs."""
    x = np.array([0.0, 50.0, 100.0, 5_000.0, 5_000.0])
    weight = places_weight(x, np.zeros(5), np.array([0, 0, 0, 0, 1]))
    np.testing.assert_allclose(weight, [1 / 3, 1 / 3, 1 / 3, 1, 1])


@given(st.integers(0, 10_000), st.integers(2, 12))
@settings(max_examples=30, deadline=None)
def test_made_up_changes_spare_the_label(seed: int, years: int) -> None:
    """The year of the label is the host's, the guest is of another class, and something foreign can be seen."""
    generator = np.random.default_rng(seed)
    member, at = generator.integers(0, 3, 30), generator.integers(0, years, 30)
    there = generator.random((30, years)) < 0.9
    there[np.arange(30), at] = True
    if len(np.unique(member)) < 2:
        return
    made = stable.make_up(member, at, there.astype(float), there, np.full((3, 3), 1 / 3), seed=seed, n=40)
    assert not made.foreign[np.arange(len(made.host)), at[made.host]].any()
    assert (member[made.host] != member[made.guest]).all()
    assert (made.foreign & made.there).any(axis=1).all()
    assert not (made.turning.any(axis=2) & ~np.pad(made.foreign[:, 1:] != made.foreign[:, :-1], ((0, 0), (1, 0)))).any()


def test_the_error_rate_holds_for_changes_like_made_up_ones() -> None:
    """Among selected samples the share that changed stays at the stated rate, over many draws."""
    shares, found = [], []
    for seed in range(200):
        generator = np.random.default_rng(seed)
        changed = generator.random(300) < 0.5
        odds = np.where(changed, generator.normal(0, 1, 300), generator.normal(4, 1, 300))
        taken = stable.select(stable.p_values(odds, generator.normal(0, 1, 2_000)), 0.05)
        shares.append(changed[taken].mean() if taken.any() else 0.0)
        found.append(taken[~changed].mean())
    assert np.mean(shares) < 0.05
    assert np.mean(found) > 0.9


def test_few_samples_are_never_taken_for_stable() -> None:
    """Below fifty samples none is selected, whatever its p-value."""
    assert not stable.select(np.full(49, 1e-9), 0.05).any()
    assert stable.select(np.full(50, 1e-9), 0.05).all()


@pytest.mark.parametrize(("n", "years", "k"), [(2, 3, 2), (8, 5, 4), (30, 4, 12)])
def test_any_small_campaign_is_carried(n: int, years: int, k: int) -> None:
    """Few samples, classes of one label, missing years and mere noise end in rows; the label's year keeps its class."""
    series = noise(n, years, k)
    found = migrate(series, error_rate=0.02, min_probability=0.8)
    assert (found.label[np.arange(n), series.at_label] == series.class_id).all()
    assert ((found.status == STATUSES.index("nodata")) == ~series.valid).all()
    assert np.isfinite(found.probability[series.valid]).all()
    assert np.isfinite(found.anomaly[series.valid]).all()
    assert not found.selected.any()


def test_smoothed_years_are_probabilities_and_the_label_is_kept() -> None:
    """Rows sum to 1, the year of the label is of its class, and unusable years follow their neighbours."""
    generator = np.random.default_rng(5)
    of_years = generator.dirichlet(np.ones(3), (20, 6))
    member, at = generator.integers(0, 3, 20), generator.integers(0, 6, 20)
    there = np.ones((20, 6), np.bool_)
    found = relabel.smooth(of_years, np.full((20, 6), 0.1), there, member, at)
    np.testing.assert_allclose(found.sum(axis=2), 1)
    np.testing.assert_allclose(found[np.arange(20), at, member], 1)
    there[:] = False
    blind = relabel.smooth(of_years, np.zeros((20, 6)), there, member, at)
    assert (blind.argmax(axis=2) == member[:, None]).all()


def test_crops_that_follow_one_another_are_restless() -> None:
    """Classes that change places every year are told; those that stay are not."""
    generator = np.random.default_rng(2)
    usual = generator.normal(size=(3, CHANNELS)) * 0.2
    kinds = np.where(np.arange(90)[:, None] < 30, 2, generator.integers(0, 2, (90, 8)))
    values = usual[kinds] + generator.normal(size=(90, 8, CHANNELS)) * 0.05
    member, own = kinds[:, 4].astype(np.int64), np.ones((90, 8))
    share = np.repeat(np.eye(3)[member][:, None], 8, axis=1)
    fitted = fit_normal(values, share, years=np.arange(8), class_ids=np.arange(1, 4))
    at = np.full(90, 4)
    found = relabel.restless_classes(fitted, values, member, at, own, np.arange(90), seed=0)
    assert not found[2]
    kinds[:, :4], kinds[:, 5:] = 1 - kinds[:, 4:5], 1 - kinds[:, 4:5]
    kinds[:30] = 2
    values = usual[kinds] + generator.normal(size=(90, 8, CHANNELS)) * 0.05
    assert relabel.restless_classes(fitted, values, member, at, own, np.arange(90), seed=0).tolist() == [
        True,
        True,
        False,
    ]


def test_change_years_point_towards_the_label() -> None:
    """After the label's year a state has its own first year; before it, the first year of the state that follows."""
    best = np.array([[0, 0, 1, 1, 1, 2]])
    found = change_years(best, np.zeros((1, 6)), np.ones((1, 6), np.bool_), np.array([3]), np.arange(2000, 2006))
    assert found.tolist() == [[2002, 2002, NONE, NONE, NONE, 2005]]
    starts = np.array([[1.0, 0, 0, 0, 0.9, 0]])
    found = change_years(np.zeros((1, 6), int), starts, np.ones((1, 6), np.bool_), np.array([0]), np.arange(2000, 2006))
    assert found.tolist() == [[NONE, NONE, NONE, NONE, 2004, 2004]]


def test_an_odd_year_is_an_anomaly_by_all_measures() -> None:
    """A year far from class and own years scores above the normal ones, whose scores are uniform ranks."""
    one = model(4)
    generator = np.random.default_rng(1)
    noise = generator.multivariate_normal(np.zeros(CHANNELS), one.within[0], (300, YEARS))
    own = generator.multivariate_normal(np.zeros(CHANNELS), one.between[0], 300)
    values = one.mean[0] + one.drift[0] + own[:, None] + noise
    values[0, 2] += 2.0
    known, member = np.ones((300, YEARS), np.bool_), np.zeros(300, np.int64)
    known[0, 2] = False
    apart = unlike(one, values, known, member)
    for score in (apart.content, apart.time, apart.both):
        assert score[0, 2] == score.max()
    scores = anomaly_scores(apart.both, known, member)
    assert scores[0, 2] == scores.max() > 3
    assert np.mean(scores[known] > 1) == pytest.approx(0.1, abs=0.01)
