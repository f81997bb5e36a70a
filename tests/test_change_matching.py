"""Thresholds and matches: curves, rates, events against reference events."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score

from esd_tasks.change import thresholds
from esd_tasks.change.matching import event_accuracy, match_events
from stactools_esd.errors import LabelsError, UsageError

YEARS = st.lists(st.integers(2000, 2010), max_size=4)
SAMPLES = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=30).filter(
    lambda rows: len({hit for _, hit in rows}) == 2
)


def columns(rows: list[tuple[int, bool]]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return scores and reference of samples."""
    score, hit = zip(*rows, strict=True)
    return np.array(score, float), np.array(hit)


@given(SAMPLES)
def test_average_precision_is_that_of_the_field(rows: list[tuple[int, bool]]) -> None:
    """The area under precision and recall equals scikit-learn's, ties included."""
    score, hit = columns(rows)
    assert thresholds.average_precision(score, hit) == pytest.approx(average_precision_score(hit, score))


@given(SAMPLES)
def test_no_other_threshold_has_a_higher_f1(rows: list[tuple[int, bool]]) -> None:
    """The threshold chosen is the best of all, and its rates are those of its alarms."""
    score, hit = columns(rows)
    chosen = thresholds.best_threshold(score, hit, np.ones(len(hit)))
    reached = thresholds.rates_at(score, hit, chosen, np.ones(len(hit)))
    assert reached.f1 == pytest.approx(f1_score(hit, score > chosen))
    assert reached.f1 >= max(f1_score(hit, score > other - 0.5) for other in range(9)) - 1e-12


def test_a_stated_rate_makes_precision_that_of_the_landscape() -> None:
    """Samples half of which changed, weighted to 2 %, raise the threshold and lower precision."""
    generator = np.random.default_rng(0)
    hit = np.arange(2000) < 1000
    score = generator.normal(np.where(hit, 2.0, 0.0))
    even, rare = thresholds.prevalence_weights(hit, None), thresholds.prevalence_weights(hit, 0.02)
    assert rare[hit].sum() / rare.sum() == pytest.approx(0.02)
    assert thresholds.best_threshold(score, hit, rare) > thresholds.best_threshold(score, hit, even) + 0.5
    assert thresholds.rates_at(score, hit, 1.0, rare).users < thresholds.rates_at(score, hit, 1.0, even).users
    assert thresholds.average_precision(score, hit, rare) < thresholds.average_precision(score, hit, even)


def test_a_rate_is_what_the_population_exceeds() -> None:
    """Two in a hundred scores lie above the threshold of a rate of 2 %."""
    scores = np.random.default_rng(0).normal(size=10_000)
    assert (scores > thresholds.threshold_for_rate(scores, 0.02)).mean() == pytest.approx(0.02, abs=2e-4)


@pytest.mark.parametrize("rate", [0, -0.1, 0.5, 2, float("nan")])
def test_a_rate_is_a_small_share(rate: float) -> None:
    """What is no share below one half is refused: exit code 2."""
    with pytest.raises(UsageError, match="--expected-rate"):
        thresholds.check_rate(rate)


def test_samples_of_one_kind_choose_no_threshold() -> None:
    """Only changed or only unchanged samples are an error that says what to add."""
    with pytest.raises(LabelsError, match="both kinds"):
        thresholds.best_threshold([1.0, 2.0], np.array([True, True]), [1, 1])


@given(YEARS, YEARS)
def test_one_event_matches_one(mapped: list[int], reference: list[int]) -> None:
    """As many pairs as any assignment can have, none twice, and more tolerance never has fewer."""
    matched = match_events([mapped], [reference])
    short, long = sorted((mapped, reference), key=len)
    for tolerance, pairs in matched.pairs.items():
        best = max(
            sum(abs(a - b) <= tolerance for a, b in zip(short, order, strict=True))
            for order in permutations(long, len(short))
        )
        assert pairs[0] == best
    counts = [int(pairs[0]) for pairs in matched.pairs.values()]
    assert counts == sorted(counts)


def test_a_hand_made_case() -> None:
    """Shares at each tolerance and of footprints are those counted by hand."""
    matched = match_events([[2005], [2005, 2010], [], [2001]], [[2005], [2007], [2003], []])
    shares = event_accuracy(matched)
    assert shares["users_0"].value == 1 / 4
    assert shares["users_2"].value == 2 / 4
    assert shares["producers_0"].value == 1 / 3
    assert shares["producers_2"].value == 2 / 3
    assert shares["users_footprint"].value == 2 / 3
    assert shares["producers_footprint"].value == 2 / 3
    assert shares["users_0"].n == 4
    assert shares["users_0"].low <= shares["users_0"].value <= shares["users_0"].high


def test_weights_say_what_places_stand_for() -> None:
    """A place drawn with a tenth of the chance counts ten times."""
    matched = match_events([[2005], [2005]], [[2005], []])
    assert event_accuracy(matched, weight=[10, 1])["users_0"].value == pytest.approx(10 / 11)


def test_without_events_a_share_is_undefined() -> None:
    """No mapped event: user's accuracy is NaN, null in JSON, never 0."""
    shares = event_accuracy(match_events([[], []], [[2001], []]))
    assert np.isnan(shares["users_0"].value)
    assert shares["users_0"].as_dict()["value"] is None
    assert shares["producers_footprint"].value == 0
