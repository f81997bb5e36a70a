"""Guidance by a coarse sensor."""

import numpy as np
import pytest
from test_seamless_process import MEADOW, WINDOW, noisy

from stactools_esd.cases import collect
from stactools_esd.covariance import MEAN, NOISE_SCALE
from stactools_esd.errors import ObservationsError
from stactools_esd.guide import SHARE, Guide, draw_curves
from stactools_esd.pixel_series import PixelSeries
from stactools_esd.screening import CLEAR
from stactools_esd.seamless import fill_process
from stactools_esd.temporal_context import CONTEXTS, TemporalContext, span

START = WINDOW.days[0]
SUMMER = np.arange(150, 230)


def land(day: np.ndarray, *, cut: bool = True) -> np.ndarray:
    """A meadow with seasons (.., 6), mown in the summer of the window, which no other year tells of."""
    season = np.cos(2 * np.pi * (day - 200) / 365.25)
    mown = 0.12 * np.exp(-(((day - 190) / 18.0) ** 2)) if cut else 0.0 * day
    values = MEADOW * (1 + 0.3 * season[..., None])
    values[..., 3] -= mown
    values[..., 2] += mown / 4
    return values.astype(np.float32)


def observed(days: np.ndarray, *, pixels: int = 4, cut: bool = True, seed: int = 1) -> PixelSeries:
    """Pixels of that meadow with a little noise."""
    noise = np.random.default_rng(seed).normal(1, 0.03, (pixels, len(days), 6))
    return PixelSeries(dates=START + days, reflectance=(land(days, cut=cut) * noise).astype(np.float32))


def fine(*, cut: bool = True) -> PixelSeries:
    """Three years, every 12 days but for the summer of the window."""
    days = np.arange(-720, 365, 12)
    return observed(days[(days < SUMMER[0]) | (days > SUMMER[-1])], cut=cut)


def guided_by(series: PixelSeries, context: TemporalContext = "past", pixels: int = 4) -> Guide:
    """The guide of pixels that all lie in the first coarse one."""
    curves, first = draw_curves(series, WINDOW, context)
    return Guide(curves=curves, first=first, row=np.zeros(pixels, np.intp))


COARSE = observed(np.arange(-720, 365, 4), pixels=1, seed=2)


@pytest.mark.parametrize("context", CONTEXTS)
def test_half_of_what_the_dates_do_not_say_is_taken_over(context: TemporalContext) -> None:
    """The fit moves by half of the difference between the curve and the curve's own fit at the pixel's dates."""
    series, guide = fine(), guided_by(COARSE, context)
    days = np.clip((series.dates - START).astype(int) - guide.first, 0, guide.curves.shape[1] - 1)
    said = fill_process(
        PixelSeries(dates=series.dates, reflectance=guide.curves[:, days]), WINDOW, context=context
    ).reflectance
    plain = fill_process(series, WINDOW, context=context).reflectance
    helped = fill_process(series, WINDOW, context=context, guide=guide).reflectance
    unsaid = guide.curves[:, -guide.first :][:, :365] - said
    assert np.abs(unsaid[0, SUMMER, 3]).max() > 0.02
    np.testing.assert_allclose((helped - plain).mean(axis=0), SHARE * unsaid[0], atol=0.008)


def test_a_guide_shows_what_fell_into_a_gap() -> None:
    """A mowing that no date saw is nearer with a guide, and days between observations stay nearly as they were."""
    plain, helped = (fill_process(fine(), WINDOW, guide=guide).reflectance for guide in (None, guided_by(COARSE)))
    error, better = (np.abs(each - land(np.arange(365)))[:, :, 3].mean(axis=0) for each in (plain, helped))
    assert error[190] > 0.08
    assert better[190] < 0.7 * error[190]
    assert better[SUMMER].mean() < 0.8 * error[SUMMER].mean()
    assert np.abs(helped - plain)[:, :120].mean() < 0.005


def test_a_guide_that_says_nothing_changes_nothing() -> None:
    """No band known, or what was expected anyway: the same bits as without a guide."""
    plain = fill_process(fine(), WINDOW).reflectance
    nothing = np.full((1, 5 * 365, 6), np.nan, np.float32)
    guide = Guide(curves=nothing, first=-4 * 365, row=np.zeros(4, np.intp))
    np.testing.assert_array_equal(fill_process(fine(), WINDOW, guide=guide).reflectance, plain)
    expected = np.broadcast_to(MEAN.astype(np.float32), nothing.shape)
    guide = Guide(curves=expected, first=-4 * 365, row=np.zeros(4, np.intp))
    np.testing.assert_allclose(fill_process(fine(), WINDOW, guide=guide).reflectance, plain, atol=1e-6)


