"""Codes of points: a table with one row a point and year, every field of the points kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks import output_folder, run_record
from esd_tasks.area_plan import around, geometry_digest
from esd_tasks.codes_item import CodesItem, available_years
from esd_tasks.failures import Failures
from esd_tasks.items import items_of_years
from esd_tasks.items_cost import cost_of, facts_of
from esd_tasks.places import envelope
from esd_tasks.places_file import PlacesFile, read_places
from esd_tasks.pull_request import PullRequest
from esd_tasks.pull_run import OnProgress, PullResult, finished, read_result
from esd_tasks.pull_values import KINDS
from esd_tasks.series import Series
from esd_tasks.table_file import GEOMETRY, TableFile
from esd_tasks.target import WGS84
from stactools_esd.blocks import Block, BlockStore, run_key
from stactools_esd.errors import NothingFoundError, UsageError
from stactools_esd.files import write_json

STATUSES: Final = ("ok", "no data", "too few clear", "outside", "failed", "no place")
"""What a row may be: with values; without, for its tile has none there, or too few observations; outside every tile
that exists in all years; in a tile that could not be read; without a sound geometry."""

_OK, _NO_DATA, _TOO_FEW, _OUTSIDE, _FAILED, _NO_PLACE = range(len(STATUSES))


@dataclass(frozen=True, kw_only=True)
class PointsPlan:
    """Everything that is known before codes are read."""

    request: PullRequest
    """What was asked."""

    places: PlacesFile
    """The points."""

    items: tuple[CodesItem, ...]
    """Items of tiles that exist in all years, by year and tile."""

    left_out: tuple[str, ...]
    """Tiles that some year lacks, so that none uses them."""

    @property
    def years(self) -> tuple[int, ...]:
        """Years, ascending."""
        return tuple(available_years(self.items))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON content."""
        request = self.request
        return {
            "points_sha256": geometry_digest(shapely.geometrycollections(self.places.geometry)),
            "fields_sha256": run_key({"fields": str(self.places.fields.to_pydict())}),
            "years": list(self.years),
            "values": request.values,
            "format": request.format_or_default,
            "min_clear": request.min_clear,
            **facts_of(self.items),
        }

    @cached_property
    def run_key(self) -> str:
        """Hash of `facts`; equal keys give equal results."""
        return run_key(self.facts)

    def cost(self) -> dict[str, Any]:
        """Return what a run would read and write: for `--dry-run`. Of bytes only the blocks around points are read."""
        points = len(self.places.geometry)
        there = shapely.multipoints(self.places.geometry[~shapely.is_empty(self.places.geometry)])
        cost = cost_of(self.items, there)
        return cost | {
            "bytes_to_read": None,
            "points": points,
            "rows": points * len(self.years),
            "output": str(self.request.output_or_default),
        }


def make_points_plan(request: PullRequest) -> PointsPlan:
    """Read points, find items and years.

    Raises:
        LabelsError: The file cannot be read.
        UsageError: It holds no points.
        CatalogError: There is no catalogue, or it is broken.
        NothingFoundError: No item is around the points, a year is missing there, or no tile exists in all years.
        IncomparableError: The items are of two encoders or recipes.
    """
    if request.points is None:
        raise UsageError("got no --points, expected a file of points")
    places = read_places(request.points, request.layer, dimension=0, option="--points")
    sound = places.geometry[~shapely.is_empty(places.geometry)]
    if not len(sound):
        raise NothingFoundError(f"got --points {request.points.name} without a place on Earth, expected at least one")
    area = around(envelope(sound))
    items = items_of_years(request.catalog_or_default, geometry=area, years=request.wanted_years)
    with Series(items) as series:
        return PointsPlan(request=request, places=places, items=series.items, left_out=series.left_out)


