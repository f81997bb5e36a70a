"""Which rasters lie on a grid, and how much of the grid they cover."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine

from stactools_esd.sources.elevation_file import Header, Part
from stactools_esd.sources.place import place
from stactools_esd.sources.source import TargetGrid

_POINTS: Final = 257
"""Points to a side that stand for the pixels of a grid: of a tile every fourteenth pixel."""

_TOLERANCE: Final = 0.01
"""Pixels of a raster by which a point may lie outside."""

_TURNS: Final = (0, -1, 1)
"""Turns around the globe by which a raster of degrees may lie off the grid: 179 E is 181 W."""


def coverage(headers: Iterable[Header], grid: TargetGrid) -> float:
    """Return the share of a grid, 0..1, that rasters hold, whether they know its elevation or not.

    Gaps narrower than a 256th of the grid may be missed.
    """
    points = _points(grid, 0)
    inside = np.zeros(points[0].shape, np.bool_)
    for header in headers:
        for turned in _turned(header):
            rows, columns = _on_raster(turned, grid, points)
            for part in _met(turned.parts, rows, columns):
                inside |= _within(part, rows, columns)
    return float(inside.mean())


def headers_on(headers: Iterable[Header], grid: TargetGrid, *, margin: int) -> tuple[Header, ...]:
    """Return the rasters that lie on a grid or on so many pixels around it, those of degrees turned to where it is."""
    points = _points(grid, margin)
    return tuple(
        turned
        for header in headers
        for turned in _turned(header)
        if any(_met(turned.parts, *_on_raster(turned, grid, points)))
    )


def files_on(headers: Sequence[Header], grid: TargetGrid) -> tuple[Path, ...]:
    """Return the files that elevation of a grid is read from, each once, those in archives left out."""
    files: dict[Path, None] = {}
    for header in headers:
        files[header.path] = None
        files |= {part.file: None for part in _met(header.parts, *_on_raster(header, grid, _points(grid, 0)))}
    return tuple(file for file in files if file.is_file())


def _turned(header: Header) -> Iterator[Header]:
    """Yield a raster, and where it is of degrees the same a turn to the west and to the east."""
    for turns in _TURNS if header.crs.is_geographic else _TURNS[:1]:
        yield replace(header, transform=Affine.translation(360.0 * turns, 0) * header.transform)


def _points(grid: TargetGrid, margin: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coordinates of pixels all over a grid, its outermost among them, or those so many pixels outside."""
    rows, columns = (
        np.unique(np.linspace(-margin, size - 1 + margin, min(size, _POINTS)).round()) + 0.5 for size in grid.shape
    )
    x, y = np.meshgrid(grid.transform.c + grid.transform.a * columns, grid.transform.f + grid.transform.e * rows)
    return x.ravel(), y.ravel()


def _on_raster(
    header: Header, grid: TargetGrid, points: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rows and columns of a raster where points of a grid lie, NaN where they have none."""
    across, along = place(grid, header.crs, *points)
    across, along = (np.where(np.isfinite(axis), axis, np.nan) for axis in (across, along))
    columns, rows = ~header.transform * (across, along)
    return rows, columns


def _met(parts: Iterable[Part], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Iterator[Part]:
    """Yield the parts that meet the rectangle around points."""
    if np.isnan(rows).all():
        return
    top, bottom, left, right = np.nanmin(rows), np.nanmax(rows), np.nanmin(columns), np.nanmax(columns)
    for part in parts:
        if (
            part.row < bottom
            and part.column < right
            and part.row + part.height > top
            and part.column + part.width > left
        ):
            yield part


def _within(part: Part, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points lie in a part; False for NaN."""
    down = (rows >= part.row - _TOLERANCE) & (rows <= part.row + part.height + _TOLERANCE)
    inside: NDArray[np.bool_] = (
        down & (columns >= part.column - _TOLERANCE) & (columns <= part.column + part.width + _TOLERANCE)
    )
    return inside
