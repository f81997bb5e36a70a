"""The sinusoidal tiles of MODIS and VIIRS: their projection, their corners, and the grids of HDF-EOS files."""

import re
from pathlib import Path
from typing import Final

from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.errors import RasterError
from stactools_esd.sources.source import TargetGrid

RADIUS: Final = 6371007.181
"""Metres of the sphere of the MODIS sinusoidal projection (MODIS Surface Reflectance User's Guide; MODLAND grid)."""

TILE_SIZE: Final = 1111950.5196666666
"""Metres of a side of a tile: a 36th of the sphere's girth."""

WEST: Final = -20015109.354
"""West edge of tiles h00, metres."""

NORTH: Final = 10007554.677
"""North edge of tiles v00, metres."""

SINUSOIDAL_TILE: Final = re.compile(r"h(?P<h>[0-2]\d|3[0-5])v(?P<v>0\d|1[0-7])")
"""Name of a tile: `h00v00`..`h35v17`."""

_GRID: Final = re.compile(r"GROUP\s*=\s*(GRID_\d+)\s*\n(.*?)END_GROUP\s*=\s*\1", re.DOTALL)
_FIELD: Final = re.compile(r'DataFieldName\s*=\s*"([^"]+)"')


def sinusoidal(radius: float = RADIUS) -> CRS:
    """Return the sinusoidal projection around Greenwich on a sphere of a radius in metres."""
    return CRS.from_proj4(f"+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R={radius:.12g} +units=m +no_defs")


def is_sinusoidal(crs: CRS) -> bool:
    """Tell whether a CRS is a sinusoidal projection, whatever its name."""
    return bool(crs.to_dict().get("proj") == "sinu")


def tile_corner(tile: str) -> tuple[float, float]:
    """Return the upper left corner of a tile such as `h26v04`, metres.

    Raises:
        RasterError: There is no such tile.
    """
    match = SINUSOIDAL_TILE.fullmatch(tile)
    if match is None:
        raise RasterError(f"got the sinusoidal tile {tile!r}, expected h00v00 to h35v17; correct the file's name")
    return WEST + int(match["h"]) * TILE_SIZE, NORTH - int(match["v"]) * TILE_SIZE


def check_tile(path: Path, tile: str, grid: TargetGrid) -> None:
    """Make sure that a raster in the sinusoidal projection lies on the tile that its name says, to a pixel.

    Rasters in another projection were resampled by somebody, and may lie anywhere; part of a tile is enough.

    Raises:
        RasterError: It lies elsewhere.
    """
    if SINUSOIDAL_TILE.fullmatch(tile) is None or not is_sinusoidal(grid.crs):
        return
    west, north = tile_corner(tile)
    across, down = grid.transform.c - west, north - grid.transform.f
    pixel = abs(grid.transform.a)
    room_across = TILE_SIZE - grid.shape[1] * pixel
    room_down = TILE_SIZE - grid.shape[0] * pixel
    if not (-pixel <= across <= room_across + pixel and -pixel <= down <= room_down + pixel):
        raise RasterError(
            f"got {path.name} with its corner at {grid.transform.c:.0f}, {grid.transform.f:.0f}, expected it within "
            f"tile {tile}, whose corner is {west:.0f}, {north:.0f}; two tiles were mixed: correct the name or the file"
        )


def grids_of_fields(path: Path, metadata: str) -> dict[str, TargetGrid]:
    """Read which grid each data field of an HDF-EOS file lies on, from its `StructMetadata.0`.

    Args:
        path: The file, for messages.
        metadata: The text, in the object description language of HDF-EOS.

    Returns:
        Name of each field of each sinusoidal grid to that grid; corners are outer edges of pixels.

    Raises:
        RasterError: There is no grid, or a grid is not sinusoidal or lacks a number.
    """
    fields: dict[str, TargetGrid] = {}
    for _, text in _GRID.findall(metadata):
        grid = _grid(path, text)
        fields |= dict.fromkeys(_FIELD.findall(text), grid)
    if not fields:
        raise RasterError(
            f"got no grid in the StructMetadata of {path}, expected an HDF-EOS grid file; download the file again"
        )
    return fields


def _grid(path: Path, text: str) -> TargetGrid:
    """Read one grid's projection, corners and size."""
    values = dict(re.findall(r"^\s*(\w+)\s*=\s*(\S.*?)\s*$", text, re.MULTILINE))
    try:
        if not values["Projection"].endswith("GCTP_SNSOID"):
            raise RasterError(
                f"got projection {values['Projection']} in {path}, expected the sinusoidal one (GCTP_SNSOID); "
                "resample the file to GeoTIFF first"
            )
        radius, *others = _numbers(values["ProjParams"])
        west, north = _numbers(values["UpperLeftPointMtrs"])
        east, south = _numbers(values["LowerRightMtrs"])
        rows, columns = int(values["YDim"]), int(values["XDim"])
        if any(others) or radius <= 0 or rows <= 0 or columns <= 0:
            raise ValueError
    except (KeyError, ValueError) as error:
        raise RasterError(
            f"got a grid in the StructMetadata of {path} that cannot be placed, expected its size, two corners and "
            "the radius of its sphere; download the file again"
        ) from error
    across, down = (east - west) / columns, (south - north) / rows
    return TargetGrid(
        crs=sinusoidal(radius), transform=Affine(across, 0.0, west, 0.0, down, north), shape=(rows, columns)
    )


def _numbers(text: str) -> list[float]:
    """Read `(1.5,2,3)`."""
    return [float(number) for number in text.strip("()").split(",")]
