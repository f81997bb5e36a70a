"""Vector files of any kind, read into WGS84: labels, examples, values."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.addresses import address_of, shown
from esd_tasks.places import wrap_longitudes
from stactools_esd.errors import LabelsError, NothingFoundError, UsageError
from stactools_esd.gdal import READ_OPTIONS, without_query

_POINTS: Final = ("Point", "MultiPoint")
_POLYGONS: Final = ("Polygon", "MultiPolygon")

_CSV_OPTIONS: Final = {
    "AUTODETECT_TYPE": "YES",
    "X_POSSIBLE_NAMES": "lon,longitude",
    "Y_POSSIBLE_NAMES": "lat,latitude",
}
"""How GDAL makes points of a CSV, whatever the case of its columns, and numbers of words that are some."""


def read_frame(path: Path, layer: str | None, *, called: str = "labels", remote: bool = False) -> Any:
    """Read one layer as a geopandas frame that has a CRS on Earth and at least one place.

    Args:
        path: GeoPackage, GeoJSON, Shapefile or whatever else GDAL reads; a CSV whose columns lon and lat are degrees.
        layer: Its layer, where there are several.
        called: What the user calls the file, for messages: `labels`, or the option that names it.
        remote: Whether the file may be on a server.

    Raises:
        UsageError: There is no such file or layer, several layers, or the file is on a server and may not be.
        LabelsError: The file cannot be read, or has no CRS.
        NothingFoundError: The layer holds no place.
    """
    address = _see_file(path, called, remote=remote)
    name = Path(shown(path)).name
    with _readable(name, called, hidden=address is not None):
        with _server_settings() if address else nullcontext():
            frame = _read_layer(address or path, name, layer, called)
        if not len(frame):
            raise NothingFoundError(f"got {called} {name} without a feature, expected at least one; give another layer")
        if (frame.geometry.is_empty | frame.geometry.isna()).all():
            raise NothingFoundError(
                f"got {called} {name} with an empty geometry in every feature, expected a place; give another layer"
            )
        if frame.crs is None or not (frame.crs.is_geographic or frame.crs.is_projected or frame.crs.is_bound):
            raise LabelsError(
                f"got {called} {name} without a CRS on Earth, expected one such as EPSG:4326; "
                "set the layer's CRS (QGIS: Layer > Set CRS, then export)"
            )
    return frame


@contextmanager
def _readable(name: str, called: str, *, hidden: bool = False) -> Iterator[None]:
    """Turn whatever GDAL, GEOS and PROJ say of a damaged file into one line.

    Args:
        name: Of the file.
        called: What the user calls it.
        hidden: Whether a traceback must not show the address.
    """
    try:
        yield
    except (RuntimeError, ValueError, OverflowError, shapely.errors.ShapelyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        reason = reason.partition(";")[0].rstrip(".")  # GDAL's advice is not for users
        raise LabelsError(
            f"got {called} {name}, which cannot be read as vector data ({without_query(reason)}), {_expected(called)}"
        ) from (None if hidden else error)


def _expected(called: str) -> str:
    """Say which files may be given; a CSV holds points, which are no area."""
    rest = " or Shapefile" if called == "--geometry" else ", Shapefile, or CSV with lon and lat"
    return f"expected a GeoPackage, GeoJSON{rest}"


def _see_file(path: Path, called: str, *, remote: bool) -> str | None:
    """See that there may be a file, and return its address where it is on a server."""
    if (address := address_of(path)) is not None:
        if not remote:
            raise UsageError(f"got {called} {shown(path)}, expected a file on this machine; download it first")
        return address
    if not path.exists():
        raise UsageError(f"got {called} {path}, which does not exist; {_expected(called)}")
    if path.is_dir() and path.suffix != ".gdb":
        raise UsageError(f"got {called} {path}, which is a folder; {_expected(called)}, name the file in it")
    return None


def _read_layer(source: str | Path, name: str, layer: str | None, called: str) -> Any:
    """Read the layer that is named, or the only one."""
    import pyogrio

    found = {str(one): kind for one, kind in pyogrio.list_layers(source)}
    if name.lower().endswith(".csv") and layer in (None, *found):
        frame = pyogrio.read_dataframe(source, **_CSV_OPTIONS)
        if not hasattr(frame, "geometry"):
            raise LabelsError(
                f"got {called} {name} without columns lon and lat, expected degrees there; or load it in QGIS (Layer > "
                "Add Delimited Text Layer) and export it as a GeoPackage"
            )
        return frame.set_crs(4326, allow_override=True)
    layers = [one for one, kind in found.items() if kind is not None]
    if layer is not None and layer not in layers:
        raise UsageError(f"got --layer {layer}, expected one of {', '.join(layers)}; choose one of them")
    if layer is None and len(layers) > 1:
        choose = "export the one that is meant to its own file" if called == "--geometry" else "choose one with --layer"
        raise UsageError(f"got {called} {name} with layers {', '.join(layers)}, expected one layer; {choose}")
    if not layers:
        raise LabelsError(f"got {called} {name} without a layer of places, expected points or polygons; give another")
    return pyogrio.read_dataframe(source, layer=layer or layers[0])


@contextmanager
def _server_settings() -> Iterator[None]:
    """Read over HTTP as rasters are read; the files beside a Shapefile are asked for by name."""
    import pyogrio

    wanted = READ_OPTIONS | {"GDAL_DISABLE_READDIR_ON_OPEN": "TRUE"}
    before = {option: pyogrio.get_gdal_config_option(option) for option in wanted}
    pyogrio.set_gdal_config_options(wanted)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # GDAL's complaints show addresses whole; errors are told
            yield
    finally:
        pyogrio.set_gdal_config_options(before)


def find_field(name: str, fields: list[str], path: Path, option: str) -> str:
    """Return a field that the file has once, spelt as in the file."""
    if fields.count(name) > 1:
        raise UsageError(f"got {option} {name}, which {path.name} has {fields.count(name)} times; rename all but one")
    if name in fields:
        return name
    if len(alike := [field for field in fields if field.casefold() == name.casefold()]) == 1:
        return alike[0]
    raise UsageError(f"got {option} {name}, expected a field of {path.name}; it has {', '.join(fields) or 'none'}")


def sound_geometry(frame: Any, path: Path) -> tuple[NDArray[np.object_], int]:
    """Return valid 2-D geometries in WGS84 (empty where there is nothing to save), and how many were mended."""
    with _readable(path.name, "the places of"):
        return _sound_geometry(frame, path)


def _sound_geometry(frame: Any, path: Path) -> tuple[NDArray[np.object_], int]:
    geometry = shapely.force_2d(frame.geometry.to_numpy())
    kinds = {str(kind) for kind in frame.geometry.geom_type.dropna()} - {*_POINTS, *_POLYGONS}
    if kinds - {"GeometryCollection"} or any(
        {part.geom_type for part in shapely.get_parts([collection])} - {*_POINTS, *_POLYGONS}
        for collection in geometry[frame.geometry.geom_type == "GeometryCollection"]
    ):
        raise LabelsError(
            f"got {', '.join(sorted(kinds))} in {path.name}, expected points or polygons; "
            "buffer lines to polygons, or give only the layer of points or polygons"
        )
    invalid = ~shapely.is_valid(geometry) & ~shapely.is_missing(geometry)
    mended = np.array([_areal_or_points(part) for part in shapely.make_valid(geometry[invalid])], dtype=object)
    geometry[invalid] = mended
    in_wgs84: NDArray[np.object_] = shapely.force_2d(frame.set_geometry(geometry).to_crs(4326).geometry.to_numpy())
    bounds = shapely.bounds(in_wgs84)
    nowhere = ~np.isfinite(bounds).all(axis=1) | (np.abs(bounds[:, [1, 3]]) > 90).any(axis=1)
    in_wgs84[nowhere] = shapely.Point()
    beyond = (np.abs(bounds[:, [0, 2]]) > 180).any(axis=1) & ~nowhere  # files that count longitudes from 0 to 360
    in_wgs84[beyond] = [wrap_longitudes(place) for place in in_wgs84[beyond]]
    return in_wgs84, int((invalid & ~nowhere).sum())


def _areal_or_points(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of what mending a polygon gave, without the lines and points that it left over."""
    parts = shapely.get_parts(geometry)
    polygons = parts[
        np.isin(shapely.get_type_id(parts), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    ]
    return shapely.union_all(polygons) if len(polygons) else shapely.Polygon()


def year_of(value: Any, field: str | None) -> int | None:
    """Return the year of an integer, a date or a text that starts with one, or None where there is none."""
    if value is None or value != value or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(year := getattr(value, "year", None), int):
        return year
    if match := re.fullmatch(r"\s*(\d{4})(?:\.0+|[-/].*)?\s*", str(value)):
        return int(match[1])
    raise LabelsError(
        f"got {value!r} in year field {field}, expected a year such as 2019 or a date such as 2019-07-01; correct it"
    )
