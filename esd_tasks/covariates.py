"""Rasters beside the codes, such as elevation: any CRS and pixel size, read bilinearly onto the pixels of the map.

Where a raster says nothing a value is missing (NaN), which LightGBM sends down the better side of each split.
"""

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window

from esd_tasks.map_run import Beside
from esd_tasks.target import WGS84, Grid, transformer
from stactools_esd.errors import RasterError, UsageError
from stactools_esd.files import sha256_file
from stactools_esd.gdal import check_size, quiet_gdal

RESAMPLING: Final = "bilinear"
"""How rasters meet the grid of the map; in `model.json`."""

_CELL: Final = 64
"""Pixels a side that are read at once for samples."""


@dataclass(frozen=True, kw_only=True)
class Covariate:
    """One band of a raster."""

    name: str
    """Name of the feature: that of the file, and its band where it has several."""

    path: Path
    """The raster."""

    band: int = 1
    """Counted from 1."""

    def read(self, grid: Grid, window: Window) -> NDArray[np.float32]:
        """Return the values of a window of a grid, (h, w), NaN where the raster says nothing.

        Raises:
            RasterError: The raster cannot be read.
        """
        values = np.full((int(window.height), int(window.width)), np.nan, dtype=np.float32)
        with quiet_gdal(f"read {self.path}", error=RasterError), rasterio.open(self.path) as dataset:
            reproject(
                rasterio.band(dataset, self.band),
                values,
                dst_transform=grid.transform_of(window),
                dst_crs=grid.crs,
                dst_nodata=np.nan,
                resampling=Resampling.bilinear,
                tolerance=0,  # GDAL's approximation depends on the window: seams between blocks
            )
        return np.where(np.isfinite(values), values, np.float32(np.nan))


def open_covariates(given: Sequence[str]) -> tuple[Covariate, ...]:
    """See that rasters can be covariates; each band is one.

    Args:
        given: `path`, whose features are called like the file, or `name=path`.

    Raises:
        UsageError: There is no such file, or two have one name.
        RasterError: A file is no raster with a CRS, is turned, or larger than `gdal.check_size` has it.
    """
    found = [covariate for text in given for covariate in _bands(text)]
    names = [covariate.name for covariate in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"got two --covariate called {twice[0]}, expected a name each; rename a file")
    return tuple(found)


def _bands(text: str) -> list[Covariate]:
    name, _, rest = text.rpartition("=")
    path = Path(text if Path(text).is_file() else rest)
    if not path.is_file():
        raise UsageError(f"got --covariate {path}, which is no file; expected a raster, e.g. a GeoTIFF")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
            with rasterio.open(path) as dataset:
                check_size(path, dataset)
                crs, transform, count = dataset.crs, dataset.transform, dataset.count
    except RasterioError as error:
        reason = str(error).splitlines()[0]
        raise RasterError(
            f"got --covariate {path}, which cannot be read as a raster ({reason}); give another"
        ) from error
    if crs is None or transform.is_identity:
        raise RasterError(f"got --covariate {path} without a CRS or place, expected both; give a georeferenced raster")
    named = name if str(path) == rest and name else path.stem
    stem = re.sub(r"[^0-9A-Za-z_]+", "_", named).strip("_") or "covariate"
    return [
        Covariate(name=stem if count == 1 else f"{stem}_{band}", path=path, band=band) for band in range(1, count + 1)
    ]


def covariate_facts(covariates: Sequence[Covariate]) -> list[dict[str, Any]]:
    """Return what a run and a model say of covariates; the checksum tells files of one name apart."""
    sums = {path: sha256_file(path) for path in {covariate.path for covariate in covariates}}
    return [
        {
            "name": covariate.name,
            "file": covariate.path.name,
            "band": covariate.band,
            "sha256": sums[covariate.path],
            "resampling": RESAMPLING,
        }
        for covariate in covariates
    ]


def read_block(
    covariates: Sequence[Covariate], grid: Grid, window: Window, usable: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return the values of the usable pixels of a window, (n, c)."""
    return np.column_stack([covariate.read(grid, window)[usable] for covariate in covariates])


def beside_codes(covariates: Sequence[Covariate], grid: Grid) -> Beside | None:
    """Return what reads covariates block by block, or None where there are none."""
    if not covariates:
        return None
    return lambda block, usable: read_block(covariates, grid, block.window, usable)


def read_places(
    covariates: Sequence[Covariate], grid: Grid, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> dict[str, NDArray[np.float32]]:
    """Return the values of the pixels that hold places, as `read_block` has them, by name; each (n,).

    The pixels of the grid go on beyond its edges, so that labels may lie outside the map.

    Args:
        covariates: What to read.
        grid: Grid of the map.
        lon: Degrees in WGS84, (n,).
        lat: The same, (n,).
    """
    x, y = transformer(WGS84, grid.crs).transform(lon, lat)
    values = {covariate.name: np.full(len(lon), np.nan, dtype=np.float32) for covariate in covariates}
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    column = np.floor((x[there] - grid.transform.c) / grid.transform.a).astype(np.int64)
    row = np.floor((y[there] - grid.transform.f) / grid.transform.e).astype(np.int64)
    cells, member = np.unique(np.column_stack([row, column]) // _CELL, axis=0, return_inverse=True)
    for number, (down, across) in enumerate(cells.tolist()):
        mine = np.flatnonzero(member.reshape(-1) == number)
        window = Window(across * _CELL, down * _CELL, _CELL, _CELL)
        for covariate in covariates:
            part = covariate.read(grid, window)
            values[covariate.name][there[mine]] = part[row[mine] - down * _CELL, column[mine] - across * _CELL]
    return values


def see_same_names(covariates: Sequence[Covariate], wanted: Sequence[str]) -> tuple[Covariate, ...]:
    """Return covariates in the order of a model.

    Raises:
        UsageError: One is missing, or one is there that the model does not know.
    """
    by_name = {covariate.name: covariate for covariate in covariates}
    if missing := [name for name in wanted if name not in by_name]:
        raise UsageError(
            f"got a model trained with covariates {', '.join(wanted)}, expected a --covariate file for each; "
            f"add --covariate {missing[0]}=FILE"
        )
    if strange := [name for name in by_name if name not in wanted]:
        raise UsageError(
            f"got --covariate {strange[0]}, which the model was not trained with; expected "
            f"{', '.join(wanted) or 'none'}, leave it out"
        )
    return tuple(by_name[name] for name in wanted)


def range_note(name: str, values: NDArray[np.floating]) -> str | None:
    """Return what a user should know of a covariate at the samples, or None."""
    missing = float(np.isnan(values).mean()) if len(values) else math.nan
    return f"covariate {name} is missing at {missing:.0%} of the samples" if missing > 0 else None
