"""The index of a collection: stac-geoparquet, one part a year, a row an item; laid out as decision 16 says.

pyarrow is imported where it is needed: it is the extra `catalog`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
import shapely.geometry

from stactools_esd.catalog_documents import sha256_text
from stactools_esd.errors import CatalogError, MissingExtraError
from stactools_esd.files import atomic_path
from stactools_esd.stac import relative_href

FOLDER: Final = "index"
"""Folder of the index in that of the collection."""

ASSET: Final = "items-"
"""What the keys of the collection's assets that name the index begin with; the year follows."""

ROLE: Final = "collection-mirror"
"""Role of these assets, by the stac-geoparquet specification."""

ROW_GROUP_ROWS: Final = 1024
"""Rows that are read or passed over together: a place of a few tiles lies in one or two groups."""

INDEX_VERSION: Final = "1"
"""Version of this layout; a part of another one is written again."""

_DIGEST, _COUNT, _VERSION = "esd:items_sha256", "esd:item_count", "esd:index_version"
_TIMES = ("datetime", "start_datetime", "end_datetime")
_WITH_STATISTICS = ["id", "start_datetime", *(f"bbox.{side}" for side in ("xmin", "ymin", "xmax", "ymax"))]
_CURVE_BITS = 16
DAMAGED: Final = (OSError, UnicodeDecodeError, RuntimeError)
"""What pyarrow raises of damaged files beside its own errors: names that are no text, statistics that do not fit."""

_MALFORMED = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError)

Json = dict[str, Any]


def part_path(collection_folder: Path, year: int) -> Path:
    """Return where the part of a year lies."""
    return collection_folder / FOLDER / f"year={year}" / "part-0.parquet"


def digest_of(checksums: Mapping[str, str]) -> str:
    """Return the digest of items: of a line `<id> <SHA-256 of the document>` for each, sorted.

    Args:
        checksums: Id to SHA-256 of the item's document.
    """
    return sha256_text("".join(f"{id} {checksum}\n" for id, checksum in sorted(checksums.items())))


def index_assets(years: Mapping[int, tuple[int, str]]) -> dict[str, Json]:
    """Return the assets that name the parts of the index, by their keys: each is a file that answers.

    Args:
        years: Year to how many items it has and their digest.
    """
    return {
        f"{ASSET}{year}": {
            "href": f"./{part_path(Path(), year).as_posix()}",
            "title": f"Index of {year}",
            "description": "All items of the year as stac-geoparquet; the parts of all years are read as one table.",
            "type": "application/vnd.apache.parquet",
            "roles": [ROLE],
            _COUNT: count,
            _DIGEST: digest,
        }
        for year, (count, digest) in sorted(years.items())
    }


def stated_parts(collection: Mapping[str, Any]) -> dict[int, tuple[int, str]]:
    """Return what a collection of ours says of its index: year to how many items it has and their digest.

    Raises:
        CatalogError: An asset of the index is malformed.
    """
    stated = {}
    assets = collection.get("assets") if isinstance(collection, Mapping) else None
    for key, asset in (assets if isinstance(assets, Mapping) else {}).items():
        year = str(key).removeprefix(ASSET)
        if year != key and year.isdecimal():
            try:
                stated[int(year)] = (int(asset[_COUNT]), str(asset[_DIGEST]))
            except _MALFORMED as error:
                raise CatalogError(
                    f"got the asset {key} of {collection.get('id')} without {_COUNT} and {_DIGEST}, expected both; "
                    "build the catalogue again"
                ) from error
    return stated


def write_part(path: Path, items: Sequence[tuple[Path, Json, str]]) -> None:
    """Write the part of a year, unless a part of these very items is there.

    Args:
        path: From `part_path`.
        items: Path of each item's document; the item with the hrefs of local assets absolute; its SHA-256.

    Raises:
        MissingExtraError: pyarrow is not installed.
        CatalogError: Items cannot be rows of one table.
        OutputError: The file cannot be written.
    """
    digest = digest_of({item["id"]: checksum for _, item, checksum in items})
    stated = part_statement(path)
    if stated == (len(items), digest):
        return
    arrow, parquet = pyarrow_modules()
    try:
        order = _along_curve(np.array([item["bbox"] for _, item, _ in items], dtype=np.float64))
        rows = [_row(*items[position], path.parent) for position in order]
        table = arrow.Table.from_pylist(rows, schema=_schema(rows))
    except (arrow.ArrowException, shapely.errors.ShapelyError, *_MALFORMED) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CatalogError(
            f"got items that cannot be rows of one index ({reason}), expected equal types of equal fields; mend the "
            "items, or say --no-index"
        ) from error
    described = {
        "geo": json.dumps(_geo(rows)),
        "stac-geoparquet": json.dumps({"version": "1.0.0"}),
        _VERSION: INDEX_VERSION,
        _COUNT: str(len(items)),
        _DIGEST: digest,
    }
    with atomic_path(path) as temporary:
        parquet.write_table(
            table.replace_schema_metadata(described),
            temporary,
            row_group_size=ROW_GROUP_ROWS,
            compression="zstd",
            compression_level=9,
            write_statistics=_WITH_STATISTICS,
        )


