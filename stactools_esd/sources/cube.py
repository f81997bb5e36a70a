"""Cubes of reflectance through xarray, an optional extra: a Zarr store or a NetCDF file.

Dimensions may stand in any order. The six bands lie along a dimension, or each is a variable. A variable of quality
tells what is clear (`cube_quality`); what the cube does not say of itself may be told (`cube_options`).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from stactools_esd.errors import NothingFoundError, RasterError
from stactools_esd.observations import Dates
from stactools_esd.product import BANDS
from stactools_esd.sources.crop import beginning
from stactools_esd.sources.cube_bands import checked_bands
from stactools_esd.sources.cube_file import open_dataset, plainly, read_part, state_of
from stactools_esd.sources.cube_layout import CubeLayout, find_layout
from stactools_esd.sources.cube_options import CubeOptions
from stactools_esd.sources.cube_place import CubeGrid, find_crs, find_grid, read_times
from stactools_esd.sources.nearest import find_nearest, meets
from stactools_esd.sources.place import place
from stactools_esd.sources.source import OnGrid, TargetGrid, check_window

HARMONISATION: Final = "none"
"""What a cube says of its sensors: nothing was done to them here. Whoever made it may know better."""

HELD_BYTES: Final = 256 << 20
"""Memory that reading a window may take where a file stores many images together; a quarter of it is kept."""

_VALUE_BYTES: Final = 20
"""Bytes of a value while it is read: decoded twice over as a long float, its reflectance and its flag."""

_QUALITY_BYTES: Final = 24
"""Bytes of a pixel's quality while it is read: its number decoded, as a long integer, and its flags."""

_FINER: Final = 1.5
"""Pixels of a cube to one of a grid from which the nearest stands for too little of it."""


