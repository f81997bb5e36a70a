"""The area of a map: a box given in words, or the polygons of a file."""

import re
from pathlib import Path
from typing import Any

import shapely

from esd_tasks.places import bbox_geometry
from stactools_esd.errors import UsageError

_EXPECTED = "expected polygons in a GeoPackage, GeoJSON or Shapefile with a CRS"


def parse_bbox(text: str) -> shapely.Geometry:
    """Read `W,S,E,N` in degrees; W > E crosses the antimeridian.

    Raises:
        UsageError: The text is no such box.
    """
    parts = [part for part in re.split(r"[,;\s]+", text.strip()) if part]
    try:
        west, south, east, north = (float(part) for part in parts)
    except ValueError as error:
        raise UsageError(
            f"got --bbox {text!r}, expected four numbers W,S,E,N in degrees; write it like 3.2,50.9,3.6,51.1"
        ) from error
    return bbox_geometry(west, south, east, north)


def read_area(path: Path) -> shapely.Geometry:
    """Read the polygons of a file as one area in WGS84.

    Invalid polygons are mended; points and lines have no area and are refused.

    Raises:
        UsageError: There is no such file, several layers, no CRS, or no polygon with an area.
    """
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    if not path.exists():
        raise UsageError(f"got --geometry {path}, which does not exist; {_EXPECTED}")
    if path.is_dir() and path.suffix != ".gdb":
        raise UsageError(f"got --geometry {path}, which is a folder; {_EXPECTED}")
    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        if len(layers) != 1:
            raise UsageError(
                f"got --geometry {path.name} with layers {', '.join(layers) or 'none'}, expected one layer; "
                "export the one that is meant to its own file"
            )
        frame = pyogrio.read_dataframe(path, layer=layers[0], columns=[])
    except (DataSourceError, DataLayerError) as error:
        reason = str(error).splitlines()[0].partition(";")[0].rstrip(".")  # GDAL's advice is not for users
        raise UsageError(f"got --geometry {path.name}, which cannot be read ({reason}); {_EXPECTED}") from error
    return _polygons(frame, path)


def _polygons(frame: Any, path: Path) -> shapely.Geometry:
    """Return the union of a frame's polygons in WGS84."""
    if not hasattr(frame, "geometry") or frame.geometry.is_empty.all() or frame.geometry.isna().all():
        raise UsageError(f"got --geometry {path.name} with an empty geometry; {_EXPECTED}")
    if frame.crs is None or not (frame.crs.is_geographic or frame.crs.is_projected or frame.crs.is_bound):
        raise UsageError(
            f"got --geometry {path.name} without a CRS on Earth, expected one such as EPSG:4326; "
            "set the layer's CRS (QGIS: Layer > Set CRS, then export)"
        )
    in_wgs84 = frame.to_crs(4326).geometry.dropna().to_numpy()
    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(shapely.force_2d(in_wgs84))))
    areas = parts[shapely.area(parts) > 0]
    if not len(areas):
        raise UsageError(f"got --geometry {path.name} with an empty geometry, without any area; {_EXPECTED}")
    return shapely.union_all(areas)
