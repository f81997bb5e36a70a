"""What the encoder is told of the ground: from elevation, from a file beside the images, or nothing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd.encoder.block_codes import Terrain
from stactools_esd.sources.folder import TERRAIN_FILE
from stactools_esd.sources.source import Source, TargetGrid
from stactools_esd.sources.terrain import open_terrain
from stactools_esd.sources.terrain_file import TerrainFile


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Terrain and its name."""

    terrain: Terrain | None
    """Where it is read, by windows of the images; None where it is unknown."""

    name: str
    """What it is, as the input recipe says it unless the user knows better."""

    files: tuple[Path, ...]
    """Files that it is read from."""


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Terrain of a part of a grid, bit for bit that of the whole."""

    whole: Terrain
    row: int
    column: int

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return the terrain of a window of the part (3, rows, columns)."""
        moved = Window(window.col_off + self.column, window.row_off + self.row, window.width, window.height)
        return self.whole.read(moved)


def find_ground(folder: Path, source: Source, whole: Source, dem: Path | None, sea_level: float | None) -> Ground:
    """Choose where terrain is read.

    Args:
        folder: Where the images are.
        source: The images, perhaps cut to a part of their grid.
        whole: The images before they were cut.
        dem: Elevation, as `sources.terrain.open_terrain` takes it, if the user gave it.
        sea_level: Elevation in metres where it is unknown; None leaves it unknown.

    Raises:
        RasterError: The elevation cannot be read, or does not cover the images.
        GridError: The grid is not in metres.
    """
    if dem is not None:
        on_part = open_terrain(dem, _grid(source), sea_level=sea_level)  # it has to cover no more than this
        on_grid = open_terrain(dem, _grid(whole), sea_level=sea_level, partial=True)
        return Ground(terrain=_part(on_grid, source, whole), name=dem.stem, files=on_part.files)
    file = folder / TERRAIN_FILE
    if not file.is_file():
        return Ground(terrain=None, name="none", files=())
    beside = TerrainFile(path=file, grid=(whole.crs, whole.transform, whole.shape))
    beside.read(Window(0, 0, 1, 1))
    return Ground(terrain=_part(beside, source, whole), name="unspecified", files=(file,))


def _grid(source: Source) -> TargetGrid:
    return TargetGrid(crs=source.crs, transform=source.transform, shape=source.shape)


def _part(terrain: Terrain, source: Source, whole: Source) -> Terrain:
    """Let the terrain of the whole grid be read by windows of the images."""
    if source is whole:
        return terrain
    column, row = ~whole.transform * (source.transform.c, source.transform.f)
    return _Part(whole=terrain, row=round(row), column=round(column))
