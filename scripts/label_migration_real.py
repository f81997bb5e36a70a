"""How well labels follow real land: dated clearings in the Amazon, and fields and places of Mato Grosso.

    label_migration_real.py DATA [--encoder esdnet-small] [--sets deter,fields,places]

All are development sets of MODIS (`migration_sets.py`). Keys are `labels.deter.*` and `labels.matogrosso.*`.

`deter`: places that an alert system saw cleared in 2014 or 2015, and primary forest, are given as forest of 2010;
series run from 2001 to 2015. Each fifth of the squares of half a degree is judged while the clearings of the others
are given as cleared of 2015. `recall_0`, `recall_pm1`: a change is found in the year of the alert, or within one;
`recall_2014_pm1` of those that have a year after it. `false_alarms`: primary forest in which any change is found.
`early_alarms`: dated places with a change more than a year before the alert. `accuracy`, of all years of which the
class is known (forest before the alert and in primary forest, cleared after it); `_after` of years after an alert.
`uncertain`: years among these that got no label.

`matogrosso.fields`: pixels of fields of which the crop is known in two years, and forest, in a cube of six agricultural
years. The label of one year is given and the other one left out, both ways round. `matogrosso.places`: places that keep
their class in three agricultural years or more; the label of the middle one is given. `accuracy` of what was left out;
`_changed` where the class differs from the given one, `_same` where not. A year without a label counts as wrong;
`uncertain` is their share, and `accuracy_answered` leaves them out. `_static` keeps the given label; `_reclassified`
names each year by a logistic regression on levels that learnt from the given labels in their own years.

`months_before`, `months_after`: share of steps that `explain-labels` says deviate, of years in which a clearing was
found, in months that end before the alert and in those that begin after it; `months_normal` of years of primary forest.

Intervals are of 95 %; squares of half a degree, fields and places are drawn again.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import migration_sets as sets
import numpy as np
from numpy.typing import NDArray

from esd_tasks.encoder_tasks.bootstrap import mean_estimate
from esd_tasks.explain.attribution import attribute
from esd_tasks.explain.changes import Changes
from esd_tasks.migrate.migration import Migration, migrate
from esd_tasks.migrate.normal import scaled
from esd_tasks.migrate.outputs import migrated_series
from esd_tasks.migrate.request import ERROR_RATE, MIN_PROBABILITY
from esd_tasks.migrate.series import LabelSeries
from esd_tasks.migrate.series_file import NONE, UNCERTAIN

GIVEN: Final = 2010
LAST: Final = 2015
FOLDS: Final = 5


def report(
    name: str, correct: Sequence[NDArray[np.generic]], cluster: Sequence[NDArray[np.integer]], unit: str
) -> None:
    """Print a share with its interval."""
    values, members = np.concatenate(correct).astype(np.float64), np.concatenate(cluster)
    found = mean_estimate([(values, members)])
    figure = {
        "key": f"labels.{name}", "value": round(found.value, 4), "unit": unit, "n": len(values),
        "spread": [round(found.low, 4), round(found.high, 4)], "split": "dev",
    }  # fmt: skip
    print("FIGURE", json.dumps(figure), flush=True)


def carried(series: LabelSeries) -> Migration:
    """Carry labels as `migrate-labels` does by default."""
    return migrate(series, error_rate=ERROR_RATE, min_probability=MIN_PROBABILITY)


def reclassified(series: LabelSeries) -> NDArray[np.int64]:
    """Name every year by a classifier that learnt from the labels in their own years, (n, years)."""
    from sklearn.linear_model import LogisticRegression

    values = scaled(series.levels)
    of_label = values[np.arange(len(series)), series.at_label]
    model = LogisticRegression(max_iter=1000).fit(of_label, series.class_id)
    found: NDArray[np.int64] = model.predict(values.reshape(-1, values.shape[2])).reshape(values.shape[:2])
    return found


def judge_deter(data: Path, weights: str) -> None:
    """Report dated clearings and primary forest."""
    real = sets.deter(data, weights)
    years, primary, dated = np.array(real.series.years), real.series.class_id == sets.FOREST, real.event > 0
    squares = np.unique(real.cluster)
    fold_of = np.random.default_rng(0).permutation(len(squares)) % FOLDS
    fold = fold_of[np.searchsorted(squares, real.cluster)]
    judged: dict[str, list[NDArray[np.generic]]] = {}
    group: dict[str, list[NDArray[np.integer]]] = {}

    def note(name: str, correct: NDArray[np.generic], cluster: NDArray[np.integer]) -> None:
        judged.setdefault(name, []).append(correct.ravel())
        group.setdefault(name, []).append(cluster.ravel())

    for number in range(FOLDS):
        test = (fold == number) & (primary | dated)
        kept = test | primary | (fold != number)
        as_forest = primary | test
        class_id = np.where(as_forest, sets.FOREST, sets.CLEARED)
        series = sets.given(real, class_id, np.where(as_forest, GIVEN, LAST), kept)
        found = carried(series)
        test, truth, event, cluster = (one[kept] for one in (test, real.truth, real.event, real.cluster))
        later = np.where(years > GIVEN, found.change_year, NONE)
        rows = np.flatnonzero(test & (event > 0))
        near = np.where(later[rows] > 0, np.abs(later[rows] - event[rows, None]), 99).min(axis=1)
        note("recall_0", near == 0, cluster[rows])
        note("recall_pm1", near <= 1, cluster[rows])
        at_first = event[rows] == LAST - 1
        note("recall_2014_pm1", near[at_first] <= 1, cluster[rows][at_first])
        changed = np.where(found.change_year > 0, found.change_year, 9999)
        note("early_alarms", changed[rows].min(axis=1) < event[rows] - 1, cluster[rows])
        calm = np.flatnonzero(test & (event == 0))
        note("false_alarms", (found.change_year[calm] > 0).any(axis=1), cluster[calm])
        known = test[:, None] & (truth > 0) & series.valid
        wide = np.broadcast_to(cluster[:, None], truth.shape)
        for name, part in (("", known), ("_after", known & (truth == sets.CLEARED))):
            note(f"accuracy{name}", (found.label == truth)[part], wide[part])
            note(f"accuracy{name}_static", (class_id[kept][:, None] == truth)[part], wide[part])
            note(f"uncertain{name}", (found.status == UNCERTAIN)[part], wide[part])
        _months(real, kept, series, found, rows[near == 0], calm, note)
    for name in judged:
        unit = "share of steps" if name.startswith("months") else "share of years" if "acc" in name else "share"
        report(f"deter.{name}", judged[name], group[name], unit)


def _months(
    real: sets.RealLabels,
    kept: NDArray[np.bool_],
    series: LabelSeries,
    found: Migration,
    rows: NDArray[np.intp],
    calm: NDArray[np.intp],
    note: object,
) -> None:
    """Note which months deviate in years of clearings that were found, and in a year of primary forest."""
    whole, cluster, first_year = migrated_series(series, found), real.cluster[kept], series.years[0]
    calm = calm[(found.change_year[calm] == NONE).all(axis=1)]
    year = np.concatenate([real.event[kept][rows], np.full(len(calm), LAST - 1)])
    sample = np.concatenate([rows, calm]).astype(np.int64)
    if not len(sample):
        return
    forest, own = np.full(len(sample), sets.FOREST), found.change_year[sample] == NONE
    column = year - first_year
    asked = Changes(
        sample=sample, year=year, before=forest, after=forest, column=column, normal=forest, first=own.argmax(axis=1),
        last=column - 1,
    )  # fmt: skip
    deviates = attribute(whole, asked, None).deviates
    month = real.alert_month[kept][rows]
    place = np.arange(12)
    wide = np.broadcast_to(cluster[sample][:, None], deviates.shape)
    cleared, usual = slice(0, len(rows)), slice(len(rows), None)
    for name, part in (("before", place < month[:, None]), ("after", place > month[:, None])):
        note(f"months_{name}", deviates[cleared][part], wide[cleared][part])
    note("months_normal", deviates[usual], wide[usual])


def judge_left_out(name: str, real: sets.RealLabels, given_year: Sequence[NDArray[np.int64]]) -> None:
    """Report labels of years that were left out.

    Args:
        name: Middle of the keys.
        real: Series and truth.
        given_year: Years of the labels that are given, of each pixel, for each round.
    """
    years = np.array(real.series.years)
    parts: dict[str, list[NDArray[np.generic]]] = {}
    clusters: dict[str, list[NDArray[np.integer]]] = {}
    for of_label in given_year:
        class_id = np.take_along_axis(real.truth, (of_label - years[0])[:, None], axis=1)[:, 0]
        series = sets.given(real, class_id, of_label, np.ones(len(of_label), np.bool_))
        found = carried(series)
        asked = (real.truth > 0) & (years != of_label[:, None]) & series.valid
        wide = np.broadcast_to(real.cluster[:, None], asked.shape)
        same = real.truth == class_id[:, None]
        right, unsure = found.label == real.truth, found.status == UNCERTAIN
        anew = reclassified(series) == real.truth
        for key, value, where in (
            ("accuracy", right, asked), ("accuracy_static", same, asked), ("uncertain", unsure, asked),
            ("accuracy_answered", right, asked & ~unsure), ("accuracy_likeliest", found.state == real.truth, asked),
            ("accuracy_changed", right, asked & ~same), ("accuracy_same", right, asked & same),
            ("accuracy_reclassified", anew, asked), ("accuracy_changed_reclassified", anew, asked & ~same),
            ("accuracy_same_reclassified", anew, asked & same),
        ):  # fmt: skip
            parts.setdefault(key, []).append(value[where])
            clusters.setdefault(key, []).append(wide[where])
    for key, values in parts.items():
        if sum(map(len, values)):
            report(f"matogrosso.{name}.{key}", values, clusters[key], "share of left-out labels")


def main() -> None:
    """Read, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the evaluation data")
    parser.add_argument("--encoder", default="esdnet-small", help="name or path of the encoder")
    parser.add_argument("--sets", default="deter,fields,places", help="which to judge")
    arguments = parser.parse_args()
    if "deter" in arguments.sets:
        judge_deter(arguments.data, arguments.encoder)
    if "fields" in arguments.sets:
        real = sets.fields(arguments.data, arguments.encoder)
        years, known = np.array(real.series.years), real.truth > 0
        ways = [years[known.argmax(axis=1)], years[len(years) - 1 - known[:, ::-1].argmax(axis=1)]]
        judge_left_out("fields", real, ways)
    if "places" in arguments.sets:
        real = sets.places(arguments.data, arguments.encoder)
        years, known = np.array(real.series.years), real.truth > 0
        middle = (known.cumsum(axis=1) > known.sum(axis=1, keepdims=True) // 2).argmax(axis=1)
        judge_left_out("places", real, [years[middle]])


if __name__ == "__main__":
    main()
