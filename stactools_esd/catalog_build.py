"""Writing a catalogue year by year: items, their leaves, their part of the index, and last what stands above them."""

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from stactools_esd import catalog_documents as documents
from stactools_esd import parquet_index
from stactools_esd.asset_copies import copy_assets
from stactools_esd.catalog_files import linked_below
from stactools_esd.collection_facts import Facts
from stactools_esd.errors import PartlyDoneError
from stactools_esd.files import atomic_path, json_text
from stactools_esd.inventory import items_of_year, years_of
from stactools_esd.model_item import create_model_item, shipped_model
from stactools_esd.product import EncoderIdentity
from stactools_esd.stac import local_path, tags_of

Json = dict[str, Any]


class ItemsOfYear(Protocol):
    """The items of an encoder and a year; they travel to a process before they are made."""

    @property
    def encoder(self) -> EncoderIdentity:
        """Their encoder."""

    @property
    def year(self) -> int:
        """Their year."""

    @property
    def weights(self) -> AbstractSet[str | None]:
        """The hashes of the weights that made them; more than one are refused."""

    def items(self) -> Iterable[Json]:
        """Return them: hrefs of local assets and links absolute, without structure and collection."""


@dataclass(frozen=True, kw_only=True)
class WrittenYear:
    """What was written of a year."""

    encoder: EncoderIdentity
    """Of its items."""

    year: int
    """Which."""

    facts: Facts
    """What its items say together."""

    count: int
    """How many there are."""

    digest: str
    """Of the items' documents, as the index has it."""

    files: frozenset[str]
    """Paths of all its files, new or as they were."""