def run_points(plan: PointsPlan, *, on_progress: OnProgress | None = None) -> PullResult:
    """Pull the points of a plan, or continue; a whole result is returned as it is.

    Raises:
        OutputError: The folder belongs to another run, or another run is writing it.
    """
    folder, request = plan.request.output_or_default, plan.request
    if not request.overwrite and (done := finished(folder, plan.run_key)) is not None:
        return done
    report = on_progress or (lambda *_: None)
    failures = Failures()
    with output_folder.locked(folder):
        if request.overwrite:
            output_folder.clear(folder)
        store = BlockStore(folder / output_folder.PARTIAL, plan.run_key)
        name = f"{request.values}.{'csv' if request.format_or_default == 'csv' else 'parquet'}"
        valid: dict[int, int] = {}
        with Series(plan.items, on_failure=failures.hear) as series, _table(plan, folder / name) as table:
            owners = series.locate_points(*_lonlat(plan.places.geometry))
            for position, year in enumerate(plan.years, start=1):
                block = Block(row=year, column=0, height=1, width=len(plan.places.geometry))
                if store.finished(block):
                    arrays = store.get(block)
                else:
                    before = failures.count
                    arrays = _read_year(plan, series, owners, year)
                    if failures.count == before:
                        store.put(block, **arrays)
                valid[year] = int((arrays["status"] == _OK).sum())
                table.write(_rows(plan, year, series.tiles, owners.owner, arrays))
                report("pull", position, len(plan.years))
        record = run_record.run_record(
            run_key=plan.run_key,
            command=request.command,
            facts=plan.facts,
            items=plan.items,
            folder=folder,
            outputs={"table": name, "run": run_record.RUN_JSON},
            valid={str(year): count for year, count in valid.items()},
            missing=list(failures.lines.values()),
            notes=list(_notes(plan)),
        )
        write_json(folder / run_record.RUN_JSON, record)
        if not failures.lines:
            store.discard()
    return read_result(folder)


def _lonlat(geometry: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitudes and latitudes; NaN where there is no point."""
    lonlat = np.full((2, len(geometry)), np.nan)
    lonlat[:, ~shapely.is_empty(geometry)] = shapely.get_coordinates(geometry).T
    return lonlat[0], lonlat[1]


def _read_year(plan: PointsPlan, series: Series, owners: Any, year: int) -> dict[str, NDArray[Any]]:
    """Return codes, clear observations and status of every point in a year."""
    points = series.read_year_of_points(year, owners)
    status = np.where(points.valid, _OK, _NO_DATA).astype(np.uint8)
    status[points.valid & (points.clear_obs < plan.request.min_clear)] = _TOO_FEW
    failed = np.isin(owners.owner, list(series.mosaics[year].failed))  # positions are the same in every year
    status[failed & ~points.valid] = _FAILED
    status[owners.owner < 0] = _OUTSIDE
    status[shapely.is_empty(plan.places.geometry)] = _NO_PLACE
    return {"codes": points.codes, "clear_obs": points.clear_obs, "status": status}


def _own_columns(plan: PointsPlan) -> dict[str, Any]:
    """Return the types of the columns that are not fields of the points."""
    import pyarrow as pa

    kind = KINDS[plan.request.values]
    values = {name: pa.from_numpy_dtype(kind.dtype) for name in kind.bands}
    columns = {"year": pa.int16(), "status": pa.string(), "tile": pa.string(), "clear_obs": pa.uint16()}
    place = {"lon": pa.float64(), "lat": pa.float64()}
    return columns | values | (place if plan.request.format_or_default == "csv" else {GEOMETRY: pa.binary()})


def _table(plan: PointsPlan, path: Path) -> TableFile:
    own = _own_columns(plan)
    fields = plan.places.kept_fields(set(own))
    columns = {field.name: field.type for field in fields.schema} | own
    facts = {"values": KINDS[plan.request.values].meaning, **plan.items[0].identity.as_dict()}
    return TableFile(path, columns, crs=WGS84 if GEOMETRY in own else None, facts=facts)


def _rows(
    plan: PointsPlan, year: int, tiles: Sequence[str], owner: NDArray[np.int16], arrays: Mapping[str, NDArray[Any]]
) -> dict[str, Any]:
    """Return the columns of a year; values are null where the status is not `ok`."""
    import pyarrow as pa

    own = _own_columns(plan)
    fields = plan.places.kept_fields(set(own))
    kind = KINDS[plan.request.values]
    status = arrays["status"]
    absent = status != _OK
    values = np.zeros((len(status), len(kind.bands)), dtype=kind.dtype)
    values[~absent] = kind.of_rows(arrays["codes"][~absent])
    unseen = ~np.isin(status, (_OK, _TOO_FEW))
    columns: dict[str, Any] = {name: fields[name].combine_chunks() for name in fields.column_names}
    columns |= {
        "year": np.full(len(status), year, dtype=np.int16),
        "status": np.array(STATUSES)[status],
        "tile": pa.array(np.array([*tiles, ""])[owner], mask=owner < 0),
        "clear_obs": pa.array(arrays["clear_obs"], mask=unseen),
        **{name: pa.array(values[:, k], mask=absent) for k, name in enumerate(kind.bands)},
    }
    lon, lat = _lonlat(plan.places.geometry)
    return columns | {"lon": lon, "lat": lat, GEOMETRY: shapely.to_wkb(plan.places.geometry)}


def _notes(plan: PointsPlan) -> list[str]:
    notes = list(plan.places.notes)
    if plan.left_out:
        notes.append(f"not in all years, so not used: {', '.join(plan.left_out[:10])}")
    return notes
