"""Tables written piece by piece in the memory of a piece: GeoParquet, Parquet or CSV, by the suffix."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

import pyproj
from rasterio.crs import CRS

from esd_tasks.extras import needed
from stactools_esd.errors import OutputError
from stactools_esd.files import atomic_path

GEOMETRY: Final = "geometry"
"""Name of the column of places, as WKB."""

GEOPARQUET_VERSION: Final = "1.1.0"
"""Version of the specification that is followed."""


class TableFile:
    """A table that is being written; a context manager. The file gets its name when all of it is there."""

    def __init__(
        self,
        path: Path,
        columns: Mapping[str, Any],
        *,
        crs: CRS | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Prepare a table.

        Args:
            path: `.parquet` or `.csv`; an older file is replaced.
            columns: Arrow type of each column, in their order.
            crs: CRS of the column `geometry`, which makes the file GeoParquet; there is no such column if None.
            facts: What the file says of itself, as JSON content below the key `esd`; a CSV cannot.
        """
        arrow = needed("pyarrow", "tasks")
        metadata = {"esd": json.dumps(facts or {}, ensure_ascii=False)}
        if crs is not None:
            metadata["geo"] = json.dumps(_geo(crs))
        self._path = path
        self.schema = arrow.schema(list(columns.items()), metadata=metadata)
        self.rows = 0
        self._stack = ExitStack()
        self._writer: Any = None

    def __enter__(self) -> Self:
        temporary = self._stack.enter_context(atomic_path(self._path))
        try:
            if self._path.suffix == ".csv":
                self._writer = needed("pyarrow.csv", "tasks").CSVWriter(temporary, self.schema.remove_metadata())
            else:
                parquet = needed("pyarrow.parquet", "tasks")
                self._writer = parquet.ParquetWriter(temporary, self.schema, compression="zstd")
        except OSError as error:
            raise OutputError(
                f"cannot write {self._path} ({error.strerror or error}); choose another output"
            ) from error
        return self

    def __exit__(self, *problem: Any) -> None:
        self._writer.close()
        self._stack.__exit__(*problem)

    def write(self, columns: Mapping[str, Any]) -> None:
        """Append rows.

        Args:
            columns: Values of every column, Arrow arrays or whatever these can be made of.
        """
        arrow = needed("pyarrow", "tasks")
        arrays = [arrow.array(columns[field.name], type=field.type) for field in self.schema]
        table = arrow.Table.from_arrays(arrays, schema=self.schema)
        if self._path.suffix == ".csv":
            table = table.replace_schema_metadata(None)
        try:
            self._writer.write_table(table)
        except OSError as error:
            raise OutputError(f"cannot write {self._path} ({error.strerror or error}); make room") from error
        self.rows += table.num_rows


def _geo(crs: CRS) -> dict[str, Any]:
    """Return the metadata of GeoParquet for one column of points and polygons."""
    column = {
        "encoding": "WKB",
        "geometry_types": [],
        "crs": pyproj.CRS.from_wkt(crs.to_wkt()).to_json_dict(),
    }
    return {"version": GEOPARQUET_VERSION, "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
