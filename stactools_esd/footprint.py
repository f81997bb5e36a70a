"""Outlines of projected rectangles in WGS84, as GeoJSON."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, cast

import antimeridian
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from stactools_esd.errors import GridError

_DENSIFY_METRES = 6_000.0
_MOST_PIECES = 500
_DECIMALS = 7


@lru_cache(maxsize=256)
def to_wgs84(crs: str) -> pyproj.Transformer:
    """Return the transformer from (x, y) of a CRS to (longitude, latitude); kept, for making one is slow."""
    return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)


def crs_text(crs: Any) -> str:
    """Return a text that names a CRS for PROJ: from an EPSG number, a text, or a rasterio CRS."""
    if isinstance(crs, int | np.integer):
        return f"EPSG:{int(crs)}"
    if isinstance(crs, CRS):
        epsg = crs.to_epsg()
        return f"EPSG:{epsg}" if epsg else str(crs.to_wkt())
    return str(crs)


def densified(bounds: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Walk once around a rectangle, counter-clockwise and open, with a point at least every 6 km."""
    west, south, east, north = bounds
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    xs, ys = [], []
    for (x0, y0), (x1, y1) in pairwise(corners):
        pieces = min(_MOST_PIECES, max(1, math.ceil(max(abs(x1 - x0), abs(y1 - y0)) / _DENSIFY_METRES)))
        xs.append(np.linspace(x0, x1, pieces, endpoint=False))
        ys.append(np.linspace(y0, y1, pieces, endpoint=False))
    return np.concatenate(xs), np.concatenate(ys)


def footprint(crs: Any, bounds: Sequence[float]) -> dict[str, Any]:
    """Return the outline of a projected rectangle in WGS84.

    Edges carry a point every 6 km, which keeps them within about a tenth of a pixel of the true edge at mid
    latitudes; an outline across the antimeridian is cut there into a MultiPolygon.

    Args:
        crs: Projected CRS: rasterio CRS, EPSG number or text.
        bounds: (west, south, east, north) in its metres.

    Returns:
        GeoJSON Polygon or MultiPolygon, counter-clockwise, rounded to 7 decimals.

    Raises:
        GridError: The rectangle is empty, or does not lie where the CRS is valid.
    """
    west, south, east, north = bounds
    if not (west < east and south < north):
        raise GridError(f"got empty bounds {tuple(bounds)}, expected west < east and south < north")
    lon, lat = to_wgs84(crs_text(crs)).transform(*densified(bounds))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise GridError(f"got bounds {tuple(bounds)} outside the area of {crs_text(crs)[:60]}; check the georeference")
    outline = shapely.Polygon(np.column_stack([lon, lat]))
    # Most outlines do not jump around the Earth, and are whole as they are.
    geometry = outline if np.ptp(lon) < 180.0 else antimeridian.fix_polygon(outline, fix_winding=True)
    return cast("dict[str, Any]", _rounded(shapely.geometry.mapping(geometry)))


def footprints(epsg: int, corners: NDArray[np.float64], size: float) -> list[dict[str, Any]]:
    """Return the outlines of equal squares of one zone: what `footprint` says of each, by one transformation of all.

    Args:
        epsg: EPSG number of the CRS.
        corners: Shape (n, 2): upper left x and y, metres.
        size: Side of a square, metres.

    Raises:
        GridError: As `footprint`.
    """
    xs, ys = densified((0.0, -size, size, 0.0))
    lon, lat = to_wgs84(crs_text(epsg)).transform(corners[:, :1] + xs, corners[:, 1:] + ys)
    # A whole number over 1e7 is the double that the decimal reads as; np.round may miss it by the last bit.
    rings = np.rint(np.stack([lon, lat], axis=-1) * 10**_DECIMALS) / 10**_DECIMALS + 0.0
    # Far beyond its zone a CRS folds; and an outline that jumps around the Earth is cut at the antimeridian.
    plain = np.isfinite(rings).all(axis=(1, 2)) & (np.ptp(rings[..., 0], axis=1) < 180.0)
    closed = np.concatenate([rings, rings[:, :1]], axis=1)
    return [
        {"type": "Polygon", "coordinates": [ring.tolist()]}
        if simple
        else footprint(epsg, (corner[0], corner[1] - size, corner[0] + size, corner[1]))
        for ring, simple, corner in zip(closed, plain, corners, strict=True)
    ]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return round(float(value), _DECIMALS) + 0.0 if isinstance(value, float) else value


def bbox(geometry: dict[str, Any]) -> list[float]:
    """Return [west, south, east, north] of a geometry; west > east where it crosses the antimeridian (RFC 7946)."""
    return [round(float(value), _DECIMALS) for value in antimeridian.bbox(geometry)]
