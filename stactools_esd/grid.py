"""The tile grid: from an MGRS tile to its pixels, footprints in WGS84, and who owns a point.

A file's own georeference always wins over the rule of this module; the rule checks names and serves where there is
no file yet.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.errors import GridError
from stactools_esd.footprint import bbox, crs_text, footprint, footprints
from stactools_esd.names import is_tile
from stactools_esd.product import PIXEL_SIZE, TILE_PIXELS
from stactools_esd.squares import Bounds, is_irregular, square

__all__ = [
    "Bounds",
    "Tile",
    "bbox",
    "check_georeference",
    "footprint",
    "own_square",
    "owner_distance",
    "tile",
    "utm_zone_of",
]

SOUTHERN_FALSE_NORTHING = 10_000_000.0
"""Metres that EPSG:327xx adds to northings; the tile grid is counted from the equator without it."""

EDGE_DISTANCE = 1e-6
"""Metres from a square to points on its open north and east edges: nearly, but not, inside."""

_ROUNDING = 2 * PIXEL_SIZE
_HALF_PIXEL = PIXEL_SIZE / 2
_GRID_TOLERANCE = 0.5


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A product tile as the rule has it."""

    id: str
    """MGRS tile such as `50TMK`."""

    epsg: int
    """EPSG code of the UTM zone: 326zz in the north, 327zz in the south."""

    transform: Affine
    """From (column, row) to (x, y), metres."""

    width: int
    """Columns."""

    height: int
    """Rows."""

    square: Bounds
    """The tile's own 100 km square, whole even where a zone edge cuts it."""

    derived: bool
    """True where no published example confirms the rule: south, Norway and Svalbard zones, antimeridian."""

    @property
    def bounds(self) -> Bounds:
        """Outer edges of the tile's pixels."""
        west, north = self.transform.c, self.transform.f
        return Bounds(west, north - self.height * PIXEL_SIZE, west + self.width * PIXEL_SIZE, north)


@cache
def tile(id: str) -> Tile:
    """Return a tile's place by the rule of corners.

    From the square's south-west corner (E0, N0) and north edge Ntop: `ulx = floor(E0 / 60) * 60 - 15`,
    `uly = ceil(Ntop / 60) * 60 + 15`; in the south Ntop is counted from the equator, so it is negative.

    Args:
        id: MGRS tile such as `50TMK`.

    Raises:
        GridError: The text is not an MGRS tile, or no such square exists.
    """
    own = square(id)
    zone, south = int(id[:2]), id[2] < "N"
    origin = SOUTHERN_FALSE_NORTHING if south else 0.0
    ulx = math.floor(own.west / _ROUNDING) * _ROUNDING - _HALF_PIXEL
    uly = math.ceil((own.north - origin) / _ROUNDING) * _ROUNDING + _HALF_PIXEL + origin
    epsg = (32700 if south else 32600) + zone
    size = TILE_PIXELS * PIXEL_SIZE
    (outline,) = footprints(epsg, np.array([[ulx, uly]]), size)
    return Tile(
        id=id,
        epsg=epsg,
        transform=Affine(PIXEL_SIZE, 0.0, ulx, 0.0, -PIXEL_SIZE, uly),
        width=TILE_PIXELS,
        height=TILE_PIXELS,
        square=own,
        derived=south or outline["type"] == "MultiPolygon" or is_irregular(id),
    )


def own_square(tile_id: str, crs: Any, bounds: Sequence[float]) -> Bounds:
    """Return the area that a file owns: its 100 km square, or for a custom area all of it.

    Args:
        tile_id: MGRS tile, or `x` and the name of a custom area.
        crs: CRS of the file.
        bounds: (west, south, east, north) of the file.
    """
    if not is_tile(tile_id):
        return Bounds(*bounds)
    square = tile(tile_id).square
    shift = _northing_shift(tile(tile_id), crs)
    return Bounds(square.west, square.south + shift, square.east, square.north + shift)


