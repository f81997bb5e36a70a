"""The STAC item of a class map: deterministic, offline, every link and asset relative to the folder of the map."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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

_ASSETS: Final = {
    "map": ("map.tif", "Class map", str(pystac.MediaType.COG), ["data"]),
    "quality": ("quality.tif", "Confidence in percent and clear observations", str(pystac.MediaType.COG), ["data"]),
    "thumbnail": ("preview.png", "Preview with legend", str(pystac.MediaType.PNG), ["thumbnail", "overview"]),
    "style": ("map.qml", "QGIS style of the class map", "application/xml", ["style"]),
    "accuracy": ("accuracy.json", "Cross-validated accuracy", str(pystac.MediaType.JSON), ["metadata"]),
    "model": ("model.txt", "LightGBM model", str(pystac.MediaType.TEXT), ["model"]),
    "model_facts": ("model.json", "What the model was trained on", str(pystac.MediaType.JSON), ["metadata"]),
    "run": ("run.json", "How the map was made", str(pystac.MediaType.JSON), ["metadata"]),
}
"""File, title, media type and roles by asset key."""


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
) -> pystac.Item:
    """Describe a finished map.

    Args:
        folder: Where `map.tif` and its companions are.
        id: Item id.
        grid: Grid of the map.
        legend: Classes of the map.
        counts: Mapped pixels by class_id.
        items: Items that the map was made from, all of one year.
        software: Versions of the packages that made it.
    """
    geometry = footprint(grid.crs, grid.bounds)
    first_item = items[0]
    first = datetime.combine(first_item.window_start or date(first_item.year, 1, 1), time(), UTC)
    after = first + timedelta(days=DAYS) if first_item.window_start else first.replace(year=first.year + 1)
    encoder = first_item.identity.encoder.label
    epsg = grid.crs.to_epsg()
    item = pystac.Item(
        id=id,
        geometry=geometry,
        bbox=bbox(geometry),
        datetime=first,
        start_datetime=first,
        end_datetime=after - timedelta(seconds=1),
        properties={
            "title": f"Class map {id}",
            "description": (
                f"Classes at 30 m for {first_item.year}, predicted by a LightGBM model from ESD codes ({encoder}). "
                "The figures of accuracy.json estimate transfer to unsampled blocks, not the accuracy of the map."
            ),
            "proj:code": f"EPSG:{epsg}" if epsg else None,
            "proj:bbox": [float(value) for value in grid.bounds],
            "processing:lineage": f"Classified from the codes of {', '.join(item.id for item in items)}",
            "processing:software": dict(software),
        },
        stac_extensions=sorted(
            [CLASSIFICATION_EXTENSION, stac.FILE_EXTENSION, stac.PROCESSING_EXTENSION, stac.PROJECTION_EXTENSION]
        ),
    )
    for key, (name, title, media_type, roles) in _ASSETS.items():
        if (folder / name).is_file() or name == "run.json":
            fields = _fields(key, folder / name, grid, legend, counts)
            item.add_asset(key, pystac.Asset(f"./{name}", title, None, media_type, roles, fields))
    for source in items:
        if source.item_href is not None:
            href = stac.relative_href(source.item_href, folder)
            item.add_link(pystac.Link("derived_from", href, str(pystac.MediaType.GEOJSON), source.id))
    return item


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


def _fields(key: str, path: Path, grid: "Grid", legend: Legend, counts: Mapping[int, int]) -> dict[str, Any]:
    """Return what an asset says beside title, type and roles."""
    if key not in ("map", "quality"):
        return {}
    on_grid = {
        "proj:shape": [grid.height, grid.width],
        "proj:transform": [float(value) for value in tuple(grid.transform)[:6]],
        "file:size": path.stat().st_size,
        "file:checksum": multihash_file(path),
    }
    if key == "map":
        classes = classes_of(legend, counts)
        band = {"name": CLASS_BAND, "data_type": legend.dtype, "nodata": UNCLASSIFIED}
        return {"bands": [band], "classification:classes": classes} | on_grid
    units = {"confidence": "%", "clear_obs": "1"}
    bands = [
        {"name": name, "data_type": "uint16", "nodata": QUALITY_NODATA, "unit": units[name]} for name in QUALITY_BANDS
    ]
    return {"bands": bands} | on_grid
