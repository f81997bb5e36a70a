"""What the readers of coarse images refuse, and how they say so."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coarse_files import GRID, MODIS_VALUES, modis_layers, place, whole, write_band, write_layers
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.windows import Window

from stactools_esd.errors import NothingFoundError, RasterError
from stactools_esd.sources.modis import open_modis
from stactools_esd.sources.source import TargetGrid, read

ONE = "MOD09A1.A2020185.h26v04.061.2020200123456"
WINDOW = Window(0, 0, 50, 40)


@pytest.mark.parametrize("layer", ["sur_refl_b03", "sur_refl_b06", "sur_refl_state_500m"])
def test_missing_layers_are_named(tmp_path: Path, layer: str) -> None:
    """A band or the state that is not there ends in an error that names image and layer, or skips that image."""
    write_layers(tmp_path, modis_layers())
    write_layers(tmp_path, modis_layers(**{layer: None}), day="2020193")
    with pytest.raises(RasterError, match=rf"MOD09A1\.A2020193\.h26v04 in .* without {layer}, expected"):
        open_modis(tmp_path, GRID)
    source = open_modis(tmp_path, GRID, skip_bad=True)
    assert source.bad == ("MOD09A1.A2020193.h26v04",)
    assert source.names == ("MOD09A1.A2020185",)


def test_truncated_files_are_named(tmp_path: Path) -> None:
    """Half a file is named when it is read, or its image counted as not observed; a ruined header when it is opened."""
    file = next(path for path in write_layers(tmp_path, modis_layers()) if "b04" in path.name)
    write_layers(tmp_path, modis_layers(), day="2020193")
    source = open_modis(tmp_path, GRID)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) - 60])
    with pytest.raises(RasterError, match=file.name):
        source.read_image(0, WINDOW)
    observations, bad = read(source, WINDOW, [0, 1], skip_bad=True)
    assert bad == ("MOD09A1.A2020185",)
    assert (observations.valid[0].any(), observations.valid[1].all()) == (False, True)
    file.write_bytes(b"not an image")
    with pytest.raises(RasterError, match=file.name):
        open_modis(tmp_path, GRID)
    assert open_modis(tmp_path, GRID, skip_bad=True).bad == ("MOD09A1.A2020185.h26v04",)


def test_a_day_twice_is_refused(tmp_path: Path) -> None:
    """Two files of one layer, day and tile end in an error that names both, also where damaged files are skipped."""
    write_layers(tmp_path / "a", modis_layers())
    write_layers(tmp_path / "a", modis_layers(), made="2021001000000")
    with pytest.raises(RasterError, match=r"got 2020-07-03 twice, in .*2020200123456.* and .*2021001000000"):
        open_modis(tmp_path / "a", GRID, skip_bad=True)
    write_layers(tmp_path / "b", modis_layers())
    write_band(tmp_path / "b" / f"{ONE}_sur_refl_b01.tif", modis_layers()["sur_refl_b01"], place())
    with pytest.raises(RasterError, match=r"got sur_refl_b01 of MOD09A1.A2020185.h26v04 twice, in .* and .*"):
        open_modis(tmp_path / "b", GRID, skip_bad=True)


@pytest.mark.parametrize(
    ("other", "match"),
    [
        ({"product": "MOD09GA"}, "one product of one collection"),
        ({"product": "MYD09A1"}, "one product of one collection"),
        ({"collection": "006", "day": "2020193"}, "one product of one collection"),
    ],
)
def test_two_products_are_refused(tmp_path: Path, other: dict[str, Any], match: str) -> None:
    """Files of two products or collections are not mixed."""
    write_layers(tmp_path, modis_layers())
    write_layers(tmp_path, modis_layers(), **other)
    with pytest.raises(RasterError, match=match):
        open_modis(tmp_path, GRID)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"collection": "005"}, "got collection 005 .* expected 006 or 061"),
        ({"product": "MOD13A1"}, "expected one of the products MOD09A1, MOD09GA"),
        ({"product": "VNP09GA"}, "choose the reader of this product"),
        ({"day": "2020367"}, "MOD09A1.A2020367.* rename the file"),
        ({"tile": "h26v05"}, "two tiles were mixed"),
        ({"tile": "h40v05", "transform": place()}, "h40v05.* rename the file"),
        ({"crs": None}, "without a coordinate reference system"),
        ({"scale": 0.1}, "got scale 0.1"),
        ({"transform": place() * Affine.rotation(10)}, "cannot place"),
    ],
)
def test_unknown_files_are_refused(tmp_path: Path, options: dict[str, Any], match: str) -> None:
    """Other products, collections, days, tiles, places and scales end in one line that names a file."""
    write_layers(tmp_path, modis_layers(), **({"transform": place()} | options))
    with pytest.raises(RasterError, match=match) as caught:
        open_modis(tmp_path, GRID)
    assert "09" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scale", [0.0001, 10000.0])
def test_known_scales_are_accepted(tmp_path: Path, scale: float) -> None:
    """A file may state the factor, or its inverse as a divisor; reflectance is the same."""
    write_layers(tmp_path, modis_layers(), scale=scale)
    assert whole(open_modis(tmp_path, GRID))[0][0, 0, 0] == pytest.approx(0.01)


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_other_numbers_are_refused(tmp_path: Path, kind: type) -> None:
    """Reflectance that somebody scaled or packed is of unknown scale."""
    write_layers(tmp_path, modis_layers() | {"sur_refl_b02": modis_layers()["sur_refl_b02"].astype(kind)})
    with pytest.raises(RasterError, match=rf"got {np.dtype(kind)} numbers of sur_refl_b02 in .*{ONE}"):
        open_modis(tmp_path, GRID)


def test_bands_without_names_are_refused(tmp_path: Path) -> None:
    """A file of several bands must name them; a file named for a layer has one band."""
    stack = np.stack([modis_layers()[name] for name in MODIS_VALUES])
    write_band(tmp_path / "a" / f"{ONE}.tif", stack, place())
    with pytest.raises(RasterError, match="expected bands described as sur_refl_b03"):
        open_modis(tmp_path / "a", GRID)
    write_band(tmp_path / "b" / f"{ONE}.sur_refl_b01.tif", stack, place())
    with pytest.raises(RasterError, match=r"got 6 bands in .* its name says sur_refl_b01"):
        open_modis(tmp_path / "b", GRID)


def test_granules_must_meet_the_grid(tmp_path: Path) -> None:
    """Where no granule covers a part of the grid, the error says where the grid is."""
    write_layers(tmp_path, modis_layers())
    far = TargetGrid(crs=CRS.from_epsg(32631), transform=Affine(30, 0, 499995, 0, -30, 5600025), shape=(4, 4))
    with pytest.raises(NothingFoundError, match="expected one that meets the grid of 4 x 4 pixels at 499995, 5600025"):
        open_modis(tmp_path, far)


def test_folders_without_files_are_refused(tmp_path: Path) -> None:
    """No folder, no file, and files of other names end in one line each; other suffixes are left alone."""
    with pytest.raises(RasterError, match="expected a folder"):
        open_modis(tmp_path / "nowhere", GRID)
    (tmp_path / "granule-list.txt").touch()
    with pytest.raises(RasterError, match="got no file"):
        open_modis(tmp_path, GRID)
    (tmp_path / "image.tif").touch()
    with pytest.raises(RasterError, match=r"got image\.tif in"):
        open_modis(tmp_path, GRID)
