"""Codes of points: a table with one row a point and year, every field of the points kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.area_plan import around, geometry_digest
from esd_tasks.items_cost import cost_of
from esd_tasks.owner import Owners
from esd_tasks.places import envelope
from esd_tasks.places_file import PlacesFile, read_places
from esd_tasks.pull_request import PullRequest
from esd_tasks.pull_result import OnProgress, PullResult, finished, lacking, opened, record, see_read
from esd_tasks.pull_threads import SeriesReaders
from esd_tasks.pull_values import KINDS
from esd_tasks.pull_years import YearsPlan
from esd_tasks.series import Series
from esd_tasks.table_file import GEOMETRY, TableFile
from esd_tasks.target import WGS84
from stactools_esd.blocks import Block, BlockStore, run_key
from stactools_esd.errors import NothingFoundError, UsageError

STATUSES: Final = ("ok", "no data", "too few clear", "outside", "failed", "no place")
"""What a row may be: with values; without, for its tile has none there, or too few observations; outside every tile
that exists in all years; in a tile that could not be read; without a sound geometry."""

_OK, _NO_DATA, _TOO_FEW, _OUTSIDE, _FAILED, _NO_PLACE = range(len(STATUSES))


@dataclass(frozen=True, kw_only=True)
class PointsPlan(YearsPlan):
    """Everything that is known of points before codes are read."""

    counted: ClassVar[str] = "points"
    """What the result counts."""

    request: PullRequest
    """What was asked."""

    places: PlacesFile
    """The points."""

    @property
    def own_facts(self) -> dict[str, Any]:
        """Points with their fields, and what is written."""
        return {
            "points_sha256": geometry_digest(shapely.geometrycollections(self.places.geometry)),
            "fields_sha256": run_key({"fields": str(self.places.fields.to_pydict())}),
            "values": self.request.values,
            "format": self.request.format_or_default,
        }

    def notes(self) -> Iterator[str]:
        """Yield what the user should know, a line each."""
        yield from self.places.notes
        yield from super().notes()

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
    return PointsPlan.over(request, around(envelope(sound)), places=places)


def run_points(plan: PointsPlan, *, on_progress: OnProgress | None = None) -> PullResult:
    """Pull the points of a plan, or continue; a whole result is returned as it is.

    Raises:
        OutputError: The folder belongs to another run, or another run is writing it.
    """
    if (earlier := finished(plan)) is not None:
        return earlier
    report = on_progress or (lambda *_: None)
    name = f"{plan.request.values}.{'csv' if plan.request.format_or_default == 'csv' else 'parquet'}"
    valid: dict[int, int] = {}
    with opened(plan) as store:
        with (
            SeriesReaders(plan.items, plan.threads) as readers,
            _table(plan, plan.folder / name) as table,
        ):
            tiles, owners = readers.series.tiles, readers.series.locate_points(*_lonlat(plan.places.geometry))
            years = readers.each(_Filler(plan, store, owners), plan.years)
            for position, (year, arrays) in enumerate(zip(plan.years, years, strict=True), start=1):
                valid[year] = int((arrays["status"] == _OK).sum())
                table.write(_rows(plan, year, tiles, owners.owner, arrays))
                report("pull", position, len(plan.years))
            see_read(store, readers.failures, valid.values())
            missing = readers.failures.missing
        notes = [*plan.notes(), *lacking(len(plan.places.geometry), valid)]
        return record(plan, store, {"table": name}, valid=valid, missing=missing, notes=notes)


@dataclass(frozen=True)
class _Filler:
    """Reads all points in a year, and stores them where all could be read."""

    plan: PointsPlan
    store: BlockStore
    owners: Owners

    def __call__(self, series: Series, year: int) -> dict[str, NDArray[Any]]:
        """Return codes, clear observations and status of every point in a year."""
        places, owner = self.plan.places.geometry, self.owners.owner
        block = Block(row=year, column=0, height=1, width=len(places))
        if self.store.finished(block):
            return self.store.get(block)
        points = series.read_year_of_points(year, self.owners)
        status = np.where(points.valid, _OK, _NO_DATA).astype(np.uint8)
        status[points.valid & (points.clear_obs < self.plan.request.min_clear)] = _TOO_FEW
        status[np.isin(owner, list(points.failed)) & ~points.valid] = _FAILED
        status[owner < 0] = _OUTSIDE
        status[shapely.is_empty(places)] = _NO_PLACE
        arrays: dict[str, NDArray[Any]] = {"codes": points.codes, "clear_obs": points.clear_obs, "status": status}
        if not points.failed:
            self.store.put(block, **arrays)
        return arrays


def _lonlat(geometry: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitudes and latitudes; NaN where there is no point."""
    lonlat = np.full((2, len(geometry)), np.nan)
    lonlat[:, ~shapely.is_empty(geometry)] = shapely.get_coordinates(geometry).T
    return lonlat[0], lonlat[1]


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
