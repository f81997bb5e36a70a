"""Opening and reading cubes through xarray, which is imported only here."""

import warnings
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stactools_esd.errors import MissingExtraError, RasterError
from stactools_esd.sources.cube_layout import CubeLayout


def state_of(path: Path) -> tuple[int, int]:
    """Return size and time of change, by which a cube that was written anew is known.

    Raises:
        RasterError: There is no such file or folder.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise RasterError(
            f"cannot read {path} ({error.strerror}), expected a Zarr store or a NetCDF file; check the path"
        ) from error
    return state.st_size, state.st_mtime_ns


@lru_cache(maxsize=2)
def open_dataset(path: Path, state: tuple[int, int]) -> Any:
    """Open a cube through xarray; the last few stay open, for opening takes longer than reading a window.

    Args:
        path: A Zarr store or a NetCDF file; absolute, for it is known by its path when it is asked for again.
        state: Its `state_of`.

    Raises:
        MissingExtraError: xarray, or what it reads such a cube with, is not installed.
    """
    del state
    xarray = _library("xarray", path)
    if path.is_dir():
        _library("zarr", path)
        engine = "zarr"
    elif find_spec("netCDF4"):
        engine = "netcdf4"
    else:
        for name in ("h5py", "h5netcdf"):
            _library(name, path)
        engine = "h5netcdf"
    return xarray.open_dataset(path, engine=engine, cache=False, decode_coords="all")


def _library(name: str, path: Path) -> Any:
    """Import a library of the extra."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"got the cube {path}, expected {name} to be installed; install stactools-esd[cube]"
        ) from error


@contextmanager
def plainly(path: Path) -> Iterator[None]:
    """Turn complaints of xarray and what is below it into one line of ours.

    Raises:
        RasterError: Something was raised that is no error of ours.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of formats that may change and metadata that are slow to read
            yield
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        raise RasterError(
            f"cannot read {path} ({reason}), expected a whole Zarr store or NetCDF-4 file; restore it"
        ) from error


@lru_cache(maxsize=1)
def read_part(
    path: Path,
    state: tuple[int, int],
    layout: CubeLayout,
    steps: tuple[int, int],
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Read a part of a cube as it lies in the file; the last one is remembered.

    Args:
        path: The cube; absolute.
        state: Its `state_of`.
        layout: Where everything stands in it.
        steps: First image and the one after the last.
        rows: First row and the one after the last.
        columns: First column and the one after the last.

    Returns:
        Reflectance, 0 where not valid, and valid (t, 6, rows, columns), not to be written to.

    Raises:
        RasterError: Data are truncated or damaged.
        MissingExtraError: xarray, or what it reads such a cube with, is not installed.
    """
    part = {layout.time: slice(*steps), layout.rows: slice(*rows), layout.columns: slice(*columns)}
    with plainly(path):
        dataset = open_dataset(path, state)
        numbers, quality = _numbers(dataset, layout, part)
    first = numbers[0]
    shape = (first.shape[0], len(layout.bands), *first.shape[1:])
    reflectance, valid = np.empty(shape, np.float32), np.empty(shape, np.bool_)
    border = np.ones(first.shape, np.bool_)
    for position, (band, values) in enumerate(zip(layout.bands, numbers, strict=True)):
        usable = np.isfinite(values)
        if band.nodata is not None:
            usable &= ~np.isclose(values, band.nodata, rtol=1e-5, atol=1e-7)
        border &= band.border is not None and values == band.border
        valid[:, position] = usable
        reflectance[:, position] = values * np.float64(band.scale) + band.offset
    valid &= ~border[:, None]
    if quality is not None and layout.quality is not None:
        valid &= layout.quality.is_clear(quality)
    reflectance[~valid] = 0
    for array in (reflectance, valid):
        array.setflags(write=False)
    return reflectance, valid


def _numbers(
    dataset: Any, layout: CubeLayout, part: dict[Hashable, slice]
) -> tuple[list[NDArray[Any]], NDArray[Any] | None]:
    """Read the numbers of the six bands, each (t, rows, columns), and of quality (t, 1 or 6, rows, columns).

    What lies along a dimension of bands is read at once, each chunk once.
    """
    quality = layout.quality
    places = [band.position for band in layout.bands if band.position is not None]
    if layout.band is None:
        bands = [_ordered(dataset[band.variable].isel(part), layout)[:, 0] for band in layout.bands]
    else:
        wanted = sorted({*places, *(() if quality is None or quality.position is None else (quality.position,))})
        contiguous = wanted == list(range(wanted[0], wanted[-1] + 1))
        chosen = slice(wanted[0], wanted[-1] + 1) if contiguous else wanted
        values = _ordered(dataset[layout.bands[0].variable].isel({**part, layout.band: chosen}), layout)
        bands = [values[:, wanted.index(place)] for place in places]
        if quality is not None and quality.position is not None:
            return bands, values[:, [wanted.index(quality.position)]]
    if quality is None:
        return bands, None
    variable = dataset[quality.variable].isel(part)
    if layout.band in variable.dims:  # flags of each band
        variable = variable.isel({layout.band: places})
    return bands, _ordered(variable, layout)


def _ordered(variable: Any, layout: CubeLayout) -> NDArray[Any]:
    """Return values in the order of time, bands, rows and columns; one band where there is no such dimension."""
    if layout.band is not None and layout.band in variable.dims:
        values = variable.transpose(layout.time, layout.band, layout.rows, layout.columns).values
    else:
        values = variable.transpose(layout.time, layout.rows, layout.columns).values[:, None]
    return np.asarray(values)
