"""Slope and aspect from elevation."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.crs import CRS

from stactools_esd.encoder.terrain import slope_and_aspect, terrain_on_grid
from stactools_esd.errors import RasterError


@pytest.mark.parametrize(("down", "right", "aspect"), [(0, 1, 90), (0, -1, 270), (1, 0, 180), (-1, 0, 0)])
def test_aspect_is_where_water_runs_to(down: int, right: int, aspect: float) -> None:
    """A plane that falls by 30 m a pixel of 30 m slopes 45 degrees towards the side that it falls to."""
    row, column = np.mgrid[0:6, 0:7]
    elevation = (1000 - 30 * (down * row + right * column)).astype(np.float32)
    terrain = slope_and_aspect(elevation, 30, 30)
    assert terrain.shape == (3, 4, 5)
    np.testing.assert_allclose(terrain[1], 45, atol=1e-3)
    np.testing.assert_allclose(terrain[2] % 360, aspect, atol=1e-3)


def test_flat_ground_has_no_aspect_and_missing_ground_nothing() -> None:
    """Aspect is NaN where flat; all three are NaN where there is no elevation."""
    elevation = np.full((5, 5), 12.0, dtype=np.float32)
    elevation[1, 1] = np.nan
    terrain = slope_and_aspect(elevation, 30, 30)
    assert np.isnan(terrain[2]).all()
    assert np.isnan(terrain[:, 0, 0]).all()
    assert (terrain[1].ravel()[1:] == 0).all()


def test_elevation_is_brought_onto_the_grid(tmp_path: Path) -> None:
    """Elevation of another resolution is interpolated onto the grid, whose outermost pixels have slopes too."""
    path = tmp_path / "dem.tif"
    column = np.arange(20, dtype=np.float32)[None, :].repeat(20, axis=0)
    profile = {"driver": "GTiff", "width": 20, "height": 20, "count": 1, "dtype": "float32", "crs": "EPSG:32631"}
    with rasterio.open(path, "w", transform=Affine(90, 0, 500_000, 0, -90, 5_001_800), **profile) as dataset:
        dataset.write(9 * column, 1)
    terrain = terrain_on_grid(path, CRS.from_epsg(32631), Affine(30, 0, 500_300, 0, -30, 5_001_500), (10, 12))
    assert terrain.shape == (3, 10, 12)
    np.testing.assert_allclose(terrain[1], np.rad2deg(np.arctan(0.1)), atol=0.01)
    np.testing.assert_allclose(terrain[2], 270, atol=0.5)
    with pytest.raises(RasterError, match="raster of elevation"):
        terrain_on_grid(tmp_path / "none.tif", CRS.from_epsg(32631), Affine.identity(), (2, 2))
    with pytest.raises(RasterError, match="without elevation on the grid"):
        terrain_on_grid(path, CRS.from_epsg(32631), Affine(30, 0, 600_000, 0, -30, 5_001_500), (10, 12))
