"""Years are compared with the year before, one after the other, in the memory of two."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import changing
import numpy as np
import pytest
from rasterio.windows import Window

from esd_tasks.change.distances import pair_distances
from esd_tasks.change.year_steps import year_steps
from esd_tasks.items import find_items
from esd_tasks.pulled import PulledBlock
from esd_tasks.series import Series

YEARS = (2012, 2013, 2015, 2016)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four years of a place."""
    folder = tmp_path_factory.mktemp("steps")
    changing.write_place(folder / "codes", YEARS)
    return folder


def test_each_year_is_compared_with_the_one_before(place: Path) -> None:
    """Steps are the distances of neighbouring years of the series; NaN where one of both cannot be used."""
    items = find_items(place / "codes")
    window = Window(3, 5, 40, 30)
    with Series(items) as series:
        grid = series.grid_for(items[0].footprint)
        pulled = series.read(grid, window)
        least = int(np.median(pulled.clear_obs))
        steps = list(year_steps(series, grid, window, min_clear=least))
    usable = pulled.valid & (pulled.clear_obs >= least)
    assert [(step.before, step.after) for step in steps] == [(2012, 2013), (2013, 2015), (2015, 2016)]
    for k, step in enumerate(steps):
        both = usable[k] & usable[k + 1]
        level, cosine = pair_distances(pulled.codes[k][:, both].T, pulled.codes[k + 1][:, both].T)
        np.testing.assert_array_equal(step.level[both], level)
        np.testing.assert_array_equal(step.cosine[both], cosine)
        assert np.isnan(step.level[~both]).all()
        assert np.isnan(step.cosine[~both]).all()


def test_memory_does_not_grow_with_the_years() -> None:
    """While a step is looked at, no more than two years are held, however many there are."""
    alive: list[weakref.ref[Any]] = []

    class Many:
        def each_year(self, grid: Any, window: Any) -> Iterator[tuple[int, PulledBlock]]:
            for year in range(2000, 2012):
                codes = np.full((12, 2, 2), year, np.uint16)
                alive.append(weakref.ref(codes))
                ones = np.ones((2, 2), np.uint16)
                yield year, PulledBlock(codes=codes, clear_obs=ones, valid=ones > 0, owner=ones.astype(np.int16))
                del codes

    for _ in year_steps(Many(), None):  # type: ignore[arg-type]
        gc.collect()
        assert sum(one() is not None for one in alive) <= 2
    assert len(alive) == 12
