"""Which observations and bands are fitted together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stactools_esd.cases import collect
from stactools_esd.covariance import MEAN, NOISE_SCALE
from stactools_esd.screening import CLEAR, CLOUD, MISSING, SNOW


def series(days: list[int], pixels: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reflectance that tells its date and band, days, and kinds, all clear."""
    t = len(days)
    values = 0.01 * np.arange(t)[:, None] + 0.001 * np.arange(6)
    return (
        np.broadcast_to(values, (pixels, t, 6)).astype(np.float32),
        np.broadcast_to(np.array(days), (pixels, t)).copy(),
        np.full((pixels, t), CLEAR, np.uint8),
    )


def test_bands_with_the_same_dates_are_one_case() -> None:
    """A pixel with all bands on all dates is one case, standardised."""
    values, days, kind = series([-40, 10, 200])
    cases = collect(values, days, kind)
    assert cases.pixel.tolist() == [0]
    assert cases.bands.all()
    assert cases.days[0].tolist() == [-40, 10, 200]
    np.testing.assert_allclose(cases.values[0].T * NOISE_SCALE + MEAN, values[0], atol=1e-7)


def test_bands_with_other_dates_are_other_cases_and_lost_bands_none() -> None:
    """Bands part by their dates; a band that was never seen belongs to no case; nothing of a date is thrown away."""
    values, days, kind = series([0, 100, 200], pixels=2)
    values[1, 1, [0, 4]] = np.nan
    values[1, :, 5] = np.nan
    cases = collect(values, days, kind)
    assert cases.pixel.tolist() == [0, 1, 1]
    assert [np.flatnonzero(bands).tolist() for bands in cases.bands] == [[0, 1, 2, 3, 4, 5], [0, 4], [1, 2, 3]]
    assert cases.count.tolist() == [3, 2, 3]
    assert cases.days[1, :2].tolist() == [0, 200]


def test_only_the_clear_are_used() -> None:
    """Snow, clouds and missing dates are not fitted; a pixel without clear dates is no case."""
    values, days, kind = series([0, 50, 100, 150], pixels=2)
    kind[0] = [CLEAR, SNOW, CLOUD, MISSING]
    kind[1] = SNOW
    cases = collect(values, days, kind)
    assert cases.pixel.tolist() == [0]
    assert cases.days[0, : cases.count[0]].tolist() == [0]


@given(st.lists(st.integers(-1500, 1500), min_size=1, max_size=40, unique=True), st.integers(1, 20))
def test_the_cap_keeps_the_nearest_to_the_middle(days: list[int], cap: int) -> None:
    """No date that was left out lies nearer to the middle of the window than one that was kept."""
    values, when, kind = series(sorted(days))
    cases = collect(values, when, kind, cap)
    kept = cases.days[0, : cases.count[0]].tolist()
    assert len(kept) == min(cap, len(days))
    assert kept == sorted(kept)
    left_out = set(days) - set(kept)
    assert max(abs(day - 182) for day in kept) <= min((abs(day - 182) for day in left_out), default=10**6)


@given(st.lists(st.lists(st.integers(-500, 800), min_size=1, max_size=15, unique=True), min_size=1, max_size=4))
def test_within_window_keeps_exactly_the_year(pixels: list[list[int]]) -> None:
    """The year alone holds the observations of the days 0 to 364 with their values, and nothing beyond its count."""
    size = max(len(days) for days in pixels)
    values, when, kind = series(list(range(size)), pixels=len(pixels))
    for pixel, days in enumerate(pixels):
        when[pixel] = sorted(days) + [max(days)] * (size - len(days))
        kind[pixel, len(days) :] = MISSING
    cases = collect(values, when, kind)
    year = cases.within_window()
    for row, days in enumerate(pixels):
        inside = [place for place, day in enumerate(sorted(days)) if 0 <= day < 365]
        count = year.count[row]
        assert year.days[row, :count].tolist() == [sorted(days)[place] for place in inside]
        np.testing.assert_array_equal(year.values[row, :, :count], cases.values[row][:, inside])
        assert (year.values[row, :, count:] == 0).all()
        assert cases.inside[row].sum() == count
