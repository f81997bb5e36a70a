"""The documents of the static catalogue: pure functions from items to JSON, every link relative and titled."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pystac

from stactools_esd.collection import collection_of, collection_title
from stactools_esd.collection_facts import Facts
from stactools_esd.grid import utm_zone_of
from stactools_esd.model_item import MODEL_RELATION, create_model_item, model_id, shipped_model
from stactools_esd.names import CodesTags, is_tile
from stactools_esd.product import EncoderIdentity
from stactools_esd.stac import relative_href, tags_of

CATALOG_ID: Final = "esd"
"""Id of the root; a `catalog.json` with this id is one of ours."""

TITLE: Final = "Embedded Seamless Data (ESD)"
"""Title of the root."""

_DESCRIPTION = (
    "Twelve 16-bit codes a pixel stand for a year of daily six-band reflectance at 30 m. One collection an encoder; "
    "below it years, UTM zones and items."
)
_JSON = str(pystac.MediaType.JSON)
_GEOJSON = str(pystac.MediaType.GEOJSON)

Json = dict[str, Any]


def item_text(item: Mapping[str, Any]) -> str:
    """Return an item's document: one line, for there are many, and a page of the disk holds it."""
    return json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8 as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def leaf_of(item: Mapping[str, Any]) -> Path:
    """Return the folder of an item in the catalogue, relative to the root."""
    tags = tags_of(item)
    return Path(tags.identity.encoder.collection_id, str(tags.year), zone_of(item, tags), str(item["id"]))


def zone_of(item: Mapping[str, Any], tags: CodesTags) -> str:
    """Return the zone of the tile, or of a custom area's UTM grid, or of its centre."""
    if is_tile(tags.tile):
        return utm_zone_of(tags.tile)
    epsg = int(str(item["properties"]["proj:code"]).removeprefix("EPSG:"))
    if epsg // 100 in (326, 327) and 1 <= epsg % 100 <= 60:
        return f"{epsg % 100:02d}"
    west, _, east, _ = item["bbox"]
    return utm_zone_of((west + (east if west <= east else east + 360.0)) / 2)


def root_document(collections: Iterable[EncoderIdentity]) -> Json:
    """Return the root, with the collections of these encoders."""
    children = [
        link("child", f"./{encoder.collection_id}/collection.json", collection_title(encoder))
        for encoder in sorted(collections, key=lambda encoder: encoder.collection_id)
    ]
    return _catalog(CATALOG_ID, TITLE, _DESCRIPTION, [_root(0), *children])


def collection_document(
    encoder: EncoderIdentity, facts: Facts, years: Iterable[int], assets: Mapping[str, Json], folder: Path
) -> Json:
    """Return a collection as it stands in its folder."""
    described: Json = collection_of(encoder, facts).to_dict(False, False)
    above = [_root(1), link("parent", "../catalog.json", TITLE)]
    if shipped_model(encoder.label, encoder.weights_sha256):
        above.append(_model_link(encoder, "./"))
    children = [link("child", f"./{year}/catalog.json", str(year)) for year in sorted(years)]
    described["links"] = [*above, *described["links"], *children]
    kept = dict(assets)
    if facts.thumbnail:
        kept["thumbnail"] = {
            "href": relative_href(facts.thumbnail, folder),
            "title": "Thumbnail",
            "description": "The false colour of one item.",
            "type": str(pystac.MediaType.PNG),
            "roles": ["thumbnail"],
        }
    if kept:
        described["assets"] = kept
    return described


def year_document(encoder: EncoderIdentity, year: int, zones: Iterable[str]) -> Json:
    """Return the catalogue of a year."""
    links = [link("child", f"./{zone}/catalog.json", f"UTM zone {zone}") for zone in sorted(zones)]
    above = [_root(2), link("parent", "../collection.json", collection_title(encoder))]
    about = f"Items of {year}, by UTM zone."
    return _catalog(f"{encoder.collection_id}-{year}", str(year), about, [*above, *links])


def zone_document(encoder: EncoderIdentity, year: int, zone: str, items: Sequence[Mapping[str, Any]]) -> Json:
    """Return the catalogue of a zone in a year, with its items."""
    links = [link("item", f"./{item['id']}/{item['id']}.json", _title(item), _GEOJSON) for item in items]
    above = [_root(3), link("parent", "../catalog.json", str(year))]
    about = f"Items of {year} in UTM zone {zone}."
    return _catalog(f"{encoder.collection_id}-{year}-{zone}", f"UTM zone {zone}", about, [*above, *links])


def item_links(encoder: EncoderIdentity, zone: str) -> list[Json]:
    """Return the links that place an item in its leaf."""
    structure = [
        _root(4),
        link("parent", "../catalog.json", f"UTM zone {zone}"),
        link("collection", "../../../collection.json", collection_title(encoder)),
    ]
    if shipped_model(encoder.label, encoder.weights_sha256):
        structure.append(_model_link(encoder, "../../../"))
    return structure


def placed(item: Mapping[str, Any], leaf: Path, collection_id: str, structure: Sequence[Json]) -> Json:
    """Return an item as it stands in its leaf.

    Args:
        item: Hrefs of local assets and links are absolute.
        leaf: Its folder.
        collection_id: Of its encoder.
        structure: From `item_links`.
    """
    assets = {key: asset | {"href": relative_href(asset["href"], leaf)} for key, asset in item["assets"].items()}
    kept = [entry | {"href": relative_href(entry["href"], leaf)} for entry in item["links"]]
    ends = {"collection": collection_id, "links": [*structure, *kept], "assets": assets}
    return {key: value for key, value in item.items() if key not in ends} | ends


def model_document(encoder: EncoderIdentity, folder: Path) -> tuple[Path, Json]:
    """Return where the item of an encoder lies in its collection's folder, and the item with its files beside it."""
    model: Json = create_model_item(encoder.label).to_dict(False, False)
    collection = link("collection", "../collection.json", collection_title(encoder))
    model["links"] = [_root(2), collection | {"rel": "parent"}, collection]
    model["collection"] = folder.name
    for asset in model["assets"].values():
        asset["href"] = f"./{Path(asset['href']).name}"
    return folder / str(model["id"]) / f"{model['id']}.json", model


def link(rel: str, href: str, title: str, media_type: str = _JSON) -> Json:
    """Return a link to another document."""
    return {"rel": rel, "href": href, "type": media_type, "title": title}


def _model_link(encoder: EncoderIdentity, up: str) -> Json:
    id, title = model_id(encoder.label), f"Encoder {encoder.name} {encoder.version}"
    return link(MODEL_RELATION, f"{up}{id}/{id}.json", title, _GEOJSON)


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
    return link("root", f"{'../' * depth or './'}catalog.json", TITLE)


def _title(item: Mapping[str, Any]) -> str:
    return str(item["properties"].get("title", item["id"]))
