"""The files of a catalogue of ours: those that its links name, and where these are broken, those that lie there."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from stactools_esd import parquet_index
from stactools_esd.errors import CatalogError
from stactools_esd.files import read_json
from stactools_esd.model_item import MODEL_RELATION, model_id

DOCUMENTS: Final = ("catalog.json", "collection.json")
"""Names of catalogues and collections."""


def links_of(document: Path) -> list[tuple[str, str]]:
    """Return relation and href of each link of a catalogue, collection or item.

    Raises:
        CatalogError: It cannot be read, or has not the form of one.
    """
    content = read_json(document)
    try:
        return [(str(link["rel"]), str(link["href"])) for link in content["links"]]
    except (KeyError, TypeError) as error:
        raise CatalogError(
            f"got {document}, which has not the links of a catalogue or an item; build the catalogue again with "
            "--replace and all its sources"
        ) from error


def linked_below(document: Path, relations: Iterable[str] = ("child", "item")) -> list[tuple[str, Path]]:
    """Return relation and path of what lies below a catalogue or collection, wherever its links lead.

    Raises:
        CatalogError: As `links_of`.
    """
    wanted = set(relations)
    return [(rel, Path(os.path.normpath(document.parent / href))) for rel, href in links_of(document) if rel in wanted]


def files_of(root: Path) -> set[Path]:
    """Return a catalogue's root, documents below it that links name, and parts of indices; none where there is no root.

    Below a document that cannot be read, those that lie in its folder are returned.

    Args:
        root: Its `catalog.json`.
    """
    found, waiting = ({root}, [root]) if root.is_file() else (set(), [])
    while waiting:
        path = waiting.pop()
        try:
            named = linked_below(path, ("child", "item", MODEL_RELATION))
        except CatalogError:
            named = [("", below) for below in _documents_below(path.parent)]
        if path.name == "collection.json":
            named += [("", part) for part in path.parent.glob(f"{parquet_index.FOLDER}/year=*/part-0.parquet")]
        for rel, below in named:
            if below not in found and below.is_relative_to(root.parent) and below.is_file():
                found.add(below)
                waiting += [below] if rel == "child" else []
    return found


def is_item(path: Path) -> bool:
    """Tell whether a file of a catalogue is an item of codes, by its name and place."""
    return path.suffix == ".json" and path.name not in DOCUMENTS and not is_model(path)


def is_model(path: Path) -> bool:
    """Tell whether a document of a catalogue is that of an encoder, by its place right below the collection."""
    return path.stem == model_id(path.parent.parent.name.removeprefix("esd-"))


def items_below(collection: Path) -> list[Path]:
    """Return the items in a collection's folder, <id>/<id>.json, at whatever depth they were put."""
    return [path for path in collection.rglob("*.json") if path.stem == path.parent.name and is_item(path)]


def _documents_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.json") if path.name in DOCUMENTS or path.stem == path.parent.name]


def remove(stale: set[Path], root: Path) -> None:
    """Remove documents that left the catalogue, and folders that became empty; never an asset."""
    for path in stale:
        path.unlink(missing_ok=True)
    for folder in sorted({parent for path in stale for parent in path.parents}, reverse=True):
        if folder.is_relative_to(root) and folder != root:
            with suppress(OSError):
                folder.rmdir()
