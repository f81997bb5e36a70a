"""Grids that a user chooses: a CRS and a resolution, or the pixels of another raster."""

import math
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
import shapely
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from esd_tasks.target import MOST_PIXELS, Grid, projected
from stactools_esd.errors import GridError, NothingFoundError, RasterError, UsageError
from stactools_esd.gdal import quiet_gdal
from stactools_esd.product import PIXEL_SIZE

_SNAP: Final = 1e-4
"""Share of a pixel by which an edge may miss a whole one."""


def parse_crs(text: str) -> CRS:
    """Read a CRS as users name it, e.g. `EPSG:3035` or its number alone.

    Raises:
        UsageError: It is none, or none of the Earth's surface.
    """
    try:
        crs = CRS.from_user_input(f"EPSG:{text}" if text.strip().isdecimal() else text)
    except CRSError as error:
        raise UsageError(f"got --crs {text}, expected a CRS such as EPSG:3035; correct it") from error
    if not (crs.is_projected or crs.is_geographic):
        raise UsageError(f"got --crs {text}, which is neither projected nor geographic; choose another")
    return crs


def grid_in(crs: CRS, resolution: float | None, area: shapely.Geometry) -> Grid:
    """Return the grid of a CRS around an area; pixel edges are whole multiples of the resolution.

    So areas that are pulled one by one fall on the same pixels.

    Args:
        crs: Projected or geographic.
        resolution: Side of a pixel in units of the CRS; 30 m if None.
        area: In WGS84.

    Raises:
        UsageError: No resolution is given, and the unit of the CRS is not the metre.
        GridError: The area is too wide for the CRS.
    """
    if resolution is None:
        if crs.is_geographic:
            raise UsageError(
                "got --crs in degrees without --resolution, expected one in degrees; say --resolution 0.00025 for "
                "about 28 m of latitude"
            )
        if not crs.is_projected or crs.linear_units_factor[1] != 1.0:
            raise UsageError("got --crs whose unit is not the metre without --resolution, expected one in its unit")
        resolution = PIXEL_SIZE
    if crs.is_geographic and resolution > 1.0:
        raise UsageError(f"got --resolution {resolution:g} in degrees, expected at most 1; 30 m are about 0.00027")
    west, south, east, north = _bounds(area, crs)
    left, top = math.floor(west / resolution + _SNAP), math.ceil(north / resolution - _SNAP)
    right, bottom = math.ceil(east / resolution - _SNAP), math.floor(south / resolution + _SNAP)
    return _checked(
        Grid(
            crs=crs,
            transform=Affine(resolution, 0.0, left * resolution, 0.0, -resolution, top * resolution),
            width=max(right - left, 1),
            height=max(top - bottom, 1),
        )
    )


def grid_like(path: Path, area: shapely.Geometry | None) -> Grid:
    """Return the pixels of a raster, all of them or those around an area.

    Args:
        path: Any raster that GDAL reads, north up.
        area: In WGS84; the whole raster if None.

    Raises:
        UsageError: There is no such file, it cannot be read, has no CRS or is rotated.
        NothingFoundError: The area lies outside the raster.
        GridError: The area is too wide for its CRS.
    """
    if not path.exists():
        raise UsageError(f"got --like {path}, which does not exist; expected a raster with a CRS")
    try:
        with quiet_gdal(f"read {path}"), rasterio.open(path) as dataset:
            crs, transform, width, height = dataset.crs, dataset.transform, dataset.width, dataset.height
    except RasterError as error:
        raise UsageError(f"got --like {path}, which cannot be read as a raster; give another") from error
    if crs is None or not (crs.is_projected or crs.is_geographic):
        raise UsageError(f"got --like {path.name} without a CRS on Earth, expected one; give a georeferenced raster")
    if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        raise UsageError(f"got --like {path.name}, which is not north up; warp it first, e.g. with gdalwarp")
    if area is None:
        return _checked(Grid(crs=crs, transform=transform, width=width, height=height))
    west, south, east, north = _bounds(area, crs)
    (left, top), (right, bottom) = ~transform * (west, north), ~transform * (east, south)
    first_column, first_row = max(math.floor(left + _SNAP), 0), max(math.floor(top + _SNAP), 0)
    last_column, last_row = min(math.ceil(right - _SNAP), width), min(math.ceil(bottom - _SNAP), height)
    if first_column >= last_column or first_row >= last_row:
        raise NothingFoundError(f"got an area outside --like {path.name}, expected one that it covers; check both")
    return _checked(
        Grid(
            crs=crs,
            transform=transform * Affine.translation(first_column, first_row),
            width=last_column - first_column,
            height=last_row - first_row,
        )
    )


def is_metre_grid(grid: Grid) -> bool:
    """Tell whether a grid has square pixels in metres, as rasters of codes have."""
    metres = grid.crs.is_projected and grid.crs.linear_units_factor[1] == 1.0
    return bool(metres and math.isclose(grid.transform.a, -grid.transform.e, rel_tol=1e-9))


def _bounds(area: shapely.Geometry, crs: CRS) -> tuple[float, float, float, float]:
    """Return the box of an area in a CRS; a CRS that breaks inside the area is refused."""
    parts = shapely.get_parts(area)
    boxes = np.array([projected(part, crs).bounds for part in parts])
    if not np.isfinite(boxes).all():
        raise GridError("got an area that the chosen CRS cannot hold; choose another CRS or a smaller area")
    (west, south), (east, north) = boxes[:, :2].min(axis=0).tolist(), boxes[:, 2:].max(axis=0).tolist()
    degrees_west, _, degrees_east, _ = area.bounds
    eastern = shapely.bounds(parts)[:, 0] > 0
    if degrees_east - degrees_west > 180.0 and eastern.any() and not eastern.all():
        widths = [np.ptp(boxes[side][:, [0, 2]]) for side in (eastern, ~eastern)]
        if east - west > 2 * sum(widths):
            raise GridError(
                "got an area across the antimeridian and a CRS that breaks there, expected one that does not, such as "
                "a UTM zone; choose another --crs or pull both sides apart"
            )
    return west, south, east, north


def _checked(grid: Grid) -> Grid:
    if max(grid.width, grid.height) > MOST_PIXELS:
        raise GridError(
            f"got an area of {grid.width} x {grid.height} pixels, expected at most {MOST_PIXELS} a side; "
            "ask for a smaller area or a coarser resolution"
        )
    return grid
