"""MGRS squares of 100 km in UTM metres, and which of them exist."""

import math
import warnings
from typing import NamedTuple

import mgrs
import mgrs.core
import numpy as np
import shapely

from stactools_esd.errors import GridError
from stactools_esd.footprint import densified, to_wgs84
from stactools_esd.names import is_tile

SQUARE_SIZE = 100_000.0
"""Metres of a side of an MGRS square."""

_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_NORWAY = {31: (0.0, 3.0), 32: (3.0, 12.0)}
_SVALBARD = {31: (0.0, 9.0), 33: (9.0, 21.0), 35: (21.0, 33.0), 37: (33.0, 42.0)}
_SVALBARD_GAPS = (32, 34, 36)


class Bounds(NamedTuple):
    """A rectangle in projected metres; unpacks as (west, south, east, north)."""

    west: float
    south: float
    east: float
    north: float


def square(id: str) -> Bounds:
    """Return the 100 km square of an MGRS tile, whole even where a zone edge cuts it.

    Args:
        id: MGRS tile such as `50TMK`.

    Returns:
        Its edges in metres of its own UTM zone, northings of the south with the false 10,000 km.

    Raises:
        GridError: The text is not an MGRS tile, or no such square exists.
    """
    if not is_tile(id):
        raise GridError(f"got tile {id!r}, expected an MGRS tile such as 50TMK; check zone, band and square letters")
    with warnings.catch_warnings():
        # A square that straddles two latitude bands draws a "latitude warning"; whether it exists is checked later.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            _, _, easting, northing = mgrs.MGRS().MGRSToUTM(id)
        except mgrs.core.MGRSError as error:
            raise GridError(
                f"got tile {id}, expected a square that exists; zone {id[:2]} has no square {id[3:]} in band {id[2]}"
            ) from error
    # Versions of mgrs differ in whether they answer the corner or the middle of the square.
    west = math.floor(easting / SQUARE_SIZE) * SQUARE_SIZE
    south = math.floor(northing / SQUARE_SIZE) * SQUARE_SIZE
    bounds = Bounds(west, south, west + SQUARE_SIZE, south + SQUARE_SIZE)
    if not _meets_zone(id, bounds):
        raise GridError(
            f"got tile {id}, expected a square that exists; square {id[3:]} lies outside zone {id[:2]} band {id[2]}, "
            "check the letters"
        )
    return bounds


def is_irregular(id: str) -> bool:
    """Tell whether a tile lies in one of the zones that Norway and Svalbard bend."""
    zone = int(id[:2])
    return _zone_limits(zone, id[2]) != _regular_limits(zone)


def _regular_limits(zone: int) -> tuple[float, float]:
    return zone * 6.0 - 186.0, zone * 6.0 - 180.0


def _zone_limits(zone: int, band: str) -> tuple[float, float] | None:
    """Return the longitudes of a zone in a latitude band, None where Svalbard's neighbours swallow it."""
    if band == "V" and zone in _NORWAY:
        return _NORWAY[zone]
    if band == "X" and zone in _SVALBARD_GAPS:
        return None
    if band == "X" and zone in _SVALBARD:
        return _SVALBARD[zone]
    return _regular_limits(zone)


def _meets_zone(id: str, bounds: Bounds) -> bool:
    """Tell whether a square shares area with its zone and band; longitudes relative to the central meridian."""
    limits = _zone_limits(int(id[:2]), id[2])
    if limits is None:
        return False
    south = _BANDS.index(id[2]) * 8.0 - 80.0
    north = 84.0 if id[2] == "X" else south + 8.0
    centre = int(id[:2]) * 6.0 - 183.0
    epsg = (32700 if id[2] < "N" else 32600) + int(id[:2])
    lon, lat = to_wgs84(f"EPSG:{epsg}").transform(*densified(bounds))
    relative = (np.asarray(lon) - centre + 180.0) % 360.0 - 180.0
    area = shapely.box(limits[0] - centre, south, limits[1] - centre, north)
    return bool(shapely.Polygon(np.column_stack([relative, lat])).intersection(area).area > 0.0)
