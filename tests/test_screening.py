"""Land, snow and clouds over several years."""

import numpy as np
import pytest

from stactools_esd.screening import CLEAR, CLOUD, MISSING, SNOW, judge

MEADOW = np.array([0.04, 0.07, 0.05, 0.40, 0.22, 0.12], np.float32)
WHITE = np.array([0.60, 0.58, 0.60, 0.62, 0.11, 0.10], np.float32)


def series(days: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """One pixel of meadow on some days."""
    return np.broadcast_to(MEADOW, (1, len(days), 6)).copy(), np.array(days)


def test_missing_is_missing() -> None:
    """A date without any band is neither land nor cloud; one band is enough to be an observation."""
    values, days = series([0, 10, 20])
    values[0, 0] = np.nan
    values[0, 1, 1:] = np.nan
    assert judge(values, days, seasonal=True)[0].tolist() == [MISSING, CLEAR, CLEAR]


def test_a_cloud_of_ice_in_summer_is_no_snow() -> None:
    """White among green observations of its season is a cloud, though its spectrum is that of snow."""
    values, days = series(list(range(0, 365, 8)))
    values[0, 20] = WHITE
    assert judge(values, days, seasonal=True)[0, 20] == CLOUD
    assert judge(values, days, seasonal=False)[0, 20] == SNOW


def test_snow_of_winter_is_snow() -> None:
    """White beside white of the same season stays, and so do the green dates of summer."""
    values, days = series(list(range(0, 365, 8)))
    values[0, [0, 1, 2, 3, 4, 42, 43, 44, 45]] = WHITE
    kind = judge(values, days, seasonal=True)[0]
    assert (kind[[0, 1, 2, 3, 4, 42, 43, 44, 45]] == SNOW).all()
    assert (kind[5:42] == CLEAR).all()


def test_other_years_bear_witness() -> None:
    """A single white date in winter is snow where other winters are white, and cloud where they are green."""
    days = [day + 365 * year for year in range(4) for day in range(0, 365, 16)]
    green, when = series(days)
    green[0, 23 * 3] = WHITE
    assert judge(green, when, seasonal=True)[0, 23 * 3] == CLOUD
    white = green.copy()
    for year in range(3):
        white[0, 23 * year : 23 * year + 3] = WHITE
    assert judge(white, when, seasonal=True)[0, 23 * 3] == SNOW


def test_with_too_few_witnesses_white_is_snow() -> None:
    """With fewer than three observations of the season there is nothing to go by."""
    values, days = series([20, 30, 200])
    values[0, 1] = WHITE
    assert judge(values, days, seasonal=True)[0, 1] == SNOW


@pytest.mark.parametrize("year", [0, 3])
def test_clouds_are_judged_by_their_own_months(year: int) -> None:
    """Neighbours are near in time, not in season: a bright autumn of another year makes no cloud clear."""
    days = [day + 365 * each for each in range(4) for day in range(0, 365, 8)]
    values, when = series(days)
    place = 46 * year + 20
    others = [46 * each + 20 + step for each in range(4) if each != year for step in (-1, 0, 1)]
    values[0, others] = MEADOW + 0.3
    values[0, place] = MEADOW + 0.3
    kind = judge(values, when, seasonal=True)[0]
    assert kind[place] == CLOUD


def test_pixels_are_judged_alone() -> None:
    """Company and order change nothing, and days may differ from pixel to pixel."""
    rng = np.random.default_rng(0)
    values = (MEADOW * rng.lognormal(0, 0.2, (20, 60, 1))).astype(np.float32)
    values[rng.random((20, 60)) < 0.1] = WHITE
    values[rng.random((20, 60)) < 0.2] = np.nan
    days = np.sort(rng.integers(0, 1000, (20, 60)), axis=1)
    together = judge(values, days, seasonal=True)
    assert set(np.unique(together)) == {MISSING, CLEAR, SNOW, CLOUD}
    for row in range(20):
        np.testing.assert_array_equal(judge(values[[row]], days[row], seasonal=True)[0], together[row])
