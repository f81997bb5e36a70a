"""The static catalogue: collection, year, UTM zone, item; relative links; equal sources give equal bytes.

DESTINATION/catalog.json
DESTINATION/<collection id>/collection.json
DESTINATION/<collection id>/model-<encoder>/model-<encoder>.json, with weights and card, if the package has them
DESTINATION/<collection id>/<year>/catalog.json
DESTINATION/<collection id>/<year>/<zone>/catalog.json
DESTINATION/<collection id>/<year>/<zone>/<item id>/<item id>.json
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pystac

from stactools_esd.collection import create_collection
from stactools_esd.errors import CatalogError
from stactools_esd.files import json_text, read_json, write_json
from stactools_esd.grid import utm_zone_of
from stactools_esd.inventory import Json, find_items
from stactools_esd.item_folder import copy_assets
from stactools_esd.model_item import MODEL_RELATION, create_model_item, model_id, shipped_model
from stactools_esd.names import CodesTags, is_tile
from stactools_esd.product import ENCODER_LABEL, EncoderIdentity
from stactools_esd.stac import identity_of, relative_href, tags_of

CATALOG_ID: Final = "esd"
"""Id of the root; a `catalog.json` with this id is one of ours."""

_DOCUMENTS = ("catalog.json", "collection.json")
_TITLE = "Embedded Seamless Data (ESD)"
_DESCRIPTION = (
    "Twelve 16-bit codes a pixel stand for a year of daily six-band reflectance at 30 m. One collection an encoder; "
    "below it years, UTM zones and items."
)
_JSON = str(pystac.MediaType.JSON)
_GEOJSON = str(pystac.MediaType.GEOJSON)


def create_catalog(
    sources: Iterable[str | Path], destination: str | Path, *, replace: bool = False, copy: bool = False
) -> Path:
    """Write the static catalogue of exactly the given sources; files that agree already keep their bytes.

    Assets stay where they are, unless `copy` is said. A local one is referenced relatively to its item, a remote one by
    its URL. So are links such as `derived_from`; with `copy`, those that lead out of the catalogue are `file:` URLs.

    Args:
        sources: Items, codes COGs, or folders of either, searched through; in any order.
        destination: Folder of the catalogue: empty, or a catalogue of ours, or holding nothing but item folders.
        replace: Drop items of an older catalogue there that are not among the sources; otherwise they are refused.
        copy: Copy local assets to their items, so that the catalogue can be published as one folder.

    Returns:
        Path of the root `catalog.json`.

    Raises:
        NothingFoundError: The sources hold no items or codes.
        CatalogError: Two items share an id and differ, an item breaks the naming rule, or the destination is something
            else or holds other items.
        IncomparableError: Two items of one collection were made with different weights.
        OutputError: An asset cannot be copied.
    """
    destination = Path(os.path.abspath(destination))  # noqa: PTH100  (links below must not keep `..`)
    older = _check_destination(destination)
    items = find_items(sources, prefer=destination)
    dropped = sorted({path.stem for path in older if path.name not in _DOCUMENTS and not _is_model(path)} - set(items))
    if dropped and not replace:
        raise CatalogError(
            f"got a catalogue at {destination} whose items are not all among the sources: not {dropped[0]}, "
            f"first of {len(dropped)}; add {destination} to the sources to keep them, or say --replace to drop them"
        )
    if copy:
        dict(_layout(items, destination))  # what cannot be laid out is refused before anything is copied
        items = {id: copy_assets(item, destination / leaf_of(item), destination) for id, item in items.items()}
    files = dict(_layout(items, destination))
    for path in filter(_is_model, files):
        label = path.parent.parent.name.removeprefix("esd-")
        copy_assets(create_model_item(label).to_dict(False, False), path.parent, destination)
    for path, content in files.items():
        _write_if_changed(path, content)
    _remove(older - set(files), destination)
    return destination / "catalog.json"


def _check_destination(destination: Path) -> set[Path]:
    """Return the files of an older catalogue of ours, none where the folder is new."""
    root = destination / "catalog.json"
    if root.is_file():
        content = read_json(root)
        if isinstance(content, dict) and content.get("id") == CATALOG_ID and content.get("type") == "Catalog":
            return _linked(root)
        raise CatalogError(f"got {root}, which is not a catalogue of ours, expected an empty folder; choose another")
    if destination.exists() and not destination.is_dir():
        raise CatalogError(f"got the file {destination}, expected a folder; choose another destination")
    entries = sorted(destination.iterdir()) if destination.exists() else []
    if strange := [entry for entry in entries if not _may_stay(entry)]:
        raise CatalogError(
            f"got the folder {destination} with {strange[0].name} in it, expected an empty folder or a catalogue of "
            "ours; choose another destination"
        )
    return set()


def _may_stay(entry: Path) -> bool:
    """Tell whether a catalogue may be written beside an entry: hidden, an item, or copies that a killed run left."""
    if entry.name[0] == "." or (entry / f"{entry.name}.json").is_file():
        return True
    label = entry.name.removeprefix("esd-")
    ours = label != entry.name and ENCODER_LABEL.fullmatch(label) is not None
    return ours and not any((entry / name).exists() for name in _DOCUMENTS)


def _linked(root: Path) -> set[Path]:
    """Return a catalogue's root and all files below it that links name."""
    found, waiting = {root}, [root]
    while waiting:
        path = waiting.pop()
        for link in read_json(path).get("links", []):
            below = Path(os.path.normpath(path.parent / link["href"]))
            if (
                link["rel"] not in ("child", "item", MODEL_RELATION)
                or below in found
                or not below.is_relative_to(root.parent)
            ):
                continue
            if below.is_file():
                found.add(below)
                waiting += [below] if link["rel"] == "child" else []
    return found


