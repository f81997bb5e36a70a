"""Identity: the other pixel is far away and of the same year, and codes that name the pixel win every time."""

import numpy as np
import pytest
from judged import pixel_years

from esd_tasks.encoder_tasks.identity import APART, draw_triples, scores
from stactools_esd.errors import NothingFoundError

PIXEL = [pixel for pixel in range(0, 150, 10) for _ in range(4)]
YEAR = [2001, 2002, 2003, 2004] * 15


def _years(apart: int = 150):
    codes = (np.array(PIXEL)[:, None] * 400 + np.arange(12) * 5 + 1).astype(np.uint16)
    return pixel_years(codes, PIXEL, YEAR)


def test_triples_follow_the_definition() -> None:
    """The same pixel in another year, against one at least 100 px away in that other year."""
    years = _years()
    triples = draw_triples(years)
    assert np.array_equal(years.pixel[triples.anchor], years.pixel[triples.same])
    assert (years.year[triples.anchor] != years.year[triples.same]).all()
    assert np.array_equal(years.year[triples.same], years.year[triples.other])
    assert (np.abs(years.pixel[triples.other] - years.pixel[triples.anchor]) >= APART).all()
    assert set(years.pixel[triples.anchor].tolist()) == {0, 10, 20, 30, 40, 100, 110, 120, 130, 140}


def test_codes_that_name_the_pixel_win() -> None:
    """Codes that are the same every year, and differ between pixels, score an AUC of 1; raw is judged beside them."""
    years = _years()
    compared = scores(years, draw_triples(years))
    assert compared["codes"].auc == 1
    assert set(compared) == {"codes", "raw", "raw_cosine"}


def test_a_short_row_is_an_error() -> None:
    """Where no pixel has another 100 px away nothing can be judged."""
    with pytest.raises(NothingFoundError, match="longer row"):
        draw_triples(pixel_years(np.ones((4, 12), dtype=np.uint16), [0, 0, 9, 9], [2001, 2002, 2001, 2002]))
