"""Sources that fail as the world does, for tests of encoding; importable by worker processes."""

import os
import signal
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.errors import RasterError
from stactools_esd.observations import Dates
from stactools_esd.sources.folder import FolderSource, open_folder


@dataclass(frozen=True, kw_only=True)
class Deadly(FolderSource):
    """A folder that kills the process that reads a certain row when a block is finished, as long as a file is there."""

    row: int
    """The row."""

    trigger: Path
    """The file; it is removed by the one that dies."""

    destination: Path
    """Where blocks are finished."""

    def read_image(self, position: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read, or die."""
        if window.row_off <= self.row < window.row_off + window.height and self.trigger.exists():
            while not list(self.destination.rglob("r*.block")):
                time.sleep(0.02)
            self.trigger.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read_image(position, window)


def deadly(folder: Path, destination: Path, row: int) -> Deadly:
    """Make a deadly source of a folder."""
    trigger = destination.with_name("trigger")
    trigger.touch()
    known = {field.name: getattr(open_folder(folder), field.name) for field in fields(FolderSource)}
    return Deadly(**known, row=row, trigger=trigger, destination=destination)


@dataclass(frozen=True, kw_only=True)
class Endless:
    """Images of any size that cost nothing to make: one value everywhere, seen in the first columns only."""

    shape: tuple[int, int]
    """Rows and columns."""

    count: int
    """Number of images, a day apart, from 1 January 2020."""

    seen: int = 4
    """Columns in which anything is seen."""

    seen_rows: int = 10**6
    """Rows in which anything is seen."""

    damaged: frozenset[tuple[int, int]] = frozenset()
    """Positions and rows that cannot be read."""

    harmonisation: str = "none"
    bad: tuple[str, ...] = ()

    @property
    def crs(self) -> CRS:
        """Any."""
        return CRS.from_epsg(32631)

    @property
    def transform(self) -> Affine:
        """Any."""
        return Affine(30, 0, 500_000, 0, -30, 5_000_000)

    @property
    def dates(self) -> Dates:
        """One day after the other."""
        return np.datetime64("2020-01-01", "D") + np.arange(self.count)

    @property
    def names(self) -> tuple[str, ...]:
        """Numbers."""
        return tuple(f"image{position}" for position in range(self.count))

    @property
    def files(self) -> tuple[tuple[Path, ...], ...]:
        """None."""
        return ((),) * self.count

    def read_image(self, position: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Make a window of an image."""
        rows = range(int(window.row_off), int(window.row_off + window.height))
        if any((position, row) in self.damaged for row in rows):
            raise RasterError(f"cannot read image{position}, expected whole image data; replace the truncated file")
        shape = (6, len(rows), int(window.width))
        valid = np.zeros(shape, np.bool_)
        valid[:, : max(0, self.seen_rows - rows[0]), : max(0, self.seen - int(window.col_off))] = True
        return np.where(valid, np.float32(0.1 + 0.001 * position), np.float32(0)), valid
