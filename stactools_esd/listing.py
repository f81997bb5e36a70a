"""Listings: what an archive holds, a line a tile and year, as CSV, Parquet or JSON lines; no raster is opened.

Columns `tile`, `year` and `href`, and `size` in bytes where it is known. Other columns are passed by.
"""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stactools_esd import grid
from stactools_esd.errors import CatalogError, EsdError, NothingFoundError, UsageError
from stactools_esd.hrefs import check_href
from stactools_esd.names import ProductName, parse_name
from stactools_esd.product import OFFICIAL_ENCODER, OFFICIAL_YEARS, EncoderIdentity

SUFFIXES: Final = (".csv", ".jsonl", ".ndjson", ".parquet")
"""Endings of files that are listings."""

_WRITTEN = (".csv", ".parquet")

COLUMNS: Final = ("tile", "year", "href", "size")
"""Columns that are read; the last may be missing or empty."""

LARGEST_SIZE: Final = 1 << 40
"""Most bytes of a file, thousands of times those of a tile: beyond it a number is a slip."""

MOST_LINES: Final = 10_000_000
"""Lines of a listing as Parquet, where a few bytes can say a billion; all tiles of all years are half a million."""

LANDSAT_YEARS: Final = range(1984, 2100)
"""Years that tiles other than the official ones may have: from the first Thematic Mapper."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One tile of one year."""

    tile: str
    """MGRS tile."""

    year: int
    """Calendar year."""

    href: str
    """URL or path of the codes."""

    size: int | None = None
    """Bytes of the file, or None where nobody says."""

    china: bool = False
    """True for an official file of the `V001CHN` variant, by its name."""


def is_listing(source: str | Path) -> bool:
    """Tell whether a source is a listing, by its ending."""
    path = Path(source)
    return path.suffix.lower() in SUFFIXES and path.is_file()


def read_listing(
    path: Path, *, encoder: EncoderIdentity = OFFICIAL_ENCODER, allowed: Collection[str] = (), root: Path
) -> list[Entry]:
    """Read and check a listing: all of it, before anything is written.

    Args:
        path: The file.
        encoder: What made the codes; names of files must not say another.
        allowed: See `hrefs.check_href`.
        root: Folder of the catalogue, from which relative hrefs are counted.

    Returns:
        Entries by year and tile, each tile and year once.

    Raises:
        CatalogError: The file is no listing, or a line is impossible; the message has the first and how many there are.
        NothingFoundError: It has no line.
        MissingExtraError: It is Parquet, and pyarrow is not installed.
    """
    found: dict[tuple[int, str], Entry] = {}
    wrong: list[str] = []
    for number, row in _rows(path):
        try:
            entry = _entry(row, encoder, allowed, root)
            if (known := found.setdefault((entry.year, entry.tile), entry)) != entry:
                raise CatalogError(
                    f"got tile {entry.tile} of {entry.year} twice with different content, {_shown(known)} and "
                    f"{_shown(entry)}, expected one; leave one of them out"
                )
        except EsdError as error:
            wrong.append(f"{path} line {number}: {error}")
    if wrong:
        raise CatalogError(wrong[0] + (f" (first of {len(wrong)} such lines)" if len(wrong) > 1 else ""))
    if not found:
        raise NothingFoundError(f"got the listing {path} without a line, expected at least one; check the file")
    return [entry for _, entry in sorted(found.items())]


def listing_to_write(name: str) -> Path:
    """Return the path of a listing that `write_listing` can write, before it is known what stands in it.

    Raises:
        UsageError: The name is empty, or ends in something else.
    """
    path = Path(name)
    if path.suffix.lower() not in _WRITTEN:
        raise UsageError(f"got {name!r}, expected a name that ends in {' or '.join(_WRITTEN)}; choose one")
    return path


