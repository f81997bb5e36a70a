"""Windows of neighbouring tiles whose pixels say where they lie and whose they are."""

from pathlib import Path
from typing import Any

import mgrs
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine
from rasterio.crs import CRS
from synthetic import AREA_CRS, AREA_TRANSFORM, tags

from stactools_esd.cog import write_codes
from stactools_esd.grid import tile as tile_of

MARK_STEP = 11
"""Step, counted from 0, in which a pixel carries the mark of its tile."""


CORNER = (500_000.0, 5_600_000.0)
"""Where four squares of zone 31 meet: 31UDS and 31UES north of it, 31UDR and 31UER south."""

FOUR = ("31UDR", "31UDS", "31UER", "31UES")
"""These tiles; their marks are 1, 2, 3 and 4."""


def located_codes(transform: Affine, height: int, width: int, mark: int) -> NDArray[np.uint16]:
    """Return codes that say where a pixel lies: 1 + column in step 1, 1 + row in step 2 of the zone's 30 m grid."""
    size = transform.a
    column = np.floor(transform.c / size) + np.arange(width)
    row = np.floor(transform.f / size) - np.arange(height)
    codes = np.empty((12, height, width), dtype=np.uint16)
    codes[:] = 7
    codes[0] = 1 + (column % 60_000)[None, :]
    codes[1] = 1 + (row % 60_000)[:, None]
    codes[MARK_STEP] = mark
    return codes


def tile_at(lon: float, lat: float) -> str:
    """Return the MGRS tile whose square holds a place."""
    return str(mgrs.MGRS().toMGRS(lat, lon, MGRSPrecision=0)).zfill(5)


def to_wgs84(epsg: int, x: Any, y: Any) -> Any:
    """Return longitude and latitude of projected places."""
    return Transformer.from_crs(epsg, 4326, always_xy=True).transform(x, y)


def write_tile(
    folder: Path,
    tile: str,
    lon: float,
    lat: float,
    *,
    mark: int,
    size: tuple[int, int] = (60, 60),
    year: int = 2020,
    nodata: tuple[slice, slice] | None = None,
    clear: int = 10,
    **tag_options: Any,
) -> Path:
    """Write a window of an MGRS tile around a place, on the grid of the tile and clipped to it."""
    place = tile_of(tile)
    x, y = Transformer.from_crs(4326, place.epsg, always_xy=True).transform(lon, lat)
    column, row = (int(value) for value in ~place.transform * (x, y))
    column, row = max(column - size[1] // 2, 0), max(row - size[0] // 2, 0)
    height, width = min(size[0], place.height - row), min(size[1], place.width - column)
    transform = place.transform * Affine.translation(column, row)
    codes = located_codes(transform, height, width, mark)
    if nodata is not None:
        codes[:, nodata[0], nodata[1]] = 0
    file_tags = tags(tile=tile, year=year, **tag_options)
    path = folder / f"{file_tags.name.stem}.tif"
    clear_obs = np.full((height, width), clear, dtype=np.uint16)
    write_codes(path, codes, clear_obs, transform=transform, crs=CRS.from_epsg(place.epsg), tags=file_tags)
    return path


def write_area(
    folder: Path,
    codes: NDArray[np.uint16],
    clear_obs: NDArray[np.uint16] | None = None,
    *,
    transform: Affine = AREA_TRANSFORM,
    crs: CRS = AREA_CRS,
    **tag_options: Any,
) -> Path:
    """Write the codes of a custom area."""
    if clear_obs is None:
        clear_obs = np.full(codes.shape[1:], 10, dtype=np.uint16)
    file_tags = tags(**tag_options)
    path = folder / f"{file_tags.name.stem}.tif"
    write_codes(path, codes, clear_obs, transform=transform, crs=crs, tags=file_tags)
    return path


def write_four(folder: Path) -> Path:
    """Write windows of the four tiles around the corner of their squares, and return the folder."""
    lon, lat = to_wgs84(32631, *CORNER)
    for mark, tile in enumerate(FOUR, start=1):
        write_tile(folder, tile, lon, lat, mark=mark, size=(80, 80))
    return folder


def square_around(x: float, y: float, metres: float, epsg: int = 32631) -> shapely.Polygon:
    """Return a projected square in WGS84."""
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return shapely.Polygon([to_wgs84(epsg, x + a * metres, y + b * metres) for a, b in corners])
