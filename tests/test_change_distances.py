"""Distances between years: what they are, and what is usual in a population."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from esd_tasks.change.distance_loops import PIXELS
from esd_tasks.change.distances import distance_matrix, pair_distances, vector_distance_matrix
from esd_tasks.change.noise import pair_noise, usual_distances, year_weights
from stactools_esd import fsq
from stactools_esd.errors import NothingFoundError, RasterError
from stactools_esd.product import FSQ

CODES = hnp.arrays(np.uint16, (5, 12), elements=st.integers(0, FSQ.codebook_size - 1))
STEPS_OF_LEVEL = np.array(FSQ.levels) - 1
CENTRE = int(fsq.level_indices_to_codes([4, 4, 4, 2, 2, 2]))
"""The code whose vector has no length."""


SIZES = st.sampled_from([1, 2, 31, 33, PIXELS - 1, PIXELS, PIXELS + 1, 2 * PIXELS + 77])


def two_years(seed: int, n: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return codes (n, 12) of two years, the second the first in half of its steps; some have no length."""
    generator = np.random.default_rng(seed)
    before, after = generator.integers(0, FSQ.codebook_size, (2, n, 12)).astype(np.uint16)
    same = generator.random((n, 12)) < 0.5
    after[same] = before[same]
    before[generator.random(n) < 0.1] = CENTRE
    after[generator.random(n) < 0.1] = CENTRE
    return before, after


