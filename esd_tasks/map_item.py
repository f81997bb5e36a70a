"""The STAC item of a map: deterministic, offline, every link and asset relative to the folder of the map."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pystac

from esd_tasks.codes_item import CodesItem
from esd_tasks.legend import UNCLASSIFIED, Legend
from esd_tasks.maps import CLASS_BAND, QUALITY_BANDS, QUALITY_NODATA
from stactools_esd import stac
from stactools_esd.files import multihash_file
from stactools_esd.grid import bbox, footprint
from stactools_esd.product import DAYS

if TYPE_CHECKING:
    from esd_tasks.pull import Grid

CLASSIFICATION_EXTENSION: Final = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"

AssetFacts: TypeAlias = tuple[str, str, str, Sequence[str]]
"""File, title, media type and roles."""

_ASSETS: Final[Mapping[str, AssetFacts]] = {
    "map": ("map.tif", "Class map", str(pystac.MediaType.COG), ["data"]),
    "quality": ("quality.tif", "Confidence in percent and clear observations", str(pystac.MediaType.COG), ["data"]),
    "thumbnail": ("preview.png", "Preview with legend", str(pystac.MediaType.PNG), ["thumbnail", "overview"]),
    "style": ("map.qml", "QGIS style of the class map", "application/xml", ["style"]),
    "accuracy": ("accuracy.json", "Cross-validated accuracy", str(pystac.MediaType.JSON), ["metadata"]),
    "model": ("model.txt", "LightGBM model", str(pystac.MediaType.TEXT), ["model"]),
    "model_facts": ("model.json", "What the model was trained on", str(pystac.MediaType.JSON), ["metadata"]),
    "importance": ("importance.json", "What the trees look at", str(pystac.MediaType.JSON), ["metadata"]),
    "search": ("search.json", "Tree parameters that were tried", str(pystac.MediaType.JSON), ["metadata"]),
    "applicability_facts": ("applicability.json", "Training samples", str(pystac.MediaType.JSON), ["metadata"]),
    "report": ("report.html", "Report", str(pystac.MediaType.HTML), ["metadata", "overview"]),
    "run": ("run.json", "How the map was made", str(pystac.MediaType.JSON), ["metadata"]),
}
"""Assets of a map of `classify` by key."""

_WRITTEN_LATER: Final = ("run.json", "report.html")
"""Files that are named before they are there."""

_CAVEAT: Final = "The figures of accuracy.json estimate transfer to unsampled blocks, not the accuracy of the map."


_HOLES: Final = "The map has holes, for these items could not be read: {}."


def map_id(name: str, year: int) -> str:
    """Return the id of a map: its name in lower-case letters, digits, `_` and `-`, and the year."""
    plain = re.sub(r"[^a-z0-9_]+", "-", name.casefold()).strip("-_") or "map"
    return plain if plain.endswith(f"-{year}") else f"{plain}-{year}"


def create_map_item(
    folder: Path,
    *,
    id: str,
    grid: "Grid",
    legend: Legend,
    counts: Mapping[int, int],
    items: Sequence[CodesItem],
    software: Mapping[str, str],
    caveat: str = _CAVEAT,
    further: Mapping[str, AssetFacts] | None = None,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
    missing: Sequence[str] = (),
) -> pystac.Item:
    """Describe a finished map of `classify` or `predict`.

    Args:
        folder: Where `map.tif` and its companions are.
        id: Item id.
        grid: Grid of the map.
        legend: Classes of the map.
        counts: Mapped pixels by class_id.
        items: Items that the map was made from, all of one year.
        software: Versions of the packages that made it.
        caveat: Ends the description.
        further: More assets, by their keys.
        fields: What more rasters say of themselves, by their keys.
        missing: Ids of items that could not be read.
    """
    return describe(
        folder,
        id=id,
        grid=grid,
        items=items,
        software=software,
        title=f"Class map {id}",
        description=(
            f"Classes at 30 m for {items[0].year}, predicted by a LightGBM model from ESD codes "
            f"({items[0].identity.encoder.label}). {caveat}"
        ),
        assets={**_ASSETS, **(further or {})},
        fields={
            "map": class_fields(legend, counts),
            "quality": quality_fields(QUALITY_BANDS),
            **(fields or {}),
        },
        extensions=(CLASSIFICATION_EXTENSION,),
        missing=missing,
    )


def describe(
    folder: Path,
    *,
    id: str,
    grid: "Grid",
    items: Sequence[CodesItem],
    software: Mapping[str, str],
    title: str,
    description: str,
    assets: Mapping[str, AssetFacts],
    fields: Mapping[str, Mapping[str, Any]],
    extensions: Sequence[str] = (),
    missing: Sequence[str] = (),
) -> pystac.Item:
    """Describe a finished map of any kind.

    Args:
        folder: Where the files are.
        id: Item id.
        grid: Grid of the map.
        items: Items that the map was made from, all of one year.
        software: Versions of the packages that made it.
        title: Title of the item.
        description: What the map shows and what not.
        assets: File, title, media type and roles by asset key; those without a file are left out, but those of
            `_WRITTEN_LATER`.
        fields: What the rasters say of themselves beside their place and checksum, by asset key.
        extensions: Schemas of STAC extensions, beside those of place, file and processing.
        missing: Ids of items that could not be read; property `missing_items`, absent where there are none.
    """
    geometry = footprint(grid.crs, grid.bounds)
    first_item = items[0]
    first = datetime.combine(first_item.window_start or date(first_item.year, 1, 1), time(), UTC)
    after = first + timedelta(days=DAYS) if first_item.window_start else first.replace(year=first.year + 1)
    epsg = grid.crs.to_epsg()
    item = pystac.Item(
        id=id,
        geometry=geometry,
        bbox=bbox(geometry),
        datetime=first,
        start_datetime=first,
        end_datetime=after - timedelta(seconds=1),
        properties={
            "title": title,
            "description": " ".join([description, *([_HOLES.format(", ".join(missing))] if missing else [])]),
            **({"missing_items": list(missing)} if missing else {}),
            "proj:code": f"EPSG:{epsg}" if epsg else None,
            "proj:bbox": [float(value) for value in grid.bounds],
            "processing:lineage": f"Made from the codes of {', '.join(item.id for item in items)}",
            "processing:software": dict(software),
        },
        stac_extensions=sorted(
            [*extensions, stac.FILE_EXTENSION, stac.PROCESSING_EXTENSION, stac.PROJECTION_EXTENSION]
        ),
    )
    for key, (name, asset_title, media_type, roles) in assets.items():
        if (folder / name).is_file() or name in _WRITTEN_LATER:
            told = dict(fields[key]) | _on_grid(folder / name, grid) if key in fields else {}
            item.add_asset(key, pystac.Asset(f"./{name}", asset_title, None, media_type, list(roles), told))
    for source in items:
        if source.item_href is not None:
            href = stac.relative_href(source.item_href, folder)
            item.add_link(pystac.Link("derived_from", href, str(pystac.MediaType.GEOJSON), source.id))
    return item


def class_fields(legend: Legend, counts: Mapping[int, int]) -> dict[str, Any]:
    """Return what the asset of a class map says: its band and its classes."""
    band = {"name": CLASS_BAND, "data_type": legend.dtype, "nodata": UNCLASSIFIED}
    return {"bands": [band], "classification:classes": classes_of(legend, counts)}


def quality_fields(names: Sequence[str]) -> dict[str, Any]:
    """Return what the asset of `quality.tif` says: a band in percent, and counts of clear observations."""
    units = ("%", "1")
    return {
        "bands": [
            {"name": name, "data_type": "uint16", "nodata": QUALITY_NODATA, "unit": unit}
            for name, unit in zip(names, units, strict=True)
        ]
    }


def classes_of(legend: Legend, counts: Mapping[int, int]) -> list[dict[str, Any]]:
    """Return the classes as the classification extension writes them, pixels and share of the map included."""
    total = sum(counts.values())
    names = _identifiers(legend)
    return [
        {"value": UNCLASSIFIED, "name": "unclassified", "title": "Unclassified", "nodata": True},
        *(
            {
                "value": entry.class_id,
                "name": names[entry.class_id],
                "title": entry.name,
                "color_hint": entry.colour[1:].upper(),
                "percentage": round(100 * counts[entry.class_id] / total, 4) if total else 0.0,
                "count": counts[entry.class_id],
            }
            for entry in legend.classes
        ),
    ]


def _identifiers(legend: Legend) -> dict[int, str]:
    """Return names that machines can read, unique: ASCII words joined by hyphens, or `class-<id>`."""
    found: dict[int, str] = {}
    for entry in legend.classes:
        plain = re.sub(r"[^0-9a-z]+", "-", entry.name.casefold()).strip("-")
        telling = plain and entry.name.isascii() and plain not in (*found.values(), "unclassified")
        found[entry.class_id] = plain if telling else f"class-{entry.class_id}"
    return found


def _on_grid(path: Path, grid: "Grid") -> dict[str, Any]:
    """Return what every raster asset says: where its pixels lie, and its checksum."""
    return {
        "proj:shape": [grid.height, grid.width],
        "proj:transform": [float(value) for value in tuple(grid.transform)[:6]],
        "file:size": path.stat().st_size,
        "file:checksum": multihash_file(path),
    }
