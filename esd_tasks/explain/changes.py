"""Changes of migrated labels: each state of a sample that is not its label's, and the year of it that is explained."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esd_tasks.migrate.series_file import NONE, MigratedSeries


@dataclass(frozen=True, kw_only=True)
class Changes:
    """States that differ from the label's; m of them, in the order of samples and years."""

    sample: NDArray[np.int64]
    """Position of the sample in the series, (m,)."""

    column: NDArray[np.int64]
    """Position among the years of the year that is explained, (m,): of the state, the nearest to the label's."""

    year: NDArray[np.int64]
    """First year of the later of the two states between which the change lies, (m,)."""

    before: NDArray[np.int64]
    """class_id before the change, (m,); `NONE` where it cannot be told."""

    after: NDArray[np.int64]
    """class_id after it, (m,)."""

    later: NDArray[np.bool_]
    """Whether the state lies after the label's year, (m,)."""

    def __len__(self) -> int:
        return len(self.sample)

    def taken(self, kept: NDArray[np.integer]) -> "Changes":
        """Return some of the changes."""
        return Changes(**{name: getattr(self, name)[kept] for name in self.__dataclass_fields__})


def find_changes(series: MigratedSeries) -> Changes:
    """List the changes of all samples: runs of years with the same `change_year`."""
    rows = [one for sample in range(len(series.sample_id)) for one in _of_sample(series, sample)]
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    sample, column, year, before, after, later = table.T
    return Changes(sample=sample, column=column, year=year, before=before, after=after, later=later.astype(np.bool_))


def _of_sample(series: MigratedSeries, sample: int) -> Iterator[tuple[int, int, int, int, int, int]]:
    usable = np.flatnonzero(series.valid[sample])
    states = series.change_year[sample, usable]
    if not (states != NONE).any():
        return
    cuts = np.flatnonzero(np.diff(states)) + 1
    runs = np.split(usable, cuts)
    classes = [_class_of(series, sample, run) for run in runs]
    for number, (run, state) in enumerate(zip(runs, states[np.r_[0, cuts]], strict=True)):
        if state == NONE:
            continue
        later = series.years[run[0]] > series.label_year[sample]
        beside = number - 1 if later else number + 1
        if not 0 <= beside < len(runs):
            continue
        earlier, following = (beside, number) if later else (number, beside)
        onset = int(series.years[runs[following][0]])
        column = run[0] if later else run[-1]
        yield sample, int(column), onset, classes[earlier], classes[following], int(later)


def _class_of(series: MigratedSeries, sample: int, run: NDArray[np.intp]) -> int:
    """Return the class that most years of a state were given, `NONE` where none was told."""
    if series.change_year[sample, run[0]] == NONE:
        return int(series.class_id[sample])
    found = series.label[sample, run]
    told = found[found != NONE]
    return int(np.bincount(told).argmax()) if len(told) else NONE
