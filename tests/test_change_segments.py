"""Breaks of a series: every one, at its year, and none where nothing changed for good."""

import changing
import numpy as np
import pytest
from numpy.typing import NDArray

from esd_tasks.change.distances import distance_matrix
from esd_tasks.change.medoid import first_above, medoid_scores
from esd_tasks.change.noise import year_weights
from esd_tasks.change.patches import in_patches
from esd_tasks.change.segments import Breaks, Calibration, SegmentRules, calibrate, find_breaks
from esd_tasks.change.whitening import learn_whitening
from stactools_esd.errors import NothingFoundError
from stactools_esd.fsq import codes_to_level_indices, level_indices_to_codes

YEARS = tuple(range(2005, 2017))
T = len(YEARS)
NEVER = 99


def full(n: int) -> NDArray[np.float32]:
    """Return full weights of all years."""
    return np.ones((n, T), np.float32)


@pytest.fixture(scope="module")
def calm() -> Calibration:
    """What 400 changeless pixels teach."""
    return calibrate(
        distance_matrix(changing.series(400, T)), full(400), YEARS, rules=SegmentRules(), false_alarms=0.01
    )


def found(
    codes: NDArray[np.uint16], calm: Calibration, weight: NDArray[np.float32] | None = None, **rules: float
) -> Breaks:
    """Find the breaks of codes."""
    matrix = distance_matrix(codes)
    return find_breaks(matrix, matrix, full(len(matrix)) if weight is None else weight, calm, SegmentRules(**rules))  # type: ignore[arg-type]


def test_a_break_stands_at_the_first_year_of_the_new_state(calm: Calibration) -> None:
    """break_year t means between t - 1 and t: magnitude, duration 1 and the year before are there, and nowhere else."""
    breaks = np.arange(2, T - 1).repeat(20)
    events = found(changing.series(len(breaks), T, breaks=breaks, seed=1), calm)
    right = events.there[np.arange(len(breaks)), breaks]
    assert right.mean() > 0.97
    assert events.there.sum() <= len(breaks) * 1.02
    row = int(np.flatnonzero(right)[0])
    assert events.duration[row, breaks[row]] == 1
    assert events.since[row, breaks[row]] == YEARS[breaks[row] - 1]
    assert 0 < events.magnitude[row, breaks[row]] < 1
    assert events.strength[row, breaks[row]] > 1


def test_every_break_is_given_not_the_largest_alone(calm: Calibration) -> None:
    """A pixel that changes twice has two events."""
    codes = changing.series(60, T, breaks=np.full(60, 4), seed=2)
    third = changing.series(60, T, seed=3)
    codes[8:] = third[8:]
    assert (found(codes, calm).there.sum(axis=1) == 2).mean() > 0.95


def test_false_alarms_are_about_as_rare_as_stated(calm: Calibration) -> None:
    """Changeless pixels of another draw break about as often as was asked for, one in a hundred."""
    assert found(changing.series(1500, T, seed=4), calm).there.any(axis=1).mean() < 0.025


def test_one_bad_year_is_no_break(calm: Calibration) -> None:
    """A single odd year, inside or at the end, gives no event, however far off it is."""
    odd = np.arange(T).repeat(30)
    assert found(changing.series(len(odd), T, odd=odd, seed=5), calm).there.any(axis=1).mean() < 0.03


def test_the_last_year_may_be_let_through(calm: Calibration) -> None:
    """With one year enough for the last state, a change in the last year shows; by default no year confirms it."""
    codes = changing.series(100, T, breaks=np.full(100, T - 1), seed=6)
    assert found(codes, calm).there.mean() < 0.01
    rules = SegmentRules(least_last=1)
    population = distance_matrix(changing.series(400, T))
    told = calibrate(population, full(400), YEARS, rules=rules, false_alarms=0.01)
    matrix = distance_matrix(codes)
    assert find_breaks(matrix, matrix, full(100), told, rules).there[:, T - 1].mean() > 0.8


