"""Outlines in WGS84."""

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from stactools_esd.errors import GridError
from stactools_esd.footprint import bbox, footprint

BOUNDS = (399945.0, 4392015.0, 507945.0, 4500015.0)


def test_an_outline_follows_its_edges() -> None:
    """Points on the edges of the projected rectangle lie within 15 m of the outline, not 750 m as from corners."""
    outline = shapely.geometry.shape(footprint(32650, BOUNDS))
    west, south, east, north = BOUNDS
    x = np.concatenate([np.linspace(west, east, 500)] * 2)
    y = np.repeat([south, north], 500)
    lon, lat = pyproj.Transformer.from_crs(32650, 4326, always_xy=True).transform(x, y)
    far = shapely.distance(outline.exterior, shapely.points(lon, lat)).max()
    assert far * 111_000 < 15
    assert (
        shapely.distance(shapely.box(*bbox(footprint(32650, BOUNDS))).exterior, shapely.points(lon, lat)).max() > 0.002
    )


def test_outlines_are_rounded_closed_and_counter_clockwise() -> None:
    """GeoJSON wants closed rings, exteriors counter-clockwise; seven decimals are a centimetre."""
    geometry = footprint(CRS.from_epsg(32650), BOUNDS)
    (ring,) = geometry["coordinates"]
    assert ring[0] == ring[-1]
    assert shapely.LinearRing(ring).is_ccw
    assert all(round(number, 7) == number for point in ring for number in point)
    assert geometry == footprint("EPSG:32650", BOUNDS)


def test_a_small_outline_has_four_corners() -> None:
    """A chip needs no points along its edges."""
    assert len(footprint(32650, (500000, 4400000, 500960, 4400960))["coordinates"][0]) == 5


@pytest.mark.parametrize("epsg", [32601, 32660, 32701, 32760])
def test_an_outline_is_cut_at_the_antimeridian(epsg: int) -> None:
    """Across the antimeridian an outline has two valid parts, and its bbox has west > east."""
    west = 99945.0 if epsg % 100 == 1 else 799965.0
    south = 0.0 if epsg < 32700 else 9_800_000.0
    geometry = footprint(epsg, (west, south, west + 108_000, south + 108_000))
    shape = shapely.geometry.shape(geometry)
    assert geometry["type"] == "MultiPolygon"
    assert shape.is_valid
    assert len(shape.geoms) == 2
    box = bbox(geometry)
    assert box[0] > 179 > -179 > box[2]
    assert box[1] < box[3]


@given(st.integers(1, 60), st.floats(200_000, 700_000), st.floats(0, 9_000_000), st.floats(30, 108_000))
def test_an_outline_holds_its_middle(zone: int, west: float, south: float, size: float) -> None:
    """Anywhere in the northern zones the outline is valid, holds its middle, and lies in its bbox."""
    geometry = footprint(32600 + zone, (west, south, west + size, south + size))
    shape = shapely.geometry.shape(geometry)
    lon, lat = pyproj.Transformer.from_crs(32600 + zone, 4326, always_xy=True).transform(
        west + size / 2, south + size / 2
    )
    assert shape.is_valid
    assert shape.contains(shapely.Point(lon, lat))
    box = bbox(geometry)
    assert box[1] <= lat <= box[3]
    assert box[0] <= lon <= box[2] if box[0] <= box[2] else (lon >= box[0] or lon <= box[2])


@pytest.mark.parametrize("bounds", [(5, 0, 5, 10), (0, 0, 10, -10), (1e12, 0, 2e12, 1), (float("nan"), 0, 1, 1)])
def test_impossible_bounds_are_one_line(bounds: tuple[float, float, float, float]) -> None:
    """An empty rectangle, or one off the Earth, is refused."""
    with pytest.raises(GridError, match="got"):
        footprint(32650, bounds)
