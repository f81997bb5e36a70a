"""Elevation to the three numbers that the encoder takes: elevation, slope and aspect on the grid of the images."""

from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.warp import reproject

from stactools_esd.errors import RasterError

FLAT: Final = 0.05
"""Slope in degrees below which ground is flat and has no aspect."""


def terrain_on_grid(path: Path, crs: CRS, transform: Affine, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Bring an elevation raster onto a grid and take slope and aspect there.

    Args:
        path: Raster of elevation in metres, any CRS.
        crs: Projected CRS of the grid, in metres.
        transform: From (column, row) to (x, y), north up.
        shape: Rows and columns.

    Returns:
        Elevation in metres, slope in degrees, aspect in degrees clockwise from north, (3, rows, columns); aspect NaN
        where flat, all three NaN where the raster has no data.

    Raises:
        RasterError: The file is no raster, has no CRS, or holds nothing on the grid.
    """
    margin = 1
    height, width = shape[0] + 2 * margin, shape[1] + 2 * margin
    elevation = np.full((height, width), np.nan, dtype=np.float32)
    try:
        with rasterio.open(path) as dataset:
            if dataset.crs is None:
                raise RasterError(f"got {path} without a CRS, expected elevation with one; assign its CRS")
            reproject(
                rasterio.band(dataset, 1),
                elevation,
                dst_transform=transform * Affine.translation(-margin, -margin),
                dst_crs=crs,
                dst_nodata=np.nan,
                resampling=Resampling.bilinear,
            )
    except RasterioError as error:
        reason = str(error).rstrip(".")
        raise RasterError(f"got {path}, expected a raster of elevation ({reason}); check the file") from error
    if np.isnan(elevation).all():
        raise RasterError(
            f"got {path} without elevation on the grid of the images, expected one that covers them; give another"
        )
    return slope_and_aspect(elevation, abs(transform.a), abs(transform.e))


def slope_and_aspect(elevation: NDArray[np.float32], dx: float, dy: float) -> NDArray[np.float32]:
    """Take slope and aspect with the weights of Horn (1981).

    Args:
        elevation: Metres, north up, with a margin of one pixel on every side, (h + 2, w + 2).
        dx: Width of a pixel in metres.
        dy: Height of a pixel in metres.

    Returns:
        Elevation, slope and aspect, (3, h, w). At the edge of the data, where a neighbour is missing, the ground is
        taken to go on level.
    """
    centre = elevation[1:-1, 1:-1]
    rows, columns = centre.shape

    def neighbour(down: int, right: int) -> NDArray[np.float32]:
        moved = elevation[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
        return np.where(np.isnan(moved), centre, moved)

    east = neighbour(-1, 1) + 2 * neighbour(0, 1) + neighbour(1, 1)
    west = neighbour(-1, -1) + 2 * neighbour(0, -1) + neighbour(1, -1)
    south = neighbour(1, -1) + 2 * neighbour(1, 0) + neighbour(1, 1)
    north = neighbour(-1, -1) + 2 * neighbour(-1, 0) + neighbour(-1, 1)
    to_east = (east - west) / (8 * dx)
    to_north = (north - south) / (8 * dy)
    slope = np.rad2deg(np.arctan(np.hypot(to_east, to_north)))
    # Aspect is where water runs to: down the gradient.
    aspect = np.rad2deg(np.arctan2(-to_east, -to_north)) % 360
    slope[np.isnan(centre)] = np.nan
    aspect[~(slope >= FLAT)] = np.nan
    return np.stack([centre, slope, aspect]).astype(np.float32)
