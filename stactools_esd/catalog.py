"""The static catalogue: collection, year, UTM zone, item; relative links; equal sources give equal bytes.

DESTINATION/catalog.json
DESTINATION/<collection id>/collection.json
DESTINATION/<collection id>/index/year=<year>/part-0.parquet
DESTINATION/<collection id>/model-<encoder>/model-<encoder>.json, with weights and card, if the package has them
DESTINATION/<collection id>/<year>/catalog.json
DESTINATION/<collection id>/<year>/<zone>/catalog.json
DESTINATION/<collection id>/<year>/<zone>/<item id>/<item id>.json
"""

import os
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from stactools_esd import parquet_index
from stactools_esd.absent_assets import hrefs_of, warn_of_absent
from stactools_esd.asset_copies import copy_assets
from stactools_esd.catalog_build import Builder, ItemsOfYear
from stactools_esd.catalog_documents import CATALOG_ID, Json, leaf_of
from stactools_esd.catalog_files import DOCUMENTS, files_of, is_item, remove
from stactools_esd.collection_facts import require_one_encoder
from stactools_esd.errors import CatalogError, UsageError
from stactools_esd.files import PARTIAL_MARK, read_json
from stactools_esd.hrefs import OUTSIDE
from stactools_esd.inventory import find_items
from stactools_esd.product import ENCODER_LABEL, EncoderIdentity
from stactools_esd.run_lock import LOCK_FILE, locked_folder
from stactools_esd.stac import identity_of

