"""Every break as a row of a table: CSV, or Parquet where pyarrow is installed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from esd_tasks.change.area import ChangePlan
from esd_tasks.change.events import Events
from esd_tasks.extras import needed
from stactools_esd.blocks import Block
from stactools_esd.files import atomic_path

COLUMNS: Final = ("x", "y", "row", "column", "break_year", "last_before", "magnitude", "strength", "duration")
"""Middle of the pixel in the CRS of the rasters, its place in them, and the event; a row a break."""


def write_table(path: Path, plan: ChangePlan, blocks: Iterable[tuple[Block, Events]], kind: str) -> None:
    """Write every break, block by block.

    Args:
        path: `events.csv` or `events.parquet`.
        plan: Grid and years.
        blocks: Blocks with their events.
        kind: `csv` or `parquet`.

    Raises:
        MissingExtraError: Parquet is wanted and pyarrow is not installed.
    """
    parts = (_rows(plan, block, events) for block, events in blocks)
    with atomic_path(path) as temporary:
        (_write_csv if kind == "csv" else _write_parquet)(temporary, parts)


def _rows(plan: ChangePlan, block: Block, events: Events) -> dict[str, Any]:
    """Return the columns of a block."""
    row, column = block.row + events.pixel // block.width, block.column + events.pixel % block.width
    x, y = plan.grid.transform * (column + 0.5, row + 0.5)
    calendar = np.array(plan.years)
    return {
        "x": x,
        "y": y,
        "row": row,
        "column": column,
        "break_year": calendar[events.year],
        "last_before": events.since.astype(np.int64),
        "magnitude": events.magnitude.astype(np.float64).round(5),
        "strength": events.strength.astype(np.float64).round(3),
        "duration": events.duration.astype(np.int64),
    }


def _write_csv(path: Path, parts: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(COLUMNS) + "\n")
        for part in parts:
            lists = [part[name].tolist() for name in COLUMNS]
            file.writelines(",".join(map(str, values)) + "\n" for values in zip(*lists, strict=True))


def _write_parquet(path: Path, parts: Iterator[dict[str, Any]]) -> None:
    pyarrow, parquet = needed("pyarrow", "tasks"), needed("pyarrow.parquet", "tasks")
    writer = None
    for part in parts:
        table = pyarrow.table(part)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
