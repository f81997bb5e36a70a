"""Validating the index of a collection: it must be of the very items that lie there."""

import os
from pathlib import Path

from stactools_esd import parquet_index
from stactools_esd.errors import CatalogError, MissingExtraError
from stactools_esd.files import is_file, sha256_file
from stactools_esd.validate_report import Json, Report


def note_item(path: Path, item: Json, report: Report) -> None:
    """Remember an item for the index of its year, by the layout year / zone / id / id.json."""
    above = Path(os.path.abspath(path)).parents  # noqa: PTH100
    if len(above) > 2:
        report.checksums.setdefault(above[2], {})[item["id"]] = sha256_file(path)


def check_index(path: Path, collection: Json, report: Report) -> None:
    """Compare what a collection of ours says of its index with its items, all of which were met, and with the parts."""
    if not str(collection["id"]).startswith("esd-"):
        return
    try:
        stated = parquet_index.stated_parts(collection)
    except CatalogError as error:
        report.add(path, str(error))
        return
    if not stated:
        return
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100
    there = {
        int(year.name): checksums
        for year, checksums in report.checksums.items()
        if year.parent == folder and year.name.isdecimal()
    }
    for year in sorted({*stated, *there}):
        items = there.get(year, {})
        part = parquet_index.part_path(folder, year)
        if stated.get(year) != (len(items), parquet_index.digest_of(items)):
            report.add(
                path, f"got an index of {year} of other items than lie there, expected one of these; build it again"
            )
        elif is_file(part) and not _is_stated(part, stated[year], report):
            report.add(part, "got an index that is not that of its collection, older or newer; build it again")


def _is_stated(part: Path, stated: tuple[int, str], report: Report) -> bool:
    """Tell whether a part states this count and digest; what cannot be opened here is noted once."""
    try:
        return parquet_index.part_statement(part) == stated
    except MissingExtraError:
        note = "the parts of the index were not opened: pip install 'stactools-esd[catalog]' for that"
        report.unread += [] if note in report.unread else [note]
        return True
