"""The true area of pixels, whatever the projection of a raster.

Pixels of an equal-area grid are all alike. Those of a UTM grid are up to 0.08 % smaller than they look in the middle of
the zone and 0.2 % larger at its edges; those of a grid of degrees shrink towards the poles. The authalic function
`q` (Snyder 1987, USGS Professional Paper 1395, eq. 3-12) turns latitudes into areas on the ellipsoid, exactly: the
area between two parallels and two meridians is `a^2 / 2 * (q2 - q1) * (lon2 - lon1)`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.blocks import Block
from stactools_esd.errors import GridError

NODE_PIXELS: Final = 64
"""Pixels between the places where area is computed; between them it is interpolated, to 1e-8 of it in UTM at 30 m."""

MOST_UNEQUAL: Final = 0.01
"""Pixels that differ by more in area are not taken for alike where they are sampled; within a tile of UTM they do by
0.003 at most."""

_EQUAL = 1e-7
_SEARCHED = 33


def authalic(latitude: ArrayLike, es: float) -> NDArray[np.float64]:
    """Return `q` of latitudes: twice the area from the equator, over radians of longitude and squared major axes.

    Args:
        latitude: Degrees.
        es: Squared eccentricity of the ellipsoid; 0 for a sphere.
    """
    sine = np.sin(np.deg2rad(np.asarray(latitude, dtype=np.float64)))
    if es == 0:
        return np.asarray(2 * sine)
    e = np.sqrt(es)
    return np.asarray((1 - es) * (sine / (1 - es * sine**2) + np.arctanh(e * sine) / e))


@dataclass(frozen=True, kw_only=True)
class PixelAreas:
    """Areas of the pixels of a grid.

    Raises:
        GridError: The grid has no CRS on Earth, or is a turned grid of degrees.
    """

    crs: CRS | None
    """CRS of the grid: projected, or of degrees."""

    transform: Affine
    """From (column, row) to (x, y)."""

    def __post_init__(self) -> None:
        if self.crs is None or not (self.crs.is_geographic or self.crs.is_projected):
            raise GridError("got a raster without a CRS on Earth, expected one, for areas need it; set its CRS")
        if self.crs.is_geographic and (self.transform.b or self.transform.d):
            raise GridError("got a turned raster in degrees, expected north up; warp it to a north-up grid")

    @property
    def nominal(self) -> float | None:
        """Square metres of a pixel as the projection has it; None for a grid of degrees."""
        if self._crs.is_geographic:
            return None
        unit = self._crs.axis_info[0].unit_conversion_factor
        return float(abs(self.transform.determinant) * unit**2)

    def of(self, block: Block) -> NDArray[np.float64]:
        """Return square metres of the pixels of a block, of a shape that goes with (h, w): (1, 1) where all are alike.

        A pixel's area does not depend, beyond 1e-7 of it, on the block that it is asked in.
        """
        if self._crs.is_geographic:
            edges = self.transform.f + self.transform.e * np.arange(block.row, block.row + block.height + 1)
            lines = authalic(np.clip(self._degrees * edges, -90, 90), self._es)
            width = abs(np.deg2rad(self._degrees * self.transform.a))
            return np.asarray(self._major**2 / 2 * width * np.abs(np.diff(lines))[:, None])
        rows, columns = _nodes(block.row, block.height), _nodes(block.column, block.width)
        areas = self._at(*np.meshgrid(columns, rows))
        if np.ptp(areas) <= _EQUAL * areas.mean():
            return np.full((1, 1), areas.mean())
        down = _weights(rows, block.row, block.height)
        across = _weights(columns, block.column, block.width)
        return np.asarray(down @ areas @ across.T)

    def at(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return square metres of some pixels, (n,).

        Args:
            rows: Rows, (n,).
            columns: Columns, (n,).
        """
        if not self._crs.is_geographic:
            return self._at(columns.astype(np.float64) + 0.5, rows.astype(np.float64) + 0.5)
        each, member = np.unique(rows, return_inverse=True)
        areas = [self.of(Block(row=row, column=0, height=1, width=1)).item() for row in each.tolist()]
        return np.array(areas, dtype=np.float64)[member]

    def spread(self, height: int, width: int) -> float:
        """Return how many times the area of its smallest pixels the largest of a raster have; 1 if all are alike.

        Args:
            height: Rows of the raster.
            width: Columns.
        """
        rows = np.unique(np.linspace(0, height - 1, _SEARCHED).astype(np.int64))
        columns = np.unique(np.linspace(0, width - 1, _SEARCHED).astype(np.int64))
        across, down = (part.ravel() for part in np.meshgrid(columns, rows))
        areas = self.at(down, across)
        smallest = areas[areas > 0].min(initial=np.inf)  # a row at a pole has none
        return float(areas.max() / smallest) if np.isfinite(smallest) else 1.0

    def unequal(self, height: int, width: int) -> bool:
        """Return whether pixels of a raster differ so much in area that their samples must be weighted with it."""
        return self.spread(height, width) > 1 + MOST_UNEQUAL

    @cached_property
    def _crs(self) -> Any:
        return pyproj.CRS.from_wkt(self.crs.to_wkt()) if self.crs is not None else None

    @cached_property
    def _degrees(self) -> float:
        """Degrees of the CRS's unit of angle."""
        return float(np.rad2deg(self._crs.axis_info[0].unit_conversion_factor))

    @cached_property
    def _major(self) -> float:
        return float(self._crs.get_geod().a)

    @cached_property
    def _es(self) -> float:
        return float(self._crs.get_geod().es)

    @cached_property
    def _to_degrees(self) -> pyproj.Transformer:
        return pyproj.Transformer.from_crs(self._crs, self._crs.geodetic_crs, always_xy=True)

    def _at(self, columns: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the area of a pixel around each place: the Jacobian from pixels to (longitude, q), by differences."""
        lon_across, q_across = self._difference(columns, rows, 0.5, 0.0)
        lon_down, q_down = self._difference(columns, rows, 0.0, 0.5)
        areas = self._major**2 / 2 * np.abs(lon_across * q_down - lon_down * q_across)
        sound = np.isfinite(areas) & (areas > 0)
        if not sound.any():
            raise GridError("got pixels outside the area of the raster's CRS, expected them on Earth; check the CRS")
        areas[~sound] = np.median(areas[sound])  # beyond the edge of the world, or at a pole: no land to map
        return np.asarray(areas)

    def _difference(
        self, columns: NDArray[np.float64], rows: NDArray[np.float64], across: float, down: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the change of longitude (radians) and of q over a pixel, across or down."""
        ends = [
            self._to_degrees.transform(*(self.transform * (columns + way * across, rows + way * down)))
            for way in (-1, 1)
        ]
        (lon0, lat0), (lon1, lat1) = ends
        with np.errstate(invalid="ignore"):
            turn = np.deg2rad((lon1 - lon0 + 180.0) % 360.0 - 180.0)  # also across the antimeridian
            return turn, authalic(lat1, self._es) - authalic(lat0, self._es)


def _nodes(first: int, count: int) -> NDArray[np.float64]:
    """Return places of nodes, in pixels from the raster's corner, around some pixels: the same ones for every block."""
    start = first // NODE_PIXELS
    stop = -(-(first + count) // NODE_PIXELS)
    return np.arange(start, stop + 1, dtype=np.float64) * NODE_PIXELS


def _weights(nodes: NDArray[np.float64], first: int, count: int) -> NDArray[np.float64]:
    """Return the weights (count, nodes) that interpolate from nodes to the middles of pixels."""
    places = (np.arange(first, first + count) + 0.5 - nodes[0]) / NODE_PIXELS
    lower = np.minimum(places.astype(np.int64), len(nodes) - 2)
    weights = np.zeros((count, len(nodes)))
    weights[np.arange(count), lower] = 1 - (places - lower)
    weights[np.arange(count), lower + 1] = places - lower
    return weights
