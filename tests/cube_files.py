"""Cubes of known reflectance in many layouts, written through xarray."""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio import Affine

from stactools_esd.product import BANDS

xarray = pytest.importorskip("xarray")
pytest.importorskip("zarr")

T, H, W = 5, 7, 9
FORMATS = ("cube.zarr", "cube.nc") if find_spec("h5netcdf") and find_spec("h5py") else ("cube.zarr",)
"""Names of cubes that can be written here: NetCDF needs libraries of its own."""

TIMES = np.array(
    ["2020-01-15T10:00", "2020-02-14T10:00", "2020-05-04T10:00", "2020-05-04T10:30", "2020-12-31T23:59"],
    "datetime64[ns]",
)
TRANSFORM = Affine(30, 0, 520_005, 0, -30, 5_620_035)
CRS_TEXT = "EPSG:32631"


def numbers(seed: int = 1) -> np.ndarray:
    """Integers of 0-10000 (t, 6, y, x)."""
    return np.random.default_rng(seed).integers(100, 9000, (T, 6, H, W)).astype(np.int16)


def coordinates(times: np.ndarray = TIMES, shape: tuple[int, int] = (H, W)) -> dict[str, Any]:
    """Coordinates of the middles of pixels, and times."""
    columns, rows = np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5
    return {"time": times, "x": TRANSFORM.c + 30 * columns, "y": TRANSFORM.f - 30 * rows}


def deep(values: np.ndarray, *, labels: tuple[str, ...] = BANDS, band: str = "band", **attributes: Any) -> Any:
    """A cube of one variable along time, bands, rows and columns."""
    array = xarray.DataArray(
        values, dims=("time", band, "y", "x"), coords={**coordinates(), band: list(labels)}, attrs=attributes
    )
    return array.to_dataset(name="reflectance").assign_attrs(crs=CRS_TEXT)


def flat(values: np.ndarray, *, labels: tuple[str, ...] = BANDS, **attributes: Any) -> Any:
    """A cube of a variable for each band along time, rows and columns."""
    variables = {label: (("time", "y", "x"), values[:, place], dict(attributes)) for place, label in enumerate(labels)}
    return xarray.Dataset(variables, coords=coordinates(), attrs={"crs": CRS_TEXT})


def write(dataset: Any, path: Path, **encoding: Any) -> Path:
    """Write a cube: a store where the name ends in `.zarr`, else a NetCDF file; `encoding` of all its numeric data."""
    names = [name for name in dataset.data_vars if dataset[name].dtype.kind in "if" and dataset[name].ndim > 2]
    fields = {name: dict(encoding) for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of strings in Zarr 3
        if path.suffix == ".zarr":
            dataset.to_zarr(path, mode="w", encoding=fields)
        else:
            dataset.to_netcdf(path, engine="h5netcdf", encoding=fields)
    return path
