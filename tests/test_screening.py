"""Land, snow and clouds over several years."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def condemned(i: int, days: np.ndarray, blues: np.ndarray, nirs: np.ndarray, keep: np.ndarray) -> bool:
    """The rule for one observation, word for word, in NumPy."""
    for reach in (45, 90, 180):
        near = keep & (np.abs(days - days[i]) <= reach) & (np.arange(len(days)) != i)
        if near.sum() >= 3:
            break
    else:
        return False
    blue, nir = np.median(blues[near]), nirs[near][~np.isnan(nirs[near])]
    scaled = 3.5 * 1.4826 * np.median(np.abs(blues[near] - blue))
    cloud = blues[i] - blue > max(scaled, 0.025)
    if len(nir) < 3 or not blues[i] < blue + 0.01:
        return cloud
    return cloud or (nirs[i] < 0.6 * np.median(nir) and np.median(nir) - nirs[i] > 0.06)


def plain(series: np.ndarray, days: np.ndarray) -> np.ndarray:
    """`judge` of one pixel (t, 6), all that is white being snow, in NumPy."""
    wide = series.astype(np.float64)
    green, nir, swir = wide[:, 1], wide[:, 3], wide[:, 4]
    snow = (green > 0.12) & (nir > 0.11) & (green - swir > 0.4 * (green + swir))
    kind = np.where(np.isnan(series).all(axis=1), MISSING, np.where(snow, SNOW, CLEAR))
    keep = (kind == CLEAR) & ~np.isnan(series[:, 0])
    for _ in range(2):
        gone = [i for i in np.flatnonzero(keep) if condemned(i, days, wide[:, 0], nir, keep)]
        keep[gone] = False
        kind[gone] = CLOUD
    return kind


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 60),
    span=st.sampled_from([30, 365, 2000]),
    digits=st.integers(1, 4),
    amplitude=st.sampled_from([0.02, 0.1, 0.4]),
)
def test_screening_is_the_rule(seed: int, count: int, span: int, digits: int, amplitude: float) -> None:
    """Whatever is skipped because it cannot be cloud or shadow: the result is that of the rule as it is written.

    Rounded values make ties and differences that lie just on a limit; dates may coincide, bands may be missing.
    """
    rng = np.random.default_rng(seed)
    days = np.sort(rng.integers(0, span, count))
    values = MEADOW * rng.uniform(0.2, 1.3, (count, 1)) + rng.uniform(0, amplitude, (count, 6)) ** 2
    values = values.round(digits).astype(np.float32)
    values[rng.random(count) < 0.1] = WHITE
    values[rng.random((count, 6)) < 0.1] = np.nan
    values[rng.random(count) < 0.1] = np.nan
    found = judge(values[None], days, seasonal=False)[0]
    np.testing.assert_array_equal(found, plain(values, days))


def test_half_of_the_others_decide() -> None:
    """Of an even number of others the median lies between the middle two: the darker half alone may make a cloud."""
    values, days = series([0, 10, 20, 30, 40])
    values[0, :, 0] = [0.050, 0.058, 0.080, 0.058, 0.050]
    found = judge(values, days, seasonal=False)[0]
    np.testing.assert_array_equal(found, plain(values[0], days))
    assert found.tolist() == [CLEAR, CLEAR, CLOUD, CLEAR, CLEAR]


def test_the_rule_finds_clouds_and_shadows_in_what_it_is_tried_on() -> None:
    """Series of the property above hold a good share of each kind, so that it says something."""
    rng = np.random.default_rng(0)
    days = np.sort(rng.integers(0, 365, 60))
    values = (MEADOW * rng.uniform(0.2, 1.3, (60, 1)) + rng.uniform(0, 0.4, (60, 6)) ** 2).astype(np.float32)
    kind = plain(values, days)
    assert 5 < (kind == CLOUD).sum() < 30
    assert (values[kind == CLOUD, 0] < 0.04).any(), "no shadow"
