"""Rasters of elevation of known surfaces, in any CRS."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.sources.source import TargetGrid
from stactools_esd.sources.terrain import slope_and_aspect

UTM = "EPSG:32633"
GRID = TargetGrid(crs=CRS.from_epsg(32633), transform=Affine(30, 0, 600_000, 0, -30, 5_200_000), shape=(60, 80))
"""A grid of 1.8 by 2.4 km around 16.33 E, 46.94 N."""

Surface = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def plane(east: NDArray[np.float64], north: NDArray[np.float64]) -> NDArray[np.float64]:
    """A plane that rises 20 % to the east and 10 % to the north."""
    return 500 + 0.2 * (east - 600_000) + 0.1 * (north - 5_200_000)


def cone(east: NDArray[np.float64], north: NDArray[np.float64]) -> NDArray[np.float64]:
    """A cone of 30 % around the middle of the grid."""
    return 3000 - 0.3 * np.hypot(east - 601_200, north - 5_199_100)


def write_surface(
    path: Path,
    surface: Surface,
    crs: str,
    spacing: float,
    *,
    grid: TargetGrid = GRID,
    margin: float = 6,
    **profile: Any,
) -> Path:
    """Write posts of a surface of UTM coordinates, `margin` posts beyond the grid on every side.

    Args:
        path: Where to write.
        surface: Elevation by easting and northing in the CRS of the grid.
        crs: CRS of the raster.
        spacing: Distance of its posts.
        grid: What it covers.
        margin: Posts beyond; negative leaves some of the grid out.
        profile: Other fields of the profile; `elevation` is a function that changes what is written.
    """
    change = profile.pop("elevation", lambda elevation: elevation)
    height, width = grid.shape
    x, y = grid.transform * np.array([(0, 0), (width, 0), (0, height), (width, height)], float).T
    across, along = Transformer.from_crs(grid.crs.to_wkt(), crs, always_xy=True).transform(x, y)
    if np.ptp(across) > 180 and CRS.from_user_input(crs).is_geographic:
        across = across % 360
    west, north = across.min() - margin * spacing, along.max() + margin * spacing
    columns = int((across.max() - west) / spacing + margin)
    rows = int((north - along.min()) / spacing + margin)
    transform = Affine(spacing, 0, west, 0, -spacing, north)
    column, row = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    east, up = Transformer.from_crs(crs, grid.crs.to_wkt(), always_xy=True).transform(*(transform * (column, row)))
    elevation = change(surface(east, up).astype(np.float32))
    return write_elevation(path, elevation, crs=crs, transform=transform, **profile)


def write_elevation(path: Path, elevation: NDArray[Any], **profile: Any) -> Path:
    """Write one raster; `units` and `scale` are those of its band."""
    units, scale = profile.pop("units", None), profile.pop("scale", None)
    height, width = elevation.shape
    fields = {"driver": "GTiff", "count": 1, "dtype": elevation.dtype, "height": height, "width": width, **profile}
    with rasterio.open(path, "w", **fields) as dataset:
        dataset.write(elevation, 1)
        if units:
            dataset.units = (units,)
        if scale:
            dataset.scales = (scale,)
    return path


def expected_terrain(surface: Surface, grid: TargetGrid = GRID) -> NDArray[np.float32]:
    """Horn's terrain of a surface taken at the very middles of the pixels."""
    height, width = grid.shape
    column, row = np.meshgrid(np.arange(-1, width + 1) + 0.5, np.arange(-1, height + 1) + 0.5)
    elevation = surface(*(grid.transform * (column, row)))
    return slope_and_aspect(elevation.astype(np.float32), grid.transform.a, -grid.transform.e)
