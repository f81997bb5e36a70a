"""Rasters of elevation that go on in each other's pixels, read as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.sources.elevation_file import Header, read_window

_TOLERANCE: Final = 0.01
_STRIP_POSTS: Final = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Raster:
    """One file of elevation and its place on a lattice."""

    path: Path
    """The file."""

    row: int
    """Row of the lattice in which it begins."""

    column: int
    """Column of the lattice in which it begins."""

    shape: tuple[int, int]
    """Rows and columns."""


@dataclass(frozen=True, kw_only=True)
class Lattice:
    """Rasters that share a CRS and, where they go on, pixels: together they are one."""

    crs: CRS
    """Their CRS."""

    transform: Affine
    """From pixel corners (column, row) of the lattice to coordinates."""

    rasters: tuple[Raster, ...]
    """The rasters; where they overlap, the first that knows the elevation counts."""

    def read(self, row: int, column: int, shape: tuple[int, int], thinning: tuple[int, int]) -> NDArray[np.float32]:
        """Read posts, each the mean of a few where a raster is much finer than needed.

        Args:
            row: First row, in thinned posts.
            column: First column, in thinned posts.
            shape: Rows and columns, in thinned posts.
            thinning: Rows and columns of the lattice that one post is the mean of; counted from the lattice's origin,
                so that a post is the same whatever part is read.

        Returns:
            Elevation in metres of `shape`; NaN where fewer than half of a post's pixels are known.

        Raises:
            RasterError: A file is truncated or damaged.
        """
        down, across = thinning
        if thinning == (1, 1):
            return self._read(row, column, shape)
        posts = np.empty(shape, np.float32)
        at_once = max(1, _STRIP_POSTS // (down * across * shape[1]))
        for first in range(0, shape[0], at_once):
            rows = min(at_once, shape[0] - first)
            pixels = self._read((row + first) * down, column * across, (rows * down, shape[1] * across))
            cells = pixels.reshape(rows, down, shape[1], across)
            known = ~np.isnan(cells)
            count = known.sum(axis=(1, 3))
            total = np.where(known, cells, np.float32(0)).sum(axis=(1, 3), dtype=np.float64)
            posts[first : first + rows] = np.where(2 * count >= down * across, total / np.maximum(count, 1), np.nan)
        return posts

    def _read(self, row: int, column: int, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Read pixels of the lattice, NaN where no raster knows them."""
        elevation = np.full(shape, np.nan, np.float32)
        for raster in self.rasters:
            top, left = max(row, raster.row), max(column, raster.column)
            bottom = min(row + shape[0], raster.row + raster.shape[0])
            right = min(column + shape[1], raster.column + raster.shape[1])
            if top >= bottom or left >= right:
                continue
            part = elevation[top - row : bottom - row, left - column : right - column]
            unknown = np.isnan(part)
            if unknown.any():
                window = Window(left - raster.column, top - raster.row, right - left, bottom - top)
                part[unknown] = read_window(raster.path, window)[unknown]
        return elevation


def join(headers: Sequence[Header]) -> tuple[Lattice, ...]:
    """Put files together that go on in each other's pixels.

    Returns:
        Lattices in the order of their first files.
    """
    groups: list[list[Header]] = []
    places: list[list[tuple[int, int]]] = []
    for header in headers:
        for group, begins in zip(groups, places, strict=True):
            place = _place(header, group[0])
            if place is not None:
                group.append(header)
                begins.append(place)
                break
        else:
            groups.append([header])
            places.append([(0, 0)])
    return tuple(
        Lattice(
            crs=group[0].crs,
            transform=group[0].transform,
            rasters=tuple(
                Raster(path=header.path, row=row, column=column, shape=header.shape)
                for header, (row, column) in zip(group, begins, strict=True)
            ),
        )
        for group, begins in zip(groups, places, strict=True)
    )


def _place(header: Header, first: Header) -> tuple[int, int] | None:
    """Return the row and column of `first` in which a file begins, or None where it lies on other pixels."""
    if header.crs != first.crs:
        return None
    column, row = ~first.transform * (header.transform.c, header.transform.f)
    height, width = header.shape
    far = ~first.transform * (header.transform * (width, height))
    whole = (round(column), round(row))
    off = np.abs(np.subtract((column, row, *far), (*whole, whole[0] + width, whole[1] + height))).max()
    return (whole[1], whole[0]) if off <= _TOLERANCE else None