def owner_distance(square: Sequence[float], x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Return the Euclidean distance from points to a file's own square, in metres.

    Squares are half-open: the west and south edges are inside, the east and north edges are not, and points on these
    are a micrometre away. So within a zone exactly one square is at distance 0. Across a zone edge whole squares
    overlap: whoever asks breaks ties by tile id.

    Args:
        square: (west, south, east, north) from `own_square`.
        x: Eastings in the CRS of the square, metres.
        y: Northings.

    Returns:
        Distances of the shape of `x` and `y`, 0 inside.
    """
    west, south, east, north = square
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    across = np.where(x >= east, np.maximum(x - east, EDGE_DISTANCE), np.maximum(west - x, 0.0))
    along = np.where(y >= north, np.maximum(y - north, EDGE_DISTANCE), np.maximum(south - y, 0.0))
    return np.hypot(across, along)


def utm_zone_of(place: str | float) -> str:
    """Return two digits of the UTM zone of an MGRS tile, or of a longitude by the regular six-degree rule.

    Raises:
        GridError: The tile is a custom area, which has no zone of its own: give the longitude of its centre.
    """
    if isinstance(place, str):
        if re.match(r"\d\d", place) is None or not is_tile(place):
            raise GridError(f"got tile {place!r}, expected an MGRS tile; give the longitude of a custom area's centre")
        return place[:2]
    return f"{int(math.floor((float(place) + 180.0) / 6.0) % 60) + 1:02d}"


def _northing_shift(place: Tile, crs: Any) -> float:
    """Return what to add to a southern tile's northings in a file that uses the northern zone, as Landsat does."""
    text = crs_text(crs)
    return -SOUTHERN_FALSE_NORTHING if place.epsg > 32700 and text == f"EPSG:{place.epsg - 100}" else 0.0


def check_georeference(tile_id: str, crs: CRS | None, transform: Affine, shape: tuple[int, int]) -> None:
    """Check that a raster is a north-up grid of square metres and, for an MGRS tile, that it lies where its name says.

    A whole tile may be off the rule by half a pixel; where the rule is derived by two pixels, for there the file knows
    better. A smaller raster is a window of the tile: it must lie within it and on its grid to half a metre.

    Args:
        tile_id: MGRS tile, or `x` and the name of a custom area.
        crs: CRS of the raster.
        transform: Its transform.
        shape: (height, width).

    Raises:
        GridError: Anything of this fails.
    """
    if crs is None or not crs.is_projected or crs.linear_units_factor[1] != 1.0:
        got = "no CRS" if crs is None else f"CRS {crs_text(crs)[:60]}"
        raise GridError(f"got {got}, expected a projected CRS in metres; codes are never reprojected, only regridded")
    if not is_north_up(transform):
        raise GridError(
            f"got the transform {tuple(transform)[:6]}, expected north up and square pixels; "
            "write the raster on a grid without rotation"
        )
    if not is_tile(tile_id):
        return
    place = tile(tile_id)
    shift = _northing_shift(place, crs)
    if not shift and crs.to_epsg() != place.epsg:
        raise GridError(
            f"got {crs_text(crs)[:60]} in a file of tile {tile_id}, expected EPSG:{place.epsg}; "
            "correct the name or the georeference"
        )
    height, width = shape
    if abs(transform.a - PIXEL_SIZE) * max(shape) > 1.0 or max(shape) > TILE_PIXELS:
        raise GridError(
            f"got {height} x {width} pixels of {transform.a:g} m in a file of tile {tile_id}, expected at most "
            f"{TILE_PIXELS} x {TILE_PIXELS} of {PIXEL_SIZE:g} m; name other grids as a custom area"
        )
    across, down = transform.c - place.bounds.west, place.bounds.north + shift - transform.f
    _check_offset(place, across, down, shape)


def is_north_up(transform: Affine) -> bool:
    """Tell whether pixels are square, rows run from west to east, and all numbers are finite."""
    finite = all(map(math.isfinite, tuple(transform)[:6]))
    return (
        finite
        and not (transform.b or transform.d)
        and transform.a > 0
        and (math.isclose(transform.a, -transform.e, rel_tol=1e-9))
    )


def _check_offset(place: Tile, across: float, down: float, shape: tuple[int, int]) -> None:
    """Check how far a raster's upper left corner lies right of and below its tile's, in metres."""
    tolerance = _ROUNDING if place.derived else _HALF_PIXEL
    whole = shape == (place.height, place.width)
    room_across, room_down = ((place.width - shape[1]) * PIXEL_SIZE, (place.height - shape[0]) * PIXEL_SIZE)
    outside = max(-across, across - room_across, -down, down - room_down)
    if outside > tolerance:
        raise GridError(
            f"got a corner {outside:.0f} m off tile {place.id}, expected at most {tolerance:.0f} m; "
            "correct the name or the georeference"
        )
    off_grid = max(abs(offset - round(offset / PIXEL_SIZE) * PIXEL_SIZE) for offset in (across, down))
    if not whole and not place.derived and off_grid > _GRID_TOLERANCE:
        raise GridError(
            f"got pixels {off_grid:.1f} m off the grid of tile {place.id}, expected a window of the tile; "
            "cut it along whole pixels or name it as a custom area"
        )
