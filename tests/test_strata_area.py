"""Areas of pixels are those on the ellipsoid, not those of the projection."""

import numpy as np
import pyproj
import pytest
from rasterio import Affine
from rasterio.crs import CRS

from esd_tasks.strata_area import PixelAreas
from stactools_esd.blocks import Block
from stactools_esd.errors import GridError

GRIDS = {
    "utm, middle": (32631, Affine(30, 0, 499_995, 0, -30, 5_600_025)),
    "utm, edge": (32631, Affine(30, 0, 780_015, 0, -30, 5_600_025)),
    "utm, antimeridian": (32601, Affine(30, 0, 291_000, 0, -30, 6_800_055)),
    "equal area": (3035, Affine(100, 0, 4_321_000, 0, -100, 3_210_000)),
    "web mercator": (3857, Affine(50, 0, 500_000, 0, -50, 6_600_000)),
    "polar": (3413, Affine(100, 0, 100_000, 0, -100, -2_000_000)),
    "feet": (2263, Affine(100, 0, 1_000_000, 0, -100, 200_000)),
    "degrees": (4326, Affine(0.01, 0, 20, 0, -0.01, 60)),
    "turned": (32631, Affine(20, 10, 499_995, 10, -20, 5_600_025)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_areas_are_those_of_the_ellipsoid(name: str) -> None:
    """A block's pixels sum up to the geodesic area of its outline, in every kind of grid."""
    epsg, transform = GRIDS[name]
    block = Block(row=10, column=50, height=90, width=70)
    areas = np.broadcast_to(PixelAreas(crs=CRS.from_epsg(epsg), transform=transform).of(block), (90, 70))
    edge = [(50 + c, 10.0) for c in range(70)] + [(120.0, 10 + r) for r in range(90)]
    edge += [(120 - c, 100.0) for c in range(70)] + [(50.0, 100 - r) for r in range(90)]
    crs = pyproj.CRS.from_epsg(epsg)
    x, y = transform * tuple(np.array(edge, dtype=float).T)
    lon, lat = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(x, y)
    expected = abs(crs.get_geod().polygon_area_perimeter(lon, lat)[0])
    assert areas.sum() == pytest.approx(expected, rel=1e-5 if epsg == 4326 else 1e-6)


def test_utm_pixels_are_off_by_their_scale() -> None:
    """A pixel of 900 m2 is 0.08 % larger on the ground in the middle of a zone: the scale there is 0.9996."""
    areas = PixelAreas(crs=CRS.from_epsg(32631), transform=GRIDS["utm, middle"][1])
    assert areas.nominal == 900
    assert areas.of(Block(row=0, column=0, height=1, width=1)).item() == pytest.approx(900 / 0.9996**2, rel=1e-7)


def test_unequal_pixels_are_found() -> None:
    """A grid of degrees over many latitudes has unequal pixels, also across the equator; a tile of UTM has not."""
    utm, wide = GRIDS["utm, edge"], Affine(0.1, 0, 20, 0, -0.1, 60)
    assert not PixelAreas(crs=CRS.from_epsg(utm[0]), transform=utm[1]).unequal(3600, 3600)
    degrees = PixelAreas(crs=CRS.from_epsg(4326), transform=wide)
    assert not degrees.unequal(1, 500)
    assert degrees.spread(1200, 9) == pytest.approx(2, abs=0.03)
    assert PixelAreas(crs=CRS.from_epsg(4326), transform=Affine(0.5, 0, 0, 0, -0.5, 90)).unequal(360, 9)


@pytest.mark.parametrize("name", ["utm, edge", "degrees", "web mercator"])
def test_areas_of_single_pixels_are_those_of_blocks(name: str) -> None:
    """A pixel asked for alone has the area that it has in its block."""
    areas = PixelAreas(crs=CRS.from_epsg(GRIDS[name][0]), transform=GRIDS[name][1])
    whole = np.broadcast_to(areas.of(Block(row=0, column=0, height=90, width=90)), (90, 90))
    rows, columns = np.array([0, 7, 89, 7]), np.array([3, 80, 0, 1])
    assert np.allclose(areas.at(rows, columns), whole[rows, columns], rtol=1e-7)


@pytest.mark.parametrize("name", ["utm, edge", "degrees"])
def test_an_area_does_not_depend_on_the_block(name: str) -> None:
    """Whatever the blocks, a pixel has one area, to 1e-7 of it."""
    areas = PixelAreas(crs=CRS.from_epsg(GRIDS[name][0]), transform=GRIDS[name][1])
    whole = np.broadcast_to(areas.of(Block(row=0, column=0, height=200, width=200)), (200, 200))
    part = np.broadcast_to(areas.of(Block(row=100, column=70, height=30, width=61)), (30, 61))
    assert np.allclose(whole[100:130, 70:131], part, rtol=1e-7)


@pytest.mark.parametrize(
    ("crs", "transform"), [(None, Affine.identity()), (CRS.from_epsg(4326), Affine(0.01, 0.001, 20, 0, -0.01, 60))]
)
def test_rasters_without_areas_are_refused(crs: CRS | None, transform: Affine) -> None:
    """No CRS, or a turned grid of degrees: an error that says what to do."""
    with pytest.raises(GridError, match="expected"):
        PixelAreas(crs=crs, transform=transform)
