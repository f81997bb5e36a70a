"""Where and when the values of a cube lie: its dimensions, CRS, grid and times."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import ProjError
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from stactools_esd.errors import RasterError
from stactools_esd.sources.source import TargetGrid

_CRS_VARIABLES: Final = ("spatial_ref", "crs", "proj:epsg", "proj:code", "epsg")
_WKT_ATTRIBUTES: Final = ("crs_wkt", "spatial_ref", "proj:wkt2", "epsg_code")
_UNITS: Final = ("m", "metre", "meter", "metres", "meters", "degree", "degrees")

_IRREGULAR: Final = 0.05
"""Pixels by which coordinates may be off their line: what 32-bit floats lose of degrees."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """How a dimension is told from others."""

    what: str
    """What it counts, for messages."""

    option: str
    """Name of the option that tells it, for messages."""

    names: tuple[str, ...]
    """Names that it goes by, in small letters."""

    standard_names: tuple[str, ...]
    """CF's names of its coordinate."""

    letter: str
    """CF's letter."""


TIME: Final = Axis(what="time", option="time", names=("time", "t", "date"), standard_names=("time",), letter="T")
ROWS: Final = Axis(
    what="rows", option="y", names=("y", "northing", "lat", "latitude"),
    standard_names=("projection_y_coordinate", "latitude"), letter="Y",
)  # fmt: skip
COLUMNS: Final = Axis(
    what="columns", option="x", names=("x", "easting", "lon", "longitude"),
    standard_names=("projection_x_coordinate", "longitude"), letter="X",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CubeGrid:
    """The grid of a cube, and how its values lie on it."""

    grid: TargetGrid
    """The grid, north up."""

    south_up: bool
    """True where rows go from south to north."""

    east_first: bool
    """True where columns go from east to west."""


def find_dimension(dataset: Any, axis: Axis, where: str, told: str | None = None) -> Hashable:
    """Find a dimension by the name or the CF attributes of its coordinate, or as it was told.

    Raises:
        RasterError: There is none, or more than one.
    """
    along = [name for name in dataset.sizes if name in dataset.coords]
    if told is not None:
        if told not in along:
            raise RasterError(
                f"got no dimension {told} with coordinates in {where}, expected one of "
                f"{', '.join(map(str, along)) or 'none'}; correct the source option {axis.option}"
            )
        return told
    found: list[Hashable] = [name for name in along if _is(name, dataset.coords[name].attrs, axis)]
    if len(found) != 1:
        got = f"{len(found)} dimensions of {axis.what} ({', '.join(map(str, found)) or 'none'})"
        raise RasterError(
            f"got {got} in {where}, expected one with coordinates, named {', '.join(axis.names)} or told by CF "
            f"attributes; give the source option {axis.option}, one of {', '.join(map(str, along)) or 'none'}"
        )
    return found[0]


def read_times(dataset: Any, dimension: Hashable, where: str) -> NDArray[np.datetime64]:
    """Read the times of a cube as they stand in it, `datetime64[s]`.

    Raises:
        RasterError: They are no dates, one is missing, or one is there twice.
    """
    values = np.asarray(dataset.coords[dimension].values)
    if values.dtype.kind != "M" or np.isnat(values).any():
        raise RasterError(
            f"got {dimension} of type {values.dtype} in {where}, expected a date for each image; give it CF units such "
            "as 'days since 1970-01-01' in the standard calendar"
        )
    times = values.astype("datetime64[s]")
    unique, counts = np.unique(times, return_counts=True)
    if (counts > 1).any():
        raise RasterError(f"got {unique[counts > 1][0]} twice in {where}, expected one image a time; merge or drop one")
    return times


def find_crs(dataset: Any, variable: Any, given: Any, where: str) -> CRS:
    """Find the CRS: as given, by the grid mapping, by a variable of a common name, or by an attribute.

    Raises:
        RasterError: There is none, or it cannot be understood.
    """
    said = given if given is not None else _said_crs(dataset, variable)
    if said is None:
        raise RasterError(
            f"got {where} without a coordinate reference system, expected a grid mapping, spatial_ref or an attribute "
            "crs; give the source option crs"
        )
    try:
        if isinstance(said, Mapping):
            return CRS.from_wkt(pyproj.CRS.from_cf(dict(said)).to_wkt())
        return said if isinstance(said, CRS) else CRS.from_user_input(said)
    except (CRSError, ProjError, KeyError, ValueError) as error:
        raise RasterError(
            f"got the CRS {str(said)[:80]!r} in {where}, expected a known one; give the source option crs"
        ) from error


def find_grid(dataset: Any, rows: Hashable, columns: Hashable, crs: CRS, where: str) -> CubeGrid:
    """Read the grid from the coordinates, which are the middles of pixels as CF has it.

    Raises:
        RasterError: Coordinates are irregular, too few, or in units that cannot be those of the CRS.
    """
    x, across = _line(dataset, columns, where)
    y, down = _line(dataset, rows, where)
    width, height = abs(across), abs(down)
    west = min(x[0], x[-1]) - width / 2
    north = max(y[0], y[-1]) + height / 2
    grid = TargetGrid(crs=crs, transform=Affine(width, 0, west, 0, -height, north), shape=(len(y), len(x)))
    return CubeGrid(grid=grid, south_up=down > 0, east_first=across < 0)


def _is(name: Hashable, attributes: Mapping[str, Any], axis: Axis) -> bool:
    by_attribute = attributes.get("standard_name") in axis.standard_names or attributes.get("axis") == axis.letter
    return str(name).lower() in axis.names or by_attribute


def _line(dataset: Any, dimension: Hashable, where: str) -> tuple[NDArray[np.float64], float]:
    """Return coordinates and their step."""
    coordinate = dataset.coords[dimension]
    units = str(coordinate.attrs.get("units", "m")).lower().partition("_")[0]
    if units not in _UNITS:
        raise RasterError(f"got {dimension} in {units!r} in {where}, expected metres or degrees; convert it")
    try:
        values = np.asarray(coordinate.values, np.float64)
    except (TypeError, ValueError) as error:
        raise RasterError(f"got {dimension} that is no number in {where}, expected coordinates; repair it") from error
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise RasterError(
            f"got {values.size} coordinates of {dimension} in {where}, expected at least two numbers along it, for the "
            "size of a pixel is read from them"
        )
    step = (values[-1] - values[0]) / (len(values) - 1)
    off = np.abs(values - (values[0] + step * np.arange(len(values)))).max()
    if not step or off > _IRREGULAR * abs(step):
        raise RasterError(
            f"got irregular coordinates of {dimension} in {where}, expected equal steps; resample the cube to a "
            "regular grid"
        )
    return values, float(step)


def _said_crs(dataset: Any, variable: Any) -> Any:
    """Return what a cube says of its CRS: text, a number or CF's parameters; None where it says nothing."""
    mapping = variable.encoding.get("grid_mapping") or variable.attrs.get("grid_mapping") or ""
    names = (str(mapping).partition(":")[0].strip(), *_CRS_VARIABLES)
    for name in names:
        if name and name in dataset.variables:
            carrier = dataset.variables[name]
            for key in _WKT_ATTRIBUTES:
                if carrier.attrs.get(key):
                    return carrier.attrs[key]
            if "grid_mapping_name" in carrier.attrs:
                return carrier.attrs
            if "epsg" in name or name == "proj:code":
                value = np.asarray(carrier.values).ravel()[0]
                return int(value) if np.issubdtype(type(value), np.number) else str(value)
    for attributes in (variable.attrs, dataset.attrs):
        if attributes.get("crs"):
            return attributes["crs"]
    return None
