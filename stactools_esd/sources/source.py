"""What every reader of images gives: dated images of one grid, read by window.

A reader is a module of its own with a frozen dataclass of the shape of `Source` and an opener `open_<noun>`. Whoever
reads images takes a `Source` and knows no reader.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.errors import GridError, RasterError
from stactools_esd.grid import tile
from stactools_esd.observations import Dates, Observations
from stactools_esd.product import BANDS


@dataclass(frozen=True, kw_only=True)
class TargetGrid:
    """The grid that a resampling reader gives its images on: north up, rows from north to south."""

    crs: CRS
    """Coordinate reference system."""

    transform: Affine
    """From pixel corners (column, row) to coordinates of the CRS."""

    shape: tuple[int, int]
    """Rows and columns."""

    def __post_init__(self) -> None:
        """Check that the grid is north up and has pixels.

        Raises:
            GridError: It is rotated, upside down, or has no row or column.
        """
        turned = self.transform.b or self.transform.d or self.transform.a <= 0 or self.transform.e >= 0
        if turned or min(self.shape) < 1:
            raise GridError(
                f"got a grid of {self.shape} with the transform {tuple(self.transform)[:6]}, expected at least one row "
                "and column, north up without rotation; give the transform of a north-up raster"
            )


def tile_grid(id: str) -> TargetGrid:
    """Return the grid of a whole product tile.

    Args:
        id: MGRS tile such as `50TMK`.

    Raises:
        GridError: The text is not an MGRS tile, or no such square exists.
    """
    place = tile(id)
    return TargetGrid(crs=CRS.from_epsg(place.epsg), transform=place.transform, shape=(place.height, place.width))


class OnGrid:
    """What a source says of the grid it was given: readers that put images onto one inherit it."""

    grid: TargetGrid

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of the grid."""
        return self.grid.crs

    @property
    def transform(self) -> Affine:
        """From pixel corners (column, row) to coordinates of the CRS."""
        return self.grid.transform

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return self.grid.shape


class Source(Protocol):
    """Dated images of one grid.

    A source holds no open file and can be pickled, for blocks may be read in several processes.
    """

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of the grid."""

    @property
    def transform(self) -> Affine:
        """From pixel corners (column, row) to coordinates of the CRS; north up."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""

    @property
    def dates(self) -> Dates:
        """Days of the images, `datetime64[D]`, never decreasing (t,)."""

    @property
    def names(self) -> tuple[str, ...]:
        """One unique short name an image, in the order of `dates`: for items, errors and logs."""

    @property
    def files(self) -> tuple[tuple[Path, ...], ...]:
        """Every file that each image is read from, in the order of `dates`: for run keys and `derived_from` links."""

    @property
    def harmonisation(self) -> str:
        """How sensors were brought to one scale, in the words of the input recipe: `none`, `roy-2016-etm-to-oli`."""

    @property
    def bad(self) -> tuple[str, ...]:
        """Names of damaged images or files that were passed over when the source was opened with `skip_bad`."""

    def read_image(self, position: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read a window of one image, and no more of it than that.

        Args:
            position: Which image, in the order of `dates`.
            window: Whole pixels inside the grid.

        Returns:
            Reflectance as a share of 1 in the order of `product.BANDS`, and whether it was observed, both (6, rows,
            columns); reflectance is 0 where it was not.

        Raises:
            RasterError: Data are truncated or damaged; the message names the file.
        """


def check_window(window: Window, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of a window after checking that it is whole pixels inside a grid.

    Raises:
        GridError: It is not.
    """
    numbers = (window.row_off, window.col_off, window.height, window.width)
    row, column, height, width = (int(number) for number in numbers)
    inside = row >= 0 and column >= 0 and row + height <= shape[0] and column + width <= shape[1]
    if numbers != (row, column, height, width) or not inside or height < 1 or width < 1:
        raise GridError(
            f"got a window of {numbers[2]:g} x {numbers[3]:g} pixels at row {numbers[0]:g}, column {numbers[1]:g}, "
            f"expected whole pixels inside {shape[0]} x {shape[1]}; cut the window to the grid"
        )
    return slice(row, row + height), slice(column, column + width)


def read(
    source: Source, window: Window, positions: Sequence[int], skip_bad: bool = False
) -> tuple[Observations, tuple[str, ...]]:
    """Read a window of some images of a source.

    Args:
        source: Where to read.
        window: Whole pixels inside the grid of the source.
        positions: Which images, rising, in the order of `source.dates`; none is allowed.
        skip_bad: Take a damaged image as not observed in this window, and name it, where it would else be an error.

    Returns:
        Observations of the window with its own transform, one image a position; and the names of damaged images,
        always empty without `skip_bad`.

    Raises:
        GridError: The window leaves the grid.
        RasterError: An image is damaged, and `skip_bad` was not said.
        ObservationsError: The values are not reflectance.
    """
    rows, columns = check_window(window, source.shape)
    shape = (len(positions), len(BANDS), rows.stop - rows.start, columns.stop - columns.start)
    reflectance, valid = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    bad: list[str] = []
    for place, position in enumerate(positions):
        try:
            reflectance[place], valid[place] = source.read_image(position, window)
        except RasterError:
            if not skip_bad:
                raise
            bad.append(source.names[position])
    observations = Observations(
        dates=source.dates[list(positions)],
        reflectance=reflectance,
        valid=valid,
        transform=source.transform * Affine.translation(columns.start, rows.start),
        crs=source.crs,
    )
    return observations, tuple(bad)
