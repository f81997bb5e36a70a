"""What the encoder is told of the ground: from an elevation raster, from a file beside the images, or nothing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.windows import Window

from stactools_esd.encoder.block_codes import Terrain
from stactools_esd.errors import RasterError
from stactools_esd.sources.folder import TERRAIN_FILE
from stactools_esd.sources.source import Source
from stactools_esd.sources.terrain import terrain_on_grid
from stactools_esd.sources.terrain_file import TerrainFile

_CHECKED = 64
"""Rows and columns on which an elevation raster is looked at before the work begins."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Terrain and its name."""

    terrain: Terrain | None
    """Where it is read; None where it is unknown."""

    name: str
    """What it is, as the input recipe says it unless the user knows better."""

    files: tuple[Path, ...]
    """Files that it is read from."""


@dataclass(frozen=True, kw_only=True)
class _Elevation:
    """An elevation raster, brought onto the grid of the images window by window."""

    path: Path
    source: Source

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return elevation, slope and aspect of a window (3, rows, columns), NaN where the raster has none."""
        transform = self.source.transform * Affine.translation(window.col_off, window.row_off)
        shape = (int(window.height), int(window.width))
        try:
            return terrain_on_grid(self.path, self.source.crs, transform, shape)
        except RasterError as error:
            if "without elevation" not in str(error):
                raise
            return np.full((3, *shape), np.nan, np.float32)


def find_ground(folder: Path, source: Source, whole: Source, dem: Path | None) -> Ground:
    """Choose where terrain is read.

    Args:
        folder: Where the images are.
        source: The images, perhaps cut to a window.
        whole: The images before they were cut, on whose grid a file beside them lies.
        dem: Raster of elevation in metres, if the user gave one.

    Raises:
        RasterError: The raster cannot be read, or does not meet the grid.
    """
    if dem is not None:
        rows, columns = source.shape
        coarse = source.transform * Affine.scale(columns / _CHECKED, rows / _CHECKED)
        terrain_on_grid(dem, source.crs, coarse, (_CHECKED, _CHECKED))
        return Ground(terrain=_Elevation(path=dem, source=source), name=dem.stem, files=(dem,))
    file = folder / TERRAIN_FILE
    if not file.is_file():
        return Ground(terrain=None, name="none", files=())
    beside = TerrainFile(path=file, grid=(whole.crs, whole.transform, whole.shape))
    beside.read(Window(0, 0, 1, 1))
    return Ground(terrain=_Moved(file=beside, source=source), name="unspecified", files=(file,))


@dataclass(frozen=True, kw_only=True)
class _Moved:
    """A terrain file, read by windows of a part of its grid."""

    file: TerrainFile
    source: Source

    def read(self, window: Window) -> NDArray[np.float32]:
        column, row = ~self.file.grid[1] * (self.source.transform * (window.col_off, window.row_off))
        return self.file.read(Window(round(column), round(row), window.width, window.height))
