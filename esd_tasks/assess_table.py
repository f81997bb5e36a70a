"""Error matrices as tables: read where somebody has counted already, and written for spreadsheets."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from esd_tasks.assess_request import AREA_UNITS
from stactools_esd.errors import LabelsError, UsageError
from stactools_esd.files import atomic_path

AREA_COLUMNS: Final = {f"area_{unit}": metres for unit, metres in AREA_UNITS.items()}
"""Columns that may hold mapped areas, with the square metres of their units."""

_EXPECTED: Final = (
    "expected a line for each map class with the columns class_id, class_name (if wanted), pixels, area_ha (if wanted) "
    "and one column of counts for each reference class, called by its name or id"
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """An error matrix with the sizes of the map's classes; k classes."""

    class_ids: tuple[int, ...]
    """Classes of rows and columns."""

    names: dict[int, str]
    """Their names."""

    counts: NDArray[np.int64]
    """Samples, (k, k), rows map, columns reference."""

    pixels: NDArray[np.int64]
    """Mapped pixels, (k,)."""

    area: NDArray[np.float64]
    """Mapped area in square metres, (k,); NaN where the table holds none."""


def read_table(path: Path, pixel_size: float | None = None) -> Table:
    """Read an error matrix; the `error_matrix.csv` that `assess` writes is one.

    Args:
        path: CSV.
        pixel_size: Metres of a pixel's side, where the table has no areas.

    Raises:
        UsageError: There is no such file, or it has areas and a pixel size is given.
        LabelsError: It is no such table.
    """
    if not path.is_file():
        raise UsageError(f"got table {path}, which is no file; {_EXPECTED}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelsError(f"got table {path.name} that is not UTF-8 text; save it as UTF-8") from error
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    header, *rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(row)] or [[]]
    header = [name.strip() for name in header]
    known = ("class_id", "class_name", "pixels", *AREA_COLUMNS)
    special = {name: header.index(name) for name in known if name in header}
    if not {"class_id", "pixels"} <= set(special) or not rows:
        raise LabelsError(f"got columns {', '.join(header) or 'none'} in {path.name}; {_EXPECTED}")
    try:
        ids = [int(row[special["class_id"]]) for row in rows]
        names = {
            class_id: row[special["class_name"]].strip() if "class_name" in special else str(class_id)
            for class_id, row in zip(ids, rows, strict=True)
        }
        keys = {str(class_id): class_id for class_id in ids} | {name: class_id for class_id, name in names.items()}
        columns = {keys[name]: k for k, name in enumerate(header) if k not in special.values()}
        counts = np.array([[int(row[columns[class_id]]) for class_id in ids] for row in rows], dtype=np.int64)
        pixels = np.array([int(row[special["pixels"]]) for row in rows], dtype=np.int64)
        area = _area(rows, special, pixels, pixel_size)
    except (KeyError, ValueError, IndexError) as error:
        raise LabelsError(
            f"got {path.name} that is no error matrix ({type(error).__name__}: {error}); {_EXPECTED}"
        ) from error
    if len(set(ids)) < len(ids) or len(set(names.values())) < len(ids) or counts.min() < 0 or pixels.min() < 0:
        raise LabelsError(f"got a class twice or a negative count in {path.name}; {_EXPECTED}")
    return Table(class_ids=tuple(ids), names=names, counts=counts, pixels=pixels, area=area)


def write_matrix(
    path: Path,
    class_ids: Sequence[int],
    names: Mapping[int, str],
    values: ArrayLike,
    *,
    sizes: Mapping[str, ArrayLike] | None = None,
) -> None:
    """Write a matrix for spreadsheets: a line for each map class, a column for each reference class.

    Args:
        path: `.csv`.
        class_ids: Classes of rows and columns.
        names: Their names.
        values: Counts or shares, (k, k).
        sizes: Further columns before the matrix, by name, (k,) each.
    """
    further = {name: np.asarray(column).tolist() for name, column in (sizes or {}).items()}
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["class_id", "class_name", *further, *(names[class_id] for class_id in class_ids)])
        for position, (class_id, row) in enumerate(zip(class_ids, np.asarray(values).tolist(), strict=True)):
            writer.writerow([class_id, names[class_id], *(column[position] for column in further.values()), *row])


def _area(
    rows: Sequence[Sequence[str]], special: Mapping[str, int], pixels: NDArray[np.int64], pixel_size: float | None
) -> NDArray[np.float64]:
    """Return mapped areas in square metres from the column that the table has, or from the size of pixels."""
    column = next((name for name in AREA_COLUMNS if name in special), None)
    if column is None:
        return pixels.astype(np.float64) * (np.nan if pixel_size is None else pixel_size**2)
    if pixel_size is not None:
        raise UsageError(f"got --pixel-size with a table that has {column}, expected one of them; leave one out")
    return np.array([float(row[special[column]]) for row in rows]) * AREA_COLUMNS[column]
