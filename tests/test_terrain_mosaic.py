"""Rasters of elevation put together: mosaics, voids, the sea, and what does not cover the grid."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from elevation_files import GRID, UTM, cone, expected_terrain, plane, write_elevation, write_surface
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window
from rasterio.windows import transform as window_transform

from stactools_esd.errors import RasterError
from stactools_esd.sources.source import TargetGrid
from stactools_esd.sources.terrain import open_terrain
from stactools_esd.sources.voids import VOID_PIXELS, fill_small_voids

WHOLE = Window(0, 0, GRID.shape[1], GRID.shape[0])
VIRTUAL = """<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>{crs}</SRS>
<GeoTransform>{transform}</GeoTransform><VRTRasterBand dataType="Float32" band="1"><NoDataValue>-9999</NoDataValue>
{sources}</VRTRasterBand></VRTDataset>"""
SOURCE = """<SimpleSource><SourceFilename relativeToVRT="1">{name}</SourceFilename><SourceBand>1</SourceBand>
<SrcRect xOff="0" yOff="0" xSize="{width}" ySize="{height}"/>
<DstRect xOff="{column}" yOff="{row}" xSize="{width}" ySize="{height}"/></SimpleSource>"""


def cut(path: Path, folder: Path, rows: int, columns: int) -> list[tuple[Path, Window]]:
    """Cut a raster into files of so many rows and columns, by name in the order of their places."""
    parts = []
    with rasterio.open(path) as dataset:
        for row in range(0, dataset.height, rows):
            for column in range(0, dataset.width, columns):
                window = Window(column, row, min(columns, dataset.width - column), min(rows, dataset.height - row))
                file = folder / f"part_{row:04d}_{column:04d}.tif"
                transform = window_transform(window, dataset.transform)
                write_elevation(file, dataset.read(1, window=window), crs=dataset.crs, transform=transform)
                parts.append((file, window))
    return parts


def virtual(path: Path, whole: Path, parts: list[tuple[Path, Window]]) -> Path:
    """Write a virtual raster of parts beside them."""
    sources = "".join(
        SOURCE.format(name=file.name, width=part.width, height=part.height, column=part.col_off, row=part.row_off)
        for file, part in parts
    )
    with rasterio.open(whole) as dataset:
        transform = ", ".join(map(repr, dataset.transform.to_gdal()))
        path.write_text(
            VIRTUAL.format(
                width=dataset.width, height=dataset.height, crs=dataset.crs, transform=transform, sources=sources
            )
        )
    return path


@pytest.mark.parametrize(("crs", "spacing"), [("EPSG:4326", 1 / 3600), ("EPSG:3035", 7)])
def test_files_that_go_on_are_one_raster(tmp_path: Path, crs: str, spacing: float) -> None:
    """A folder, a list and a virtual raster of parts give the bits of the one raster that they were cut from."""
    whole = write_surface(tmp_path / "whole.tif", cone, crs, spacing, margin=20)
    folder = tmp_path / "parts"
    folder.mkdir()
    parts = cut(whole, folder, 25, 31)
    expected = open_terrain(whole, GRID).read(WHOLE)
    (folder / "notes.txt").write_text("not elevation")
    np.testing.assert_array_equal(open_terrain(folder, GRID).read(WHOLE), expected)
    np.testing.assert_array_equal(open_terrain([file for file, _ in parts[::-1]], GRID).read(WHOLE), expected)
    mosaic = open_terrain(virtual(folder / "all.vrt", whole, parts), GRID)
    np.testing.assert_array_equal(mosaic.read(WHOLE), expected)
    assert mosaic.covered == 1
    assert folder / "all.vrt" in mosaic.files
    assert 1 < len(mosaic.files) <= 1 + len(parts)


def test_rasters_of_two_zones_meet_without_a_step(tmp_path: Path) -> None:
    """A plane laid from two CRSs, each with a part of the grid, keeps its slope where they meet."""
    west = write_surface(tmp_path / "west.tif", plane, "EPSG:32634", 25)
    east = write_surface(tmp_path / "east.tif", plane, "EPSG:3035", 40)
    with rasterio.open(west) as dataset:
        half = dataset.read(1)[:, : dataset.width // 2]
        write_elevation(west.with_name("a.tif"), half, crs=dataset.crs, transform=dataset.transform)
    terrain = open_terrain([west.with_name("a.tif"), east], GRID).read(WHOLE)
    assert len(open_terrain([west.with_name("a.tif"), east], GRID).lattices) == 2
    np.testing.assert_allclose(terrain[:2], expected_terrain(plane)[:2], atol=0.002)


def test_the_first_raster_that_knows_counts(tmp_path: Path) -> None:
    """Where rasters overlap, those before others win, whatever their CRS; what they do not know comes from the next."""
    first = write_surface(tmp_path / "b.tif", lambda x, y: 0 * x + 100, UTM, 30, margin=-20)
    second = write_surface(tmp_path / "a.tif", lambda x, y: 0 * x + 200, "EPSG:4326", 1 / 1200)
    elevation = open_terrain([first, second], GRID).read(WHOLE)[0]
    assert set(np.unique(elevation)) == {100, 200}
    assert elevation[30, 40] == 100
    assert (open_terrain(tmp_path, GRID).read(WHOLE)[0] == 200).all()


def test_a_grid_across_the_antimeridian_is_whole(tmp_path: Path) -> None:
    """Rasters of degrees on both sides of 180 degrees, and one of the whole globe, are laid on one grid."""
    grid = TargetGrid(crs=CRS.from_epsg(32701), transform=Affine(30, 0, 178_000, 0, -30, 8_217_000), shape=(60, 80))

    def tilted(east: np.ndarray, north: np.ndarray) -> np.ndarray:
        return 300 + 0.1 * (east - 178_000) + 0.05 * (north - 8_216_000)

    both = write_surface(tmp_path / "both.tif", tilted, "EPSG:4326", 1 / 3600, grid=grid)
    with rasterio.open(both) as dataset:
        elevation, transform = dataset.read(1), dataset.transform
    column = round((180 - transform.c) * 3600)
    assert 0 < column < elevation.shape[1]
    transform = Affine(1 / 3600, 0, 180 - column / 3600, 0, -1 / 3600, transform.f)
    files = [tmp_path / "east.tif", tmp_path / "west.tif"]
    write_elevation(files[0], elevation[:, :column], crs="EPSG:4326", transform=transform)
    turned = Affine.translation(-360 + column / 3600, 0) * transform
    write_elevation(files[1], elevation[:, column:], crs="EPSG:4326", transform=turned)
    terrain = open_terrain(files, grid)
    assert len(terrain.lattices) == 1
    got = terrain.read(WHOLE)
    np.testing.assert_allclose(got[1], np.rad2deg(np.arctan(np.hypot(0.1, 0.05))), atol=0.01)
    globe = np.full((18, 36), 77, np.int16)
    path = write_elevation(tmp_path / "globe.tif", globe, crs="EPSG:4326", transform=Affine(10, 0, -180, 0, -10, 90))
    assert (open_terrain(path, grid).read(WHOLE)[0] == 77).all()


def test_small_voids_are_filled_from_their_rims_and_large_ones_are_not(tmp_path: Path) -> None:
    """Voids of up to 100 pixels are filled to 5 cm on a slope of 30 %; a larger one stays whole."""
    elevation = (500 + 9 * np.mgrid[0:60, 0:80][1]).astype(np.float32)
    holed = elevation.copy()
    holed[10:20, 10:20] = holed[40, 40] = holed[30:33, 60] = np.nan
    holed[40:50, 10:20] = holed[50, 10] = np.nan
    path = write_elevation(tmp_path / "dem.tif", holed, crs=UTM, transform=GRID.transform)
    terrain = open_terrain(path, GRID).read(WHOLE)
    void = np.isnan(terrain[0])
    assert void.sum() == VOID_PIXELS + 1
    assert void[40:50, 10:20].all()
    assert void[50, 10]
    assert np.isnan(terrain[:, void]).all()
    np.testing.assert_allclose(terrain[0][~void], elevation[~void], atol=0.05)
    assert fill_small_voids(elevation) is elevation


@pytest.mark.parametrize(
    ("written", "profile"),
    [(-9999, {"nodata": -9999}), (-32768, {}), (32767, {}), (np.float32(-3.4e38), {}), (np.nan, {})],
)
def test_nodata_and_impossible_elevation_are_unknown(tmp_path: Path, written: float, profile: dict[str, Any]) -> None:
    """Nodata, and what no ground has even where the file does not call it nodata, is unknown."""
    elevation = np.full(GRID.shape, 250, np.float32)
    elevation[:30, :40] = written
    path = write_elevation(tmp_path / "dem.tif", elevation, crs=UTM, transform=GRID.transform, **profile)
    terrain = open_terrain(path, GRID).read(WHOLE)
    np.testing.assert_array_equal(np.isnan(terrain[0]), elevation != 250)
    assert (terrain[1][elevation == 250] == 0).all()


def test_scales_of_files_are_used(tmp_path: Path) -> None:
    """Elevation stored as decimetres with a scale of 0.1 is metres."""
    elevation = np.full(GRID.shape, 2345, np.int16)
    path = write_elevation(tmp_path / "dem.tif", elevation, crs=UTM, transform=GRID.transform, scale=0.1, units="m")
    np.testing.assert_allclose(open_terrain(path, GRID).read(WHOLE)[0], 234.5)


def test_the_sea_is_what_it_is_said_to_be(tmp_path: Path) -> None:
    """An elevation of 0 is known ground; where the rasters leave the sea out it is unknown, or at the level given."""
    elevation = np.zeros((60, 60), np.float32)
    elevation[:, 30:] = np.nan
    path = write_elevation(tmp_path / "dem.tif", elevation, crs=UTM, transform=GRID.transform)
    known = open_terrain(path, GRID, partial=True).read(WHOLE)
    assert (known[:2, :, :30] == 0).all()
    assert np.isnan(known[:, :, 30:]).all()
    sea = open_terrain(path, GRID, sea_level=0)
    assert (sea.read(WHOLE)[:2] == 0).all()
    assert np.isnan(sea.read(WHOLE)[2]).all()
    assert sea.covered == pytest.approx(0.75)


def test_elevation_of_a_part_is_refused_with_the_part(tmp_path: Path) -> None:
    """Rasters that miss some of the grid are refused with the share that they hold, or taken where that is said."""
    transform = GRID.transform * Affine.translation(20, 0)
    path = write_elevation(tmp_path / "dem.tif", np.ones(GRID.shape, np.float32), crs=UTM, transform=transform)
    with pytest.raises(RasterError, match=r"got elevation of 75 % of the grid in .*dem.tif, expected all of it"):
        open_terrain(path, GRID)
    terrain = open_terrain(path, GRID, partial=True)
    assert terrain.covered == 0.75
    assert np.isnan(terrain.read(WHOLE)[0]).sum() == 20 * 60
    last = GRID.transform * Affine.translation(0, -1)
    write_elevation(path, np.ones(GRID.shape, np.float32), crs=UTM, transform=last)
    with pytest.raises(RasterError, match=r"98\.3 %"):
        open_terrain(path, GRID)


def test_a_virtual_raster_with_a_gap_does_not_cover(tmp_path: Path) -> None:
    """Of a virtual raster only its parts count, not the rectangle around them."""
    whole = write_surface(tmp_path / "whole.tif", plane, UTM, 30)
    parts = cut(whole, tmp_path, 24, 46)
    path = virtual(tmp_path / "all.vrt", whole, parts)
    assert open_terrain(path, GRID).covered == 1
    virtual(path, whole, parts[:3] + parts[4:])
    with pytest.raises(RasterError, match=r"got elevation of \d\d\.?\d? % of the grid"):
        open_terrain(path, GRID)


def test_rasters_elsewhere_are_refused_alone_and_left_out_beside_others(tmp_path: Path) -> None:
    """Elevation of another place covers nothing; beside a raster that covers the grid it is not read."""
    here = write_surface(tmp_path / "here.tif", plane, UTM, 90)
    away = write_elevation(
        tmp_path / "away.tif", np.ones((9, 9), np.float32), crs="EPSG:4326", transform=Affine(1, 0, -80, 0, -1, -10)
    )
    with pytest.raises(RasterError, match="without elevation on the grid"):
        open_terrain(away, GRID, partial=True)
    assert open_terrain([away, here], GRID).files == (here,)


def test_files_that_are_no_elevation_are_named(tmp_path: Path) -> None:
    """A missing or damaged file, an empty folder, feet, and a raster without CRS end in one line each."""
    with pytest.raises(RasterError, match=r"none\.tif, expected a raster of elevation"):
        open_terrain(tmp_path / "none.tif", GRID)
    with pytest.raises(RasterError, match="got no raster in"):
        open_terrain(tmp_path, GRID)
    path = tmp_path / "dem.tif"
    write_elevation(path, np.ones((9, 9), np.float32), transform=GRID.transform)
    with pytest.raises(RasterError, match=r"dem\.tif without a CRS"):
        open_terrain(path, GRID)
    write_elevation(path, np.ones((9, 9), np.float32), crs=UTM, transform=GRID.transform, units="ft")
    with pytest.raises(RasterError, match=r"got elevation in 'ft' in .*dem\.tif, expected metres"):
        open_terrain(path, GRID)
    write_surface(path, cone, UTM, 10)
    terrain = open_terrain(path, GRID)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RasterError, match=r"dem\.tif, expected a raster of elevation"):
        terrain.read(WHOLE)
