"""What `change land-cover` writes: a class map a year, what became what, mapped area, picture, item and record."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pystac
from numpy.typing import NDArray

from esd_tasks import map_item, maps
from esd_tasks.change.item import describe_years
from esd_tasks.change.land_cover_picture import draw_from_to, draw_series
from esd_tasks.map_run import finish, packages, raster_tags
from esd_tasks.map_store import MapStore
from esd_tasks.report_land_cover import write_report
from esd_tasks.run_record import RUN_JSON
from stactools_esd.blocks import Block, BlockStore
from stactools_esd.files import atomic_path, write_json

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
    mapped, steps, whole, tallies = _tally(plan, store, blocks)
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
    hectares = abs(plan.grid.transform.a * plan.grid.transform.e) / 10_000
    _write_mapped(folder / outputs["mapped_area"], plan, mapped, hectares)
    _write_from_to(folder / outputs["from_to"], plan, steps, whole, hectares)
    notes = list(_notes(plan, transitions, tallies))
    draw_series(
        folder / outputs["preview"],
        folder / outputs[f"classes_{last}"],
        legend=legend,
        years=plan.years,
        shares=mapped / np.maximum(mapped.sum(axis=1, keepdims=True), 1),
        title=f"Classes of {last}",
        note=notes[0],
    )
    draw_from_to(folder / outputs["from_to_picture"], legend=legend, matrix=whole, first=first, last=last)
    item_id = map_item.map_id(f"{folder.resolve().name}-{first}", last)
    outputs |= {"item": f"{item_id}.json", "run": RUN_JSON}
    png, text = str(pystac.MediaType.PNG), "text/csv"
    assets |= {
        "changes": ("changes.tif", "How often and when the class changed", _COG, ["data"]),
        "mapped_area": ("mapped_area.csv", "Mapped area of each class and year", text, ["metadata"]),
        "from_to": ("from_to.csv", "What became what", text, ["metadata"]),
        "thumbnail": ("preview.png", "Preview with mapped shares by year", png, ["thumbnail", "overview"]),
        "from_to_picture": ("from_to.png", "What became what", png, ["overview"]),
        "report": ("report.html", "Report", str(pystac.MediaType.HTML), ["metadata", "overview"]),
        "run": (RUN_JSON, "How the maps were made", str(pystac.MediaType.JSON), ["metadata"]),
    }
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
    outputs["report"] = write_report(plan, result, whole, notes=notes, missing=store.failures.missing)
    finish(plan, outputs, notes, result, store.failures.missing)


def _positions(plan: "LandCoverPlan", class_id: NDArray[Any]) -> NDArray[np.intp]:
    """Return the places of class ids in the legend; -1 for none."""
    table = np.full(int(plan.legend.ids[-1]) + 1, -1, np.intp)
    table[np.array(plan.legend.ids)] = np.arange(len(plan.legend.ids))
    return np.asarray(table[class_id])


def _tally(
    plan: "LandCoverPlan", store: BlockStore, blocks: Sequence[Block]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], dict[str, int]]:
    """Count pixels by year and class, by what became what in each step and over all years, and the tallies."""
    years, k = len(plan.years), len(plan.legend.ids)
    mapped, steps = np.zeros((years, k), np.int64), np.zeros((years - 1, k, k), np.int64)
    whole, tallies = np.zeros((k, k), np.int64), np.zeros(len(TALLIES), np.int64)
    for block in blocks:
        arrays = store.get(block)
        tallies += arrays["tallies"]
        classes = _positions(plan, arrays["class_id"].reshape(years, -1))
        classes = classes[:, classes[0] >= 0]
        for year in range(years):
            mapped[year] += np.bincount(classes[year], minlength=k)
        for year in range(years - 1):
            steps[year] += np.bincount(classes[year] * k + classes[year + 1], minlength=k * k).reshape(k, k)
        whole += np.bincount(classes[0] * k + classes[-1], minlength=k * k).reshape(k, k)
    return mapped, steps, whole, dict(zip(TALLIES, tallies.tolist(), strict=True))


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


def _write_mapped(path: Path, plan: "LandCoverPlan", mapped: NDArray[np.int64], hectares: float) -> None:
    """Write the mapped area of each class and year; the column says that it is mapped."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write("year,class_id,class_name,pixels,mapped_ha,mapped_share\n")
        for k, year in enumerate(plan.years):
            total = max(int(mapped[k].sum()), 1)
            for entry, count in zip(plan.legend.classes, mapped[k].tolist(), strict=True):
                row = (
                    f"{year},{entry.class_id},{_quoted(entry.name)},{count},{count * hectares:.2f},{count / total:.6f}"
                )
                file.write(row + "\n")


def _write_from_to(
    path: Path, plan: "LandCoverPlan", steps: NDArray[np.int64], whole: NDArray[np.int64], hectares: float
) -> None:
    """Write what became what in each step, and from the first year to the last; pairs without pixels are left out."""
    spans = [(plan.years[k], plan.years[k + 1], steps[k]) for k in range(len(steps))]
    if len(plan.years) > 2:
        spans.append((plan.years[0], plan.years[-1], whole))
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write("year_from,year_to,from_id,from_class,to_id,to_class,pixels,mapped_ha\n")
        for start, stop, matrix in spans:
            for a, b in zip(*np.nonzero(matrix), strict=True):
                one, other, count = plan.legend.classes[a], plan.legend.classes[b], int(matrix[a, b])
                names = f"{one.class_id},{_quoted(one.name)},{other.class_id},{_quoted(other.name)}"
                file.write(f"{start},{stop},{names},{count},{count * hectares:.2f}\n")


def _quoted(name: str) -> str:
    """Return a name as a field of CSV."""
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\n') else name


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
    if not tallies["pixels"]:
        yield "no pixel of the area has codes"
