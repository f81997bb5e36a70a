"""Where a grid begins in a raster that holds it on the same pixels: cropping without resampling."""

from pathlib import Path
from typing import Final

import numpy as np
from rasterio import Affine

from stactools_esd.errors import RasterError
from stactools_esd.sources.source import TargetGrid

TOLERANCE: Final = 0.01
"""Pixels by which two grids may differ, anywhere, and still be the same."""


def beginning(file: Path, own: TargetGrid, grid: TargetGrid) -> tuple[int, int]:
    """Find the pixel of a raster in which a grid begins.

    Args:
        file: The file, for messages.
        own: The raster's grid.
        grid: A grid on the raster's own pixels, within it.

    Returns:
        Row and column of the raster that the grid's first pixel is.

    Raises:
        RasterError: The grid is in another CRS, on other pixels, or not within the raster.
    """
    across, down = ~own.transform * (grid.transform.c, grid.transform.f)
    column, row = round(across), round(down)
    # The far corner tells whether the pixels are of one size, where the near one only tells whether they meet.
    far = ~own.transform * (grid.transform * grid.shape[::-1])
    expected = (column + grid.shape[1], row + grid.shape[0])
    off = np.abs(np.subtract((across, down, *far), (column, row, *expected))).max()
    corner, wanted = _corner(own.transform), _corner(grid.transform)
    if own.crs != grid.crs or off > TOLERANCE:
        raise RasterError(
            f"got {file.name} on other pixels ({own.crs}, corner {corner}), expected those of {grid.crs} from "
            f"{wanted}; give a grid on the file's own pixels, for they are not resampled"
        )
    room = (own.shape[0] - row - grid.shape[0], own.shape[1] - column - grid.shape[1])
    if min(row, column, *room) < 0:
        raise RasterError(
            f"got {own.shape[0]} x {own.shape[1]} pixels from {corner} in {file.name}, expected "
            f"{grid.shape[0]} x {grid.shape[1]} from {wanted} within them; replace the file, or give a grid within it"
        )
    return row, column


def _corner(transform: Affine) -> str:
    return f"{transform.c:.10g}, {transform.f:.10g}"
