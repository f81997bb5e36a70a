"""Vector files of any kind, read into WGS84: labels, examples, values."""

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from esd_tasks.places import wrap_longitudes
from stactools_esd.errors import LabelsError, UsageError

_POINTS: Final = ("Point", "MultiPoint")
_POLYGONS: Final = ("Polygon", "MultiPolygon")


def read_frame(path: Path, layer: str | None, *, called: str = "labels") -> Any:
    """Read one layer as a geopandas frame that has a CRS on Earth.

    Args:
        path: GeoPackage, GeoJSON, Shapefile or whatever else GDAL reads.
        layer: Its layer, where there are several.
        called: What the user calls the file, for messages: `labels`, or the option that names it.

    Raises:
        LabelsError: The file cannot be read, or has no CRS.
        UsageError: There is no such layer, or there are several.
    """
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    if not path.exists():
        raise LabelsError(f"got {called} {path}, which does not exist; expected a GeoPackage, GeoJSON or Shapefile")
    if path.is_dir() and path.suffix != ".gdb":
        raise LabelsError(
            f"got {called} {path}, which is a folder; expected a GeoPackage, GeoJSON or Shapefile, name the file in it"
        )
    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        if layer is not None and layer not in layers:
            raise UsageError(f"got --layer {layer}, expected one of {', '.join(layers)}; choose one of them")
        if layer is None and len(layers) > 1:
            raise UsageError(f"got {called} {path.name} with layers {', '.join(layers)}; choose one with --layer")
        if not layers:
            raise LabelsError(
                f"got {called} {path.name} without a layer of places, expected points or polygons; give another"
            )
        frame = pyogrio.read_dataframe(path, layer=layer or layers[0])
    except (DataSourceError, DataLayerError) as error:
        reason = str(error).splitlines()[0].partition(";")[0].rstrip(".")  # GDAL's advice is not for users
        raise LabelsError(
            f"got {called} {path.name}, which cannot be read as vector data ({reason}), "
            "expected a GeoPackage, GeoJSON or Shapefile"
        ) from error
    if frame.crs is None or not (frame.crs.is_geographic or frame.crs.is_projected or frame.crs.is_bound):
        raise LabelsError(
            f"got {called} {path.name} without a CRS on Earth, expected one such as EPSG:4326; "
            "set the layer's CRS (QGIS: Layer > Set CRS, then export)"
        )
    return frame


def find_field(name: str, fields: list[str], path: Path, option: str) -> str:
    """Return a field that the file has, spelt as in the file."""
    if name in fields:
        return name
    if len(alike := [field for field in fields if field.casefold() == name.casefold()]) == 1:
        return alike[0]
    raise LabelsError(f"got {option} {name}, expected a field of {path.name}; it has {', '.join(fields) or 'none'}")


def sound_geometry(frame: Any, path: Path) -> tuple[NDArray[np.object_], int]:
    """Return valid 2-D geometries in WGS84 (empty where there is nothing to save), and how many were mended."""
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
