"""Which changes are explained, and what a normal year of a sample would be."""

from dataclasses import replace

import migrated
import numpy as np

from esd_tasks.explain.changes import find_changes
from esd_tasks.explain.normal_year import ROUNDING, normal_years
from esd_tasks.features import level_features
from esd_tasks.migrate.normal import SCALE
from esd_tasks.migrate.series_file import NODATA, NONE, RELABELLED, UNCERTAIN, MigratedSeries

YEARS = migrated.YEARS


def with_states(states: list[tuple[int, int, int]], *, label_year: int, nodata: tuple[int, ...] = ()) -> MigratedSeries:
    """Return one sample of class 1 with states: first year, last year, class (0: uncertain)."""
    series = migrated.migrated(1)
    change, label = np.zeros((1, len(YEARS)), np.int64), np.ones((1, len(YEARS)), np.int64)
    status, valid = np.zeros((1, len(YEARS)), np.uint8), np.ones((1, len(YEARS)), np.bool_)
    for first, last, class_id in states:
        inside = (first <= YEARS) & (last >= YEARS)
        change[0, inside], label[0, inside] = first, class_id
        status[0, inside] = RELABELLED if class_id else UNCERTAIN
    gone = np.isin(YEARS, nodata)
    valid[0, gone], status[0, gone], label[0, gone] = False, NODATA, NONE
    return replace(
        series, change_year=change, label=label, status=status, valid=valid, label_year=np.array([label_year])
    )


def test_after_the_label_the_first_year_of_a_state_is_explained() -> None:
    """Two states after the label are two changes; classes are those before and after each."""
    changes = find_changes(with_states([(2012, 2017, 2), (2018, 2024, 0)], label_year=2005))
    assert YEARS[changes.column].tolist() == [2012, 2018]
    assert changes.year.tolist() == [2012, 2018]
    assert (changes.before.tolist(), changes.after.tolist()) == ([1, 2], [2, NONE])


def test_before_the_label_the_last_year_of_a_state_is_explained() -> None:
    """What came before the label's state is compared in its last year; the change is dated by the label's state."""
    changes = find_changes(with_states([(2000, 2007, 2)], label_year=2015))
    assert YEARS[changes.column].tolist() == [2007]
    assert changes.year.tolist() == [2008]
    assert (changes.before.tolist(), changes.after.tolist()) == ([2], [1])


def test_the_state_of_more_years_is_normal() -> None:
    """What the sample was for long is normal, also where its label is new; with equal years the label decides."""
    changes = find_changes(with_states([(2000, 2020, 2)], label_year=2023))
    assert (YEARS[changes.column].tolist(), changes.normal.tolist()) == ([2021], [2])
    assert (YEARS[changes.first].tolist(), YEARS[changes.last].tolist()) == ([2000], [2020])
    even = find_changes(with_states([(2000, 2011, 2)], label_year=2023, nodata=(2024,)))
    assert (YEARS[even.column].tolist(), even.normal.tolist()) == ([2011], [1])


def test_of_two_states_the_one_with_a_class_is_normal() -> None:
    """A long state that nobody can name is no norm; between two such states nothing is explained."""
    changes = find_changes(with_states([(2005, 2019, 0), (2020, 2024, 0)], label_year=2003))
    assert (YEARS[changes.column].tolist(), changes.normal.tolist()) == ([2005], [1])


def test_years_without_data_are_not_explained() -> None:
    """Where the first year of a state has no data, its first usable year stands for it."""
    changes = find_changes(with_states([(2012, 2024, 2)], label_year=2005, nodata=(2012, 2013)))
    assert YEARS[changes.column].tolist() == [2014]
    assert changes.year.tolist() == [2014]


def test_a_sample_that_stays_has_no_change() -> None:
    """Nothing is listed where all years are of the label's state."""
    assert len(find_changes(with_states([], label_year=2010))) == 0


def test_the_normal_year_is_conditional_on_the_samples_own_years() -> None:
    """Mean and covariance are those of the joint Gaussian of all years of a pixel, given its normal ones."""
    series = migrated.migrated()
    sample, column = 0, 16
    changes = find_changes(series).taken(np.array([sample]))
    assert (changes.column[0], changes.first[0], changes.last[0], changes.normal[0]) == (column, 0, column - 1, 1)
    mean, covariance = normal_years(series, changes)
    known = np.arange(column)
    model, m = series.normal, len(known)
    joint = np.kron(np.eye(m), model.within[0]) + np.kron(np.ones((m, m)), model.between[0])
    with_new = np.kron(np.ones((1, m)), model.between[0])
    values = (level_features(series.codes[sample, known]) * SCALE - model.mean[0]).ravel()
    weights = np.linalg.solve(joint, with_new.T).T
    expected = (model.mean[0] + weights @ values) / SCALE
    spread = (model.within[0] + model.between[0] - weights @ with_new.T) / np.outer(SCALE, SCALE)
    np.testing.assert_allclose(mean[0], expected, atol=1e-6)
    away = ~np.eye(72, dtype=bool)
    np.testing.assert_allclose(covariance[0][away], spread[away], atol=1e-6)
    np.testing.assert_allclose(np.diag(covariance[0]), np.maximum(np.diag(spread), ROUNDING), atol=1e-6)


def test_a_year_that_is_explained_is_not_taken_for_normal() -> None:
    """The expectation of a year does not change with what that year shows."""
    series = migrated.migrated()
    changes = find_changes(series)
    codes = series.codes.copy()
    codes[changes.sample, changes.column] = codes[4, 12]
    one, _ = normal_years(series, changes)
    other, _ = normal_years(replace(series, codes=codes), changes)
    np.testing.assert_array_equal(one, other)
