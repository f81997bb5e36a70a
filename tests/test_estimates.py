"""Estimates are the published ones, to their digits, and hold on simulated maps whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from test_accuracy import OLOFSSON

from esd_tasks.estimates import Z_95, Estimates, estimate
from stactools_esd.errors import LabelsError

PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])
"""Pixels of the map classes of the worked example of Olofsson et al. 2014, 30 m."""

STEHMAN_SIZES = (40_000, 30_000, 20_000, 10_000)
STEHMAN_STRATA = np.repeat(range(4), 10)
STEHMAN_MAP = np.array(["ABCD".index(c) for c in "AAAAAAABBBABBBBBBBBBBBCCCCCCBBDDDDDDDDDD"])
STEHMAN_REFERENCE = np.array(["ABCD".index(c) for c in "AAAAACBABCABBBBBAABBCCCCCDDBBADDDDDDDCCB"])
"""The sample of Stehman 2014, table 2: strata, map and reference classes of 40 pixels."""


def diagonal(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return counts (k, k, k) of a sample whose strata are the map classes."""
    return np.eye(len(matrix), dtype=int)[:, :, None] * matrix[None]


def olofsson() -> Estimates:
    """Return the estimates of the worked example."""
    return estimate(diagonal(OLOFSSON), PIXELS / PIXELS.sum(), possible=np.eye(4, dtype=bool))


def stehman(*, corrected: bool = True) -> Estimates:
    """Return the estimates of Stehman's example, with the finite population correction of the paper or without."""
    counts = np.zeros((4, 4, 4), dtype=int)
    np.add.at(counts, (STEHMAN_STRATA, STEHMAN_MAP, STEHMAN_REFERENCE), 1)
    return estimate(counts, np.array(STEHMAN_SIZES) / sum(STEHMAN_SIZES), sizes=STEHMAN_SIZES if corrected else None)


def test_the_worked_example_of_olofsson() -> None:
    """Accuracies with intervals, and the area of deforestation: 21,158 +- 6,158 ha (Olofsson et al. 2014, table 9)."""
    found = olofsson()
    assert found.overall == pytest.approx(0.946512, abs=5e-7)
    assert Z_95 * found.overall_se == pytest.approx(0.018484, abs=5e-7)
    assert found.users.round(6).tolist() == [0.88, 0.733333, 0.927273, 0.963077]
    assert found.producers.round(6).tolist() == [0.748661, 0.847156, 0.934509, 0.961609]
    assert (Z_95 * found.producers_se).round(6).tolist() == [0.213310, 0.254408, 0.034324, 0.018362]
    hectares = PIXELS.sum() * 0.09
    assert round(hectares * found.shares[0]) == 21_158
    assert round(hectares * Z_95 * found.shares_se[0]) == 6_158
    # printed with two digits: user's accuracies +- 0.07, 0.10, 0.04, 0.02
    assert (Z_95 * found.users_se).round(2).tolist() == [0.07, 0.10, 0.04, 0.02]


def test_the_worked_example_of_stehman() -> None:
    """Four strata that are not the map classes: areas, accuracies and standard errors of pages 4932 to 4936."""
    found = stehman()
    assert found.shares.round(4).tolist() == [0.35, 0.34, 0.20, 0.11]
    assert found.shares_se.round(3).tolist() == [0.082, 0.076, 0.064, 0.031]
    assert (round(found.overall, 4), round(found.overall_se, 3)) == (0.63, 0.085)
    assert (found.users[1].round(3), found.users_se[1].round(3)) == (0.574, 0.125)
    assert (found.producers[1].round(3), found.producers_se[1].round(3)) == (0.794, 0.117)
    assert found.proportions[1, 2] == pytest.approx(0.08)


def test_digits_of_stehmans_example_agree_with_other_software() -> None:
    """The seven digits that the R package `mapac`, which leaves the correction out, prints for the example."""
    found = stehman(corrected=False)
    assert found.overall_se == pytest.approx(0.08465617, abs=5e-9)
    assert np.allclose(found.users, [0.7419355, 0.5744681, 0.5, 0.7], atol=5e-8)
    assert np.allclose(found.users_se, [0.1645627, 0.1248023, 0.2151657, 0.1527525], atol=5e-8)
    assert np.allclose(found.producers, [0.6571429, 0.7941176, 0.3, 0.6363636], atol=5e-8)
    assert np.allclose(found.producers_se, [0.1477318, 0.1165671, 0.1504438, 0.1623242], atol=5e-8)
    assert np.allclose(found.shares_se, [0.08225975, 0.07586538, 0.06429101, 0.03073181], atol=5e-9)