def _is_model(path: Path) -> bool:
    """Tell whether a document of a catalogue is that of an encoder, by its place right below the collection."""
    return path.stem == model_id(path.parent.parent.name.removeprefix("esd-"))


def leaf_of(item: Mapping[str, Any]) -> Path:
    """Return the folder of an item in the catalogue, relative to the root."""
    tags = tags_of(item)
    return Path(tags.identity.encoder.collection_id, str(tags.year), _zone(item, tags), str(item["id"]))


def _zone(item: Mapping[str, Any], tags: CodesTags) -> str:
    """Return the zone of the tile, or of a custom area's UTM grid, or of its centre."""
    if is_tile(tags.tile):
        return utm_zone_of(tags.tile)
    epsg = int(str(item["properties"]["proj:code"]).removeprefix("EPSG:"))
    if epsg // 100 in (326, 327) and 1 <= epsg % 100 <= 60:
        return f"{epsg % 100:02d}"
    west, _, east, _ = item["bbox"]
    return utm_zone_of((west + (east if west <= east else east + 360.0)) / 2)


def _layout(items: Mapping[str, Json], destination: Path) -> Iterator[tuple[Path, Json]]:
    """Yield every file of the catalogue with its content, leaves first: links dangle neither then nor later."""
    placed = [(destination / leaf_of(item), item) for item in items.values()]
    children = []
    for collection, of_collection in _grouped(placed, destination, 0):
        label = identity_of(of_collection[0][1]).encoder
        described = create_collection(label, [item for _, item in of_collection]).to_dict(False, False)
        title = described["title"]
        years = []
        above = [_root(1), _link("parent", "../catalog.json", _TITLE)]
        if shipped_model(label.label, label.weights_sha256):
            yield _model(label.label, destination / collection, title)
            above.append(_model_link(label, "./"))
        for year, of_year in _grouped(of_collection, destination, 1):
            folder = destination / collection / year
            yield from _zones(of_year, destination, folder, title)
            zones = sorted({leaf.relative_to(folder).parts[0] for leaf, _ in of_year})
            links = [_link("child", f"./{zone}/catalog.json", f"UTM zone {zone}") for zone in zones]
            links = [_root(2), _link("parent", "../collection.json", title), *links]
            about = f"Items of {year}, by UTM zone."
            yield folder / "catalog.json", _catalog(f"{collection}-{year}", year, about, links)
            years.append(_link("child", f"./{year}/catalog.json", year))
        described["links"] = [*above, *described["links"], *years]
        yield destination / collection / "collection.json", described
        children.append(_link("child", f"./{collection}/collection.json", title))
    yield destination / "catalog.json", _catalog(CATALOG_ID, _TITLE, _DESCRIPTION, [_root(0), *children])


