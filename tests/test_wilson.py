"""Score intervals are the published ones, and stand only where a figure is a simple proportion."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from tiny_reference import answered, random_points, write_place

from esd_tasks.assess import assess
from esd_tasks.assess_report import report
from esd_tasks.estimates import Z_95
from esd_tasks.wilson import wilson

TABLE = Path(__file__).parent.parent / "docs" / "tasks" / "olofsson-2014.csv"


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_published_intervals(hits: int, n: int, low: float, high: float) -> None:
    """The four examples of Newcombe 1998 (Statistics in Medicine 17, 857-872), method 3."""
    assert wilson(hits, n).round(4).tolist() == [low, high]


@given(st.integers(1, 400), st.floats(0, 1))
def test_an_interval_lies_within_0_and_1_and_has_a_width(n: int, share: float) -> None:
    """Whatever the sample: the interval holds the estimate, stays within 0..1 and is never a point."""
    hits = round(n * share)
    low, high = wilson(hits, n)
    assert 0 <= low <= hits / n <= high <= 1
    assert high - low > 1 / (n + 10)


def test_small_samples_are_held_as_often_as_said() -> None:
    """Of ten samples with a true share of 0.9 the score interval holds it 93 times of 100, Wald's only 65 times."""
    hits = np.arange(11)
    chance = binom.pmf(hits, 10, 0.9)
    low, high = wilson(hits, 10).T
    half = Z_95 * np.sqrt(hits / 10 * (1 - hits / 10) / 9)
    assert chance[(low <= 0.9) & (high >= 0.9)].sum() == pytest.approx(0.93, abs=0.01)
    assert chance[np.abs(hits / 10 - 0.9) <= half].sum() < 0.7


def test_user_s_accuracy_within_its_stratum_has_one() -> None:
    """Where strata are the map's classes users' accuracies have score intervals, others have not."""
    weighted = report(assess(TABLE, sampling="stratified", pixel_size=30))["area_weighted"]
    first = weighted["classes"][0]
    assert first["users_accuracy"]["score_interval_95"] == pytest.approx(wilson(66, 75).tolist(), abs=1e-6)
    assert first["users_accuracy"]["interval_95"][1] == pytest.approx(0.880 + 0.0740, abs=5e-4)
    assert weighted["overall_accuracy"]["score_interval_95"] is None
    assert "score_interval_95" not in first["producers_accuracy"]
    assert "Wilson 1927" in weighted["score_interval_statement"]


def test_a_simple_sample_has_one_for_all(tmp_path: Path) -> None:
    """Without strata overall accuracy is a simple proportion; where strata split a class its figures are none."""
    place = write_place(tmp_path)
    points = random_points(place / "points.gpkg")
    found = assess(place / "map.tif", reference=points, sampling="simple", post_strata=False)
    hits = int(found.plain.matrix.trace())
    assert found.score_overall.tolist() == wilson(hits, found.plain.n).tolist()
    assert np.isfinite(found.score_users).all()
    split = assess(place / "map.tif", reference=answered(place), strata="stratum")
    assert np.isnan(split.score_users).all()
