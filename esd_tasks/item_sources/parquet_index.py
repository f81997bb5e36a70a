"""Items of a parquet index: one row an item, as stac-geoparquet lays them out, in one file or partitioned by year."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

import shapely

from esd_tasks.codes_item import CodesItem
from esd_tasks.extras import needed
from esd_tasks.item_sources.document import CODES_ASSET, item_of
from esd_tasks.item_sources.http import fetch_bytes
from esd_tasks.item_sources.index_rows import chosen_rows, column_paths
from esd_tasks.item_sources.wanted import Wanted
from stactools_esd import stac
from stactools_esd.errors import CatalogError
from stactools_esd.gdal import without_query

_NEEDED = ("id", "geometry", "assets")
_PROPERTIES = ("links", "license", "start_datetime", "end_datetime")
_PREFIXES = ("esd:", "proj:")
_ASSET_FIELDS = ("href", "file:size", "file:checksum", "proj:code", "proj:shape", "proj:transform")
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RuntimeError)
_YEAR_FOLDER = re.compile(r"(?:^|/)year=(\d{4})/")

DIGEST_KEY: Final = "esd:items_sha256"
"""Key, in the metadata of a file, of the digest of its items."""


MOST_ROWS: Final = 1_000_000
"""Rows of one file, where a few bytes can say a billion; a year of all tiles on Earth has about 20,000."""


class NoCodesError(CatalogError):
    """An index is of items that are no codes."""


def is_index(place: str) -> bool:
    """Tell whether a path or URL names a parquet file, or a folder whose files are parquet."""
    if place.split("?", 1)[0].rstrip("/").endswith(".parquet"):
        return True
    path = stac.local_path(place)
    return path is not None and path.is_dir() and next(path.glob("**/*.parquet"), None) is not None


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file of an index, and what is said of it elsewhere."""

    place: str
    """Path or URL; a file behind a URL is fetched whole."""

    item_count: int | None = None
    """How many items it must have."""

    items_sha256: str | None = None
    """The digest of its items that it must state in its metadata."""


def search(place: str, wanted: Wanted) -> Iterator[CodesItem]:
    """Yield items of an index; boxes and dates choose its rows, so items still have to be tried.

    Args:
        place: Path of a file or folder, or URL of a file.
        wanted: Place and years; of a folder with `year=2015/` below it only the parts of these are opened.

    Raises:
        CatalogError: It cannot be read, or is no index of items of codes.
        MissingExtraError: pyarrow is not installed.
    """
    for part in parts_of(place, wanted):
        yield from rows_of(part, wanted)


def parts_of(place: str, wanted: Wanted) -> list[Part]:
    """Return the files of an index that may hold what is wanted, in a stable order."""
    path = stac.local_path(place)
    if path is None or not path.is_dir():
        return [Part(place=place)]
    files = sorted(str(file) for file in path.rglob("*.parquet") if file.is_file())
    return [Part(place=file) for file in files if may_hold_years(file, wanted)]


def may_hold_years(place: str, wanted: Wanted) -> bool:
    """Tell whether a part may hold items of the years that are wanted, by `year=2015` in its path."""
    years = _YEAR_FOLDER.findall(place.split("?", 1)[0])
    return wanted.years is None or not years or int(years[-1]) in wanted.years


def rows_of(part: Part, wanted: Wanted) -> Iterator[CodesItem]:
    """Yield items of one file, hrefs in a row counted from it.

    Raises:
        NoCodesError: It is an index of something else.
        CatalogError: It cannot be read, or holds other items than is said of it.
        MissingExtraError: pyarrow is not installed.
    """
    arrow = needed("pyarrow", "tasks")
    shown = without_query(part.place)
    # By its folder all rows of a part begin in one year, which was chosen before: only the place is left to look at.
    rows_wanted = replace(wanted, years=None) if _YEAR_FOLDER.search(part.place.split("?", 1)[0]) else wanted
    try:
        with _open(part.place) as file:
            paths = column_paths(file)
            if missing := [name for name in _NEEDED if not _below(paths, name)]:
                raise CatalogError(
                    f"got the index {shown} without a column {missing[0]}, expected items as stac-geoparquet has them"
                )
            if file.metadata.num_rows > MOST_ROWS:
                raise CatalogError(
                    f"got the index {shown} of {file.metadata.num_rows} rows, expected at most {MOST_ROWS}; divide it "
                    "by years"
                )
            _see_agreeing(part, file.metadata, shown)
            for row in chosen_rows(file, paths, _columns(paths, shown), rows_wanted):
                codes = (row["assets"] or {}).get(CODES_ASSET)
                if codes is not None and any(key.startswith("esd:") and row[key] is not None for key in row):
                    yield item_of(_content(row), part.place)
    except (arrow.ArrowException, shapely.errors.ShapelyError, OSError, *_MALFORMED) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CatalogError(
            f"cannot read the index {shown} ({reason}), expected a whole parquet file of items; fetch or build it again"
        ) from error


def _open(place: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = stac.local_path(place)
    return pq.ParquetFile(pa.BufferReader(fetch_bytes(place)) if path is None else path, pre_buffer=False)


def _below(paths: Iterable[str], name: str) -> list[str]:
    """Return the leaves of a column."""
    return [path for path in paths if path == name or path.startswith(f"{name}.")]


def _see_agreeing(part: Part, metadata: Any, shown: str) -> None:
    """See that a file holds the items that are said of it: neither an older index nor a newer one."""
    digest = (metadata.metadata or {}).get(DIGEST_KEY.encode(), b"").decode("utf-8", "replace")
    of_others = part.items_sha256 is not None and digest != part.items_sha256
    if of_others or (part.item_count is not None and metadata.num_rows != part.item_count):
        raise CatalogError(
            f"got the index {shown} of other items than its collection says, expected one that was built with it; "
            "build the catalogue again"
        )


def _columns(paths: Sequence[str], shown: str) -> list[str]:
    """Return the leaves that are read of a row: of its assets only what is needed of the codes."""
    kept = [path for name in ("id", "geometry", *_PROPERTIES) for path in _below(paths, name)]
    kept += [path for path in paths if path.startswith(_PREFIXES)]
    codes = [path for field in _ASSET_FIELDS for path in _below(paths, f"assets.{CODES_ASSET}.{field}")]
    if not codes:
        raise NoCodesError(f"got the index {shown} whose items have no asset {CODES_ASSET}, expected items of codes")
    return kept + codes


def _content(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as the JSON of an item; what other rows have and this one has not is left out."""
    apart = ("id", "geometry", "assets", "links")
    full = {key: value for key, value in _without_nulls(row).items() if key not in apart}
    return {
        "id": row["id"],
        "geometry": shapely.from_wkb(row["geometry"]),
        "properties": full,
        "links": row.get("links") or [],
        "assets": {CODES_ASSET: _without_nulls(row["assets"][CODES_ASSET])},
    }


def _without_nulls(value: Any) -> Any:
    """Drop keys without a value, and write dates as JSON does."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value.isoformat() if isinstance(value, datetime | date) else value