@dataclass(frozen=True, kw_only=True)
class Builder:
    """How a catalogue is written."""

    destination: Path
    """Folder of the root, absolute."""

    append: bool = False
    """Keep what there is: items of the sources are added, or take the place of those of their ids."""

    index: bool = True
    """Write the index."""

    workers: int = 1
    """Processes."""

    def build(self, years: Sequence[ItemsOfYear], collections: Iterable[EncoderIdentity] = ()) -> set[Path]:
        """Write years, then collections and root; files that say it already keep their bytes.

        Args:
            years: An encoder and a year once each.
            collections: Encoders whose collections are there even without items.

        Returns:
            Every file of the catalogue but those of years that `append` left alone.

        Raises:
            EsdError: What making items or writing them raises.
            PartlyDoneError: A process died.
        """
        written = list(self._written(years))
        files = {Path(path) for year in written for path in year.files}
        encoders = {year.encoder.collection_id: year.encoder for year in written}
        encoders |= {encoder.collection_id: encoder for encoder in collections if encoder.collection_id not in encoders}
        for id, encoder in sorted(encoders.items()):
            files |= self._collection(encoder, [year for year in written if year.encoder.collection_id == id])
        root = self.destination / "catalog.json"
        _write(root, json_text(documents.root_document([*encoders.values(), *self._others(set(encoders))])))
        return files | {root}

    def _written(self, years: Sequence[ItemsOfYear]) -> Iterator[WrittenYear]:
        if self.workers == 1 or len(years) == 1:
            yield from map(self.write_year, years)
            return
        context = multiprocessing.get_context("spawn")
        try:
            with ProcessPoolExecutor(min(self.workers, len(years)), mp_context=context) as pool:
                yield from pool.map(self.write_year, years)
        except BrokenProcessPool as error:
            raise PartlyDoneError(
                "a process that wrote items died; is there enough memory? Run the same command again"
            ) from error

    def write_year(self, given: ItemsOfYear) -> WrittenYear:
        """Write items of a year with their leaves and their part of the index."""
        encoder, year = given.encoder, given.year
        folder = self.destination / encoder.collection_id / str(year)
        items = {item["id"]: item for item in given.items()}
        if self.append:
            items = {item["id"]: item for item in items_of_year(folder)} | items
        pairs = sorted((documents.zone_of(item, tags_of(item)), id) for id, item in items.items())
        rows: list[tuple[Path, Json, str]] = []
        files: set[Path] = set()
        for zone, group in groupby(pairs, key=lambda pair: pair[0]):
            of_zone = [items[id] for _, id in group]
            structure = documents.item_links(encoder, zone)
            for item in of_zone:
                leaf = folder / zone / item["id"]
                text = documents.item_text(documents.placed(item, leaf, encoder.collection_id, structure))
                path = leaf / f"{item['id']}.json"
                _write(path, text)
                listed = {**item, "collection": encoder.collection_id}
                rows.append((path, listed, documents.sha256_text(text)))
            catalog = folder / zone / "catalog.json"
            _write(catalog, json_text(documents.zone_document(encoder, year, zone, of_zone)))
            files |= {catalog}
        zones = {zone for zone, _ in pairs}
        _write(folder / "catalog.json", json_text(documents.year_document(encoder, year, zones)))
        files |= {folder / "catalog.json", *(path for path, _, _ in rows)}
        if self.index:
            part = parquet_index.part_path(folder.parent, year)
            parquet_index.write_part(part, rows)
            files.add(part)
        return WrittenYear(
            encoder=encoder,
            year=year,
            facts=Facts.of(items.values()),
            count=len(rows),
            digest=parquet_index.digest_of({item["id"]: checksum for _, item, checksum in rows}),
            files=frozenset(map(str, files)),
        )

    def _collection(self, encoder: EncoderIdentity, years: Sequence[WrittenYear]) -> set[Path]:
        """Write the collection of an encoder, and its model where the package has it."""
        folder = self.destination / encoder.collection_id
        path = folder / "collection.json"
        parts = {year.year: (year.count, year.digest) for year in years}
        facts = [year.facts for year in years]
        if self.append:
            for year in years_of(path):
                if year not in parts:
                    facts.append(self._standing(folder, year, parts))
        joined = Facts.joined(facts)
        assets = parquet_index.index_assets(parts) if self.index else {}
        files = {path}
        if shipped_model(encoder.label, encoder.weights_sha256):
            model, content = documents.model_document(encoder, folder)
            _write(model, json_text(content))
            copy_assets(create_model_item(encoder.label).to_dict(False, False), model.parent, self.destination)
            files.add(model)
        years_there = set(parts) | ({*years_of(path)} if self.append else set())
        _write(path, json_text(documents.collection_document(encoder, joined, years_there, assets, folder)))
        return files

    def _standing(self, folder: Path, year: int, parts: dict[int, tuple[int, str]]) -> Facts:
        """Return the facts of a year that is left alone, and enter its part."""
        part = parquet_index.part_path(folder, year)
        if self.index and (stated := parquet_index.part_statement(part)) is not None:
            parts[year] = stated
            return Facts.of(_rows_as_items(part))
        items = list(items_of_year(folder / str(year)))
        if self.index:  # an older catalogue without an index gets one
            given = _Standing(encoder=tags_of(items[0]).identity.encoder, year=year)
            written = self.write_year(given)
            parts[year] = (written.count, written.digest)
        return Facts.of(items)

    def _others(self, ids: set[str]) -> Iterator[EncoderIdentity]:
        """Yield the encoders of collections that are left alone."""
        root = self.destination / "catalog.json"
        if self.append and root.is_file():
            for rel, below in linked_below(root):
                id = below.parent.name
                if rel == "child" and id not in ids:
                    yield EncoderIdentity.parse(id.removeprefix("esd-"))


_FACT_COLUMNS = (
    *("id", "bbox", "assets.thumbnail.href", "start_datetime", "end_datetime", "license", "proj:code"),
    *(f"esd:{name}" for name in ("format_version", "weights_sha256", "input_recipe", "temporal_context")),
)


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """A year to which nothing is added."""

    encoder: EncoderIdentity
    year: int
    weights: frozenset[str | None] = frozenset()

    def items(self) -> Iterable[Json]:
        return ()


def _rows_as_items(part: Path) -> Iterator[Json]:
    """Yield so much of the items of a part as facts need."""
    for row in parquet_index.part_rows(part, _FACT_COLUMNS):
        properties = {key: value for key, value in row.items() if key not in ("id", "bbox", "assets")}
        for key in ("start_datetime", "end_datetime"):
            properties[key] = row[key].isoformat().replace("+00:00", "Z")
        picture = ((row.get("assets") or {}).get("thumbnail") or {}).get("href")
        href = picture if picture is None or local_path(picture) is None else str((part.parent / picture).resolve())
        assets = {"thumbnail": {"href": href}} if href else {}
        yield {"id": row["id"], "bbox": list(row["bbox"].values()), "properties": properties, "assets": assets}


def _write(path: Path, text: str) -> None:
    """Leave a file alone that says this already, so that a second run touches nothing."""
    content = text.encode()
    if not (path.is_file() and path.read_bytes() == content):
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
