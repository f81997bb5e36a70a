"""Change: which years are compared, and that a clearing that codes see scores above years without one."""

import numpy as np
import pytest
from judged import pixel_years

from esd_tasks.encoder_tasks.change import find_pairs, scores
from stactools_esd.errors import NothingFoundError

PIXEL = [pixel for pixel in range(4) for _ in range(5)]
YEAR = [year for _ in range(4) for year in range(2011, 2016)]
DETECTION = np.array(["2014-07-01", "2015-09-01", "NaT", "2012-07-01"], dtype="datetime64[D]")
UNTOUCHED = np.array([False, False, True, False])


def _codes() -> np.ndarray:
    codes = np.full((20, 12), 11_111, dtype=np.uint16)
    codes[[4, 9]] = 63_000  # 2015 of the two pixels with an event
    return codes


def test_pairs_stand_on_both_sides_of_an_event() -> None:
    """Events pair 2013 with 2015; without one stand 2011 with 2013 of the same pixels, and 2013 with 2015 of forest."""
    years = pixel_years(_codes(), PIXEL, YEAR)
    pairs = find_pairs(years, DETECTION, UNTOUCHED)
    found = {
        (int(years.pixel[a]), int(years.year[a]), int(years.year[b]), bool(event))
        for a, b, event in zip(pairs.before, pairs.after, pairs.event, strict=True)
    }
    assert found == {
        (0, 2013, 2015, True),
        (1, 2013, 2015, True),
        (0, 2011, 2013, False),
        (1, 2011, 2013, False),
        (2, 2013, 2015, False),
    }
    assert pairs.untouched.sum() == 1


def test_a_change_of_codes_is_found() -> None:
    """Codes that change with the event alone score an AUC of 1."""
    years = pixel_years(_codes(), PIXEL, YEAR)
    compared = scores(years, find_pairs(years, DETECTION, UNTOUCHED))
    assert compared["codes"].auc == 1
    assert set(compared) == {"codes", "raw", "ndvi"}


def test_no_event_in_reach_is_an_error() -> None:
    """A set without detections in its last two years cannot be judged."""
    with pytest.raises(NothingFoundError, match="last two years"):
        find_pairs(pixel_years(_codes(), PIXEL, YEAR), np.full(4, np.datetime64("2003-01-01")), UNTOUCHED)