@given(st.integers(0, 10_000), SIZES)
def test_the_level_distance_is_exact(seed: int, n: int) -> None:
    """Level distance is mean |difference| / (L - 1) of the 72 levels: the number of parts of 2016, rounded once."""
    before, after = two_years(seed, n)
    digits = [fsq.codes_to_level_indices(codes).astype(np.int64) for codes in (before, after)]
    parts = (np.abs(digits[0] - digits[1]) * (28 // STEPS_OF_LEVEL)).sum(axis=(1, 2))
    np.testing.assert_array_equal(pair_distances(before, after)[0], (parts / 2016).astype(np.float32))


@given(st.integers(0, 10_000), SIZES)
def test_the_cosine_distance_is_right_to_the_last_place(seed: int, n: int) -> None:
    """Cosine distance is 1 - cosine of the 72 vectors, at most one unit in the last place from the exact number."""
    before, after = two_years(seed, n)
    one, other = (fsq.codes_to_vectors(codes).reshape(n, -1).astype(np.longdouble) for codes in (before, after))
    lengths = (one**2).sum(axis=1) * (other**2).sum(axis=1)
    exact = 1 - (one * other).sum(axis=1) / np.sqrt(np.where(lengths > 0, lengths, 1))
    exact[((one == 0).all(axis=1)) & ((other == 0).all(axis=1))] = 0
    cosine = pair_distances(before, after)[1]
    assert (np.abs(cosine - exact) <= np.spacing(exact.astype(np.float32))).all()


@given(CODES, CODES)
def test_distances_do_not_depend_on_how_codes_lie(before: NDArray[np.uint16], after: NDArray[np.uint16]) -> None:
    """Rows of pixels, turned planes of files and parts of larger arrays give the same numbers."""
    plain = pair_distances(before, after)
    turned = pair_distances(np.ascontiguousarray(before.T).T, np.repeat(after, 2, axis=1)[:, ::2])
    for one, other in zip(plain, turned, strict=True):
        np.testing.assert_array_equal(one, other)


@given(st.integers(0, FSQ.codebook_size - 1), st.integers(0, FSQ.codebook_size - 1))
def test_every_code_is_split_as_it_is_decoded(one: int, other: int) -> None:
    """Shifts and multiplications find the digits of any code: a single step that differs shows in the distance."""
    before, after = np.full((1, 12), CENTRE, np.uint16), np.full((1, 12), CENTRE, np.uint16)
    before[0, 3], after[0, 3] = one, other
    apart = np.abs(np.subtract(*(fsq.codes_to_level_indices([c])[0].astype(int) for c in (one, other))))
    assert pair_distances(before, after)[0] == np.float32((apart * (28 // STEPS_OF_LEVEL)).sum() / 2016)


def test_the_ends_of_both_scales() -> None:
    """Equal codes are 0 apart; codes at opposite ends are at 1; vectors without length count as unlike any other."""
    lowest, highest = np.zeros((1, 12), np.uint16), np.full((1, 12), FSQ.codebook_size - 1, np.uint16)
    centre = np.full((1, 12), CENTRE, np.uint16)
    assert pair_distances(lowest, lowest) == (0.0, 0.0)
    assert pair_distances(lowest, highest)[0] == 1.0
    assert pair_distances(lowest, centre)[1] == 1.0
    assert pair_distances(centre, centre)[1] == 0.0


@given(st.integers(0, 1000))
def test_the_matrix_holds_every_pair_of_years(seed: int) -> None:
    """Entry (i, j) is the level distance of years i and j; the matrix is symmetric with a diagonal of 0."""
    codes = np.random.default_rng(seed).integers(0, FSQ.codebook_size, (4, 3, 12)).astype(np.uint16)
    matrix = distance_matrix(codes)
    assert (matrix == matrix.transpose(0, 2, 1)).all()
    assert (matrix[:, range(4), range(4)] == 0).all()
    np.testing.assert_array_equal(matrix[:, 1, 3], pair_distances(codes[1], codes[3])[0])


def test_numbers_that_are_missing_are_left_out_of_the_mean() -> None:
    """The matrix of plain numbers is the mean absolute difference of what both years have; NaN without any."""
    values = np.array([[[1.0, np.nan]], [[3.0, 5.0]], [[np.nan, np.nan]]])
    matrix = vector_distance_matrix(values)
    assert matrix[0, 0, 1] == 2.0
    assert np.isnan(matrix[0, 0, 2])


@pytest.mark.parametrize("shape", [(3, 11), (3,), (2, 3, 12)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    """What is not one row of twelve codes a pixel raises one line."""
    with pytest.raises(RasterError, match="expected"):
        pair_distances(np.zeros(shape, np.uint16), np.zeros(shape, np.uint16))


def test_what_is_no_code_is_refused() -> None:
    """Numbers above 63,999 and numbers that are not whole raise one line."""
    codes = np.zeros((2, 12), np.uint16)
    one = codes.copy()
    one[1, 7] = 64_000
    for pair in ((codes, one), (one, codes)):
        with pytest.raises(RasterError, match="64000"):
            pair_distances(*pair)
    with pytest.raises(RasterError, match="integer"):
        pair_distances(codes, codes.astype(np.float32))  # type: ignore[arg-type]


def test_pairs_must_match() -> None:
    """Two years of different pixels are not compared."""
    with pytest.raises(RasterError, match="pair the pixels"):
        pair_distances(np.zeros((2, 12), np.uint16), np.zeros((3, 12), np.uint16))


def same(n: int) -> NDArray[np.uint16]:
    """Return the codes of n pixels of one kind."""
    return np.full((n, 12), 9, np.uint16)


def test_a_score_counts_from_the_usual_distance_of_as_many_observations() -> None:
    """Pixels that were seen little differ more; their score does not, for each bin is brought to one median."""
    generator = np.random.default_rng(0)
    clear = np.repeat([3, 30], 1000)
    distance = generator.normal(np.where(clear == 3, 0.3, 0.1), np.where(clear == 3, 0.03, 0.01))
    score = pair_noise(distance, clear, same(2000)).score(distance, clear, same(2000))
    for few in (3, 30):
        assert abs(np.median(score[clear == few])) < 0.1
        assert abs(score[clear == few].std() - 1) < 0.1


def test_a_score_counts_from_what_is_usual_for_its_kind() -> None:
    """Where one kind of pixel always differs more than another, as fields do from forest, scores are alike."""
    generator = np.random.default_rng(2)
    kinds = generator.integers(0, 64_000, (2, 12)).astype(np.uint16)
    kind = np.arange(1600) % 2
    distance, clear = generator.normal(np.array([0.1, 0.3])[kind], np.array([0.01, 0.03])[kind]), np.full(1600, 9)
    score = pair_noise(distance, clear, kinds[kind]).score(distance, clear, kinds[kind])
    for number in (0, 1):
        assert abs(np.median(score[kind == number])) < 0.3
        assert 0.6 < score[kind == number].std() < 1.1


def test_a_year_pair_that_shifts_as_a_whole_alarms_nowhere() -> None:
    """A shift that every pixel feels moves the median, not the scores."""
    generator = np.random.default_rng(1)
    distance, clear, before = generator.normal(0.1, 0.01, 600), np.full(600, 12), same(600)
    calm = pair_noise(distance, clear, before).score(distance, clear, before)
    moved = pair_noise(distance + 0.2, clear, before).score(distance + 0.2, clear, before)
    np.testing.assert_allclose(calm, moved, atol=1e-3)


def test_too_small_a_population_is_no_population() -> None:
    """Without enough pixels nobody can tell what is usual: exit code 3, one line."""
    with pytest.raises(NothingFoundError, match="--min-clear"):
        pair_noise(np.ones(10), np.ones(10, int), same(10))
    with pytest.raises(NothingFoundError, match="no two years"):
        usual_distances(np.ones((9, 3, 3)), np.ones((9, 3), bool))


def test_usual_distances_know_missing_years() -> None:
    """A pair of years that nobody shares gets the median of the others; unusable years do not count."""
    matrix = np.full((60, 3, 3), 0.5)
    matrix[:, 0, 1] = 0.1
    usable = np.ones((60, 3), bool)
    usable[:, 2] = np.arange(60) < 10
    usual = usual_distances(matrix, usable)
    assert usual[0, 1] == usual[1, 0] == np.float32(0.1)
    assert usual[0, 2] == np.float32(0.1)


def test_few_clear_observations_weigh_less() -> None:
    """The weight is the share of the full number, at most 1; 0 where the year must not count."""
    weights = year_weights([20, 5, 10], [True, True, False], 10)
    np.testing.assert_allclose(weights, [1, 0.5, 0])