__all__ = ["Layout", "create_catalog", "leaf_of", "write_catalog"]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a catalogue is written, whatever its items come from.

    Raises:
        UsageError: Items shall be dropped and kept.
    """

    replace: bool = False
    """Drop items of an older catalogue there that are not among the sources; otherwise they are refused."""

    append: bool = False
    """Keep them. An item whose id is among the sources is written anew where it differs, the others are left alone."""

    index: bool = True
    """Write the index, which needs pyarrow."""

    workers: int = 1
    """Processes."""

    collections: tuple[str, ...] = ()
    """Encoders, such as `official-v001`, whose collections are there even without items."""

    def __post_init__(self) -> None:
        if self.replace and self.append:
            raise UsageError("got both --replace and --append, expected one: drop what is not named, or keep it")


def create_catalog(
    sources: Iterable[str | Path],
    destination: str | Path,
    *,
    replace: bool = False,
    copy: bool = False,
    append: bool = False,
    index: bool = True,
    collections: Sequence[str] = (),
    allowed: Collection[str] = (),
) -> Path:
    """Write the static catalogue of exactly the given sources; files that agree already keep their bytes.

    Assets stay where they are, unless `copy` is said. A local one is referenced relatively to its item, a remote one by
    its URL. So are links such as `derived_from`; with `copy`, those that lead out of the catalogue are `file:` URLs.

    Args:
        sources: Items, codes COGs, or folders of either, searched through; in any order.
        destination: Folder of the catalogue: empty, or a catalogue of ours, or holding nothing but item folders.
        replace: See `Layout`.
        copy: Copy local assets to their items, so that the catalogue can be published as one folder.
        append: See `Layout`.
        index: See `Layout`.
        collections: See `Layout`.
        allowed: Further schemes of hrefs of assets, such as `http`; with `copy` also `outside`, for local files that
            lie neither in a source nor in the folder of their item.

    Returns:
        Path of the root `catalog.json`.

    Raises:
        NothingFoundError: The sources hold no items or codes.
        CatalogError: Two items share an id and differ, an item breaks the naming rule, or the destination is something
            else or holds other items.
        IncomparableError: Two items of one collection were made with different weights.
        MissingExtraError: An index shall be written, and pyarrow is not installed.
        OutputError: An asset cannot be copied.

    Warns:
        MissingFileWarning: An asset that is named where it lies does not exist.
    """
    layout = Layout(replace=replace, append=append, index=index, collections=tuple(collections))
    destination = Path(os.path.abspath(destination))  # noqa: PTH100  (links below must not keep `..`)
    check_destination(destination)
    sources = list(sources)
    enclosed = copy and OUTSIDE not in allowed
    named = sources or not collections
    items = find_items(sources, prefer=destination, allowed=allowed, enclosed=enclosed) if named else {}
    if not copy:  # what cannot be copied is an error
        warn_of_absent(hrefs_of(items.values()), destination)
    placed = sorted((leaf_of(item).parts[:2], id) for id, item in items.items())
    years = []
    for (_, year), group in groupby(placed, key=lambda pair: pair[0]):
        of_year = [items[id] for _, id in group]
        encoder = identity_of(of_year[0]).encoder
        years.append(_Found(encoder=encoder, year=int(year), found=of_year, copy_to=destination if copy else None))
    return write_catalog(years, set(items), destination, layout)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """The items of a year that sources hold."""

    encoder: EncoderIdentity
    year: int
    found: list[Json]
    copy_to: Path | None

    @property
    def weights(self) -> set[str | None]:
        return {identity_of(item).encoder.weights_sha256 for item in self.found}

    def items(self) -> list[Json]:
        if self.copy_to is None:
            return self.found
        return [copy_assets(item, self.copy_to / leaf_of(item), self.copy_to) for item in self.found]


def write_catalog(years: Sequence[ItemsOfYear], ids: set[str], destination: Path, layout: Layout) -> Path:
    """Write a catalogue of items that were found and checked.

    Args:
        years: An encoder and a year once each.
        ids: The ids of all their items.
        destination: Absolute path of the folder.
        layout: How.

    Returns:
        Path of the root `catalog.json`.

    Raises:
        CatalogError: The destination is something else, or holds other items, or those of an encoder of this name with
            other weights.
        InUseError: Another process writes the catalogue.
        EsdError: What `Builder.build` raises.
    """
    check_destination(destination)
    with locked_folder(destination) as killed:
        return _write(years, ids, destination, layout, _unlinked(destination) if killed else set())


def _write(years: Sequence[ItemsOfYear], ids: set[str], destination: Path, layout: Layout, left: set[Path]) -> Path:
    """Write a catalogue; what a killed run left is removed."""
    older = files_of(destination / "catalog.json") if not layout.append else set()
    if not layout.append:
        _check_dropped(older, ids, destination, layout.replace)
    _check_weights(years, destination, layout.append)
    if layout.index:
        parquet_index.pyarrow_modules()  # before anything is written
    extra = [EncoderIdentity.parse(label) for label in layout.collections]
    builder = Builder(destination=destination, append=layout.append, index=layout.index, workers=layout.workers)
    files = builder.build(years, extra)
    if not layout.append:
        remove((older | left) - files, destination)
    elif not layout.index:
        for year in years:
            shutil.rmtree(destination / year.encoder.collection_id / parquet_index.FOLDER, ignore_errors=True)
    return destination / "catalog.json"


def _check_dropped(older: set[Path], ids: set[str], destination: Path, replace: bool) -> None:
    dropped = sorted({path.stem for path in older if is_item(path)} - ids)
    if dropped and not replace:
        raise CatalogError(
            f"got a catalogue at {destination} whose items are not all among the sources: not {dropped[0]}, "
            f"first of {len(dropped)}; say --append to keep them, or --replace to drop them"
        )


def _check_weights(years: Sequence[ItemsOfYear], destination: Path, append: bool) -> None:
    """See that the items of each collection, those that stay among them, were made with the same weights."""
    weights: dict[str, set[str | None]] = {}
    for year in years:
        weights.setdefault(year.encoder.label, set()).update(year.weights)
    for label, found in weights.items():
        path = destination / f"esd-{label}" / "collection.json"
        content = read_json(path) if append and path.is_file() else {}
        summaries = content.get("summaries", {}) if isinstance(content, dict) else {}
        standing = summaries.get("esd:weights_sha256", [None]) if "esd:temporal_context" in summaries else []
        require_one_encoder(label, found | set(standing))


def check_destination(destination: Path) -> None:
    """See that a catalogue may be written to a folder.

    Raises:
        CatalogError: It is a file, or holds something else.
    """
    root = destination / "catalog.json"
    if root.is_file():
        content = read_json(root)
        if isinstance(content, dict) and content.get("id") == CATALOG_ID and content.get("type") == "Catalog":
            return
        raise CatalogError(f"got {root}, which is not a catalogue of ours, expected an empty folder; choose another")
    if destination.exists() and not destination.is_dir():
        raise CatalogError(f"got the file {destination}, expected a folder; choose another destination")
    entries = sorted(destination.iterdir()) if destination.exists() else []
    killed = any(entry.name == LOCK_FILE for entry in entries)
    if strange := [entry for entry in entries if not _may_stay(entry, killed=killed)]:
        raise CatalogError(
            f"got the folder {destination} with {strange[0].name} in it, expected an empty folder or a catalogue of "
            "ours; choose another destination"
        )


def _may_stay(entry: Path, *, killed: bool) -> bool:
    """Tell whether a catalogue may be written beside an entry: hidden, an item, or what a killed run left."""
    if entry.name[0] == "." or (entry / f"{entry.name}.json").is_file():
        return True
    label = entry.name.removeprefix("esd-")
    ours = label != entry.name and ENCODER_LABEL.fullmatch(label) is not None
    return ours and (killed or not any((entry / name).exists() for name in DOCUMENTS))


def _unlinked(destination: Path) -> set[Path]:
    """Remove temporary files of a killed run from collections, and return the documents there, linked or not."""
    found: set[Path] = set()
    for path in destination.glob(f".catalog{PARTIAL_MARK}*"):
        path.unlink(missing_ok=True)
    for folder in destination.glob("esd-*"):
        if ENCODER_LABEL.fullmatch(folder.name.removeprefix("esd-")):  # folders of items may be somebody else's
            for path in folder.rglob("*"):
                if path.name[0] == "." and PARTIAL_MARK in path.name:
                    path.unlink(missing_ok=True)
                elif (
                    path.name in DOCUMENTS
                    or path.name == f"{path.parent.name}.json"
                    or path.match(f"{parquet_index.FOLDER}/year=*/*.parquet")
                ):
                    found.add(path)
    return found