def test_years_of_few_clear_observations_count_less(calm: Calibration) -> None:
    """Two odd years in a row are a state when seen well, and are none when hardly seen."""
    generator = np.random.default_rng(8)
    codes = changing.series(100, T, seed=7)
    codes[5:7] = changing.series(100, T, seed=int(generator.integers(99)) + 100)[5:7]
    clear = np.full((100, T), 20)
    well = year_weights(clear, np.ones((100, T), bool), 10)
    clear[:, 5:7] = 2
    poor = year_weights(clear, np.ones((100, T), bool), 10)
    assert found(codes, calm, well).there[:, 5].mean() > 0.9
    assert found(codes, calm, poor).there.mean() < 0.01


def test_missing_years_move_the_break_and_are_told(calm: Calibration) -> None:
    """Where the year of the break is missing it stands at the next one, and `since` names the last year before."""
    codes = changing.series(50, T, breaks=np.full(50, 6), seed=9)
    weight = full(50)
    weight[:, 5:7] = 0
    events = found(codes, calm, weight)
    assert events.there[:, 7].mean() > 0.9
    assert (events.since[events.there[:, 7], 7] == YEARS[4]).all()
    assert not events.there[:, 5:7].any()


def test_a_change_that_takes_time_has_its_duration(calm: Calibration) -> None:
    """Where a year lies between both states, the duration counts from the break until the new one holds."""
    codes = changing.series(60, T, breaks=np.full(60, 5), noise=0.5, seed=10)
    codes[5, :, :5] = changing.series(60, T, breaks=np.full(60, 9), noise=0.5, seed=10)[5, :, :5]
    events = found(codes, calm)
    at = events.there[:, 5]
    assert at.mean() > 0.8
    assert (events.duration[at, 5] == 2).mean() > 0.9
    assert (events.duration[events.there[:, 6], 6] == 1).all()


def test_small_breaks_are_undone_before_events_are_chosen(calm: Calibration) -> None:
    """A least magnitude joins states across the smaller break and keeps the larger one, at its year."""
    codes = changing.series(1, T, seed=12, noise=0.3)
    codes[4:, :, :2] = changing.series(1, T, seed=13, noise=0.3)[4:, :, :2]
    codes[8:] = changing.series(1, T, seed=14, noise=0.3)[8:]
    both = found(codes, calm)
    assert both.there[0].nonzero()[0].tolist() == [4, 8]
    least = float(both.magnitude[0, 4]) + 0.01
    kept = found(codes, calm, least_magnitude=least)
    assert kept.there[0].nonzero()[0].tolist() == [8]
    assert kept.magnitude[0, 8] >= least


def test_a_population_with_many_changes_teaches_much_the_same(calm: Calibration) -> None:
    """A third of changed pixels hardly moves the penalty: they are found and left out."""
    breaks = np.where(np.arange(600) % 3 == 0, np.random.default_rng(0).integers(2, T - 2, 600), NEVER)
    mixed = distance_matrix(changing.series(600, T, breaks=breaks, seed=15))
    other = calibrate(mixed, full(600), YEARS, rules=SegmentRules(), false_alarms=0.01)
    assert other.penalty < 1.5 * calm.penalty + 0.2
    assert abs(other.calm - 400) < 40


def test_a_series_needs_years_and_a_population_pixels() -> None:
    """Two years are a pair, and fifty pixels the least population: exit code 3, one line."""
    matrix = distance_matrix(changing.series(60, 2))
    with pytest.raises(NothingFoundError, match="change pair"):
        calibrate(matrix, np.ones((60, 2), np.float32), (2000, 2001), rules=SegmentRules(), false_alarms=0.01)
    matrix, weight = distance_matrix(changing.series(60, 4)), np.zeros((60, 4), np.float32)
    weight[:, :3] = 1
    with pytest.raises(NothingFoundError, match="usable years"):
        calibrate(matrix, weight, (2000, 2001, 2002, 2003), rules=SegmentRules(), false_alarms=0.01)


