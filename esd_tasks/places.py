"""Areas in WGS84, also where they cross the antimeridian."""

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from stactools_esd.errors import UsageError

_ZONE_REACH: Final = 18.0
_ZONE_LATITUDE: Final = 60.0


def bbox_geometry(west: float, south: float, east: float, north: float) -> shapely.Geometry:
    """Return a box in WGS84; with west > east it crosses the antimeridian and has two parts.

    Raises:
        UsageError: The numbers are no such box.
    """
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90 and west != east):
        raise UsageError(
            f"got the box {west:g},{south:g},{east:g},{north:g}, expected W,S,E,N in degrees with S < N; "
            "W > E crosses the antimeridian"
        )
    if west < east:
        return shapely.box(west, south, east, north)
    return shapely.multipolygons([shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)])


def wrap_longitudes(geometry: shapely.Geometry) -> shapely.Geometry:
    """Bring longitudes beyond 180 degrees back, the geometry cut there."""
    west, south, east, north = geometry.bounds
    if west >= -180.0 and east <= 180.0:
        return geometry
    pieces = [
        shapely.transform(
            shapely.intersection(geometry, shapely.box(turn - 180.0, south, turn + 180.0, north)),
            lambda points, turn=turn: points - np.array((turn, 0.0)),
        )
        for turn in (-360.0, 0.0, 360.0)
    ]
    return shapely.union_all([piece for piece in pieces if not piece.is_empty])


def unwrap_longitudes(geometry: shapely.Geometry) -> shapely.Geometry:
    """Move the western parts of an area that meets across the antimeridian beyond 180 degrees, so that it is one."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    bounds = shapely.bounds(parts)
    western = bounds[:, 2] <= 0
    if not western.any() or western.all() or bounds[:, 2].max() - bounds[:, 0].min() <= 180.0:
        return geometry
    if bounds[western, 2].max() + 360.0 - bounds[~western, 0].min() >= 180.0:
        return geometry
    moved = shapely.transform(parts[western], lambda points: points + np.array((360.0, 0.0)))
    return shapely.geometrycollections(np.concatenate([parts[~western], moved]))


def envelope(geometries: NDArray[np.object_]) -> shapely.Geometry:
    """Return the box around geometries in WGS84; two boxes where they meet across the antimeridian."""
    west, south, east, north = unwrap_longitudes(shapely.geometrycollections(geometries)).bounds
    return bbox_geometry(west, south, east - 360.0, north) if east > 180.0 else shapely.box(west, south, east, north)


def near_zone(geometry: shapely.Geometry, zone: int) -> bool:
    """Tell whether a geometry may meet a tile of a UTM zone: generously, for custom areas may be wide."""
    centre = zone * 6.0 - 183.0
    for west, south, east, north in shapely.bounds(shapely.get_parts(geometry)):
        if max(-south, north) > _ZONE_LATITUDE or east - west > 360 - 2 * _ZONE_REACH:
            return True
        if (centre + _ZONE_REACH - west) % 360.0 <= (east - west) + 2 * _ZONE_REACH:
            return True
    return False
