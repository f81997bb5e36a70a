"""Changes of migrated labels: two states of a sample that follow each other, and the year that is explained.

What is normal is the state that more years tell of; the year of the other one that lies next to the change is compared
with it. So after a change the first year of the new state is explained where the sample was long what it had been, and
the last year before it where the label's state has lasted longer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esd_tasks.migrate.series_file import NONE, MigratedSeries


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Changes between two states; m of them, in the order of samples and years."""

    sample: NDArray[np.int64]
    """Position of the sample in the series, (m,)."""

    year: NDArray[np.int64]
    """First year of the later state, (m,)."""

    before: NDArray[np.int64]
    """class_id before the change, (m,); `NONE` where it cannot be told."""

    after: NDArray[np.int64]
    """class_id after it, (m,)."""

    column: NDArray[np.int64]
    """Position among the years of the year that is explained, (m,)."""

    normal: NDArray[np.int64]
    """class_id of the state that is taken for normal, (m,)."""

    first: NDArray[np.int64]
    """Position of the first year of that state, (m,)."""

    last: NDArray[np.int64]
    """Position of its last year, (m,)."""

    def __len__(self) -> int:
        return len(self.sample)

    def taken(self, kept: NDArray[np.integer]) -> "Changes":
        """Return some of the changes."""
        return Changes(**{name: getattr(self, name)[kept] for name in self.__dataclass_fields__})


def find_changes(series: MigratedSeries) -> Changes:
    """List the changes of all samples: borders of runs of years with the same `change_year`."""
    rows = [one for sample in range(len(series.sample_id)) for one in _of_sample(series, sample)]
    names = ("sample", "year", "before", "after", "column", "normal", "first", "last")
    table = np.array(rows, dtype=np.int64).reshape(-1, len(names))
    return Changes(**dict(zip(names, table.T, strict=True)))


def _of_sample(series: MigratedSeries, sample: int) -> Iterator[tuple[int, ...]]:
    usable = np.flatnonzero(series.valid[sample])
    states = series.change_year[sample, usable]
    if not (states != NONE).any():
        return
    runs = np.split(usable, np.flatnonzero(np.diff(states)) + 1)
    classes = [_class_of(series, sample, run) for run in runs]
    for number in range(1, len(runs)):
        earlier, later = runs[number - 1], runs[number]
        before, after = classes[number - 1], classes[number]
        if _is_normal(series, sample, earlier, later, before, after):
            normal, run, column = before, earlier, later[0]
        else:
            normal, run, column = after, later, earlier[-1]
        if normal != NONE:  # of two states that nobody can name none is normal
            yield sample, int(series.years[later[0]]), before, after, int(column), normal, int(run[0]), int(run[-1])


def _is_normal(
    series: MigratedSeries, sample: int, earlier: NDArray[np.intp], later: NDArray[np.intp], before: int, after: int
) -> bool:
    """Tell whether the earlier of two states is what is normal: more years tell of it, or as many and the label."""
    if NONE in (before, after):
        return before != NONE
    if len(earlier) != len(later):
        return len(earlier) > len(later)
    return bool(series.label_year[sample] < series.years[later[0]])


def _class_of(series: MigratedSeries, sample: int, run: NDArray[np.intp]) -> int:
    """Return the class that most years of a state were given, `NONE` where none was told."""
    if series.change_year[sample, run[0]] == NONE:
        return int(series.class_id[sample])
    found = series.label[sample, run]
    told = found[found != NONE]
    return int(np.bincount(told).argmax()) if len(told) else NONE
