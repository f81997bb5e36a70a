"""The files of a class map that is not made by `classify`: map, quality, style, picture, item.

`quality.tif` holds the margin, by how much the class beats the next one, where `classify` has the probability of its
trees: small heads and clusters have no probability that they could be held to.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import pystac
from numpy.typing import NDArray

from esd_tasks import maps, preview
from esd_tasks.area_plan import AreaPlan
from esd_tasks.legend import UNCLASSIFIED, Legend
from esd_tasks.map_item import (
    CLASSIFICATION_EXTENSION,
    AssetFacts,
    class_fields,
    describe,
    map_id,
    quality_fields,
)
from esd_tasks.map_run import CLEAR_OBS, Layer, OfCodes, packages, pieces, raster_tags
from esd_tasks.map_store import MapStore
from stactools_esd.blocks import Block
from stactools_esd.files import write_json

MARGIN: Final = "margin"
"""Name of the first band of `quality.tif`: by how much the class beats the next one, in percent."""

OUTPUTS: Final[Mapping[str, str]] = {
    "map": "map.tif",
    "map_names": "map.tif.aux.xml",
    "quality": "quality.tif",
    "style": "map.qml",
    "preview": "preview.png",
}
"""File names by kind."""

_ASSETS: Final[Mapping[str, AssetFacts]] = {
    "map": ("map.tif", "Class map", str(pystac.MediaType.COG), ["data"]),
    "quality": ("quality.tif", "Margin in percent and clear observations", str(pystac.MediaType.COG), ["data"]),
    "thumbnail": ("preview.png", "Preview with legend", str(pystac.MediaType.PNG), ["thumbnail", "overview"]),
    "style": ("map.qml", "QGIS style of the class map", "application/xml", ["style"]),
    "report": ("report.html", "Report", str(pystac.MediaType.HTML), ["metadata", "overview"]),
    "run": ("run.json", "How the map was made", str(pystac.MediaType.JSON), ["metadata"]),
}


Predict: TypeAlias = Callable[[NDArray[np.uint16]], tuple[NDArray[np.int64], NDArray[np.float64]]]
"""Turns codes (n, 12) into class_id and margin 0..1, each (n,)."""


def class_layers(legend: Legend) -> tuple[Layer, ...]:
    """Return what a run must make of every block: `class_id` and `margin`."""
    return (
        Layer(name="class_id", dtype=legend.dtype, nodata=UNCLASSIFIED),
        Layer(name=MARGIN, dtype="uint16", nodata=maps.QUALITY_NODATA),
    )


def class_values(predict: Predict) -> OfCodes:
    """Return what makes the layers of `class_layers` of codes; margins become whole percent."""

    def of_codes(codes: NDArray[np.uint16]) -> dict[str, NDArray[Any]]:
        class_id, margin = predict(codes)
        return {"class_id": class_id, MARGIN: np.rint(100 * margin)}

    return of_codes


def write_class_files(
    plan: AreaPlan,
    store: MapStore,
    blocks: Sequence[Block],
    *,
    legend: Legend,
    note: str,
    description: str,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    assets: Mapping[str, AssetFacts],
    dots: str = "labels",
    links: Sequence[pystac.Link] = (),
) -> tuple[dict[int, int], str]:
    """Write every file of a class map but `run.json`.

    Args:
        plan: Where and of what.
        store: Finished blocks with the layers of `class_layers`.
        blocks: All blocks.
        legend: Classes of the map.
        note: Stands below the picture.
        description: Of the item: what the map shows and what not.
        x: Places that the picture shows, in the CRS of the map.
        y: The same, northing.
        assets: Further files, by asset key.
        dots: What the places are.
        links: Further links of the item.

    Returns:
        Mapped pixels by class_id, and the file name of the item.
    """
    folder = plan.request.output_or_default
    item_id = map_id(folder.resolve().name, plan.year)
    paths = {kind: folder / name for kind, name in OUTPUTS.items()}
    tags = raster_tags(plan, f"Class map {item_id}")
    classes = pieces(store, blocks, "class_id")
    maps.write_class_map(paths["map"], classes, grid=plan.grid, legend=legend, tags=tags)
    quality = pieces(store, blocks, MARGIN, CLEAR_OBS)
    maps.write_quality_map(paths["quality"], quality, grid=plan.grid, tags=tags, bands=(MARGIN, CLEAR_OBS))
    maps.write_style(paths["style"], legend)
    counts = maps.count_classes(paths["map"], legend)
    preview.write_preview(
        paths["preview"],
        paths["map"],
        legend=legend,
        counts=counts,
        labels_x=x,
        labels_y=y,
        title=f"{folder.resolve().name}, {plan.year}",
        note=note,
        dots=dots,
    )
    fields: dict[str, dict[str, Any]] = {
        "map": class_fields(legend, counts),
        "quality": quality_fields((MARGIN, CLEAR_OBS)),
    }
    item = describe(
        folder,
        id=item_id,
        grid=plan.grid,
        items=plan.items,
        software=packages(),
        title=f"Class map {item_id}",
        description=description,
        assets={**_ASSETS, **assets},
        fields=fields,
        extensions=(CLASSIFICATION_EXTENSION,),
        missing=tuple(store.failures.lines),
    )
    item.add_links(list(links))
    write_json(folder / f"{item_id}.json", item.to_dict(include_self_link=False))
    return counts, f"{item_id}.json"
