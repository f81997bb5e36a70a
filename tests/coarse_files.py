"""Small files of MODIS and VIIRS in the real layouts, for tests."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.sources.coarse import CoarseSource
from stactools_esd.sources.sinusoidal import TILE_SIZE, sinusoidal, tile_corner
from stactools_esd.sources.source import TargetGrid

CELLS = 10
"""Rows and columns of 500 m in a test image."""

GRID = TargetGrid(
    crs=CRS.from_epsg(32650), transform=Affine(30.0, 0.0, 423015.0, 0.0, -30.0, 4982985.0), shape=(40, 50)
)
"""A grid of 1.2 by 1.5 km in tile h26v04, Inner Mongolia."""

HALF_KILOMETRE = TILE_SIZE / 2400
"""Metres of a pixel that is called 500 m."""

CLEAR_LAND = 8
"""State of MODIS: clear, no shadow, land, nothing else."""

MODIS_VALUES = {
    "sur_refl_b01": 300,
    "sur_refl_b02": 400,
    "sur_refl_b03": 100,
    "sur_refl_b04": 200,
    "sur_refl_b06": 500,
    "sur_refl_b07": 600,
}
"""Numbers such that the bands in our order are 0.01, 0.02, .. 0.06."""


def place(tile: str = "h26v04", *, cells: int = 1, row: int = 1198, column: int = 490) -> Affine:
    """Return the transform of a part of a sinusoidal tile, by default the part under `GRID`.

    Args:
        tile: Tile such as `h26v04`.
        cells: Pixels of 500 m in a side of a pixel: 1, or 2 for 1 km.
        row: First row of 500 m within the tile.
        column: First column.
    """
    west, north = tile_corner(tile)
    corner = Affine(HALF_KILOMETRE, 0.0, west, 0.0, -HALF_KILOMETRE, north) * Affine.translation(column, row)
    return corner * Affine.scale(cells)


def write_band(path: Path, numbers: NDArray[Any], transform: Affine, **options: Any) -> Path:
    """Write a GeoTIFF of one band, or of several where numbers are (bands, y, x)."""
    bands = numbers if numbers.ndim == 3 else numbers[None]
    names, scale = options.pop("names", None), options.pop("scale", None)
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "count": bands.shape[0],
        "height": bands.shape[1],
        "width": bands.shape[2],
        "dtype": bands.dtype,
        "crs": sinusoidal(),
        "transform": transform,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **profile | options) as dataset:
        dataset.write(bands)
        if names:
            dataset.descriptions = names
        if scale:
            dataset.scales = (scale,) * dataset.count
    return path


def modis_layers(**changes: Any) -> dict[str, NDArray[Any]]:
    """Return the layers of a clear MOD09A1 image without days; changes are given as `state=...` or by layer.

    A change is a number or an array of (10, 10), or None for a layer that is not there.
    """
    short = {"state": "sur_refl_state_500m", "qc": "sur_refl_qc_500m", "days": "sur_refl_day_of_year"}
    values: dict[str, Any] = {**MODIS_VALUES, "sur_refl_state_500m": CLEAR_LAND, "sur_refl_qc_500m": 0xC0000000}
    values |= {short.get(name, name): value for name, value in changes.items()}
    kinds = {"sur_refl_state_500m": np.uint16, "sur_refl_qc_500m": np.uint32, "sur_refl_day_of_year": np.uint16}
    return {
        name: np.broadcast_to(np.asarray(value), (CELLS, CELLS)).astype(kinds.get(name, np.int16))
        for name, value in values.items()
        if value is not None
    }


def write_layers(
    folder: Path,
    layers: dict[str, NDArray[Any]],
    *,
    product: str = "MOD09A1",
    day: str = "2020185",
    tile: str = "h26v04",
    collection: str = "061",
    made: str = "2020200123456",
    transform: Affine | None = None,
    **options: Any,
) -> list[Path]:
    """Write one GeoTIFF a layer under the archive's names; smaller arrays are of larger pixels."""
    return [
        write_band(
            folder / f"{product}.A{day}.{tile}.{collection}.{made}.{name}.tif",
            numbers,
            transform or place(tile, cells=CELLS // numbers.shape[0]),
            **options,
        )
        for name, numbers in layers.items()
    ]


def whole(source: CoarseSource, position: int = 0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Read an image on the whole grid."""
    return source.read_image(position, Window(0, 0, source.shape[1], source.shape[0]))


def structure(grids: dict[str, tuple[Affine, tuple[int, int], list[str]]], prefix: str = "") -> str:
    """Return the text of `StructMetadata.0`: name of each grid to its transform, shape and fields."""
    text = "GROUP=SwathStructure\nEND_GROUP=SwathStructure\nGROUP=GridStructure\n"
    for number, (name, (transform, (rows, columns), fields)) in enumerate(grids.items(), start=1):
        east, south = transform * (columns, rows)
        text += (
            f'\tGROUP=GRID_{number}\n\t\tGridName="{name}"\n\t\tXDim={columns}\n\t\tYDim={rows}\n'
            f"\t\tUpperLeftPointMtrs=({transform.c:.6f},{transform.f:.6f})\n\t\tLowerRightMtrs=({east:.6f},{south:.6f})\n"
            f"\t\tProjection={prefix}GCTP_SNSOID\n\t\tProjParams=(6371007.181000,0,0,0,0,0,0,0,0,0,0,0,0)\n"
            f"\t\tSphereCode=-1\n\t\tGridOrigin={prefix}HDFE_GD_UL\n\t\tGROUP=Dimension\n\t\tEND_GROUP=Dimension\n"
            "\t\tGROUP=DataField\n"
        )
        for place_of_field, field in enumerate(fields, start=1):
            text += (
                f'\t\t\tOBJECT=DataField_{place_of_field}\n\t\t\t\tDataFieldName="{field}"\n\t\t\t\tDataType=DFNT_INT16\n'
                f'\t\t\t\tDimList=("YDim","XDim")\n\t\t\tEND_OBJECT=DataField_{place_of_field}\n'
            )
        text += (
            f"\t\tEND_GROUP=DataField\n\t\tGROUP=MergedFields\n\t\tEND_GROUP=MergedFields\n\tEND_GROUP=GRID_{number}\n"
        )
    return text + "END_GROUP=GridStructure\nGROUP=PointStructure\nEND_GROUP=PointStructure\nEND\n"