def test_a_guide_that_misleads_is_not_followed() -> None:
    """Where a pixel's own dates are foretold better without, it is filled without, to the bit; its neighbour is not."""
    series = fine(cut=False)
    plain = fill_process(series, WINDOW).reflectance
    wild = np.random.default_rng(0).normal(0.3, 0.2, (365 * 5, 6)).astype(np.float32)
    days = np.arange(-4 * 365, 365)
    guide = Guide(curves=np.stack([wild, land(days)]), first=-4 * 365, row=np.array([0, 0, 1, 1]))
    helped = fill_process(series, WINDOW, guide=guide).reflectance
    np.testing.assert_array_equal(helped[:2], plain[:2])
    assert not np.array_equal(helped[2:], plain[2:])


def test_taking_a_share_off_and_giving_it_back_leaves_what_was_there() -> None:
    """Bands that are unknown are not touched, and known ones come back."""
    days = np.arange(0, 365, 5)
    series = observed(days)
    guide = guided_by(COARSE)
    guide.curves[:, :, 5] = np.nan
    own = np.tile(days, (4, 1)).astype(np.int64)
    cases = collect(series.reflectance, own, np.full(own.shape, CLEAR, np.uint8), 60)
    led = guide.lean(cases)
    np.testing.assert_array_equal(led.values[:, 5], cases.values[:, 5])
    out = np.zeros((4, 365, 6), np.float32)
    out[:, cases.days[0]] = (MEAN + NOISE_SCALE * led.values.transpose(0, 2, 1)).astype(np.float32)
    guide.add(cases, out)
    back = np.take_along_axis(series.reflectance, np.searchsorted(days, cases.days)[:, :, None], axis=1)
    np.testing.assert_allclose(out[:, cases.days[0]], back, atol=1e-6)


def test_pixels_are_guided_alike_alone_and_in_company() -> None:
    """Order and company change no bit."""
    series, coarse = noisy(5), observed(np.arange(-365, 730, 8), pixels=2)
    curves, first = draw_curves(coarse, WINDOW, "past")
    row = np.array([0, 1, 0, 1, 1, 0])
    together = fill_process(series, WINDOW, guide=Guide(curves=curves, first=first, row=row), details=True)
    order = np.array([3, 1, 5, 0, 4, 2])
    shuffled = fill_process(
        PixelSeries(dates=series.dates, reflectance=series.reflectance[order]),
        WINDOW,
        guide=Guide(curves=curves, first=first, row=row).take(order),
        details=True,
    )
    for name in ("reflectance", "clear_obs", "nearest", "error"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(together, name)[order])


@pytest.mark.parametrize("context", CONTEXTS)
def test_curves_are_of_the_years_of_the_context(context: TemporalContext) -> None:
    """They begin and end where it does, and what lies outside changes nothing."""
    curves, first = draw_curves(COARSE, WINDOW, context)
    days = [(np.datetime64(day) - START).astype(int) for day in span(WINDOW, context)]
    assert [first, first + curves.shape[1] - 1] == days
    far = np.concatenate([[days[0] - 1], np.arange(-720, 365, 4), [days[1] + 1]])
    values = np.concatenate([np.ones((1, 1, 6)), COARSE.reflectance, np.ones((1, 1, 6))], axis=1)
    order = np.argsort(far, kind="stable")
    more = PixelSeries(dates=START + far[order], reflectance=values[:, order].astype(np.float32))
    np.testing.assert_array_equal(draw_curves(more, WINDOW, context)[0], curves)


def test_curves_follow_composites_not_single_clouds() -> None:
    """One bright day among the dates of eight moves a curve little; the land stays within two hundredths."""
    days = np.arange(-365, 365, 2)
    series = observed(days, pixels=1)
    series.reflectance[0, ::9] += 0.3
    curves, first = draw_curves(series, WINDOW, "past")
    assert np.abs(curves[0, -first:] - land(np.arange(365))).mean() < 0.02


def test_a_band_unseen_in_the_window_is_unknown() -> None:
    """Other years tell nothing of this one: no curve where the sensor saw nothing within the window."""
    days = np.arange(-720, 365, 8)
    series = observed(days, pixels=2)
    series.reflectance[1, days >= -8] = np.nan
    series.reflectance[0, :, 4] = np.nan
    curves, _ = draw_curves(series, WINDOW, "past")
    known = np.isfinite(curves)
    np.testing.assert_array_equal(known.all(axis=1), known.any(axis=1))
    np.testing.assert_array_equal(known[:, 0], [[True] * 4 + [False, True], [False] * 6])


def test_guides_that_do_not_fit_are_refused() -> None:
    """Curves of another window, of another context, or for other pixels."""
    curves = np.zeros((1, 365, 6), np.float32)
    with pytest.raises(ObservationsError, match="draw them for the window"):
        Guide(curves=curves, first=1, row=np.zeros(4, np.intp))
    with pytest.raises(ObservationsError, match="draw them for the window"):
        Guide(curves=curves, first=0, row=np.ones(4, np.intp))
    with pytest.raises(ObservationsError, match="draw it for the same window and context"):
        fill_process(fine(), WINDOW, context="past", guide=Guide(curves=curves, first=0, row=np.zeros(4, np.intp)))
