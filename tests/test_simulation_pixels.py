"""Simulated pixel-years: canopy, seasons, weather and observation."""

import hashlib
import itertools

import numpy as np
import pytest

from stactools_esd.errors import ObservationsError
from stactools_esd.simulation import (
    CLASS_NAMES,
    PHENOLOGY,
    Landscape,
    SimulatedPixels,
    observe,
    observe_daily,
    simulate_pixels,
)
from stactools_esd.simulation.canopy import sunlit_share, two_stream
from stactools_esd.simulation.phenology import leaf_area
from stactools_esd.simulation.sun import illumination, sun_position
from stactools_esd.simulation.weather import simulate_weather


@pytest.fixture(scope="module")
def pixels() -> SimulatedPixels:
    """Four thousand pixel-years of all classes."""
    return simulate_pixels(4000, 11)


def summer(pixels: SimulatedPixels, name: str) -> np.ndarray:
    """Median July-August spectrum of the northern pixels of a class."""
    chosen = (pixels.class_id == CLASS_NAMES.index(name)) & (pixels.latitude > 0)
    return np.median(pixels.clean[chosen][:, 185:235].reshape(-1, 6), axis=0)


def test_shapes_types_and_range(pixels: SimulatedPixels) -> None:
    """Series are complete, positive `float32` and no brighter than fresh snow on a sunny slope."""
    assert pixels.clean.shape == (4000, 365, 6)
    assert pixels.clean.dtype == np.float32
    assert np.isfinite(pixels.clean).all()
    assert 0 < pixels.clean.min() < pixels.clean.max() <= 1.2
    assert pixels.phenology.shape == (4000, len(PHENOLOGY))
    assert set(np.unique(pixels.class_id)) == set(range(len(CLASS_NAMES)))


def test_the_seed_decides_everything() -> None:
    """The same seed gives the same numbers, another one others."""
    first, again, other = simulate_pixels(50, 3), simulate_pixels(50, 3), simulate_pixels(50, 4)
    np.testing.assert_array_equal(first.clean, again.clean)
    np.testing.assert_array_equal(first.phenology, again.phenology)
    assert not np.array_equal(first.class_id, other.class_id)


def test_no_pixels_can_be_asked_for() -> None:
    """Zero pixels give empty arrays of the right shape."""
    assert simulate_pixels(0, 1).clean.shape == (0, 365, 6)


def test_class_probabilities_are_followed_and_checked() -> None:
    """Only classes with a chance appear; thirteen chances must sum to 1."""
    chances = np.zeros(13)
    chances[[2, 9]] = 0.5
    assert set(simulate_pixels(60, 1, chances).class_id.tolist()) == {2, 9}
    with pytest.raises(ObservationsError, match="13 that sum to 1"):
        simulate_pixels(60, 1, chances * 2)


@pytest.mark.parametrize(
    ("name", "band", "low", "high"),
    [
        ("evergreen needleleaf forest", 3, 0.18, 0.28),
        ("evergreen broadleaf forest", 3, 0.28, 0.38),
        ("deciduous forest", 3, 0.31, 0.42),
        ("deciduous forest", 2, 0.02, 0.04),
        ("deciduous forest", 4, 0.13, 0.19),
        ("grassland", 3, 0.30, 0.42),
        ("grassland", 0, 0.025, 0.05),
        ("water", 3, 0.01, 0.05),
        ("water", 1, 0.03, 0.07),
        ("impervious", 4, 0.18, 0.28),
        ("bare", 4, 0.18, 0.32),
        ("snow and ice", 0, 0.4, 0.8),
    ],
)
def test_summer_medians_look_like_real_ones(
    pixels: SimulatedPixels, name: str, band: int, low: float, high: float
) -> None:
    """Class medians lie where those of six-band surface reflectance do."""
    assert low < summer(pixels, name)[band] < high


def test_crops_reach_the_near_infrared_of_dense_leaves(pixels: SimulatedPixels) -> None:
    """At its peak a crop has near infrared above 0.38 and dark red."""
    crops = pixels.clean[pixels.class_id == CLASS_NAMES.index("single crop")]
    assert 0.38 < np.median(np.percentile(crops[:, :, 3], 97, axis=1)) < 0.62
    assert np.median(crops[:, :, 2].min(axis=1)) < 0.05


def test_southern_seasons_are_half_a_year_later(pixels: SimulatedPixels) -> None:
    """Deciduous forests of the south are green around the turn of the year."""
    forest = pixels.class_id == CLASS_NAMES.index("deciduous forest")
    for sign, season in ((1, slice(180, 230)), (-1, slice(0, 45))):
        chosen = forest & (sign * pixels.latitude > 33)
        ndvi = (pixels.clean[chosen, :, 3] - pixels.clean[chosen, :, 2]) / (
            pixels.clean[chosen, :, 3] + pixels.clean[chosen, :, 2]
        )
        assert np.median(ndvi[:, season]) > np.median(ndvi) + 0.05