@dataclass(frozen=True, kw_only=True)
class CubeSource(OnGrid):
    """Images of a cube; make one with `open_cube`."""

    path: Path
    """The store or file."""

    layout: CubeLayout
    """Where everything stands in it."""

    own: CubeGrid
    """Its own grid."""

    grid: TargetGrid
    """The grid of the images."""

    begins: tuple[int, int] | None
    """Row and column of the cube in which the grid begins; None where pixels of the cube are looked up."""

    times: tuple[np.datetime64, ...]
    """Times of the images, `datetime64[s]`, rising."""

    steps: tuple[int, ...]
    """Place of each image along the cube's dimension of time."""

    bad: tuple[str, ...] = ()
    """Always empty: a cube can be opened or not."""

    @property
    def harmonisation(self) -> str:
        """How sensors were brought to one scale, in the words of the input recipe."""
        return HARMONISATION

    @cached_property
    def dates(self) -> Dates:
        """Days of the images, never decreasing (t,)."""
        return np.array(self.times, "datetime64[D]")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of the cube with the date of each image, and the time where a day has several."""
        days = [str(time)[:10].replace("-", "") for time in self.times]
        clocks = [str(time)[10:].replace(":", "") for time in self.times]
        return tuple(
            f"{self.path.stem}_{day}{clock if days.count(day) > 1 else ''}"
            for day, clock in zip(days, clocks, strict=True)
        )

    @property
    def files(self) -> tuple[tuple[Path, ...], ...]:
        """The store or file, for each image."""
        return ((self.path,),) * len(self.times)

    def read_image(self, position: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read a window of one image, and no more chunks than hold it.

        Where the file stores many images together, as many of them as fit `HELD_BYTES` are read at once and kept until
        another window is asked for: images of one window are best read in order.

        Args:
            position: Which image, in the order of `dates`.
            window: Whole pixels inside the grid.

        Returns:
            Reflectance as a share of 1 in the order of `product.BANDS`, and whether it was observed, both (6, rows,
            columns); reflectance is 0 where it was not.

        Raises:
            GridError: The window leaves the grid.
            RasterError: Data are truncated or damaged.
            MissingExtraError: xarray is not installed.
        """
        rows, columns = check_window(window, self.shape)
        if self.begins is not None:
            row, column = self.begins
            part = slice(rows.start + row, rows.stop + row), slice(columns.start + column, columns.stop + column)
            return self._read_own(self.steps[position], *part)
        shape = (len(BANDS), rows.stop - rows.start, columns.stop - columns.start)
        nearest = find_nearest(self.own.grid, self.grid, window)
        if nearest is None:
            return np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
        reflectance, valid = self._read_own(self.steps[position], *check_window(nearest.part, self.own.grid.shape))
        valid = np.stack([nearest.gather(band) for band in valid]) & nearest.inside
        reflectance = np.stack([nearest.gather(band) for band in reflectance])
        reflectance[~valid] = 0
        return reflectance, valid

    def _read_own(self, step: int, rows: slice, columns: slice) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read one image on pixels of the cube's own grid."""
        height, width = self.own.grid.shape
        down, across = (rows.start, rows.stop), (columns.start, columns.stop)
        if self.own.south_up:
            down = height - rows.stop, height - rows.start
        if self.own.east_first:
            across = width - columns.stop, width - columns.start
        first, stop = self._together(step, (down[1] - down[0]) * (across[1] - across[0]))
        both = read_part(self.path.absolute(), state_of(self.path), self.layout, (first, stop), down, across)
        turned = slice(None, None, -1 if self.own.south_up else 1), slice(None, None, -1 if self.own.east_first else 1)
        reflectance, valid = (array[step - first][:, *turned].copy() for array in both)
        return reflectance, valid

    def _together(self, step: int, pixels: int) -> tuple[int, int]:
        """Return the first image that is read together with one, and the one after the last."""
        chunk = self.layout.images_in_chunk
        of_pixel = len(BANDS) * _VALUE_BYTES + (0 if self.layout.quality is None else _QUALITY_BYTES)
        held = max(1, min(chunk, HELD_BYTES // (pixels * of_pixel)))
        begin = step - step % chunk
        first = begin + (step - begin) // held * held
        return first, min(first + held, begin + chunk, len(self.times))


def open_cube(
    path: str | Path,
    grid: TargetGrid | None = None,
    *,
    options: CubeOptions | None = None,
    skip_bad: bool = False,
) -> CubeSource:
    """Look at the coordinates of a cube, and at none of its values.

    Dimensions are found by common names and CF attributes; bands by this project's names and STAC's common names, or
    by the numbers of Sentinel-2; the CRS by the grid mapping, `spatial_ref`, `crs` or `proj:epsg`; quality by common
    names and CF flags. Coordinates are the middles of pixels. Numbers are scaled by `scale_factor` and `add_offset` as
    CF has it; NaN, `_FillValue` and the attribute `nodata` are missing, and in integers without any of these zeros in
    all six bands.

    Args:
        path: A Zarr store (a folder) or a NetCDF file.
        grid: Where to lay the images; the cube's own grid by default. On other pixels than the cube's, each pixel of
            the grid takes that of the cube that holds its centre.
        options: What the cube does not say of itself, or says wrong.
        skip_bad: Changes nothing here, for a cube can be opened or not.

    Raises:
        MissingExtraError: xarray, zarr or h5netcdf is not installed.
        RasterError: The cube cannot be opened, something is missing or ambiguous, a time is there twice, coordinates
            are irregular, integers have no scale, what is clear is not known, or the cube is much finer than the grid.
        NothingFoundError: The cube does not touch the grid.
    """
    del skip_bad
    cube, said = Path(path), options or CubeOptions()
    checked_bands(said.bands)
    with plainly(cube):
        dataset = open_dataset(cube.absolute(), state_of(cube))
        layout = find_layout(dataset, str(cube), said)
        first = dataset[layout.bands[0].variable]
        own = find_grid(dataset, layout.rows, layout.columns, find_crs(dataset, first, said.crs, str(cube)), str(cube))
        times = read_times(dataset, layout.time, str(cube))
    order = np.argsort(times, kind="stable")
    return CubeSource(
        path=cube,
        layout=layout,
        own=own,
        grid=grid or own.grid,
        begins=(0, 0) if grid is None else _begins(cube, own.grid, grid),
        times=tuple(times[order]),
        steps=tuple(int(step) for step in order),
    )


def _begins(cube: Path, own: TargetGrid, grid: TargetGrid) -> tuple[int, int] | None:
    """Return where a grid begins in a cube, or None where it lies on other pixels or leaves it."""
    if not meets(own, grid):
        raise NothingFoundError(f"got the cube {cube}, which does not touch the grid; give a cube of the place")
    try:
        return beginning(cube, own, grid)
    except RasterError:
        pass
    row, column = grid.shape[0] / 2, grid.shape[1] / 2
    x, y = grid.transform * (np.array([column, column + 1, column]), np.array([row, row, row + 1]))
    columns, rows = ~own.transform * place(grid, own.crs, x, y)
    finest = np.hypot(columns[1:] - columns[0], rows[1:] - rows[0]).max()
    if finest > _FINER:
        raise RasterError(
            f"got {finest:.2g} pixels of {cube} to one of the grid, expected about one or fewer; average the cube to "
            "the size of the grid's pixels first, as xarray's coarsen does"
        )
    return None
