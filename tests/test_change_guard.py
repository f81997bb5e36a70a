"""The guard for changed years."""

import numpy as np
from numpy.testing import assert_allclose

from stactools_esd.cases import Cases
from stactools_esd.change_guard import FEWEST, guarded, year_error
from stactools_esd.covariance import MEAN, NOISE_SCALE
from stactools_esd.gaussian_process import fit, predict


def draw(*, step: float, per_year: int = 14, cases: int = 20, jitter: float = 0.3, season: float = 6.0) -> Cases:
    """Cases of five years with a season, whose last year is flat and higher by a step where it is not 0."""
    rng = np.random.default_rng(7)
    year = np.repeat(np.arange(-4, 1), per_year)
    days = (365 * year + np.sort(rng.integers(0, 365, (cases, 5, per_year)), axis=2).reshape(cases, -1)).astype(
        np.int32
    )
    shape = season * np.sin(2 * np.pi * days / 365.25)
    level = np.where((days >= 0) & (step != 0), step, shape)
    values = level[:, None] + jitter * rng.standard_normal((cases, 6, days.shape[1]))
    return Cases(
        pixel=np.arange(cases),
        bands=np.ones((cases, 6), bool),
        count=np.full(cases, days.shape[1]),
        days=days,
        values=values,
    )


def filled(cases: Cases, parts: list) -> np.ndarray:
    """Reflectance of all cases."""
    out = np.full((len(cases.pixel), 365, 6), np.nan, np.float32)
    for part in parts:
        predict(*part, out)
    return out


def test_every_case_stands_in_one_part() -> None:
    """Nothing is lost and nothing is filled twice, also among cases that are not asked."""
    cases = draw(step=5.0)
    few = draw(step=5.0, per_year=FEWEST - 1)
    for each in (cases, few):
        parts = guarded(each)
        assert sorted(np.concatenate([part.pixel for part, _ in parts]).tolist()) == list(range(20))
        assert np.isfinite(filled(each, parts)).all()


def test_unchanged_years_keep_the_fit_of_all_years() -> None:
    """Where the years resemble each other the guard costs nothing, to the bit."""
    cases = draw(step=0.0)
    np.testing.assert_array_equal(filled(cases, guarded(cases)), filled(cases, [(cases, fit(cases))]))


def test_a_changed_year_is_taken_for_itself() -> None:
    """After a change the guarded fit is nearer to the new state than the fit of all years."""
    cases = draw(step=9.0, per_year=8)
    truth = MEAN[3] + 9.0 * NOISE_SCALE[3]
    everything = np.abs(filled(cases, [(cases, fit(cases))])[:, :, 3] - truth).mean()
    with_guard = np.abs(filled(cases, guarded(cases))[:, :, 3] - truth).mean()
    assert with_guard < 0.5 * everything
    assert len(guarded(cases)[0][0].pixel) == 0


def test_with_few_observations_all_years_stand() -> None:
    """Three observations of a year do not overrule the others."""
    cases = draw(step=9.0, per_year=FEWEST - 1)
    np.testing.assert_array_equal(filled(cases, guarded(cases)), filled(cases, [(cases, fit(cases))]))


def test_company_changes_no_choice() -> None:
    """Cases alone come out as among changed and unchanged ones."""
    changed, calm = draw(step=9.0), draw(step=0.0)
    both = Cases(
        pixel=np.arange(40),
        bands=np.concatenate([changed.bands, calm.bands]),
        count=np.concatenate([changed.count, calm.count]),
        days=np.concatenate([changed.days, calm.days]),
        values=np.concatenate([changed.values, calm.values]),
    )
    out = filled(both, guarded(both))
    np.testing.assert_array_equal(out[:20], filled(changed, guarded(changed)))
    np.testing.assert_array_equal(out[20:], filled(calm, guarded(calm)))


def test_year_error_is_the_mean_of_the_year() -> None:
    """Only observations of the window are asked, and a case without any is never better."""
    cases = draw(step=0.0, cases=3)
    found = fit(cases)
    expected = [found.error[row][cases.days[row] >= 0].mean() for row in range(3)]
    assert_allclose(year_error(cases, found), expected)
    cases.days[:] -= 4000
    assert np.isinf(year_error(cases, fit(cases))).all()
