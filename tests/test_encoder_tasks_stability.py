"""Stability: pairs lie as many years apart as they say, and likeness is that of levels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged import pixel_years

from esd_tasks.encoder_tasks.identity import APART
from esd_tasks.encoder_tasks.stability import CHANGED, LAGS, figures, likeness, pairs_of_lag, with_others
from stactools_esd.errors import NothingFoundError
from stactools_esd.fsq import codes_to_level_indices, level_indices_to_codes

PIXEL = [pixel for pixel in range(0, 150, 10) for _ in range(12)]
YEAR = [2001 + number for number in range(12)] * 15


def _codes(of: list[int]) -> np.ndarray:
    """Codes that say nothing but a number of each row."""
    return (np.array(of)[:, None] * 400 + np.arange(12) * 5 + 1).astype(np.uint16)


@given(keys=st.sets(st.tuples(st.integers(0, 5), st.integers(2000, 2012))), lag=st.sampled_from(LAGS))
def test_pairs_are_of_one_pixel_and_as_far_apart_as_they_say(keys: set[tuple[int, int]], lag: int) -> None:
    """Every pixel-year that the pixel has again after so many years is a pair, and nothing else is."""
    pixel, year = [key[0] for key in keys], [key[1] for key in keys]
    earlier, later = pairs_of_lag(pixel_years(_codes(pixel), pixel, year), lag)
    found = {(pixel[one], year[one], pixel[other], year[other]) for one, other in zip(earlier, later, strict=True)}
    assert found == {(p, y, p, y + lag) for p, y in keys if (p, y + lag) in keys}


def test_the_other_pixel_is_far_away_and_of_the_later_year() -> None:
    """Pairs whose pixel has nobody 100 px away fall out, and the seed fixes who stands against the others."""
    years = pixel_years(_codes(PIXEL), PIXEL, YEAR)
    earlier, later = pairs_of_lag(years, 5)
    triples = with_others(years, earlier, later)
    assert (years.year[triples.same] - years.year[triples.anchor] == 5).all()
    assert np.array_equal(years.pixel[triples.same], years.pixel[triples.anchor])
    assert np.array_equal(years.year[triples.other], years.year[triples.same])
    assert (np.abs(years.pixel[triples.other] - years.pixel[triples.anchor]) >= APART).all()
    assert set(years.pixel[triples.anchor].tolist()) == {0, 10, 20, 30, 40, 100, 110, 120, 130, 140}
    assert np.array_equal(triples.other, with_others(years, earlier, later).other)
    with pytest.raises(NothingFoundError, match="longer row"):
        with_others(years, earlier, later, apart=150)


def test_likeness_counts_levels() -> None:
    """Three levels of 72 that differ, one of them by two, leave 69 equal and 71 within one; cosine falls below 1."""
    codes = np.full((2, 12), 32_036, np.uint16)
    levels = codes_to_level_indices(codes).astype(int)
    levels[1, 0, 0] += 1
    levels[1, 5, 4] -= 1
    levels[1, 11, 2] += 2
    years = pixel_years(level_indices_to_codes(levels), [0, 0], [2001, 2002])
    one, other = np.array([0, 0]), np.array([1, 0])
    like = likeness(years, one, other)
    assert like.equal.tolist() == [69 / 72, 1]
    assert like.within_one.tolist() == [71 / 72, 1]


def test_codes_that_name_the_pixel_are_stable() -> None:
    """Codes that are the same every year have cosine 1 with themselves and less with another, at every lag."""
    years = pixel_years(_codes([pixel // 10 for pixel in PIXEL]), PIXEL, YEAR)
    found = {figure.key: figure for figure in figures(years, "made.up", dict.fromkeys(range(2001, 2013), "tm"))}
    for lag in LAGS:
        same, other = found[f"made.up.cosine.{lag}"], found[f"made.up.cosine_other.{lag}"]
        assert same.estimate.value == pytest.approx(1)
        assert same.n == 15 * (12 - lag)
        assert other.estimate.high < 1
        assert other.n == 10 * (12 - lag)
        assert found[f"made.up.equal.{lag}"].estimate.low == 1
        assert found[f"made.up.auc.{lag}"].estimate.value == 1
        gain = found[f"made.up.auc.{lag}"].estimate.value - found[f"made.up.auc_raw.{lag}"].estimate.value
        assert found[f"made.up.auc_gain.{lag}"].estimate.value == pytest.approx(gain)
    assert {figure.split for figure in found.values()} == {"dev"}


def test_neighbouring_years_are_told_apart_by_group() -> None:
    """A pair whose years are of two groups is neither of the one nor of the other."""
    codes = _codes([0 if year < 2005 else 1 for year in YEAR])
    groups = {year: "tm" if year < 2005 else "etm" for year in range(2001, 2013)}
    found = {f.key: f for f in figures(pixel_years(codes, PIXEL, YEAR), "made.up", groups)}
    assert [found[f"made.up.equal_{group}.1"].n for group in ("tm", "etm", CHANGED)] == [45, 105, 15]
    assert found["made.up.equal_tm.1"].estimate.value == found["made.up.equal_etm.1"].estimate.value == 1
    assert found[f"made.up.equal_{CHANGED}.1"].estimate.high < 1


def test_lags_that_a_row_does_not_have_are_left_out() -> None:
    """Three years have pairs of one and two years, and no figure of five or ten."""
    rows = [row for row, year in enumerate(YEAR) if year < 2004]
    years = pixel_years(_codes(PIXEL)[rows], [PIXEL[row] for row in rows], [YEAR[row] for row in rows])
    keys = [figure.key for figure in figures(years, "a.b", dict.fromkeys(range(2001, 2004), "tm"))]
    assert {key.rsplit(".", 1)[1] for key in keys} == {"1", "2"}