def middle_day(days: np.ndarray) -> float:
    """Mean of days on the circle of the year."""
    return float(np.angle(np.exp(2j * np.pi * days[np.isfinite(days)] / 365).mean()) / (2 * np.pi) * 365 % 365)


@pytest.mark.parametrize("name", ["deciduous forest", "single crop", "grassland", "wetland"])
def test_the_truth_of_southern_seasons_is_half_a_year_later(pixels: SimulatedPixels, name: str) -> None:
    """Peaks and starts of season outside the tropics lie half a year apart between the hemispheres."""
    of_class = pixels.class_id == CLASS_NAMES.index(name)
    for column in (0, 1):
        north, south = (
            middle_day(pixels.phenology[of_class & (sign * pixels.latitude > 25), column]) for sign in (1, -1)
        )
        assert abs((south - north) % 365 - 182.5) < 40


def test_southern_winters_are_in_july() -> None:
    """Snow lies in July in the south, in January in the north."""
    for latitude, day in ((48, 15), (-48, 197)):
        place = np.full(200, latitude, np.float32), np.full(200, 900, np.float32)
        snow = simulate_weather(*place, np.random.default_rng(2)).snow.mean(axis=0)
        assert snow[day] > snow[(day + 182) % 365] + 0.2


# Hashes of values rounded to 0.001, none of which lies within 2e-6 of a rounding edge: other processors agree.
FROZEN_DAYS = np.arange(0, 365, 73)
FROZEN_PIXELS = "e1d3d7af4ae98cc4230c6f594d7946413ae24759f9ecbb35968bd709955bad0b"
FROZEN_LANDSCAPE = "e6d43b3ce757bbc700eb0fd3766d04a19c148531896dd229dd08ecb20cf8af20"


def frozen_hash(values: np.ndarray, *truth: np.ndarray) -> str:
    """Hash rounded reflectance and exact truth."""
    thousandths = values.astype(float) * 1000
    assert np.abs(thousandths % 1 - 0.5).min() > 1e-3
    digest = hashlib.sha256(np.rint(thousandths).astype("<i4").tobytes())
    for part in truth:
        digest.update(part.astype("<i4").tobytes())
    return digest.hexdigest()


def test_the_simulator_is_frozen() -> None:
    """A seed gives the pixels that encoders were trained on: to change them is to train anew and to say so."""
    pixels = simulate_pixels(50, 1523)
    assert frozen_hash(pixels.clean[:, FROZEN_DAYS], pixels.class_id) == FROZEN_PIXELS


def test_landscapes_are_frozen() -> None:
    """A seed gives the landscape that figures were made on."""
    landscape = Landscape(1079, size=(32, 32))
    clean = landscape.clean(2020, FROZEN_DAYS)[:, :, ::6, ::6]
    assert frozen_hash(clean, landscape.class_map(2020), landscape.change_map(2020)) == FROZEN_LANDSCAPE


def test_snow_persists(pixels: SimulatedPixels) -> None:
    """Where it snows in winter, snow comes and goes a few times, not from day to day."""
    weather = simulate_weather(np.full(300, 58, np.float32), np.full(300, 200, np.float32), np.random.default_rng(1))
    covered = weather.snow > 0.5
    days, spells = covered.sum(axis=1), (np.diff(covered.astype(int), axis=1) == 1).sum(axis=1)
    assert 20 < np.median(days) < 200
    assert np.median(spells) <= 6
    assert (weather.snow[:, 190:220] == 0).mean() > 0.95


def test_phenology_truth_orders_the_season(pixels: SimulatedPixels) -> None:
    """Start, peak and end follow each other round the year; they are NaN where nothing grows."""
    forest = pixels.phenology[pixels.class_id == CLASS_NAMES.index("deciduous forest")]
    start, peak, end = forest[:, :3].T
    assert (((peak - start) % 365) < ((end - start) % 365)).all()
    assert np.isnan(pixels.phenology[pixels.class_id == CLASS_NAMES.index("water"), :3]).all()
    assert np.isfinite(pixels.phenology[:, 3:]).all()


def test_terrain_is_nan_only_where_flat(pixels: SimulatedPixels) -> None:
    """Aspect is undefined exactly where the slope is 0."""
    elevation, slope, aspect = pixels.terrain.T
    np.testing.assert_array_equal(np.isnan(aspect), slope == 0)
    assert np.isfinite(elevation).all()


