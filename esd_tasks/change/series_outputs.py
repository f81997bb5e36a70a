"""What `change series` writes: break years, magnitudes and durations, table, picture, style, item and record."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pystac
from numpy.typing import NDArray

from esd_tasks import map_item, maps
from esd_tasks.change.event_table import write_table
from esd_tasks.change.events import Events, band
from esd_tasks.change.item import describe_years
from esd_tasks.change.series_picture import draw_breaks, write_year_style
from esd_tasks.map_run import finish, packages, raster_tags
from esd_tasks.report_series import write_report
from esd_tasks.run_record import RUN_JSON
from stactools_esd.blocks import Block, BlockStore
from stactools_esd.files import write_json

if TYPE_CHECKING:
    from esd_tasks.change.series import Learnt, SeriesPlan

NO_DATA: Final = 65_535
"""Value of `breaks.tif` where a pixel has too few years; 0 means that there is no break."""

_NO_DURATION: Final = 255
_SUMMARY: Final = ("largest", "count", "first", "last")
_COG: Final = str(pystac.MediaType.COG)
_ASSETS: Final[dict[str, map_item.AssetFacts]] = {
    "breaks": ("breaks.tif", "Break years", _COG, ["data"]),
    "magnitude": ("magnitude.tif", "Magnitude of each break", _COG, ["data"]),
    "duration": ("duration.tif", "Years until the new state holds", _COG, ["data"]),
    "thumbnail": ("preview.png", "Preview with breaks by year", str(pystac.MediaType.PNG), ["thumbnail", "overview"]),
    "style": ("breaks.qml", "QGIS style of the break years", "application/xml", ["style"]),
    "events_csv": ("events.csv", "Every break as a row", "text/csv", ["data"]),
    "events_parquet": ("events.parquet", "Every break as a row", "application/vnd.apache.parquet", ["data"]),
    "report": ("report.html", "Report", str(pystac.MediaType.HTML), ["metadata", "overview"]),
    "run": (RUN_JSON, "How the map was made", str(pystac.MediaType.JSON), ["metadata"]),
}


def write(
    plan: "SeriesPlan", learnt: "Learnt", store: BlockStore, blocks: Sequence[Block], missing: Sequence[str]
) -> None:
    """Assemble every output; `run.json` last, for it says that the folder is finished.

    Args:
        plan: What was asked.
        learnt: What the population says.
        store: Events that passed all filters.
        blocks: All blocks.
        missing: What could not be read, a line each.
    """
    folder, (first, last) = plan.request.output_or_default, (plan.years[0], plan.years[-1])
    by_year, tallies, most = _tally(plan, store, blocks)
    n = min(max(most, 1), plan.request.max_events or most or 1)
    outputs = {"breaks": "breaks.tif", "magnitude": "magnitude.tif", "duration": "duration.tif"}
    outputs |= {"style": "breaks.qml", "preview": "preview.png"}
    bands = {
        "breaks": (*_SUMMARY, *(f"break_{number}" for number in range(1, n + 1))),
        "magnitude": ("magnitude_largest", *(f"magnitude_{number}" for number in range(1, n + 1))),
        "duration": tuple(f"duration_{number}" for number in range(1, n + 1)),
    }
    kinds = {"breaks": ("uint16", NO_DATA), "magnitude": ("float32", float("nan")), "duration": ("uint8", _NO_DURATION)}
    for name, (dtype, nodata) in kinds.items():
        maps.write_raster(
            folder / outputs[name],
            _pieces(plan, store, blocks, name, n),
            grid=plan.grid,
            dtype=dtype,
            bands=bands[name],
            nodata=nodata,
            tags=raster_tags(plan, f"Breaks {first} to {last}") | {"YEARS": f"{first}-{last}", "EVENTS": str(n)},
            overview_resampling="nearest",
        )
    years = tuple(plan.years[1:])
    write_year_style(folder / outputs["style"], years)
    if (table := plan.request.table) != "none":
        outputs[f"events_{table}"] = f"events.{table}"
        write_table(folder / outputs[f"events_{table}"], plan, _events(store, blocks), table)
    notes = list(_notes(plan, learnt, tallies, most, n))
    draw_breaks(
        folder / outputs["preview"],
        folder / outputs["breaks"],
        years=years,
        shares=[by_year[year] / max(tallies["mapped"], 1) for year in years],
        title=f"Year of the largest change, {first} to {last}",
        note=notes[0],
    )
    item_id = map_item.map_id(f"{folder.resolve().name}-{first}", last)
    outputs |= {"item": f"{item_id}.json", "run": RUN_JSON}
    units = {"breaks": "a", "magnitude": "1", "duration": "a"}
    item = describe_years(
        plan,
        item_id,
        title=f"Breaks {first} to {last}",
        description=(
            f"Every break between {first} and {last} from ESD codes ({plan.identity.encoder.label}); a break year t "
            "lies between t - 1 and t. Mapped breaks, not areas of change: those need reference samples."
        ),
        assets=_ASSETS,
        fields={
            name: {
                "bands": [
                    {
                        "name": one,
                        "data_type": dtype,
                        "nodata": "nan" if nodata != nodata else nodata,
                        "unit": units[name],
                    }
                    for one in bands[name]
                ]
            }
            for name, (dtype, nodata) in kinds.items()
        },
        software=packages(),
    )
    write_json(folder / outputs["item"], item.to_dict(include_self_link=False))
    calibration = learnt.calibration
    result = {
        "years": list(plan.years),
        "events_with_bands": n,
        "most_events_of_a_pixel": most,
        "pixels_by_break_year": {str(year): by_year[year] for year in years},
        "tallies": tallies,
        "penalty": calibration.penalty,
        "hold": calibration.hold,
        "false_alarms": calibration.false_alarms,
        "full_clear": learnt.full_clear,
        "population_pixels": calibration.n,
        "calm_pixels": calibration.calm,
        "baseline_z": learnt.baseline,
    }
    outputs["report"] = write_report(plan, result, notes=notes, missing=missing)
    finish(plan, outputs, notes, result, missing)


def _events(store: BlockStore, blocks: Sequence[Block]) -> Iterator[tuple[Block, Events]]:
    for block in blocks:
        yield block, Events.from_arrays(store.get(block))


def _tally(
    plan: "SeriesPlan", store: BlockStore, blocks: Sequence[Block]
) -> tuple[dict[int, int], dict[str, int], int]:
    """Count events by year, pixels by what was found, and the most events of a pixel."""
    from esd_tasks.change.series import TALLIES

    by_year, counts, most, kept = np.zeros(len(plan.years), np.int64), np.zeros(len(TALLIES), np.int64), 0, 0
    for block in blocks:
        arrays = store.get(block)
        events = Events.from_arrays(arrays)
        by_year += np.bincount(events.year, minlength=len(plan.years))
        counts += arrays["tallies"]
        each = events.counts(block.height * block.width)
        most, kept = max(most, int(each.max())), kept + int((each > 0).sum())
    tallies = dict(zip(TALLIES, counts.tolist(), strict=True)) | {"changed_after_filters": kept}
    return dict(zip(plan.years, by_year.tolist(), strict=True)), tallies, most


def _pieces(
    plan: "SeriesPlan", store: BlockStore, blocks: Sequence[Block], name: str, n: int
) -> Iterator[tuple[Block, NDArray[Any]]]:
    """Yield blocks of one raster."""
    calendar = np.array(plan.years)
    for block in blocks:
        arrays = store.get(block)
        events, mapped, shape = Events.from_arrays(arrays), arrays["mapped"], (block.height, block.width)
        chosen, slot = events.slots(n)
        slots = [(chosen.only(slot == number)) for number in range(n)]
        largest = events.largest()
        if name == "breaks":
            every = np.arange(shape[0] * shape[1])
            summary: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
                "largest": (calendar[largest.year], largest.pixel),
                "count": (events.counts(len(every)), every),
                "first": _end(events, calendar, first=True),
                "last": _end(events, calendar, first=False),
            }
            layers = [band(*summary[one], shape, 0, "uint16") for one in _SUMMARY]
            layers += [band(calendar[one.year], one.pixel, shape, 0, "uint16") for one in slots]
            yield block, np.where(mapped, np.stack(layers), NO_DATA)
        elif name == "magnitude":
            yield block, np.stack([band(one.magnitude, one.pixel, shape, np.nan, "f4") for one in (largest, *slots)])
        else:
            layers = [band(one.duration, one.pixel, shape, 0, "u1") for one in slots]
            yield block, np.where(mapped, np.stack(layers), _NO_DURATION)


def _end(events: Events, calendar: NDArray[np.int64], *, first: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the first or the last break year of each pixel, and the pixels."""
    if first:
        pixel, place = np.unique(events.pixel, return_index=True)
        return calendar[events.year[place]], pixel
    pixel, place = np.unique(events.pixel[::-1], return_index=True)
    return calendar[events.year[::-1][place]], pixel


def _notes(plan: "SeriesPlan", learnt: "Learnt", tallies: dict[str, int], most: int, n: int) -> Iterator[str]:
    """Say what a user should know; the first line goes below the picture."""
    calibration, mapped = learnt.calibration, max(tallies["mapped"], 1)
    yield (
        f"Of changeless series {calibration.false_alarms:.2%} would show a break by chance, by {calibration.calm:,} of "
        f"{calibration.n:,} pixels of the tiles. Mapped breaks, not areas of change."
    )
    yield (
        f"baseline beside it: the leave-one-out medoid distance flags {tallies['baseline'] / mapped:.2%} of the pixels "
        f"at z > {learnt.baseline:.1f}, the search for breaks {tallies['changed'] / mapped:.2%}, both "
        f"{tallies['both'] / mapped:.2%}"
    )
    if most > n:
        yield f"some pixels have up to {most} breaks; bands hold the {n} largest of each, --table has all"
    if plan.request.min_last != 1:
        yield f"a break needs a later year that confirms it: changes of {plan.years[-1]} show with --min-last 1 only"
    yield from plan.area_notes
    if not tallies["mapped"]:
        yield "no pixel of the area has enough usable years"
