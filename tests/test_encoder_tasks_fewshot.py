"""Few labels: the same draws for codes and raw, from places apart from those that are tested."""

from dataclasses import replace

import numpy as np
import pytest
from judged import labelled_years

from esd_tasks.encoder_tasks import fewshot
from esd_tasks.encoder_tasks.apart import degree_blocks
from esd_tasks.encoder_tasks.samples import standardised, vectors
from stactools_esd.errors import LabelsError


def test_halves_lie_apart_and_hold_every_class() -> None:
    """No pool place lies within half a degree of a test place, and each class has five places in both."""
    years = labelled_years()
    halves = fewshot.halve(years)
    assert halves.buffer == 0.5
    places = np.column_stack([years.lon, years.lat])
    assert np.linalg.norm(places[halves.pool][:, None] - places[halves.test][None], axis=2).min() >= 0.5
    for half in (halves.pool, halves.test):
        assert np.bincount(years.class_id[half]).min() >= 5


def test_a_class_of_one_corner_is_left_out() -> None:
    """A class whose places cannot stand in both halves is left out and named; the others are judged."""
    years = labelled_years()
    corner = np.argsort(years.lon + years.lat)[:20]
    class_id = years.class_id.copy()
    class_id[corner] = 3
    spread = replace(years, class_id=class_id, class_names=(*years.class_names, "corner"))
    lon, lat = years.lon.copy(), years.lat.copy()
    lon[corner], lat[corner] = 0.1, 0.1
    found = fewshot.judge(replace(spread, lon=lon, lat=lat), heads=("prototype",), shots=(5,))
    assert found.left_out == ("corner",)
    assert set(found.class_id.tolist()) == {0, 1, 2}


def test_places_in_one_spot_are_refused() -> None:
    """A set that cannot be tested away from where it trains is an error that says so."""
    years = labelled_years()
    with pytest.raises(LabelsError, match="too close together"):
        fewshot.halve(replace(years, lon=np.zeros(400), lat=np.zeros(400)))


def test_draws_are_without_replacement_from_different_blocks() -> None:
    """A draw holds k different places a class, of as many blocks as there are; seeds repeat and differ."""
    years = labelled_years()
    block, pool = degree_blocks(years.lon, years.lat), np.arange(200)
    first = fewshot.draw(years.class_id, block, pool, 10, seed=0)
    assert len(set(first.tolist())) == 30
    assert np.bincount(years.class_id[first]).tolist() == [10, 10, 10]
    assert all(len(set(block[first[years.class_id[first] == number]])) == 10 for number in range(3))
    assert np.array_equal(first, fewshot.draw(years.class_id, block, pool, 10, seed=0))
    assert not np.array_equal(first, fewshot.draw(years.class_id, block, pool, 10, seed=1))
    assert len(fewshot.draw(years.class_id, block, pool, 1_000, seed=0)) == 200


def test_codes_and_raw_get_the_same_draws() -> None:
    """With the same columns for codes and raw every head is right at the same places, in every draw."""
    years = labelled_years()
    twin = replace(years, raw=vectors(years.codes[0]))
    found = fewshot.judge(twin, shots=(5, 10))
    for key, right in found.raw.items():
        np.testing.assert_array_equal(right, found.codes[key])
        assert right.shape == (10, len(found.class_id))
    assert str(fewshot.gain([found], "logistic", 5)) == "+0.0000 [+0.0000, +0.0000]"


def test_codes_that_tell_the_class_gain() -> None:
    """The pooled interval of the gain lies above 0 where only codes hold the class; small classes are listed."""
    found = fewshot.judge(labelled_years(), heads=("logistic",), shots=(10, 50, 200))
    gain = fewshot.gain([found, found], "logistic", 50)
    assert 0 < gain.low < gain.value < gain.high
    assert found.short[10] == ()
    assert found.short[200] == ("class 0", "class 1", "class 2")


def test_balanced_accuracy_is_the_mean_of_classes() -> None:
    """A class of one place weighs as much as one of three."""
    assert fewshot.balanced_accuracy(np.array([[1.0, 1, 1, 0]]), np.array([0, 0, 0, 1])) == 0.5


def test_missing_and_constant_columns_become_zero() -> None:
    """Unknown terrain says nothing to a head that cannot take NaN."""
    table = np.array([[1.0, np.nan, 5.0], [3.0, np.nan, 5.0]])
    np.testing.assert_allclose(standardised(table), [[-1, 0, 0], [1, 0, 0]])
