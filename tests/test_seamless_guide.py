"""The benchmark of guides: footprints, what is hidden from them, and what comes out."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """The script as a module, beside those that it imports."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        spec = importlib.util.spec_from_file_location("seamless_guide", SCRIPTS / "seamless_guide.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["seamless_guide"] = module
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(SCRIPTS))


def test_footprints_average_what_is_clear(script: ModuleType) -> None:
    """A footprint is the mean of its clear pixels, and missing where less than 85 % of it are clear."""
    values = np.zeros((3, 50, 50, 6), np.float32)
    values[:, :25, :25], values[:, 25:, 25:] = 0.2, 0.4
    clear = np.ones((3, 50, 50), bool)
    clear[1, :25, :3] = False
    clear[2, :25, :5] = False
    values[1:, :25, :5] = np.where(clear[1:, :25, :5, None], 0.2, 9.0)
    means, row = script.footprints(values, clear, shake=0)
    np.testing.assert_allclose(means[:2, :, 0], [[0.2, 0, 0, 0.4]] * 2, rtol=1e-4)
    assert np.isnan(means[2, 0]).all()
    assert np.isfinite(means[2, 1:]).all()
    np.testing.assert_array_equal(row.reshape(50, 50)[[0, 0, 49, 49], [0, 49, 0, 49]], [0, 1, 2, 3])


def test_clouds_are_shared_with_what_is_hidden_and_nothing_else(script: ModuleType) -> None:
    """With all clouds shared a guide is that of the dates which are left; with none it is that of all dates."""
    dates = np.datetime64("2001-01-01") + np.arange(0, 365, 10)
    values = np.random.default_rng(0).uniform(0.1, 0.3, (1, len(dates), 6)).astype(np.float32)
    coarse = script.Coarse(values=values, dates=dates, row=np.zeros(1, np.intp))
    days = np.arange(0, 365, 10)[None]
    years = script.leftout.Leftout(
        values=values, days=days, pixel=np.zeros(1, np.intp), first=np.array(["2001-01-01"], "datetime64[D]")
    )
    held = np.zeros(days.shape, bool)
    held[0, 10:20] = True
    none, every = (script.guide_of(coarse, years, held, share, 0, [1]).curves for share in (0.0, 1.0))
    left = script.Coarse(values=values[:, ~held[0]], dates=dates[~held[0]], row=coarse.row)
    np.testing.assert_array_equal(script.guide_of(left, years, held, 0.0, 0, [1]).curves, every)
    assert np.abs(none - every).max() > 0.01
    late = script.guide_of(coarse, years, held, 0.0, 60, [1])
    shifted = np.abs(late.curves[0, -late.first + 160, :] - none[0, -late.first + 100, :])
    assert shifted.max() < 0.02


def test_without_a_share_nothing_is_guided(script: ModuleType) -> None:
    """Unguided years and those of a guide that says nothing come out alike, and a guide of the truth helps."""
    dates = np.datetime64("2010-01-01") + np.arange(0, 1090, 10)
    rng = np.random.default_rng(3)
    level = 0.2 + 0.08 * np.sin(np.arange(len(dates)) * 0.9)
    pixels = (level[:, None] + rng.normal(0, 0.002, (3, len(dates), 6))).astype(np.float32)
    fine = script.Series(reflectance=pixels, dates=np.tile(dates, (3, 1)), terrain=np.zeros((3, 3), np.float32))
    row = np.zeros(3, np.intp)
    seen = script.Coarse(values=np.tile(level[None, :, None], (1, 1, 6)).astype(np.float32), dates=dates, row=row)
    scores, n = script.judge_site(fine, seen, ("01-01",), 6)
    assert n == 6
    assert scores["optimistic"].mae < 0.9 * scores["unguided"].mae
    blind = script.Coarse(values=np.full_like(seen.values, np.nan), dates=dates, row=row)
    scores, _ = script.judge_site(fine, blind, ("01-01",), 6)
    assert {round(score.mae, 6) for score in scores.values()} == {round(scores["unguided"].mae, 6)}
