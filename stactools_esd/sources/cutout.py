"""A window of a source, as a source of its own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.observations import Dates
from stactools_esd.sources.source import Source, check_window


@dataclass(frozen=True, kw_only=True)
class Cutout:
    """Images of another source, cut to a window of its grid."""

    whole: Source
    """Where the images are."""

    row: int
    """First row of the window."""

    column: int
    """First column of the window."""

    shape: tuple[int, int]
    """Rows and columns of the window."""

    def __post_init__(self) -> None:
        """Check that the window lies in the grid.

        Raises:
            GridError: It does not.
        """
        check_window(Window(self.column, self.row, self.shape[1], self.shape[0]), self.whole.shape)

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of the grid."""
        return self.whole.crs

    @property
    def transform(self) -> Affine:
        """From pixel corners (column, row) of the window to coordinates of the CRS."""
        return self.whole.transform * Affine.translation(self.column, self.row)

    @property
    def dates(self) -> Dates:
        """Days of the images, never decreasing (t,)."""
        return self.whole.dates

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images, in the order of `dates`."""
        return self.whole.names

    @property
    def files(self) -> tuple[tuple[Path, ...], ...]:
        """Files of each image, in the order of `dates`."""
        return self.whole.files

    @property
    def harmonisation(self) -> str:
        """How sensors were brought to one scale."""
        return self.whole.harmonisation

    @property
    def bad(self) -> tuple[str, ...]:
        """Names of damaged images that were passed over."""
        return self.whole.bad

    def read_image(self, position: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read a part of the window of one image: reflectance and valid, both (6, rows, columns).

        Args:
            position: Which image, in the order of `dates`.
            window: Whole pixels inside this window.

        Raises:
            GridError: The part leaves the window.
            RasterError: Data are truncated or damaged.
        """
        rows, columns = check_window(window, self.shape)
        moved = Window(
            self.column + columns.start,
            self.row + rows.start,
            columns.stop - columns.start,
            rows.stop - rows.start,
        )
        return self.whole.read_image(position, moved)