def test_two_stream_has_its_limits() -> None:
    """Without leaves the ground shows, deep canopies forget it, and no leaf or ground reflects more than it gets."""
    assert two_stream(0.0, 0.9, 0.3, 0.8) == 0.3
    assert two_stream(12.0, 0.8, 0.05, 0.8) == pytest.approx(two_stream(12.0, 0.8, 0.6, 0.8), abs=1e-3)
    # A canopy that absorbs nothing over a ground that absorbs nothing returns nearly all light.
    assert two_stream(3.0, 0.9999, 0.9999, 0.7) == pytest.approx(1.0, abs=0.01)
    for sun in (0.2, 0.5, 0.51, 0.9, 1.0):
        values = [two_stream(area, 0.9, 0.2, sun) for area in (0.1, 0.5, 1.0, 2.0, 4.0, 8.0)]
        assert all(a < b for a, b in itertools.pairwise(values))
        assert 0 < values[0] < values[-1] < 0.7


def test_crowns_shade_more_when_they_are_many_and_the_sun_is_low() -> None:
    """The sunlit share falls with leaf area and with the sun."""
    assert sunlit_share(0.0, 0.3, 0.8) == 1.0
    assert sunlit_share(4.0, 0.3, 0.8) < sunlit_share(1.0, 0.3, 0.8)
    assert sunlit_share(4.0, 0.3, 0.4) < sunlit_share(4.0, 0.3, 0.8)


def test_the_year_of_leaves_is_circular() -> None:
    """A season that starts in November goes on in January without a jump."""
    cycles = np.zeros((1, 1, 8), np.float32)
    cycles[0, 0] = [310, 460, 0.08, 0.08, 3.0, 0.5, 30, 0.2]
    none = np.zeros(1, np.float32)
    days = np.arange(365, dtype=np.float32)
    mowings = np.full((1, 1), np.nan, np.float32)
    green, brown = leaf_area(days, cycles=cycles, evergreen=none, wood=none, mowings=mowings)
    assert green[0, 20] > 2.8
    assert green[0, 200] < 0.1
    assert abs(green[0, 0] - green[0, 364]) < 0.05
    assert brown[0, 105] > 0.5
    mowings[0, 0] = 20
    assert leaf_area(days, cycles=cycles, evergreen=none, wood=none, mowings=mowings)[0][0, 20] < 0.3 * green[0, 20]


def test_the_sun_stands_in_the_south_east_of_the_north() -> None:
    """At a quarter past ten the sun is south-east in Europe and north-east in Argentina, higher in summer."""
    cos_sun, azimuth = sun_position(np.array([51, -35], np.float32), np.array([10, 172], np.float32))
    assert cos_sun[0, 1] > cos_sun[0, 0] + 0.4
    assert (np.degrees(azimuth[0]) > 90).all()
    assert (np.degrees(azimuth[0]) < 180).all()
    assert (np.degrees(azimuth[1]) > 0).all()
    assert (np.degrees(azimuth[1]) < 90).all()


def test_slopes_towards_the_sun_are_brighter() -> None:
    """A slope to the sun is bright, one away from it dark, flat ground as it is."""
    terrain = np.array([[0, 20, 145], [0, 20, 325], [0, 0, np.nan]], np.float32)
    sun = np.full((3, 1), 0.6, np.float32), np.full((3, 1), np.deg2rad(145), np.float32)
    towards, away, flat = illumination(terrain, *sun)[:, 0]
    assert towards > 1.1
    assert away < 0.9
    assert flat == pytest.approx(1)


def test_observing_leaves_gaps_and_little_noise(pixels: SimulatedPixels) -> None:
    """About half of the passes are lost to clouds; most others are within a few hundredths of the truth."""
    clean = pixels.clean[:500]
    seen = observe(clean, 5)
    count = np.isfinite(seen[:, :, 0]).sum(axis=1)
    assert 15 < np.median(count) < 30
    assert count.max() <= 46
    np.testing.assert_array_equal(np.isnan(seen).any(axis=2), np.isnan(seen).all(axis=2))
    assert np.nanmedian(np.abs(seen - clean)) < 0.01
    np.testing.assert_array_equal(observe(clean, 5), seen)
    assert np.isfinite(observe(clean, 5, cloudiness=0.1)).sum() > 1.4 * np.isfinite(seen).sum()


def test_daily_observation_has_no_gaps(pixels: SimulatedPixels) -> None:
    """The daily form is complete; without noise it is the truth."""
    clean = pixels.clean[:200]
    seen = observe_daily(clean, 5)
    assert np.isfinite(seen).all()
    assert 0.001 < np.abs(seen - clean).mean() < 0.02
    np.testing.assert_allclose(observe_daily(clean, 5, level=0.0), clean, atol=1e-6)


@pytest.mark.parametrize("form", [observe, observe_daily])
def test_observing_needs_daily_series(form: object) -> None:
    """Series of another length are refused."""
    assert callable(form)
    with pytest.raises(ObservationsError, match=r"expected \(n, 365, 6"):
        form(np.zeros((2, 73, 6), np.float32), 1)
