"""Comparing a catalogue with its sources, or with its own index: what is missing, orphaned, changed or twice there.

Unlike `validate`, which judges each document, this asks whether the documents are those that should be there.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stactools_esd import catalog_documents as documents
from stactools_esd import parquet_index
from stactools_esd.catalog_files import items_below, linked_below
from stactools_esd.catalog_listing import listed_years
from stactools_esd.errors import CatalogError, UsageError
from stactools_esd.files import read_json, sha256_file
from stactools_esd.inventory import find_items, years_of
from stactools_esd.product import EncoderIdentity
from stactools_esd.stac import identity_of, local_path, tags_of

Json = dict[str, Any]


@dataclass(kw_only=True)
class CheckReport:
    """What `check_catalog` found."""

    lines: list[str] = field(default_factory=list)
    """One a finding, beginning with its kind: missing, orphaned, changed, duplicate or index."""

    count: int = 0
    """Items that should be there."""

    @property
    def summary(self) -> str:
        """Findings by kind in words, e.g. `2 missing, 1 changed`."""
        kinds = Counter(line.split()[0] for line in self.lines)
        return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def check_catalog(
    destination: Path,
    sources: Sequence[str | Path] = (),
    *,
    listing: bool = False,
    like: str | Path | None = None,
    allowed: Collection[str] = (),
) -> CheckReport:
    """Compare a catalogue with its sources, or where none are given with its index.

    Args:
        destination: Folder of the catalogue.
        sources: What `create_catalog` or `catalog_of_listing` was given.
        listing: Whether the one source is a listing.
        like: As `catalog_of_listing`.
        allowed: As `catalog_of_listing`.

    Raises:
        UsageError: There is no catalogue.
        CatalogError: Its documents cannot be read.
        EsdError: What reading the sources raises.
    """
    destination = Path(os.path.abspath(destination))  # noqa: PTH100
    root = destination / "catalog.json"
    if not root.is_file():
        raise UsageError(f"got no catalogue at {destination}, expected one with a catalog.json; check the path")
    report = CheckReport()
    collections = [folder / "collection.json" for folder in sorted(destination.glob("esd-*")) if folder.is_dir()]
    named = {path for rel, path in _below(root, report) if rel == "child"}
    report.lines += [f"orphaned {path}" for path in collections if path.is_file() and path not in named]
    report.lines += [f"missing {path}" for path in sorted(named) if not path.is_file()]
    known = [path for path in collections if path in named and path.is_file()]
    linked = Counter(path for collection in known for path in _linked_items(collection, report))
    indexed = {path: checksum for collection in known for path, checksum in _indexed(collection, linked, report)}
    if sources:
        expected: Mapping[Path, str | None] = dict(
            _of_listing(sources[0], destination, like, allowed)
            if listing
            else _of_sources(sources, destination, allowed)
        )
    else:
        expected = indexed or dict.fromkeys(linked)
    _compare(expected, indexed, linked, {path for path in known for path in items_below(path.parent)}, report)
    report.count = len(expected)
    return report


def _compare(
    expected: Mapping[Path, str | None],
    indexed: Collection[Path],
    linked: Mapping[Path, int],
    there: Collection[Path],
    report: CheckReport,
) -> None:
    """Note what differs between what should be there, what the index and the links name, and what is there."""
    for path in sorted({*expected, *linked}):
        if path not in there:
            report.lines.append(f"missing {path}")
        elif (checksum := expected.get(path)) is not None and sha256_file(path) != checksum:
            report.lines.append(f"changed {path}")
        if path in expected and path in there and path not in linked:
            report.lines.append(f"orphaned {path}, which no leaf links")
    report.lines += [f"orphaned {path}" for path in sorted(set(there) - set(expected))]
    report.lines += [f"duplicate link to {path}" for path, count in sorted(linked.items()) if count > 1]
    places: dict[str, list[Path]] = {}
    for path in there:
        places.setdefault(path.stem, []).append(path)
    report.lines += [
        f"duplicate {id}: {', '.join(map(str, sorted(paths)))}"
        for id, paths in sorted(places.items())
        if len(paths) > 1
    ]
    if indexed and (unknown := sorted(set(expected) - set(indexed))):
        report.lines += [f"index lacks {path}" for path in unknown]


def _below(document: Path, report: CheckReport) -> list[tuple[str, Path]]:
    """Return relation and path of what a document names as below it; one that is no catalogue is noted."""
    try:
        return linked_below(document)
    except CatalogError:
        report.lines.append(f"changed {document}, which is no catalogue with links")
        return []


def _linked_items(collection: Path, report: CheckReport) -> Iterator[Path]:
    """Yield the items that years and zones of a collection link, as often as they do."""
    waiting = [path for _, path in _below(collection, report)]
    opened = {collection}
    while waiting:
        path = waiting.pop()
        if not path.is_relative_to(collection.parent):
            report.lines.append(f"orphaned link to {path}, which leaves {collection.parent}")
        elif not path.is_file():
            report.lines.append(f"missing {path}")
        elif path in opened:
            report.lines.append(f"duplicate link to {path}")
        else:
            opened.add(path)
            for rel, below in _below(path, report):
                if rel == "item":
                    yield below
                else:
                    waiting.append(below)


def _indexed(collection: Path, linked: Iterable[Path], report: CheckReport) -> Iterator[tuple[Path, str | None]]:
    """Yield path and checksum of the items that an index names, and note where it is not that of its collection.

    In the place of a part that cannot be trusted are the items that are linked, without checksums.
    """
    try:
        stated = parquet_index.stated_parts(read_json(collection))
        years = {*stated, *years_of(collection)} if stated else set()
    except CatalogError as error:
        report.lines.append(f"index of {collection}: {error}")
        return
    for year in sorted(years):
        path = parquet_index.part_path(collection.parent, year)
        if parquet_index.part_statement(path) != stated.get(year):
            report.lines.append(f"index {path} is not that of its collection: older, newer or absent")
            folder = collection.parent / str(year)
            yield from ((below, None) for below in linked if below.is_relative_to(folder))
            continue
        seen: set[str] = set()
        for row in parquet_index.part_rows(path, ("id", "links")):
            own = parquet_index.self_link(row)
            if row["id"] in seen:
                report.lines.append(f"duplicate row {row['id']} in {path}")
            seen.add(row["id"])
            yield (
                Path(os.path.normpath(path.parent / own["href"])),
                str(own["file:checksum"]).removeprefix("1220"),
            )


def _of_listing(
    listing: str | Path, destination: Path, like: str | Path | None, allowed: Collection[str]
) -> Iterator[tuple[Path, str]]:
    for year in listed_years(listing, destination, like=like, allowed=allowed):
        for item in year.items():
            yield _expected(item, destination, year.encoder)


def _of_sources(
    sources: Sequence[str | Path], destination: Path, allowed: Collection[str]
) -> Iterator[tuple[Path, str]]:
    """Yield path and checksum of the items of sources; assets that were copied to an item are named there."""
    for item in find_items(sources, prefer=destination, allowed=allowed).values():
        leaf = destination / documents.leaf_of(item)
        for asset in item["assets"].values():
            path = local_path(asset["href"])
            if path is not None and (leaf / path.name).is_file():
                asset["href"] = str(leaf / path.name)
        yield _expected(item, destination, identity_of(item).encoder)


def _expected(item: Json, destination: Path, encoder: EncoderIdentity) -> tuple[Path, str]:
    """Return where an item should lie, and the SHA-256 of its document."""
    leaf = destination / documents.leaf_of(item)
    structure = documents.item_links(encoder, documents.zone_of(item, tags_of(item)))
    placed = documents.placed(item, leaf, encoder.collection_id, structure)
    return leaf / f"{item['id']}.json", documents.sha256_text(documents.item_text(placed))
