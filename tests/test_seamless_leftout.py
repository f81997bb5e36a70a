"""The benchmark of filling: what is left out, and how errors are summed up."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from stactools_esd.encoder.readers import Series


@pytest.fixture(scope="module")
def leftout() -> ModuleType:
    """The script as a module."""
    path = Path(__file__).parent.parent / "scripts" / "seamless_leftout.py"
    spec = importlib.util.spec_from_file_location("seamless_leftout", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def series() -> Series:
    """Four pixels for three years, every 12 days; the first lacks all of 2011, and no date is without a band."""
    dates = np.tile(np.datetime64("2010-01-03") + np.arange(0, 1090, 12), (4, 1))
    values = np.broadcast_to(0.1 + 0.001 * np.arange(dates.shape[1])[:, None], (4, dates.shape[1], 6)).copy()
    values[0, dates[0].astype("datetime64[Y]") == np.datetime64("2011")] = np.nan
    return Series(reflectance=values.astype(np.float32), dates=dates, terrain=np.zeros((4, 3), np.float32))


def test_pixel_years_hold_the_years_around(leftout: ModuleType) -> None:
    """Each year with enough dates is there once, moved to one window, with its neighbours and nothing beside them."""
    found = leftout.pixel_years(series(), ("01-01",), 100)
    assert sorted(found.pixel.tolist()) == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert (np.diff(found.days, axis=1) >= 0).all()
    for row, pixel in enumerate(found.pixel):
        seen = np.isfinite(found.values[row]).all(axis=1)
        assert seen.sum() == np.isfinite(series().reflectance[pixel]).all(axis=1).sum()
        assert (np.diff(found.values[row, seen, 0]) > 0).all()
        assert found.inside[row].sum() >= leftout.FEWEST_DATES
    assert len(leftout.pixel_years(series(), ("01-01",), 5).pixel) == 5


def test_what_is_left_out_is_of_the_window(leftout: ModuleType) -> None:
    """Dates of the window go, some stay, and no date of another year is touched."""
    years = leftout.pixel_years(series(), ("01-01",), 100)
    for way in leftout.HOLD_OUTS:
        held = leftout.hold_out(years, way, np.random.default_rng(0))
        assert not (held & ~years.inside).any()
        kept = (years.inside & ~held).sum(axis=1)
        assert (kept >= 2).all()
        assert held.any(axis=1).all()
        if way.startswith("block"):
            assert all(np.ptp(years.days[row, held[row]]) <= int(way.split()[2]) for row in range(len(held)))
        if way.startswith("three"):
            assert set(kept.tolist()) <= {3, 4, 5, 6}


def test_errors_are_averaged_over_dates_then_over_ways(leftout: ModuleType) -> None:
    """Bands that were not observed do not count, and each way counts alike however many dates it asked for."""
    many = np.full((30, 6), 0.01)
    many[:, 5] = np.nan
    few = np.full((3, 6), -0.03)
    found = leftout.score({"random": [(np.arange(30) % 3, many)], "block": [(np.arange(3), few)]})
    assert found.mae == pytest.approx(200)
    assert found.by_way == pytest.approx([100, 300])
    assert found.bias == pytest.approx(-300)
    assert found.spread == pytest.approx([200, 200])
