"""Rows of a parquet index: chosen by boxes and years, and only then the groups that hold some are read whole.

Arrow's own scanner does the same more generally, and takes five times as long for a few rows of many small files.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from esd_tasks.item_sources.wanted import Wanted

SIDES: Final = ("xmin", "ymin", "xmax", "ymax")
"""Fields of the column `bbox`."""

_BOX = [f"bbox.{side}" for side in SIDES]
_START = "start_datetime"


def column_paths(file: Any) -> list[str]:
    """Return the paths of the leaves of a parquet file, such as `bbox.xmin`."""
    schema = file.metadata.schema
    return [schema.column(position).path for position in range(file.metadata.num_columns)]


def chosen_rows(file: Any, paths: Sequence[str], columns: Sequence[str], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the rows that may be wanted.

    Args:
        file: An open parquet file.
        paths: Its `column_paths`.
        columns: Paths of the leaves to read.
        wanted: Place and years; what a file says nothing of does not choose.
    """
    boxes = np.array(wanted.boxes(), dtype=np.float64) if set(_BOX) <= set(paths) else np.empty((0, 4))
    chosen_by = [*(_BOX if len(boxes) else []), *([_START] if wanted.years and _START in paths else [])]
    groups = range(file.metadata.num_row_groups)
    if not chosen_by:
        for group in groups:
            yield from _without_times(file.read_row_group(group, columns=columns, use_threads=False)).to_pylist()
        return
    # Statistics of groups would spare this, but of damaged ones pyarrow ends the process.
    kept = _meeting(file.read_row_groups(groups, columns=chosen_by, use_threads=False), boxes, wanted)
    first = 0
    for group in groups:
        size = file.metadata.row_group(group).num_rows
        rows = np.flatnonzero(kept[first : first + size])
        first += size
        if len(rows):
            yield from _taken(file.read_row_group(group, columns=columns, use_threads=False), rows)


def _taken(table: Any, rows: NDArray[np.intp]) -> Iterator[dict[str, Any]]:
    """Yield rows of a table; not by `take`, for which pyarrow imports pandas, longer than the whole query takes."""
    if len(rows) > len(table) // 8:
        content = _without_times(table).to_pylist()
        yield from (content[row] for row in rows)
    else:
        for row in rows:
            yield from _without_times(table.slice(int(row), 1)).to_pylist()


def _without_times(table: Any) -> Any:
    """Return a table whose times are texts in UTC; pyarrow imports pandas for making them datetimes."""
    import pyarrow as pa

    for position, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(position, field.name, table.column(position).cast(pa.string()))
    return table


def _meeting(table: Any, boxes: NDArray[np.float64], wanted: Wanted) -> NDArray[np.bool_]:
    """Tell of each row whether its box meets any of some, and whether it begins in a year that is wanted."""
    kept = np.ones(len(table), dtype=np.bool_)
    if not len(kept):
        return kept
    if len(boxes):
        column = table["bbox"].combine_chunks()
        left, bottom, right, top = (_numbers(column.field(side))[:, None] for side in SIDES)
        west, south, east, north = boxes.T
        before, after = left <= east, right >= west
        meets = np.where(left > right, before | after, before & after) & (bottom <= north) & (top >= south)
        kept &= meets.any(axis=1)
    if wanted.years and _START in table.column_names:
        kept &= _in_years(table[_START].combine_chunks(), wanted.years)
    return kept


def _in_years(starts: Any, years: Collection[int]) -> NDArray[np.bool_]:
    """Tell of each instant whether it is in some years by UTC; true of those that are not known."""
    import pyarrow as pa

    if not pa.types.is_timestamp(starts.type):
        return np.array([start is None or int(str(start)[:4]) in years for start in starts.to_pylist()], dtype=np.bool_)
    unit, values = starts.type.unit, starts.buffers()[1]
    instants = np.frombuffer(values, dtype=f"datetime64[{unit}]", count=len(starts), offset=8 * starts.offset)
    found = np.isin(instants.astype("datetime64[Y]").astype(np.int64) + 1970, list(years))
    return found if not starts.null_count else found | np.array(starts.is_null().to_pylist())


def _numbers(column: Any) -> NDArray[np.float64]:
    """Return a column of numbers, NaN where there is none; its own memory, where that can be: see `_taken`."""
    if column.null_count or str(column.type) != "double":
        return np.array([np.nan if value is None else value for value in column.to_pylist()], dtype=np.float64)
    return np.frombuffer(column.buffers()[1], dtype=np.float64, count=len(column), offset=8 * column.offset)
