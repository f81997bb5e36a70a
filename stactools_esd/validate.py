"""Say everything that is wrong with an item, a collection, a catalogue or a codes COG; offline.

Beside the schemas it checks consistency: links resolve, files exist, sizes and checksums agree, codes COGs are whole,
items say what their files say and lie in their collection. URLs are not fetched.
"""

import os
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

from stactools_esd.catalog_files import DOCUMENTS
from stactools_esd.cog import check_codes_file
from stactools_esd.collection import union_bbox
from stactools_esd.errors import ChinaRecipeWarning, EsdError, NothingFoundError, UsageError
from stactools_esd.files import is_file, read_json
from stactools_esd.inventory import is_esd_item, search_folder
from stactools_esd.item_folder import DERIVED_FROM
from stactools_esd.model_item import MODEL_RELATION
from stactools_esd.names import CodesTags
from stactools_esd.schema import KINDS, is_model, schema_problems
from stactools_esd.stac import create_item, local_path, tags_of
from stactools_esd.validate_assets import check_assets, check_link_address, linked
from stactools_esd.validate_index import check_index, note_item
from stactools_esd.validate_report import Json, Report

__all__ = ["Report", "validate"]

_COMPARED_ASSET_FIELDS = ("bands", "data_type", "esd:fsq", "proj:shape", "proj:transform")
_NOT_COMPARED = ("title", "description", "processing:software", "processing:lineage", "esd:geometry_source")


def validate(path: str | Path, *, allowed: Collection[str] = ()) -> Report:
    """Check a document or codes COG; a catalogue, collection or folder with everything below it.

    Args:
        path: Item, collection, catalogue, codes COG, or a folder of them. A folder that is a catalogue or collection is
            followed link by link, any other is searched through.
        allowed: Further schemes that addresses may have; https, s3, gs and http do unasked.

    Returns:
        The report; without problems all is valid. Assets outside the folder are notes in it: by default a catalogue
        leaves codes where they are.

    Raises:
        NothingFoundError: The folder holds nothing to check.
        UsageError: There is no such path, or it is a URL.
    """
    target = local_path(str(path))
    if target is None:
        raise UsageError(f"got the URL {path}, expected a path of this machine; download it first")
    folder = target if target.is_dir() else target.parent if target.name in DOCUMENTS else None
    report = Report(allowed=tuple(allowed), root=None if folder is None else Path(os.path.realpath(folder)))
    if target.is_dir():
        roots = [root for name in DOCUMENTS if (root := target / name).is_file()]
        for document in roots[:1]:
            _check_document(document, report)
        if not roots:
            _check_folder(target, report)
    elif not target.is_file():
        raise UsageError(f"got no file or folder at {path}, expected a document or a codes COG; check the path")
    elif target.suffix == ".json":
        _check_document(target, report)
    else:
        _check_codes(target, report)
    return report


def _check_folder(folder: Path, report: Report) -> None:
    documents, rasters = search_folder(folder)
    for document in sorted(documents):
        _check_document(document, report)
    described = {
        (path.parent / asset["href"]).resolve() for path, item in documents.items() for asset in item["assets"].values()
    }
    for raster in sorted(rasters - described):
        _check_codes(raster, report)
    if not report.counts:
        raise NothingFoundError(
            f"got the folder {folder} without catalogue, items or codes, expected one; check the path"
        )


def _check_codes(path: Path, report: Report) -> None:
    report.counts["codes COG"] += 1
    for problem in check_codes_file(path):
        report.add(path, problem)


def _read(path: Path, report: Report) -> Json | None:
    """Return a document, or None after noting that it cannot be read."""
    if path not in report.visited:
        try:
            content = read_json(path)
        except EsdError as error:
            report.add(path, str(error))
            return None
        if not isinstance(content, dict):
            report.add(path, "got no JSON object, expected an item, a collection or a catalogue")
            return None
        if content.get("type") == "Feature":
            return content  # there are many, and each is read once or twice
        report.visited[path] = content
    return report.visited[path]


def _check_document(first: Path, report: Report) -> None:
    """Check a document and all that its links to children and items name."""
    waiting, queued = [first], {Path(os.path.abspath(first))}  # noqa: PTH100
    collections = []
    while waiting:
        path = waiting.pop()
        document = _read(path, report)
        if document is None:
            continue
        problems = list(schema_problems(document))
        for problem in problems:
            report.add(path, problem)
        report.counts["model" if is_model(document) else KINDS.get(str(document.get("type")), "catalog")] += 1
        if problems:
            continue  # what is not even STAC is not followed
        below = _check_links(path, document, report)
        waiting += [child for child in reversed(below) if child not in queued]
        queued.update(below)
        if document["type"] == "Feature":
            note_item(path, document, report)
            _check_item(path, document, report)
        elif document["type"] == "Collection":
            _check_collection(path, document, report)
            collections.append((path, document))
    for path, document in collections:  # now that all of their items were met
        check_index(path, document, report)