def test_the_baseline_sees_odd_years_and_later_states() -> None:
    """The leave-one-out medoid distance is high in an odd year, and from a late break on; NaN with too few years."""
    codes = changing.series(40, T, breaks=np.full(40, T - 3), seed=16)
    matrix = distance_matrix(codes)
    scores = medoid_scores(matrix, full(40))
    assert (first_above(scores, 3.5) == T - 3).mean() > 0.8
    few = full(40)
    few[:, 3:] = 0
    assert np.isnan(medoid_scores(matrix, few)).all()
    assert (first_above(medoid_scores(matrix, few), 3.5) == -1).all()


def test_patches_join_neighbours_of_neighbouring_years() -> None:
    """Pixels that touch, dated a year apart, are one patch; what is smaller goes, and single pixels stay if asked."""
    there = np.zeros((5, 6, 6), bool)
    there[1, 0, 0] = there[2, 1, 1] = there[1, 1, 2] = True
    there[1, 5, 5] = there[4, 0, 1] = True
    kept = in_patches(there, 3)
    assert kept.sum() == 3
    assert not kept[1, 5, 5]
    assert not kept[4, 0, 1]
    assert (in_patches(there, 1) == there).all()


def test_a_patch_shows_itself_within_its_size_of_a_pixel() -> None:
    """Cut to `least - 1` pixels around a window, the events inside the window are judged as in the whole."""
    there = np.random.default_rng(17).random((4, 60, 60)) < 0.12
    least = 6
    whole = in_patches(there, least)[:, 20:40, 20:40]
    around = slice(20 - least + 1, 40 + least - 1)
    part = in_patches(there[:, around, around], least)[:, least - 1 : 1 - least, least - 1 : 1 - least]
    assert (whole == part).all()


def test_whitened_distances_are_those_of_turned_levels() -> None:
    """The matrix holds root mean squares of differences, symmetric, 0 on the diagonal."""
    codes = changing.series(30, 6, seed=18)
    whitening = learn_whitening(codes, np.ones((6, 30), bool))
    matrix = whitening.distances(codes)
    levels = codes_to_level_indices(codes).reshape(6, 30, 72) / np.tile(changing.LEVELS - 1, 12)
    turned = levels @ whitening.turn.T.astype(float)
    np.testing.assert_allclose(matrix[:, 1, 4], np.sqrt(((turned[1] - turned[4]) ** 2).mean(axis=1)), rtol=1e-3)
    np.testing.assert_array_equal(matrix, matrix.transpose(0, 2, 1))
    assert (matrix[:, range(6), range(6)] == 0).all()


def test_whitening_shows_what_noise_hides() -> None:
    """A small change against the noise's own direction stands out further among whitened distances."""
    generator = np.random.default_rng(19)
    mood = generator.normal(0, 1.5, (T, 400, 1, 1))  # moves all first dimensions together, as gaps that are filled do
    levels = 4 + generator.normal(0, 0.4, (T, 400, 12, 6)) + mood * np.array([1, 1, 1, 0, 0, 0])
    levels[6:, :60, :, 3:] -= 1.2
    levels[..., 3:] -= 2
    codes = level_indices_to_codes(np.clip(np.rint(levels), 0, changing.LEVELS - 1).astype(int))
    plain, white = distance_matrix(codes), learn_whitening(codes, np.ones((T, 400), bool)).distances(codes)
    apart = [
        (matrix[:60, 2, 9].mean() - matrix[60:, 2, 9].mean()) / matrix[60:, 2, 9].std() for matrix in (plain, white)
    ]
    assert apart[1] > 1.5 * apart[0]


def test_a_population_that_is_too_small_is_not_turned() -> None:
    """With fewer differences than levels nothing is learnt, and plain levels are compared."""
    assert (learn_whitening(changing.series(20, 3), np.ones((3, 20), bool)).turn == np.eye(72)).all()
