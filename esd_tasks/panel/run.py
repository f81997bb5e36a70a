"""A panel made and written: units in groups, each finished one kept, so that a killed run continues."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.features import feature_names
from esd_tasks.panel.plan import PanelPlan
from esd_tasks.panel.unit_row import FAILED, OK, STATUSES, rows_of_unit
from esd_tasks.pull_result import OnProgress, PullResult, finished, lacking, opened, record, see_read
from esd_tasks.pull_threads import SeriesReaders
from esd_tasks.series import Series
from esd_tasks.table_file import TableFile
from stactools_esd.blocks import Block, BlockStore

GROUP_UNITS: Final = 32
"""Units that are kept and written together."""

_FLOATS: Final = ("share_valid", "clear_obs_min", "clear_obs_median")


def run_plan(plan: PanelPlan, *, on_progress: OnProgress | None = None) -> PullResult:
    """Make the panel of a plan, or continue; a whole one is returned as it is.

    Raises:
        OutputError: The folder belongs to another run, or another run is writing it.
    """
    if (earlier := finished(plan)) is not None:
        return earlier
    report = on_progress or (lambda *_: None)
    groups = list(_groups(plan))
    name = f"panel.{plan.request.format_or_default}"
    valid = np.zeros(len(plan.years), dtype=np.int64)
    with opened(plan) as store:
        threads = plan.threads
        with SeriesReaders(plan.items, threads) as readers, _table(plan, plan.folder / name) as table:
            made = readers.each(lambda series, group: _rows(plan, store, series, group), groups)
            for position, (group, arrays) in enumerate(zip(groups, made, strict=True), start=1):
                valid += (arrays["status"] == OK).sum(axis=0)
                table.write(_columns(plan, group, arrays))
                report("pull", position, len(groups))
            see_read(store, readers.failures, valid.tolist())
            missing = readers.failures.missing
        of_year = dict(zip(plan.years, valid.tolist(), strict=True))
        notes = [*plan.notes(), *lacking(len(plan.units.geometry), of_year)]
        return record(plan, store, {"panel": name}, valid=of_year, missing=missing, notes=notes)


def _groups(plan: PanelPlan) -> Iterator[Block]:
    """Yield groups of units as blocks of a table of units by years."""
    n = len(plan.units.geometry)
    for first in range(0, n, GROUP_UNITS):
        yield Block(row=first, column=0, height=min(GROUP_UNITS, n - first), width=len(plan.years))


def _rows(plan: PanelPlan, store: BlockStore, series: Series, group: Block) -> dict[str, NDArray[Any]]:
    """Return the rows of a group, each array of shape (units, years, ...), stored where all could be read."""
    if store.finished(group):
        return store.get(group)
    polygons = plan.units.geometry[group.row : group.row + group.height]
    rows = [rows_of_unit(plan.request, series, polygon) for polygon in polygons]
    arrays: dict[str, NDArray[Any]] = {
        "status": np.stack([row.status for row in rows]),
        "n_valid": np.stack([row.n_valid for row in rows]),
        "share_valid": np.stack([row.share_valid for row in rows]),
        "clear_obs_min": np.stack([row.clear_min for row in rows]),
        "clear_obs_median": np.stack([row.clear_median for row in rows]),
        "values": np.stack([row.values for row in rows]),
    }
    if not (arrays["status"] == FAILED).any():
        store.put(group, **arrays)
    return arrays


def _value_names(plan: PanelPlan) -> list[str]:
    """Return the names of values: `step_01_d1_mean`, .."""
    return [f"{feature}_{name}" for name in plan.request.statistics for feature in feature_names()]


def _own_types(plan: PanelPlan) -> dict[str, Any]:
    """Return the types of the columns that are not fields of the units."""
    import pyarrow as pa

    types = {"year": pa.int16(), "status": pa.string(), "n_valid": pa.int64()}
    types |= dict.fromkeys(_FLOATS, pa.float64())
    return types | dict.fromkeys(_value_names(plan), pa.float64())


def _fields(plan: PanelPlan) -> Any:
    """Return the fields of the units, those called like a column of the panel called `<name>_given`."""
    own = _own_types(plan)
    fields = plan.units.fields
    return fields.rename_columns([f"{name}_given" if name in own else name for name in fields.column_names])


def _table(plan: PanelPlan, path: Path) -> TableFile:
    facts = {
        "statistics": {
            "mean": "of vectors -1..1, weighted by the share of each pixel in the unit",
            "sd": "of vectors, of the pixels themselves, weighted alike",
            "median": "of level indices 0..L-1, weighted alike: the lowest that half of the weight reaches",
        },
        "pixels": plan.request.pixels,
        "min_clear": plan.request.min_clear,
        **plan.items[0].identity.as_dict(),
    }
    types = {field.name: field.type for field in _fields(plan).schema} | _own_types(plan)
    return TableFile(path, types, facts=facts)


def _columns(plan: PanelPlan, group: Block, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the columns of a group: years within units; numbers without a value are null."""
    import pyarrow as pa

    units = np.repeat(np.arange(group.row, group.row + group.height), len(plan.years))
    fields = _fields(plan).take(units)
    columns: dict[str, Any] = {name: fields[name].combine_chunks() for name in fields.column_names}
    columns |= {
        "year": np.tile(np.array(plan.years, dtype=np.int16), group.height),
        "status": np.array(STATUSES)[arrays["status"].ravel()],
        "n_valid": arrays["n_valid"].ravel(),
    }
    columns |= {name: pa.array(arrays[name].ravel(), from_pandas=True) for name in _FLOATS}
    values = arrays["values"].reshape(len(units), -1)
    return columns | {
        name: pa.array(np.ascontiguousarray(values[:, k]), from_pandas=True)
        for k, name in enumerate(_value_names(plan))
    }
