"""The files of a map of a quantity: raster, style, picture, item."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pystac
from numpy.typing import NDArray

from esd_tasks.area_plan import AreaPlan
from esd_tasks.map_item import AssetFacts, describe, map_id
from esd_tasks.map_run import packages, pieces, raster_tags
from esd_tasks.map_store import MapStore
from esd_tasks.value_maps import value_fields, value_range, write_ramp_style, write_value_map, write_value_picture
from stactools_esd.blocks import Block
from stactools_esd.files import write_json

_JSON: Final = str(pystac.MediaType.JSON)


def write_value_files(
    plan: AreaPlan,
    store: MapStore,
    blocks: Sequence[Block],
    *,
    kind: str,
    bands: Sequence[str],
    unit: str,
    title: str,
    legend: str,
    note: str,
    description: str,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    dots: str,
    assets: Mapping[str, AssetFacts],
    tags: Mapping[str, str],
    links: Sequence[pystac.Link] = (),
) -> dict[str, str]:
    """Write every file of a map of a quantity but `run.json`.

    Args:
        plan: Where and of what.
        store: Finished blocks with a layer for each band.
        blocks: All blocks.
        kind: Name of raster and style, and key of the asset.
        bands: Layers, in the order of the bands.
        unit: Unit of all bands; empty where nobody said.
        title: What the map shows, in a word or two.
        legend: Stands above the ramp of the picture: quantity and unit.
        note: Stands below the picture.
        description: Of the item: what the map shows and what not.
        x: Places that the picture shows, in the CRS of the map.
        y: The same, northing.
        dots: What the places are.
        assets: Further files, by asset key.
        tags: Further tags of the raster.
        links: Further links of the item.

    Returns:
        File names by kind: the raster, `style`, `preview`, `item`.
    """
    folder = plan.request.output_or_default
    item_id = map_id(folder.resolve().name, plan.year)
    names = {kind: f"{kind}.tif", "style": f"{kind}.qml", "preview": "preview.png", "item": f"{item_id}.json"}
    path = folder / names[kind]
    all_tags = raster_tags(plan, f"{title} {item_id}") | dict(tags)
    write_value_map(path, pieces(store, blocks, *bands), grid=plan.grid, bands=bands, unit=unit, tags=all_tags)
    low, high = value_range(path)
    write_ramp_style(folder / names["style"], low, high, unit)
    write_value_picture(
        folder / names["preview"],
        path,
        low=low,
        high=high,
        name=legend,
        x=x,
        y=y,
        dots=dots,
        title=f"{folder.resolve().name}, {plan.year}",
        note=note,
    )
    own: dict[str, AssetFacts] = {
        kind: (names[kind], title, str(pystac.MediaType.COG), ["data"]),
        "thumbnail": (names["preview"], "Preview", str(pystac.MediaType.PNG), ["thumbnail", "overview"]),
        "style": (names["style"], "QGIS style", "application/xml", ["style"]),
        "report": ("report.html", "Report", str(pystac.MediaType.HTML), ["metadata", "overview"]),
        "run": ("run.json", "How the map was made", _JSON, ["metadata"]),
    }
    item = describe(
        folder,
        id=item_id,
        grid=plan.grid,
        items=plan.items,
        software=packages(),
        title=f"{title} {item_id}",
        description=description,
        assets={**own, **assets},
        fields={kind: value_fields(bands, unit)},
        missing=tuple(store.failures.lines),
    )
    item.add_links(list(links))
    write_json(folder / names["item"], item.to_dict(include_self_link=False))
    return names
