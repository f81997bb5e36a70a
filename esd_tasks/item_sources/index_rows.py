"""Rows of a parquet index: row groups are chosen by their statistics, rows by boxes and years, and only then read.

Arrow's own scanner does the same more generally, and takes five times as long for a few rows of many small files.
"""

from collections.abc import Iterator, Sequence
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
    ends = [] if not wanted.years or _START not in paths else [paths.index(_START)]
    sides = [paths.index(side) for side in _BOX] if len(boxes) else []
    start = file.schema_arrow.field(_START).type if ends else None
    groups, dated = [], True
    for group in range(file.metadata.num_row_groups):
        described = file.metadata.row_group(group)
        if len(boxes) and not _may_meet(described, sides, boxes):
            continue
        all_wanted = not ends or _all_in_years(described.column(ends[0]), start, wanted)
        if all_wanted is not None:
            groups.append(group)
            dated = dated and all_wanted
    chosen_by = [*(_BOX if len(boxes) else []), *([] if dated else [_START])]
    if not groups:
        return
    if not chosen_by:
        for group in groups:
            yield from _without_times(file.read_row_group(group, columns=columns, use_threads=False)).to_pylist()
        return
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


def _all_in_years(column: Any, type: Any, wanted: Wanted) -> bool | None:
    """Tell by the earliest and latest start in a row group whether all its rows begin in years that are wanted.

    Returns:
        None where no row does, True where all do, False where some may.
    """
    import pyarrow as pa

    statistics = column.statistics
    if statistics is None or not statistics.has_min_max or not pa.types.is_timestamp(type) or type.unit == "ns":
        return False  # nanoseconds may be stored as another number than the type says
    first, last = (int(year) for year in _years(np.array([statistics.min_raw, statistics.max_raw]), type.unit))
    years = wanted.years or frozenset()
    if years.isdisjoint(range(first, last + 1)):
        return None
    return not statistics.null_count and years.issuperset(range(first, last + 1))


def _years(instants: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """Return the year in UTC of instants that count so many units since 1970."""
    return instants.astype(f"datetime64[{unit}]").astype("datetime64[Y]").astype(np.int64) + 1970


def _may_meet(group: Any, sides: Sequence[int], boxes: NDArray[np.float64]) -> bool:
    """Tell by the least and greatest sides of its boxes whether a row group may hold one that meets any of some.

    Args:
        group: Its metadata.
        sides: Positions of the leaves `_BOX`.
        boxes: Shape (n, 4).
    """
    ranges = []
    for side in sides:
        statistics = group.column(side).statistics
        if statistics is None or not statistics.has_min_max:
            return True
        ranges.append((statistics.min, statistics.max))
    (least_west, most_west), (least_south, _), (least_east, most_east), (_, most_north) = ranges
    west, south, east, north = boxes.T
    before, after = least_west <= east, most_east >= west
    across = most_west > 0.0 > least_east  # a box across the antimeridian begins in the east and ends in the west
    return bool(
        (((before & after) | (across & (before | after))) & (least_south <= north) & (most_north >= south)).any()
    )


def _meeting(table: Any, boxes: NDArray[np.float64], wanted: Wanted) -> NDArray[np.bool_]:
    """Tell of each row whether its box meets any of some, and whether it begins in a year that is wanted."""
    kept = np.ones(len(table), dtype=np.bool_)
    if len(boxes):
        column = table["bbox"].combine_chunks()
        left, bottom, right, top = (_numbers(column.field(side))[:, None] for side in SIDES)
        west, south, east, north = boxes.T
        before, after = left <= east, right >= west
        meets = np.where(left > right, before | after, before & after) & (bottom <= north) & (top >= south)
        kept &= meets.any(axis=1)
    if wanted.years and _START in table.column_names:
        starts = _without_times(table)[_START].to_pylist()
        kept &= np.array([start is None or int(start[:4]) in wanted.years for start in starts], dtype=np.bool_)
    return kept


def _numbers(column: Any) -> NDArray[np.float64]:
    """Return a column of numbers, NaN where there is none; its own memory, where that can be: see `_taken`."""
    if column.null_count or str(column.type) != "double":
        return np.array([np.nan if value is None else value for value in column.to_pylist()], dtype=np.float64)
    return np.frombuffer(column.buffers()[1], dtype=np.float64, count=len(column), offset=8 * column.offset)
