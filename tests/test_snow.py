"""Days of snow in filled pixel-years."""

import numpy as np

from stactools_esd.screening import CLEAR, CLOUD, MISSING, SNOW
from stactools_esd.snow import FADE, GAP, HOLD, lay_snow

LAND = 0.1


def lay(days: list[int], kinds: list[int], values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Lay observations of one pixel over a year of land; returns green and the days laid."""
    series = np.broadcast_to(np.array(values, np.float32)[:, None], (1, len(days), 6)).copy()
    filled = np.full((1, 365, 6), LAND, np.float32)
    laid = lay_snow(series, np.array([days]), np.array([kinds], np.uint8), filled)
    return filled[0, :, 1], laid[0]


def test_between_two_observations_of_snow_lies_a_straight_line() -> None:
    """Snow until snow, whatever the process made of it; a cloud between them is not asked."""
    green, laid = lay([10, 20, 50, 300], [SNOW, CLOUD, SNOW, CLEAR], [0.6, 0.9, 0.8, 0.1])
    np.testing.assert_allclose(green[10:51], np.linspace(0.6, 0.8, 41), atol=1e-6)
    assert laid[10:51].all()
    assert not laid[50 + FADE :].any()


def test_towards_land_snow_fades_evenly() -> None:
    """Between snow and land the share of snow falls from one to nothing, and less than half of it is no snow."""
    green, laid = lay([80, 100, 120], [SNOW, SNOW, CLEAR], [0.7, 0.7, 0.1])
    np.testing.assert_allclose(green[100:121], np.linspace(0.7, LAND, 21), atol=1e-6)
    assert np.flatnonzero(laid).tolist() == list(range(80 - HOLD, 110))
    green, _ = lay([80, 100], [CLEAR, SNOW], [0.1, 0.7])
    np.testing.assert_allclose(green[80:101], np.linspace(LAND, 0.7, 21), atol=1e-6)


def test_snow_does_not_last_for_ever() -> None:
    """Where the next observation is far away snow fades in some days, and where there is none it ends."""
    green, _ = lay([100, 300], [SNOW, CLEAR], [0.7, 0.1])
    assert np.flatnonzero(green > LAND + 1e-6).tolist() == list(range(100 - HOLD, 100 + FADE))
    green, _ = lay([10, 200], [CLEAR, SNOW], [0.1, 0.7])
    assert np.flatnonzero(green > LAND + 1e-6).tolist() == list(range(200 - FADE + 1, 200 + HOLD + 1))


def test_a_summer_between_two_winters_is_not_snow() -> None:
    """Two observations of snow further apart than a winter are not joined."""
    green, _ = lay([90, 90 + GAP + 1, 360], [SNOW, SNOW, CLEAR], [0.7, 0.5, 0.1])
    assert (green[90 + FADE : 90 + GAP + 1 - FADE] == np.float32(LAND)).all()
    assert green[90] == np.float32(0.7)
    assert green[90 + GAP + 1] == np.float32(0.5)


def test_where_only_snow_was_seen_there_is_no_gap() -> None:
    """A glacier has no land to return to: lines between its observations, and the ends constant."""
    green, laid = lay([150, 350], [SNOW, SNOW], [0.6, 0.8])
    assert laid.all()
    np.testing.assert_allclose(green[[0, 150, 250, 350, 364]], [0.6, 0.6, 0.7, 0.8, 0.8], atol=1e-6)


def test_snow_of_other_years_reaches_into_the_window() -> None:
    """An observation of snow just before the window speaks for its first days."""
    green, _ = lay([-5, 15, 200], [SNOW, SNOW, CLEAR], [0.6, 0.8, 0.1])
    assert abs(green[0] - 0.65) < 1e-6
    assert green[365 - 1] == np.float32(LAND)


def test_a_band_that_snow_lacks_is_left_alone() -> None:
    """What was not observed is not laid; the other end of the line stands in where it has the band."""
    series = np.full((1, 3, 6), 0.6, np.float32)
    series[0, 0, 2] = np.nan
    series[0, :, 5] = np.nan
    filled = np.full((1, 365, 6), LAND, np.float32)
    lay_snow(series, np.array([[10, 20, 200]]), np.array([[SNOW, SNOW, CLEAR]], np.uint8), filled)
    assert (filled[0, 10:21, 2] == np.float32(0.6)).all()
    assert (filled[0, :, 5] == np.float32(LAND)).all()


def test_nothing_happens_without_snow() -> None:
    """Pixels without snow keep every bit."""
    filled = np.random.default_rng(0).random((3, 365, 6)).astype(np.float32)
    before = filled.copy()
    kind = np.array([[CLEAR, MISSING]] * 3, np.uint8)
    assert not lay_snow(np.ones((3, 2, 6), np.float32), np.zeros((3, 2), np.int64), kind, filled).any()
    np.testing.assert_array_equal(filled, before)
