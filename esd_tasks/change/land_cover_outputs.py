"""What `change land-cover` writes: a class map a year, what became what, mapped area, picture, item and record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pystac
from numpy.typing import NDArray

from esd_tasks import map_item, maps
from esd_tasks.change.from_to import FromTo
from esd_tasks.change.item import describe_years
from esd_tasks.change.land_cover_picture import draw_from_to, draw_series
from esd_tasks.change.land_cover_tables import count_classes, write_from_to, write_mapped
from esd_tasks.map_run import finish, packages, raster_tags
from esd_tasks.map_store import MapStore
from esd_tasks.model_file import CLASSIFY, model_folder
from esd_tasks.report_land_cover import write_report
from esd_tasks.run_record import RUN_JSON
from esd_tasks.training_pixels import keep_beside
from stactools_esd.blocks import Block, BlockStore
from stactools_esd.files import write_json

if TYPE_CHECKING:
    from esd_tasks.change.land_cover import LandCoverPlan, Transitions

TALLIES: Final = ("pixels", "steps", "flips_single", "flips_smoothed", "years_filled")
"""What each block counts: pixels, steps between two usable years, classes that change in a step before and after
smoothing, and pixel-years without codes that other years filled."""

NO_DATA: Final = 65_535
"""Value of `changes.tif` where there is no class."""

_CHANGES: Final = ("changes", "first_change", "last_change", "first_class", "last_class")
_COG: Final = str(pystac.MediaType.COG)


def write(plan: "LandCoverPlan", transitions: "Transitions", store: MapStore, blocks: Sequence[Block]) -> None:
    """Assemble every output; `run.json` last, for it says that the folder is finished."""
    folder, legend = plan.request.output_or_default, plan.legend
    first, last = plan.years[0], plan.years[-1]
    outputs: dict[str, str] = {}
    assets: dict[str, map_item.AssetFacts] = {}
    fields: dict[str, Mapping[str, Any]] = {}
    table = count_classes(plan, store, blocks)
    mapped, tallies = table.mapped, dict(zip(TALLIES, table.tallies.tolist(), strict=True))
    for position, year in enumerate(plan.years):
        name = f"classes_{year}"
        outputs |= {name: f"{name}.tif", f"{name}_names": f"{name}.tif.aux.xml", f"{name}_style": f"{name}.qml"}
        maps.write_class_map(
            folder / outputs[name],
            ((block, store.get(block)["class_id"][position]) for block in blocks),
            grid=plan.grid,
            legend=legend,
            tags=raster_tags(plan, f"Classes of {year}") | {"YEAR": str(year)},
        )
        maps.write_style(folder / outputs[f"{name}_style"], legend)
        assets[name] = (outputs[name], f"Classes of {year}", _COG, ["data"])
        counts = {entry.class_id: int(mapped[position, k]) for k, entry in enumerate(legend.classes)}
        fields[name] = map_item.class_fields(legend, counts)
    outputs |= {"changes": "changes.tif", "mapped_area": "mapped_area.csv", "from_to": "from_to.csv"}
    outputs |= {"preview": "preview.png", "from_to_picture": "from_to.png"}
    maps.write_raster(
        folder / outputs["changes"],
        _changes(plan, store, blocks),
        grid=plan.grid,
        dtype="uint16",
        bands=_CHANGES,
        nodata=NO_DATA,
        tags=raster_tags(plan, f"Class changes {first} to {last}"),
        overview_resampling="nearest",
    )
    kinds = FromTo(legend=legend, pixels=table.whole)
    outputs |= {"from_to_map": "from_to.tif", "from_to_map_names": "from_to.tif.aux.xml"}
    outputs["from_to_map_style"] = "from_to.qml"
    maps.write_class_map(
        folder / outputs["from_to_map"],
        _kinds(kinds, store, blocks),
        grid=plan.grid,
        legend=kinds.kinds,
        tags=raster_tags(plan, f"What became what, {first} to {last}"),
    )
    maps.write_style(folder / outputs["from_to_map_style"], kinds.kinds)
    write_mapped(folder / outputs["mapped_area"], plan, table)
    write_from_to(folder / outputs["from_to"], plan, table)
    notes = list(_notes(plan, transitions, tallies))
    draw_series(
        folder / outputs["preview"],
        folder / outputs[f"classes_{last}"],
        legend=legend,
        years=plan.years,
        shares=table.mapped_area / np.maximum(table.mapped_area.sum(axis=1, keepdims=True), 1.0),
        title=f"Classes of {last}",
        note=notes[0],
    )
    draw_from_to(folder / outputs["from_to_picture"], legend=legend, matrix=table.whole, first=first, last=last)
    item_id = map_item.map_id(f"{folder.resolve().name}-{first}", last)
    outputs |= {"item": f"{item_id}.json", "run": RUN_JSON}
    outputs |= keep_beside(model_folder(plan.request.model, CLASSIFY), folder, years=plan.years)
    png, text = str(pystac.MediaType.PNG), "text/csv"
    assets |= {
        "changes": ("changes.tif", "How often and when the class changed", _COG, ["data"]),
        "from_to_map": ("from_to.tif", f"What became what, {first} to {last}", _COG, ["data"]),
        "mapped_area": ("mapped_area.csv", "Mapped area of each class and year", text, ["metadata"]),
        "from_to": ("from_to.csv", "What became what", text, ["metadata"]),
        "thumbnail": ("preview.png", "Preview with mapped shares by year", png, ["thumbnail", "overview"]),
        "from_to_picture": ("from_to.png", "What became what", png, ["overview"]),
        "report": ("report.html", "Report", str(pystac.MediaType.HTML), ["metadata", "overview"]),
        "run": (RUN_JSON, "How the maps were made", str(pystac.MediaType.JSON), ["metadata"]),
    }
    fields["from_to_map"] = map_item.class_fields(kinds.kinds, kinds.counts)
    fields["changes"] = {"bands": [{"name": name, "data_type": "uint16", "nodata": NO_DATA} for name in _CHANGES]}
    item = describe_years(
        plan,
        item_id,
        title=f"Classes {first} to {last}",
        description=(
            f"Classes of every year from {first} to {last} by a model on ESD codes ({plan.identity.encoder.label}), "
            "made consistent by a transition model. Mapped areas, not estimates of area: those need reference samples."
        ),
        assets=assets,
        fields=fields,
        extensions=(map_item.CLASSIFICATION_EXTENSION,),
        software=packages(),
    )
    write_json(folder / outputs["item"], item.to_dict(include_self_link=False))
    result = {
        "years": list(plan.years),
        "classes": legend.by_id,
        "class_error": plan.class_error,
        "transitions_learnt": plan.request.learn,
        "transitions": [[round(float(value), 6) for value in row] for row in transitions.matrix],
        "transition_classes": list(plan.model.classes),
        "full_clear": transitions.full_clear,
        "tallies": tallies,
        "mapped_pixels": {str(year): mapped[k].tolist() for k, year in enumerate(plan.years)},
    }
    outputs["report"] = write_report(plan, result, table.whole, notes=notes, missing=store.failures.missing)
    finish(plan, outputs, notes, result, store.failures.missing)


def _changes(plan: "LandCoverPlan", store: BlockStore, blocks: Sequence[Block]) -> Iterator[tuple[Block, NDArray[Any]]]:
    """Yield blocks of `changes.tif`."""
    calendar = np.array(plan.years)
    for block in blocks:
        classes = store.get(block)["class_id"]
        moved = classes[1:] != classes[:-1]
        any_move = moved.any(axis=0)
        first = np.where(any_move, calendar[1:][moved.argmax(axis=0)], 0)
        last = np.where(any_move, calendar[::-1][moved[::-1].argmax(axis=0)], 0)
        layers = np.stack([moved.sum(axis=0), first, last, classes[0], classes[-1]])
        yield block, np.where(classes[0] > 0, layers, NO_DATA)


def _kinds(kinds: FromTo, store: BlockStore, blocks: Sequence[Block]) -> Iterator[tuple[Block, NDArray[Any]]]:
    """Yield blocks of `from_to.tif`."""
    for block in blocks:
        classes = store.get(block)["class_id"]
        yield block, kinds.of(classes[0], classes[-1])


def _notes(plan: "LandCoverPlan", transitions: "Transitions", tallies: Mapping[str, int]) -> Iterator[str]:
    """Say what a user should know; the first line goes below the picture."""
    steps = max(tallies["steps"], 1)
    how = "learnt from the series" if plan.request.learn else f"{plan.request.expected_rate:.1%} a year, as stated"
    yield (
        f"Classes change in {tallies['flips_smoothed'] / steps:.2%} of the steps between years, "
        f"{tallies['flips_single'] / steps:.2%} before smoothing; transitions {how}. "
        "Mapped areas, not estimates of area."
    )
    if plan.request.learn:
        stays = transitions.matrix.diagonal()
        yield f"learnt: a class stays with probability {stays.min():.3f} to {stays.max():.3f} from one year to the next"
    else:
        yield "a stated rate pulls the mapped changes towards it; --learn takes it from the series themselves"
    if tallies["years_filled"]:
        yield f"{tallies['years_filled']:,} pixel-years without codes have the class that their other years make likely"
    yield from plan.area_notes
