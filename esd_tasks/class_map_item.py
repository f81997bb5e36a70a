"""The STAC item of a class map with its bands."""

from collections.abc import Mapping, Sequence
from typing import Any

import pystac

from esd_tasks.area_plan import AreaPlan
from esd_tasks.class_bands import BAND_FILES, INDEX_BANDS, INDEX_NODATA, PERCENT_NODATA
from esd_tasks.class_map import ClassMap
from esd_tasks.map_item import AssetFacts, class_fields, create_map_item, map_id
from esd_tasks.map_run import packages
from stactools_esd.files import write_json


def write_class_item(
    work: ClassMap,
    counts: Mapping[int, int],
    *,
    caveat: str | None = None,
    links: Sequence[pystac.Link] = (),
    missing: Sequence[str] = (),
) -> str:
    """Write the STAC item, after everything that it names but `run.json`.

    Args:
        work: What made the map.
        counts: Mapped pixels by class_id.
        caveat: Ends the description; the usual one if None.
        links: Further links of the item.
        missing: Ids of items that could not be read.

    Returns:
        File name.
    """
    plan, folder = work.plan, work.plan.request.output_or_default
    item_id = map_id(folder.resolve().name, plan.year)
    assets: dict[str, AssetFacts] = {
        band: (*BAND_FILES[band], str(pystac.MediaType.COG), ["data"]) for band in work.bands
    }
    fields: dict[str, dict[str, Any]] = {
        band: {
            "bands": [
                {"name": name, "data_type": "uint8", "nodata": PERCENT_NODATA, "unit": "%"}
                for name in work.band_names(band)
            ]
        }
        for band in work.percent_bands
    }
    if "applicability" in work.bands:
        told = {"data_type": "float32", "nodata": INDEX_NODATA}
        fields["applicability"] = {"bands": [{"name": name, **told} for name in INDEX_BANDS]}
    if (wider := work.legend.parents) is not None and "parent" in work.bands:
        parent_counts = dict.fromkeys(wider.ids, 0)
        for class_id, parent in work.legend.parent_ids.items():
            parent_counts[parent] += counts[class_id]
        fields["parent"] = class_fields(wider, parent_counts)
    item = create_map_item(
        folder,
        id=item_id,
        grid=plan.grid,
        legend=work.legend,
        counts=counts,
        items=plan.items,
        software=packages(),
        further=assets,
        fields=fields,
        missing=missing,
        **({} if caveat is None else {"caveat": caveat}),
    )
    item.add_links(list(links))
    write_json(folder / f"{item_id}.json", item.to_dict(include_self_link=False))
    return f"{item_id}.json"


def made_of(plan: AreaPlan) -> dict[str, Any]:
    """Return what a map was made of, for its report."""
    return {
        "Year": plan.year,
        "Items": ", ".join(item.id for item in plan.all_items),
        "Encoder": plan.identity.encoder.label,
        "Input recipe": plan.identity.recipe.as_dict(),
        "Pixels": f"{plan.grid.width:,} x {plan.grid.height:,} in {plan.grid.crs.to_string()}",
        "Command": plan.request.command,
        "Software": packages(),
        "Run": plan.run_key,
    }