def _check_links(path: Path, document: Json, report: Report) -> list[Path]:
    """Check that local links resolve, and that children and items name this document as their parent."""
    below = []
    # Every item of a collection names its model, too; it is the collection's to be followed.
    followed = ("child", "item", MODEL_RELATION) if document["type"] == "Collection" else ("child", "item")
    for link in document["links"]:
        target = linked(path, link) if check_link_address(path, link, report) else None
        if target is None or link["rel"] == DERIVED_FROM:  # inputs may be gone: the codes stay what they are
            continue
        if not is_file(target):
            report.add(path, f"got a link rel={link['rel']} to {link['href']}, which does not exist")
        elif link["rel"] in followed and not target.is_relative_to(Path(os.path.abspath(path)).parent):  # noqa: PTH100
            report.add(path, f"got a link rel={link['rel']} to {link['href']}, which leads out of the folder")
        elif link["rel"] in followed:
            below.append(target)
            child = _read(target, report)
            parents = _parents(target, child)
            if child is not None and Path(os.path.abspath(path)) not in parents:  # noqa: PTH100
                report.add(target, f"got no link rel=parent back to {path}, which names it")
    return below


def _parents(path: Path, document: Json | None) -> list[Path | None]:
    """Return the files that links rel=parent name, in a document that need not be valid."""
    links = document.get("links") if document else None
    ups = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    return [linked(path, up) for up in ups if up.get("rel") == "parent" and isinstance(up.get("href"), str)]


def _check_item(path: Path, item: Json, report: Report) -> None:
    first = report.ids.setdefault(item["id"], path)
    if first != path:
        report.add(path, f"got the id {item['id']}, which {first} has too")
    if path.stem != item["id"]:
        report.add(path, f"got the file name {path.name}, expected {item['id']}.json by its id")
    check_assets(path, item, report)
    if not is_esd_item(item):
        return
    try:
        tags = tags_of(item)
    except EsdError as error:
        report.add(path, str(error))
        return
    if tags.name.item_id != item["id"]:
        report.add(path, f"got the id {item['id']}, expected {tags.name.item_id} by tile, year and encoder")
    _check_membership(path, item, tags, report)
    codes = linked(path, item["assets"]["embeddings"])
    if codes is not None and is_file(codes):
        _check_agreement(path, item, tags, codes, report)


def _check_agreement(path: Path, item: Json, tags: CodesTags, codes: Path, report: Report) -> None:
    """Check the codes COG, and that an item made of it now would say the same."""
    said: dict[str, Any] = {"encoder": tags.identity.encoder.label, "tile": tags.tile, "year": tags.year}
    report.counts["codes COG"] += 1
    if problems := check_codes_file(codes, **said):
        for problem in problems:
            report.add(codes, problem)
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ChinaRecipeWarning)
            made = create_item(codes, **said).to_dict(False, False)
    except EsdError as error:
        report.add(codes, str(error))
        return
    pairs = {key: (item.get(key), made[key]) for key in ("geometry", "bbox")}
    keys = {*item["properties"], *made["properties"]} - set(_NOT_COMPARED)
    mine, theirs = item["assets"]["embeddings"], made["assets"]["embeddings"]
    ours = {key for key in keys if key in made["properties"] or key.startswith("esd:")}
    pairs |= {key: (item["properties"].get(key), made["properties"].get(key)) for key in sorted(ours)}
    pairs |= {key: (mine.get(key), theirs.get(key)) for key in _COMPARED_ASSET_FIELDS}
    for key, (said_here, found) in pairs.items():
        if said_here != found:
            report.add(path, f"got {key} {_short(said_here)}, but {codes.name} says {_short(found)}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _check_membership(path: Path, item: Json, tags: CodesTags, report: Report) -> None:
    """Check that an item that is in a collection is in that of its encoder, and inside its extent."""
    expected = tags.identity.encoder.collection_id
    if item.get("collection", expected) != expected:
        report.add(path, f"got collection {item['collection']!r}, expected {expected!r} by its encoder")
    for link in item["links"]:
        target = linked(path, link) if link["rel"] == "collection" else None
        collection = _read(target, report) if target is not None and is_file(target) else None
        if collection is None:
            continue
        if collection.get("id") != item.get("collection"):
            report.add(
                path, f"got collection {item.get('collection')!r}, but {link['href']} is {collection.get('id')!r}"
            )
        elif target is not None and _sound(target, collection, report) and not _inside(item, collection):
            report.add(path, f"got bbox or time outside the extent of collection {collection['id']}")


def _sound(path: Path, collection: Json, report: Report) -> bool:
    """Tell whether a collection satisfies the schemas; it is asked once an item."""
    if path not in report.sound:
        report.sound[path] = not any(schema_problems(collection))
    return report.sound[path]


def _inside(item: Json, collection: Json) -> bool:
    """Tell whether an extent holds an item: joining the two changes nothing. RFC 3339 times in UTC sort as text."""
    box = collection["extent"]["spatial"]["bbox"][0]
    first, last = collection["extent"]["temporal"]["interval"][0]
    times = item["properties"]
    begins = first is None or first <= times["start_datetime"]
    ends = last is None or times["end_datetime"] <= last
    return begins and ends and list(union_bbox([box, item["bbox"]])) == list(box)


def _check_collection(path: Path, collection: Json, report: Report) -> None:
    check_assets(path, collection, report)
    for label in collection.get("summaries", {}).get("esd:encoder", []):
        if collection["id"] != f"esd-{label}":
            report.add(path, f"got the id {collection['id']}, expected esd-{label} by its encoder")