def _model(label: str, folder: Path, collection_title: str) -> tuple[Path, Json]:
    """Return where the item of an encoder lies in its collection, and the item with its files beside it."""
    model: Json = create_model_item(label).to_dict(False, False)
    collection = _link("collection", "../collection.json", collection_title)
    model["links"] = [_root(2), collection | {"rel": "parent"}, collection]
    model["collection"] = folder.name
    for asset in model["assets"].values():
        asset["href"] = f"./{Path(asset['href']).name}"
    return folder / str(model["id"]) / f"{model['id']}.json", model


def _model_link(encoder: EncoderIdentity, up: str) -> Json:
    id, title = model_id(encoder.label), f"Encoder {encoder.name} {encoder.version}"
    return _link(MODEL_RELATION, f"{up}{id}/{id}.json", title, _GEOJSON)


def _zones(
    of_year: Sequence[tuple[Path, Json]], destination: Path, folder: Path, title: str
) -> Iterator[tuple[Path, Json]]:
    """Yield items and catalogues of the zones of one year."""
    collection, year = folder.parts[-2:]
    for zone, of_zone in _grouped(of_year, destination, 2):
        for leaf, item in of_zone:
            yield leaf / f"{item['id']}.json", _placed(item, leaf, title, zone)
        links = [_link("item", f"./{item['id']}/{item['id']}.json", _title(item), _GEOJSON) for _, item in of_zone]
        above = [_root(3), _link("parent", "../catalog.json", year)]
        about = f"Items of {year} in UTM zone {zone}."
        content = _catalog(f"{collection}-{year}-{zone}", f"UTM zone {zone}", about, [*above, *links])
        yield folder / zone / "catalog.json", content


def _grouped(
    placed: Sequence[tuple[Path, Json]], destination: Path, level: int
) -> Iterator[tuple[str, list[tuple[Path, Json]]]]:
    """Group items by the name of one level of the layout, sorted."""

    def name(pair: tuple[Path, Json]) -> str:
        return pair[0].relative_to(destination).parts[level]

    for key, group in groupby(sorted(placed, key=lambda pair: (name(pair), pair[1]["id"])), key=name):
        yield key, list(group)


def _placed(item: Json, leaf: Path, collection_title: str, zone: str) -> Json:
    """Return an item as it stands in its leaf."""
    structure = [
        _root(4),
        _link("parent", "../catalog.json", f"UTM zone {zone}"),
        _link("collection", "../../../collection.json", collection_title),
    ]
    assets = {key: asset | {"href": relative_href(asset["href"], leaf)} for key, asset in item["assets"].items()}
    kept = [link | {"href": relative_href(link["href"], leaf)} for link in item["links"]]
    encoder = tags_of(item).identity.encoder
    if shipped_model(encoder.label, encoder.weights_sha256):
        structure.append(_model_link(encoder, "../../../"))
    ends = {"collection": encoder.collection_id, "links": [*structure, *kept], "assets": assets}
    return {key: value for key, value in item.items() if key not in ends} | ends


def _catalog(id: str, title: str, description: str, links: Sequence[Json]) -> Json:
    return {
        "type": "Catalog",
        "id": id,
        "stac_version": pystac.get_stac_version(),
        "title": title,
        "description": description,
        "links": list(links),
    }


def _root(depth: int) -> Json:
    """Return the link to the root from so many folders below it."""
    return _link("root", f"{'../' * depth or './'}catalog.json", _TITLE)


def _link(rel: str, href: str, title: str, media_type: str = _JSON) -> Json:
    return {"rel": rel, "href": href, "type": media_type, "title": title}


def _title(item: Mapping[str, Any]) -> str:
    return str(item["properties"].get("title", item["id"]))


def _write_if_changed(path: Path, content: Json) -> None:
    """Leave a file alone that says this already, so that a second run touches nothing."""
    if not (path.is_file() and path.read_bytes() == json_text(content).encode()):
        write_json(path, content)


def _remove(stale: set[Path], root: Path) -> None:
    """Remove documents that left the catalogue, and folders that became empty; never an asset."""
    for path in stale:
        path.unlink(missing_ok=True)
    for folder in sorted({parent for path in stale for parent in path.parents}, reverse=True):
        if folder.is_relative_to(root) and folder != root:
            with suppress(OSError):
                folder.rmdir()
