"""Items of a parquet index: one row an item, as stac-geoparquet lays them out, in one file or partitioned by year."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import shapely

from esd_tasks.codes_item import CodesItem
from esd_tasks.extras import needed
from esd_tasks.item_sources.document import CODES_ASSET, item_of
from esd_tasks.item_sources.http import fetch_bytes
from esd_tasks.item_sources.wanted import Wanted
from stactools_esd import stac
from stactools_esd.errors import CatalogError
from stactools_esd.gdal import without_query

_NEEDED = ("id", "geometry", "assets")
_PROPERTIES = ("license", "start_datetime", "end_datetime")
_PREFIXES = ("esd:", "proj:")


def is_index(place: str) -> bool:
    """Tell whether a path or URL names a parquet file, or a folder whose files are parquet."""
    if place.split("?", 1)[0].rstrip("/").endswith(".parquet"):
        return True
    path = stac.local_path(place)
    return path is not None and path.is_dir() and next(path.glob("**/*.parquet"), None) is not None


def search(place: str, wanted: Wanted) -> Iterator[CodesItem]:
    """Yield items of an index; boxes and dates choose its rows, so items still have to be tried.

    Args:
        place: Path of a file or folder, or URL of a file, which is fetched whole.
        wanted: Place and years.

    Raises:
        CatalogError: It cannot be read, or is no index of items.
        MissingExtraError: pyarrow is not installed.
    """
    arrow = needed("pyarrow", "tasks")
    shown = without_query(place)
    try:
        dataset = _open(place)
        if missing := [name for name in _NEEDED if name not in dataset.schema.names]:
            raise CatalogError(
                f"got the index {shown} without a column {missing[0]}, expected items as stac-geoparquet has them"
            )
        rows = dataset.to_batches(columns=_columns(dataset.schema), filter=_filter(dataset.schema, wanted))
        for batch in rows:
            for row in batch.to_pylist():
                if row["asset"] is not None and any(key.startswith("esd:") and row[key] is not None for key in row):
                    yield item_of(_content(row), place)
    except (arrow.ArrowException, OSError) as error:
        raise CatalogError(
            f"cannot read the index {shown} ({str(error).splitlines()[0]}), expected a whole parquet file; "
            "fetch or build it again"
        ) from error


def _open(place: str) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    if (path := stac.local_path(place)) is None:
        return ds.dataset(pq.read_table(pa.BufferReader(fetch_bytes(place))))
    files = sorted(str(file) for file in path.rglob("*.parquet") if file.is_file()) if path.is_dir() else [str(path)]
    return ds.dataset(files, format="parquet")


def _columns(schema: Any) -> dict[str, Any]:
    """Return what is read of a row: of its assets only the codes."""
    import pyarrow.compute as pc

    kept = [name for name in schema.names if name in _PROPERTIES or name.startswith(_PREFIXES)]
    columns = {name: pc.field(name) for name in ("id", "geometry", *kept)}
    if CODES_ASSET in {field.name for field in schema.field("assets").type}:
        return columns | {"asset": pc.field("assets", CODES_ASSET)}
    raise CatalogError(f"got an index whose items have no asset {CODES_ASSET}, expected items of codes")


def _filter(schema: Any, wanted: Wanted) -> Any:
    """Return a condition on boxes and dates that every wanted row meets, or None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    conditions = []
    if "bbox" in schema.names and wanted.boxes():
        left, bottom, right, top = (pc.field("bbox", side) for side in ("xmin", "ymin", "xmax", "ymax"))
        meeting = pc.scalar(False)
        for west, south, east, north in wanted.boxes():
            across = (left <= east) & (right >= west)
            around = (left > right) & ((left <= east) | (right >= west))  # the box crosses the antimeridian
            meeting = meeting | ((across | around) & (bottom <= north) & (top >= south))
        conditions.append(meeting)
    if wanted.years and "start_datetime" in schema.names:
        kind = schema.field("start_datetime").type
        if pa.types.is_timestamp(kind):
            zone = UTC if kind.tz else None
            first = pa.scalar(datetime(min(wanted.years), 1, 1, tzinfo=zone), type=kind)
            after = pa.scalar(datetime(max(wanted.years) + 1, 1, 1, tzinfo=zone), type=kind)
            start = pc.field("start_datetime")
            conditions.append((start >= first) & (start < after))
    whole = None
    for condition in conditions:
        whole = condition if whole is None else whole & condition
    return whole


def _content(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as the JSON of an item; what other rows have and this one has not is left out."""
    full = {key: value for key, value in _without_nulls(row).items() if key not in ("id", "geometry", "asset")}
    return {
        "id": row["id"],
        "geometry": shapely.from_wkb(row["geometry"]),
        "properties": full,
        "assets": {CODES_ASSET: _without_nulls(row["asset"])},
    }


def _without_nulls(value: Any) -> Any:
    """Drop keys without a value, and write dates as JSON does."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value.isoformat() if isinstance(value, datetime | date) else value