def write_listing(path: Path, entries: Iterable[Entry]) -> int:
    """Write entries as CSV or Parquet, by the ending of the path, and return how many there are.

    Raises:
        UsageError: The ending is another.
        OutputError: The file cannot be written.
    """
    from stactools_esd.files import atomic_path

    listing_to_write(str(path))
    rows = sorted(entries, key=lambda entry: (entry.year, entry.tile))
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".parquet":
            from stactools_esd.parquet_index import pyarrow_modules

            arrow, parquet = pyarrow_modules()
            columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
            parquet.write_table(arrow.table(columns), temporary, compression="zstd")
        else:
            with temporary.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(COLUMNS)
                writer.writerows((row.tile, row.year, row.href, row.size or "") for row in rows)
    return len(rows)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield each line with its number as people count them: the header of a table is line 1."""
    try:
        if path.suffix.lower() == ".parquet":
            yield from enumerate(_parquet_rows(path), start=1)
        elif path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                _check_columns(path, reader.fieldnames or ())
                for row in reader:
                    yield reader.line_num, row
        else:
            with path.open(encoding="utf-8-sig") as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield number, _json_row(path, number, line)
    except (OSError, csv.Error, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise CatalogError(f"cannot read {path} ({reason}), expected a listing; check the file") from error


def _json_row(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CatalogError(
            f"got {path} line {number} that is no JSON ({error}), expected an object a line; check the file"
        ) from error
    _check_columns(path, content if isinstance(content, dict) else (), number)
    return content  # type: ignore[no-any-return]


def _parquet_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    from stactools_esd.parquet_index import DAMAGED, pyarrow_modules

    arrow, parquet = pyarrow_modules()
    try:
        with parquet.ParquetFile(path) as file:
            if file.metadata.num_rows > MOST_LINES:
                raise CatalogError(
                    f"got {path} of {file.metadata.num_rows} lines, expected at most {MOST_LINES}; list fewer at once"
                )
            names = [name for name in file.schema_arrow.names if name in COLUMNS]
            _check_columns(path, names)
            for batch in file.iter_batches(columns=names):
                yield from batch.to_pylist()
    except (arrow.ArrowException, *DAMAGED) as error:
        reason = str(error).splitlines()[0]
        raise CatalogError(f"cannot read {path} ({reason}), expected a listing; check the file") from error


def _check_columns(path: Path, names: Iterable[str], number: int = 0) -> None:
    if missing := [name for name in COLUMNS[:3] if name not in set(names)]:
        where = f"{path} line {number}" if number else str(path)
        raise CatalogError(
            f"got {where} without a column {missing[0]}, expected a listing with {', '.join(COLUMNS[:3])} and perhaps "
            "size; name the columns"
        )


def _entry(row: Mapping[str, Any], encoder: EncoderIdentity, allowed: Collection[str], root: Path) -> Entry:
    if None in row or any(row[name] is None for name in COLUMNS[:3]):
        lacking = "more values than columns" if None in row else "too few values"
        raise CatalogError(f"got {lacking}, expected {', '.join(COLUMNS[:3])}; in CSV quote values that hold commas")
    tile, href = str(row["tile"]), check_href(str(row["href"]), allowed=allowed, root=root)
    grid.tile(tile)  # raises where there is no such square
    year = _whole(row["year"], "year")
    years = OFFICIAL_YEARS if encoder.label == OFFICIAL_ENCODER.label else LANDSAT_YEARS
    if year not in years:
        raise CatalogError(f"got the year {year}, expected {years.start}..{years.stop - 1}; correct it")
    size = None if row.get("size") in (None, "") else _whole(row["size"], "size")
    if size is not None and not 1 <= size <= LARGEST_SIZE:
        raise CatalogError(
            f"got a size of {size} bytes, expected at least 1 and at most {LARGEST_SIZE}, or nothing where it is not "
            "known; correct it"
        )
    named = parse_name(href)
    if named is not None:
        _check_name(named, tile, year, encoder)
    return Entry(tile=tile, year=year, href=href, size=size, china=named is not None and named.china)


def _check_name(named: ProductName, tile: str, year: int, encoder: EncoderIdentity) -> None:
    if named.encoder.label != encoder.label:
        raise CatalogError(
            f"got a file {named.stem} of the encoder {named.encoder.label}, expected {encoder.label}; a listing has "
            "one encoder: say --like ITEM with an item of it"
        )
    if (named.tile, named.year) != (tile, year):
        raise CatalogError(f"got the file {named.stem} for tile {tile} of {year}, expected one of that tile and year")


def _whole(value: Any, what: str) -> int:
    """Return a whole number; tables with gaps hold it as `2020.0`."""
    try:
        number = float(value)
        if isinstance(value, bool) or not number.is_integer():
            raise ValueError
    except (TypeError, ValueError, OverflowError) as error:
        raise CatalogError(f"got the {what} {str(value)[:40]!r}, expected a whole number; correct it") from error
    return int(number)


def _shown(entry: Entry) -> str:
    size = "no size" if entry.size is None else f"{entry.size} bytes"
    return f"{entry.href.split('?', 1)[0]} ({size})"