@given(arrays(np.int64, (3, 3), elements=st.integers(1, 30)), arrays(np.int64, 3, elements=st.integers(100, 10**12)))
def test_map_classes_as_strata_give_the_formulas_of_olofsson(n: NDArray[np.int64], pixels: NDArray[np.int64]) -> None:
    """The general estimators, without correction, are term by term those that Olofsson et al. print."""
    found = estimate(diagonal(n), pixels / pixels.sum(), possible=np.eye(3, dtype=bool))
    pixels, row = pixels.astype(float), n.sum(axis=1)
    w = pixels / pixels.sum()
    p = w[:, None] * n / row[:, None]
    users = n.diagonal() / row
    assert np.allclose(found.proportions, p)
    assert np.allclose(found.shares_se, np.sqrt(((w[:, None] * p - p**2) / (row - 1)[:, None]).sum(axis=0)))
    assert found.overall_se == pytest.approx(np.sqrt((w**2 * users * (1 - users) / (row - 1)).sum()))
    assert np.allclose(found.users_se, np.sqrt(users * (1 - users) / (row - 1)))
    for j in range(3):
        total = (pixels * n[:, j] / row).sum()
        producer = p[j, j] / p[:, j].sum()
        own = pixels[j] ** 2 * (1 - producer) ** 2 * users[j] * (1 - users[j]) / (row[j] - 1)
        others = sum(
            pixels[i] ** 2 * (n[i, j] / row[i]) * (1 - n[i, j] / row[i]) / (row[i] - 1) for i in range(3) if i != j
        )
        assert found.producers_se[j] == pytest.approx(np.sqrt((own + producer**2 * others) / total**2))


def test_one_sample_in_a_stratum_has_no_standard_error() -> None:
    """Figures that hang on that stratum have NaN for a standard error; those of other strata keep theirs."""
    matrix = OLOFSSON.copy()
    matrix[1] = [0, 1, 0, 0]
    found = estimate(diagonal(matrix), PIXELS / PIXELS.sum(), possible=np.eye(4, dtype=bool))
    assert found.overall == pytest.approx(0.95, abs=0.01)
    assert np.isnan([found.overall_se, *found.producers_se, *found.shares_se]).all()
    assert np.isnan(found.users_se).tolist() == [False, True, False, False]


def test_a_census_has_no_error() -> None:
    """A stratum whose every pixel is a sample adds nothing to the variance, be it a single pixel."""
    found = estimate(diagonal(np.array([[1, 0], [2, 8]])), [1 / 11, 10 / 11], sizes=[1, 10])
    assert (found.overall_se, found.shares_se.tolist()) == (0, [0, 0])


@pytest.mark.parametrize(("size", "said"), [(0, "no sample in stratum 2 of 2"), (20, "more samples than pixels")])
def test_impossible_samples_are_refused(size: int, said: str) -> None:
    """An empty stratum, and a stratum with more samples than pixels, are errors."""
    counts = diagonal(np.array([[3, 1], [0, size]]))
    with pytest.raises(LabelsError, match=said):
        estimate(counts, [0.5, 0.5], sizes=[10, 10])


@pytest.mark.parametrize("joined", [False, True], ids=["strata are the classes", "strata are others"])
def test_intervals_hold_the_truth_as_often_as_they_say(joined: bool) -> None:
    """Over a thousand simulated samples estimates meet the truth, and intervals of 95 % hold it 91-97 times of 100.

    Ratios are unbiased only nearly, and intervals of accuracies of small classes are a little short: both are known.
    """
    truth = np.array([[[400, 60, 40], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [90, 2000, 110], [0, 0, 0]]])
    truth = np.concatenate([truth, [[[0, 0, 0], [0, 0, 0], [150, 200, 3000]]]])
    if joined:  # two strata, of which one holds two map classes
        truth = np.stack([truth[0] + truth[1], truth[2]])
    sizes = truth.sum(axis=(1, 2))
    n = 600 // len(sizes)
    whole = truth.sum(axis=0)
    expected = np.array([whole.trace(), *whole.sum(axis=0)]) / whole.sum()
    expected = np.array([*expected, *(whole.diagonal() / whole.sum(axis=0)), *(whole.diagonal() / whole.sum(axis=1))])
    generator = np.random.default_rng(1)
    figures, held = [], np.zeros(len(expected))
    for _ in range(1000):
        sample = [generator.multivariate_hypergeometric(stratum.ravel(), n).reshape(3, 3) for stratum in truth]
        found = estimate(np.array(sample), sizes / sizes.sum(), sizes=sizes)
        figures.append([found.overall, *found.shares, *found.producers, *found.users])
        errors = np.array([found.overall_se, *found.shares_se, *found.producers_se, *found.users_se])
        held += np.abs(figures[-1] - expected) <= Z_95 * errors
    assert np.allclose(np.mean(figures, axis=0), expected, atol=0.01)
    assert ((held > 910) & (held < 975)).all(), held
