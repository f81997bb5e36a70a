"""Folds keep their distance: what is tested lies half a degree from what trained."""

import numpy as np
import pytest
from judged import labelled_years

from esd_tasks.encoder_tasks.apart import degree_blocks, distances, plan_folds
from stactools_esd.errors import LabelsError


def test_folds_keep_half_a_degree() -> None:
    """In every fold of every repeat no training place lies within half a degree of a test place."""
    years = labelled_years(extent=8.0)
    plan = plan_folds(years.lon, years.lat, years.class_id, repeats=3)
    assert plan.buffer == 0.5
    assert 0 < plan.kept < 1
    places = np.column_stack([years.lon, years.lat])
    for splits in plan.repeats:
        assert np.array_equal(np.sort(np.concatenate([test for _, test in splits])), np.arange(len(places)))
        for train, test in splits:
            between = np.linalg.norm(places[train][:, None] - places[test][None], axis=2)
            assert between.min() >= 0.5


def test_small_sets_get_the_buffer_they_allow() -> None:
    """Where half a degree would leave too little, a smaller buffer is used and said."""
    years = labelled_years(extent=1.4)
    plan = plan_folds(years.lon, years.lat, years.class_id, repeats=2)
    assert 0 <= plan.buffer < 0.5
    places = np.column_stack([years.lon, years.lat])
    for train, test in plan.repeats[0]:
        assert np.linalg.norm(places[train][:, None] - places[test][None], axis=2).min() >= plan.buffer


def test_too_few_blocks_are_refused() -> None:
    """Places in fewer blocks than folds are an error."""
    years = labelled_years(extent=0.4)
    with pytest.raises(LabelsError, match="expected at least 5"):
        plan_folds(years.lon, years.lat, years.class_id)


def test_longitudes_meet_at_the_antimeridian() -> None:
    """Places on both sides of 180 degrees are neighbours; blocks are squares of half a degree."""
    lon, lat = np.array([179.9, -179.9, 0.0]), np.zeros(3)
    assert distances(lon, lat, np.array([0]), np.array([1, 2]))[0] == pytest.approx(0.2)
    block = degree_blocks(np.array([0.1, 0.4, 0.6, 0.1]), np.array([0.1, 0.4, 0.1, 0.6]))
    assert block[0] == block[1]
    assert len(set(block.tolist())) == 3
