"""Ways of filling gaps: their names, and the years that they read."""

from datetime import date

import numpy as np
import pytest
from tiny_images import YEAR_2020, observations

from stactools_esd.errors import ObservationsError, UsageError
from stactools_esd.fusion import FILLS, Fusion, fusion
from stactools_esd.observations import YearWindow
from stactools_esd.seamless import FUSION, prepare, prepare_process
from stactools_esd.temporal_context import CONTEXTS, DEFAULT_CONTEXT, span

ALL = (fusion(), *(fusion("gp", context) for context in CONTEXTS))


def test_every_way_has_a_name_of_its_own() -> None:
    """Codes are compared by the name, so no two ways share one; straight lines keep theirs."""
    assert len({way.name for way in ALL}) == 4
    assert fusion().name == FUSION
    assert {way.fill for way in ALL} == set(FILLS)


@pytest.mark.parametrize("way", ALL, ids=lambda way: way.name)
def test_images_of_the_span_are_read_and_no_others(way: Fusion) -> None:
    """The first and the last day of the span are in, the days beside them are not, and a day twice is in twice."""
    window = YearWindow(year=2020, start=date(2020, 7, 1))
    first, last = way.span(window)
    assert (first, last) == span(window, way.context)
    days = np.array([first, first, last], "datetime64[D]")
    dates = np.sort(np.concatenate([days, [days[0] - 1, days[2] + 1]]))
    assert way.positions(dates, window) == (1, 2, 3)


def test_the_default_context_is_the_measured_one() -> None:
    """The Gaussian process looks where `temporal_context` says; straight lines look at one year only."""
    assert fusion("gp").context == DEFAULT_CONTEXT
    assert fusion("linear").context == "year"
    assert fusion("linear", "year") == fusion()


def test_impossible_ways_are_refused() -> None:
    """An unknown fill or context, and straight lines through other years."""
    with pytest.raises(UsageError, match="got fill 'cubic'"):
        fusion("cubic")
    with pytest.raises(ObservationsError, match="got temporal context 'future'"):
        fusion("gp", "future")
    with pytest.raises(UsageError, match=r"past.*--fill gp"):
        fusion("linear", "past")


def test_each_way_prepares_as_its_function_does() -> None:
    """Filling is that of `seamless`."""
    images, _ = observations(3, 4)
    for got, expected in zip(fusion().prepare(images, YEAR_2020), prepare(images, YEAR_2020), strict=True):
        np.testing.assert_array_equal(got, expected)
    for context in CONTEXTS:
        series, clear = fusion("gp", context).prepare(images, YEAR_2020)
        made = prepare_process(images, YEAR_2020, context=context)
        np.testing.assert_array_equal(series, made.reflectance)
        np.testing.assert_array_equal(clear, made.clear_obs)
