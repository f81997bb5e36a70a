"""What a path holds is told by its names, and opened on the right grid."""

from pathlib import Path

import coarse_files
import pytest
import test_landsat
import test_sdc30
from tiny_images import write_images

from stactools_esd.errors import NothingFoundError, RasterError, UsageError
from stactools_esd.sources.find import find_source, grid_of, recognise
from stactools_esd.sources.landsat_writer import write_landsat
from stactools_esd.sources.source import tile_grid

SCENE = "LC08_L2SP_012031_20200704_20200910_02_T1"

NAMES: dict[str, tuple[str, ...]] = {
    "folder": ("SR_20200501.tif", "L8_2020122.tif", "terrain.tif", "notes.txt"),
    "sdc30": ("SDC30_V003_50TMK_20200501.tif", "CSDC30_50TMK_2020123.tif"),
    "landsat": (f"{SCENE}/{SCENE}_SR_B2.TIF", f"{SCENE}/{SCENE}_MTL.json", "readme.html"),
    "modis": ("MOD09A1.A2020185.h26v04.061.2020200123456.hdf", "browse.jpg"),
    "cube": ("zarr.json", "reflectance/zarr.json", "reflectance/c/0"),
    "viirs": ("VNP09A1.002_SurfReflect_M3_doy2020185000000_aid0001.tif", "VNP09A1-002-Statistics.csv"),
}
"""Kinds by the files that a folder of each holds."""


@pytest.mark.parametrize("kind", NAMES)
def test_folders_are_known_by_their_names(kind: str, tmp_path: Path) -> None:
    """Names are enough, whatever lies beside the images."""
    for name in NAMES[kind]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert recognise(tmp_path) == kind


@pytest.mark.parametrize("name", ["items.json", f"{SCENE}.json", f"items/{SCENE}/{SCENE}_SR_stac.json"])
def test_items_of_landsat_are_known(name: str, tmp_path: Path) -> None:
    """One JSON file, or a folder of items, flat or with a folder for each."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert recognise(tmp_path / "items" if name.startswith("items/") else path) == "landsat"


@pytest.mark.parametrize("name", ["cube.nc", "cube.NC4", "cube.zarr"])
def test_cubes_are_known_by_their_ending(name: str, tmp_path: Path) -> None:
    """A NetCDF file or a store, before anything in it is looked at."""
    (tmp_path / name).touch()
    assert recognise(tmp_path / name) == "cube"


def test_a_cube_keeps_its_pixels_where_the_tile_has_them(tmp_path: Path) -> None:
    """On the tile's grid a cube is a window of it; on other pixels it is laid on the whole tile."""
    cube_files = pytest.importorskip("cube_files")
    cube = cube_files.deep(cube_files.numbers(), scale_factor=0.0001)
    found = find_source(cube_files.write(cube, tmp_path / "cube.zarr"), "31UES")
    assert (found.source_type, found.source.shape) == ("cube", (cube_files.H, cube_files.W))
    moved = cube_files.write(cube.assign_coords(x=cube["x"] + 10), tmp_path / "moved.zarr")
    assert find_source(moved, "31UES").source.shape == (3600, 3600)
    assert find_source(moved, "xfield").source.shape == (cube_files.H, cube_files.W)


def test_what_is_not_known_says_what_was_looked_for(tmp_path: Path) -> None:
    """An absent path, a folder without dated images and a file of another kind: one line with all that would do."""
    for name in ("notes.txt", "holiday.tif", "cat_2020.tif"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="does not exist"):
        recognise(tmp_path / "gone")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(
            RasterError, match=r"SDC30_V003_.*Landsat Collection 2.*MOD09.*VNP09.*\*_YYYYMMDD.tif.*Zarr"
        ):
            recognise(path)


def test_a_folder_has_its_own_grid(tmp_path: Path) -> None:
    """Plain GeoTIFFs are read as they lie; what they are only the user knows."""
    found = find_source(write_images(tmp_path / "images"), "xtest")
    assert (found.source_type, found.name, found.source.shape) == ("folder", "unspecified", (11, 7))
    with pytest.raises(UsageError, match="got a grid for a folder"):
        find_source(tmp_path / "images", "xtest", grid=grid_of(tmp_path / "images" / "terrain.tif"))
    with pytest.raises(UsageError, match="got harmonise etm for a source of type folder"):
        find_source(tmp_path / "images", "xtest", harmonise="etm")
    with pytest.raises(UsageError, match="got source type 'tape'"):
        find_source(tmp_path / "images", "xtest", source_type="tape")


def test_sdc30_is_cropped_to_the_tile(tmp_path: Path) -> None:
    """The archive says what it is; by request its files are plain images instead."""
    test_sdc30.write(tmp_path / "SDC30_V003_50TMK_20200501.tif", test_sdc30.MARK)
    found = find_source(tmp_path, "50TMK")
    assert (found.source_type, found.name, found.source.shape) == ("sdc30", "SDC30_V003", (3600, 3600))
    plain = find_source(tmp_path, "50TMK", source_type="folder")
    assert (plain.source_type, plain.source.shape) == ("folder", (3661, 3661))


def test_landsat_is_laid_on_the_grid_of_the_tile(tmp_path: Path) -> None:
    """Scenes come on the product's grid, or on that of a raster for an area of one's own; other places have none."""
    observed = test_landsat.observed()
    write_landsat(observed, tmp_path / "scenes", missions=test_landsat.MISSIONS)
    found = find_source(tmp_path / "scenes", "31TGL", harmonise="etm")
    grid = tile_grid("31TGL")
    assert (found.source_type, found.name) == ("landsat", "landsat-c2-l2")
    assert (found.source.crs, found.source.transform, found.source.shape) == (grid.crs, grid.transform, grid.shape)
    assert found.source.harmonisation == "roy-2016-etm-to-oli"
    with pytest.raises(UsageError, match="--like"):
        find_source(tmp_path / "scenes", "xfield")
    own = grid_of(next((tmp_path / "scenes").rglob("*.TIF")))
    assert find_source(tmp_path / "scenes", "xfield", grid=own).source.shape == observed.shape
    with pytest.raises(NothingFoundError, match="touches the grid"):
        find_source(tmp_path / "scenes", "50TMK")


def test_modis_is_laid_on_the_grid_of_the_tile(tmp_path: Path) -> None:
    """Products of 500 m name themselves."""
    coarse_files.write_layers(tmp_path, coarse_files.modis_layers())
    found = find_source(tmp_path, "xfield", grid=coarse_files.GRID)
    assert (found.source_type, found.name) == ("modis", "MOD09A1")
    assert found.source.shape == coarse_files.GRID.shape
    assert str(found.source.dates[0]) == "2020-07-03"
