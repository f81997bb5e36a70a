"""The area of a map: a box given in words, or the polygons of a file."""

import re
from pathlib import Path

import shapely

from esd_tasks.addresses import shown
from esd_tasks.places import bbox_geometry
from esd_tasks.vector_file import read_frame
from stactools_esd.errors import LabelsError, UsageError


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
    """Read the polygons of a file, here or on a server, as one area in WGS84.

    Invalid polygons are mended; points and lines have no area and are refused.

    Raises:
        UsageError: There is no such file, or it has several layers.
        LabelsError: It cannot be read, has no CRS, or no polygon with an area.
        NothingFoundError: It holds no place.
    """
    frame = read_frame(path, None, called="--geometry", remote=True)
    in_wgs84 = frame.geometry.dropna().to_crs(4326).to_numpy()
    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(shapely.force_2d(in_wgs84))))
    areas = parts[shapely.area(parts) > 0]
    if not len(areas):
        raise LabelsError(f"got --geometry {Path(shown(path)).name} without any area, expected polygons; give others")
    return shapely.union_all(areas)
