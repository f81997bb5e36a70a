"""What `change pair` writes: magnitudes, the map of change, picture, accuracy, item and record."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pystac
from numpy.typing import NDArray

from esd_tasks import map_item, maps, preview
from esd_tasks.change.item import describe_years
from esd_tasks.change.reference import CHANGE, CHANGE_NAMES, NO_CHANGE
from esd_tasks.change.validation import accuracy_lines, accuracy_report
from esd_tasks.legend import Legend, LegendClass, legend_of
from esd_tasks.map_run import finish, packages, pieces, raster_tags
from esd_tasks.map_store import MapStore
from esd_tasks.report_pair import write_report
from esd_tasks.report_parts import Shown
from esd_tasks.run_record import RUN_JSON
from esd_tasks.target import WGS84, transformer
from esd_tasks.training_pixels import keep_beside
from stactools_esd.blocks import Block
from stactools_esd.files import write_json

if TYPE_CHECKING:
    from esd_tasks.change.pair import PairPlan, Rule

MAGNITUDES: Final = ("level_distance", "cosine_distance", "score")
"""Bands of `magnitude.tif`; NaN where there is nothing to compare."""

_COLOURS: Final = {NO_CHANGE: "#d9d9d9", CHANGE: "#d7301f"}
_NAMES: Final = {
    "change": "change.tif",
    "change_names": "change.tif.aux.xml",
    "magnitude": "magnitude.tif",
    "style": "change.qml",
    "preview": "preview.png",
}
_ASSETS: Final[Mapping[str, map_item.AssetFacts]] = {
    "change": ("change.tif", "Change between two years", str(pystac.MediaType.COG), ["data"]),
    "magnitude": ("magnitude.tif", "Distances and score", str(pystac.MediaType.COG), ["data"]),
    "thumbnail": ("preview.png", "Preview with legend", str(pystac.MediaType.PNG), ["thumbnail", "overview"]),
    "style": ("change.qml", "QGIS style of the map", "application/xml", ["style"]),
    "accuracy": ("accuracy.json", "Cross-validated accuracy", str(pystac.MediaType.JSON), ["metadata"]),
    "report": ("report.html", "Report", str(pystac.MediaType.HTML), ["metadata", "overview"]),
    "run": (RUN_JSON, "How the map was made", str(pystac.MediaType.JSON), ["metadata"]),
}


def legend_of_change(classes: Mapping[int, str]) -> Legend:
    """Return the legend: grey where nothing changed, red for change, colours by name for what became what."""
    if len(classes) == len(_COLOURS):
        return Legend(
            tuple(LegendClass(class_id=key, name=name, colour=_COLOURS[key]) for key, name in classes.items())
        )
    others = legend_of({key: name for key, name in classes.items() if key != NO_CHANGE}).classes
    first = LegendClass(class_id=NO_CHANGE, name=classes[NO_CHANGE], colour=_COLOURS[NO_CHANGE])
    return Legend((first, *others))


def write(
    plan: "PairPlan",
    rule: "Rule",
    store: MapStore,
    blocks: Sequence[Block],
    changes: Iterable[tuple[Block, NDArray[Any]]],
) -> None:
    """Assemble every output; `run.json` last, for it says that the folder is finished.

    Args:
        plan: What was asked.
        rule: What makes a pixel changed.
        store: Finished blocks.
        blocks: All of them.
        changes: Blocks with their classes, small patches gone.
    """
    folder, (first, last) = plan.request.output_or_default, plan.years
    item_id = map_item.map_id(f"{folder.resolve().name}-{first}", last)
    outputs = _NAMES | {"item": f"{item_id}.json", "run": RUN_JSON}
    classes = CHANGE_NAMES if rule.model is None else dict(rule.model.classes)
    legend, tags = legend_of_change(classes), raster_tags(plan, f"Change {first} to {last}")
    maps.write_class_map(folder / outputs["change"], changes, grid=plan.grid, legend=legend, tags=tags)
    maps.write_raster(
        folder / outputs["magnitude"],
        pieces(store, blocks, *MAGNITUDES),
        grid=plan.grid,
        dtype="float32",
        bands=MAGNITUDES,
        nodata=float("nan"),
        tags=tags | {"THRESHOLD": f"{rule.threshold:.9g}", "MEASURE": plan.request.measure},
        overview_resampling="average",
    )
    maps.write_style(folder / outputs["style"], legend)
    counts = maps.count_classes(folder / outputs["change"], legend)
    accuracy = None
    if rule.validation is not None:
        outputs["accuracy"] = "accuracy.json"
        accuracy = accuracy_report(rule.validation, kind="spatial cross-validation of the threshold of change")
        write_json(folder / outputs["accuracy"], accuracy)
    if rule.samples is not None:
        outputs |= rule.samples.training_pixels.save(folder)
    if plan.request.model is not None:
        outputs |= keep_beside(plan.request.model, folder)
    notes = [*_notes(plan, rule), *(accuracy_lines(accuracy) if accuracy else ())]
    x, y = _places(plan, rule)
    preview.write_preview(
        folder / outputs["preview"],
        folder / outputs["change"],
        legend=legend,
        counts=counts,
        labels_x=x,
        labels_y=y,
        title=f"Change {first} to {last}",
        note=notes[0],
    )
    item = describe_years(
        plan,
        item_id,
        title=f"Change {first} to {last}",
        description=(
            f"Change between {first} and {last} from ESD codes ({plan.identity.encoder.label}). {notes[0]} "
            "Mapped change, not its area: that needs reference samples."
        ),
        assets=_ASSETS,
        fields={
            "change": map_item.class_fields(legend, counts),
            "magnitude": {"bands": [{"name": name, "data_type": "float32", "nodata": "nan"} for name in MAGNITUDES]},
        },
        extensions=(map_item.CLASSIFICATION_EXTENSION,),
        software=packages(),
    )
    write_json(folder / outputs["item"], item.to_dict(include_self_link=False))
    compared = sum(counts.values())
    result = {
        "measure": "probability" if rule.model else plan.request.measure,
        "threshold": rule.threshold,
        "noise": {
            "median": list(rule.noise.median),
            "spread": list(rule.noise.spread),
            "edges": list(rule.noise.edges),
        },
        "population_pixels": rule.noise.n,
        "mapped_pixels": {str(key): count for key, count in counts.items()},
        "mapped_share_changed": 1 - counts[NO_CHANGE] / compared if compared else None,
        "accuracy": accuracy,
    }
    missing = store.failures.missing
    outputs["report"] = write_report(plan, rule, legend, result, Shown(notes=notes, missing=missing, x=x, y=y))
    finish(plan, outputs, notes, result, missing)


def _notes(plan: "PairPlan", rule: "Rule") -> Iterator[str]:
    """Say what a user should know; the first line says what the threshold rests on."""
    request = plan.request
    if rule.model is not None:
        yield f"Changed where the model's probability exceeds {rule.threshold:.3f}, the threshold of its training."
    elif rule.samples is None:
        yield (
            f"Changed where the {request.measure} distance lies {rule.threshold:.2f} robust standard deviations above "
            f"what is usual between these years: {request.expected_rate:.2%} of the tiles' pixels, the share stated."
        )
        yield "a stated rate flags that share of the tiles whether so much has changed or not; reference samples tell"
    else:
        yield (
            f"Changed where the {request.measure} distance lies {rule.threshold:.2f} robust standard deviations above "
            f"what is usual between these years: the highest F1 of {len(rule.samples.clear)} reference pixels."
        )
        if request.expected_rate is None:
            share = rule.samples.changed.mean()
            yield (
                f"{share:.0%} of the reference pixels changed; where change is rarer the threshold is too low: "
                "state --expected-rate"
            )
    yield from plan.area_notes
    if plan.reference is not None:
        yield from plan.reference.labels.notes
    if rule.samples is not None:
        for reason, dropped in rule.samples.samples.dropped.items():
            yield f"{sum(dropped.values())} reference pixels or places left out: {reason}"


def _places(plan: "PairPlan", rule: "Rule") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the places of the reference in the CRS of the map; none without a reference."""
    if rule.samples is None:
        return np.empty(0), np.empty(0)
    x, y = transformer(WGS84, plan.grid.crs).transform(rule.samples.samples.lon, rule.samples.samples.lat)
    return x, y
