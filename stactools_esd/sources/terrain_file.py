"""Terrain that lies ready beside the images: a raster of elevation, slope and aspect on their grid."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd.errors import RasterError
from stactools_esd.sources.image import Grid, check_grid, opened, read_bands


@dataclass(frozen=True, kw_only=True)
class TerrainFile:
    """Elevation (m), slope (degrees) and aspect (degrees, NaN where flat) in three bands of one file."""

    path: Path
    """The file."""

    grid: Grid
    """Grid of the images, which is the file's too."""

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return the terrain of a window (3, rows, columns), NaN where the file has none.

        Args:
            window: Whole pixels inside the grid.

        Raises:
            RasterError: The file cannot be read, has not three bands, or lies on another grid.
        """
        with opened(self.path) as dataset:
            if dataset.count != 3:
                raise RasterError(
                    f"got {dataset.count} bands in {self.path}, expected 3: elevation, slope and aspect; "
                    "write these three or remove the file"
                )
            check_grid(self.path, (dataset.crs, dataset.transform, dataset.shape), self.grid)
            terrain = read_bands(self.path, dataset, (1, 2, 3), window).astype(np.float32)
            nodatavals = dataset.nodatavals
        for band, nodata in zip(terrain, nodatavals, strict=True):
            if nodata is not None:
                band[band == np.float32(nodata)] = np.nan
        return terrain