def part_statement(path: Path) -> tuple[int, str] | None:
    """Return how many items a part says it has, and their digest; None where there is no such part of this layout."""
    if not path.is_file():
        return None
    arrow, parquet = pyarrow_modules()
    try:
        metadata = parquet.read_metadata(path).metadata or {}
    except (arrow.ArrowException, *DAMAGED):
        return None
    said = {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in metadata.items()}
    if said.get(_VERSION) != INDEX_VERSION or not said.get(_COUNT, "").isdecimal() or _DIGEST not in said:
        return None
    return int(said[_COUNT]), said[_DIGEST]


def part_rows(path: Path, columns: Sequence[str]) -> list[Json]:
    """Return some columns of a part, row by row, without what a row does not have.

    Raises:
        CatalogError: The part cannot be read.
    """
    arrow, parquet = pyarrow_modules()
    try:
        with parquet.ParquetFile(path) as file:
            leaves = [file.metadata.schema.column(place).path for place in range(file.metadata.num_columns)]
            wanted = [leaf for leaf in leaves if any(leaf == name or leaf.startswith(f"{name}.") for name in columns)]
            rows = file.read(columns=wanted).to_pylist()
    except (arrow.ArrowException, *DAMAGED) as error:
        raise CatalogError(
            f"cannot read {path} ({str(error).splitlines()[0]}), expected a part of the index; build the catalogue "
            "again"
        ) from error
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def self_link(row: Mapping[str, Any]) -> Json:
    """Return the link of a row to the document of its item."""
    return next((dict(entry) for entry in row.get("links") or () if entry["rel"] == "self"), {})


def pyarrow_modules() -> tuple[Any, Any]:
    """Return pyarrow and pyarrow.parquet.

    Raises:
        MissingExtraError: They are not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            "got no pyarrow, which writes and reads the index of a catalogue; run: pip install "
            "'stactools-esd[catalog]', or say --no-index"
        ) from error
    return pyarrow, pyarrow.parquet


def _along_curve(boxes: np.ndarray[Any, np.dtype[np.float64]]) -> list[int]:
    """Return the order of boxes of shape (n, 4) along a Z-order curve of their middles, ties as they come.

    Boxes across the antimeridian come last: in a row group with others they would stretch it around the Earth.
    """
    west, south, east, north = boxes.T
    across = west > east
    middles = ((west + east) / 2 + 180.0) / 360.0, ((south + north) / 2 + 90.0) / 180.0
    cells = [(np.clip(middle, 0.0, 1.0) * (2**_CURVE_BITS - 1)).astype(np.int64) for middle in middles]
    place = np.zeros(len(boxes), dtype=np.int64)
    for bit in range(_CURVE_BITS):
        for axis, cell in enumerate(cells):
            place |= ((cell >> bit) & 1) << (2 * bit + axis)
    return [int(position) for position in np.lexsort((place, across))]


def _row(document: Path, item: Json, checksum: str, folder: Path) -> Json:
    """Return an item as a row: hrefs counted from the part, times as times, properties beside the rest."""
    west, south, east, north = item["bbox"]
    properties = dict(item["properties"])
    for key in _TIMES:
        properties[key] = datetime.fromisoformat(properties[key])
    own = {
        "rel": "self",
        "href": relative_href(str(document), folder),
        "type": "application/geo+json",
        "file:checksum": f"1220{checksum}",
    }
    return {
        **{key: value for key, value in item.items() if key not in ("properties", "assets", "links")},
        "bbox": {"xmin": west, "ymin": south, "xmax": east, "ymax": north},
        "geometry": shapely.to_wkb(shapely.geometry.shape(item["geometry"])),
        "links": [own],
        "assets": {
            key: asset | {"href": relative_href(asset["href"], folder)} for key, asset in item["assets"].items()
        },
        **properties,
    }


def _geo(rows: Sequence[Json]) -> Json:
    """Return the metadata of GeoParquet 1.1; its CRS is longitude and latitude where none is named."""
    boxes = [row["bbox"] for row in rows]
    return {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": sorted({shapely.from_wkb(row["geometry"]).geom_type for row in rows}),
                "bbox": [
                    min(-180.0 if box["xmin"] > box["xmax"] else box["xmin"] for box in boxes),
                    min(box["ymin"] for box in boxes),
                    max(180.0 if box["xmin"] > box["xmax"] else box["xmax"] for box in boxes),
                    max(box["ymax"] for box in boxes),
                ],
                "covering": {"bbox": {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}},
            }
        },
    }


def _schema(rows: Sequence[Json]) -> Any:
    """Return the one schema of all parts; assets and their fields that no row has are left out, for there are many."""
    arrow, _ = pyarrow_modules()
    from stactools_esd.index_schema import asset_fields, columns

    fields = asset_fields(arrow)
    said: dict[str, dict[str, Any]] = {}
    for row in rows:
        for key, asset in row["assets"].items():
            for name in asset.keys() - said.setdefault(key, {}).keys():
                said[key][name] = fields[name] if name in fields else arrow.infer_type([asset[name]])
    order = {name: place for place, name in enumerate(fields)}
    known = columns(arrow)
    known["assets"] = arrow.struct(
        [
            (
                key,
                arrow.struct(sorted(said[key].items(), key=lambda field: (order.get(field[0], len(order)), field[0]))),
            )
            for key in sorted(said)
        ]
    )
    for key in sorted({key for row in rows for key in row} - set(known)):
        known[key] = arrow.infer_type([row[key] for row in rows if row.get(key) is not None])
    return arrow.schema(list(known.items()))
