"""Our files in programs that are not Python packages: QGIS, GDAL's own validator, R."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from conftest import ROOT, Run
from PIL import Image

sys.path.append(str(ROOT / "tests"))
import synthetic

from stactools_esd.cog import write_codes
from stactools_esd.fsq import codes_to_vectors, valid_pixels

SYSTEM_PYTHON = "/usr/bin/python3"
"""The Python that Debian's QGIS and GDAL are packaged for."""

Draw = Callable[..., np.ndarray]


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    """Fail where a program is missing."""
    for program, package in (("qgis", "qgis"), ("Rscript", "r-cran-terra"), ("gdalinfo", "gdal-bin")):
        if shutil.which(program) is None:
            raise RuntimeError(f"got no {program}, expected Debian's {package}; run `make debian`")


@pytest.fixture
def codes_cog(tmp_path: Path) -> Path:
    """Return a codes COG of several blocks, some pixels without data."""
    path = tmp_path / "ESD_esdnet-small-v1_xdemo_2020.tif"
    codes = synthetic.random_codes(3, 400, 300, nodata_share=0.1)
    place = {"transform": synthetic.AREA_TRANSFORM, "crs": synthetic.AREA_CRS}
    write_codes(path, codes, synthetic.counts(3, 400, 300), **place, tags=synthetic.tags())
    return path


@pytest.fixture
def draw(run: Run) -> Draw:
    """Return a function that draws a raster in QGIS and returns the pixels; pictures stay in build/screenshots."""

    def draw(name: str, raster: Path, style: Path | None = None) -> np.ndarray:
        picture = ROOT / "build" / "screenshots" / f"qgis-{name}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        options = [style] if style else []
        run(SYSTEM_PYTHON, ROOT / "services" / "qgis_render.py", raster, picture, *options)
        return np.asarray(Image.open(picture).convert("RGB"))

    return draw


def test_qgis_draws_a_map_in_its_style(draw: Draw, static_map: Path, tmp_path: Path) -> None:
    """Each class has the colour that `map.qml` gives it, and another colour where the style says so."""
    with rasterio.open(static_map / "map.tif") as file:
        classes, colours = file.read(1), file.colormap(1)
    shown = draw("map", static_map / "map.tif", static_map / "map.qml")
    water = "#1f6fc6"
    changed = tmp_path / "changed.qml"
    text = (static_map / "map.qml").read_text()
    assert f'color="{water}" label="water"' in text
    changed.write_text(text.replace(water, "#010203"))
    otherwise = draw("map-restyled", static_map / "map.tif", changed)
    for class_id in np.unique(classes[classes > 0]):
        here = classes == class_id
        assert (shown[here] == colours[int(class_id)][:3]).all()
        expected = (1, 2, 3) if colours[int(class_id)][:3] == (0x1F, 0x6F, 0xC6) else colours[int(class_id)][:3]
        assert (otherwise[here] == expected).all()
    assert not np.array_equal(shown, otherwise)


def test_qgis_draws_the_false_colours(draw: Draw, collection: Path) -> None:
    """The asset `visual` needs no style: QGIS shows its red, green and blue as they are."""
    visual = next(collection.rglob("*_2020_visual.tif"))
    with rasterio.open(visual) as file:
        expected = np.moveaxis(file.read((1, 2, 3)), 0, -1)
    np.testing.assert_array_equal(draw("visual", visual), expected)


def test_qgis_opens_codes(run: Run, codes_cog: Path, tmp_path: Path) -> None:
    """QGIS opens a codes COG with all its bands and its place."""
    said = run(SYSTEM_PYTHON, ROOT / "services" / "qgis_render.py", codes_cog, tmp_path / "codes.png")
    assert said.split()[1:] == ["EPSG:32631", "13"]


def test_gdal_finds_cogs_valid(run: Run, codes_cog: Path, catalog: Path, static_map: Path) -> None:
    """GDAL's own validator accepts codes, false colours and maps, in every byte range it looks at."""
    paths = [codes_cog, static_map / "map.tif", static_map / "quality.tif", *catalog.rglob("*.tif")]
    assert len(paths) >= 7
    for path in paths:
        module = ("-m", "osgeo_utils.samples.validate_cloud_optimized_geotiff")
        assert "is a valid cloud optimized GeoTIFF" in run(SYSTEM_PYTHON, *module, "--full-check=yes", path)


def test_r_decodes_as_we_do(run: Run, codes_cog: Path, tmp_path: Path) -> None:
    """examples/decode.R gives the same vectors, named by step, and NA exactly where there are no data."""
    run("Rscript", ROOT / "examples" / "decode.R", codes_cog, tmp_path / "vectors.tif")
    with rasterio.open(codes_cog) as file:
        codes = file.read(range(1, 13))
    with rasterio.open(tmp_path / "vectors.tif") as file:
        vectors, names = file.read(), file.descriptions
    assert names == tuple(f"step_{step:02d}_{k}" for step in range(1, 13) for k in range(1, 7))
    valid = valid_pixels(codes)
    assert 0 < valid.sum() < valid.size
    expected = np.moveaxis(codes_to_vectors(codes), -1, 1).reshape(72, *valid.shape)
    np.testing.assert_array_equal(vectors[:, valid], expected[:, valid])
    assert np.isnan(vectors[:, ~valid]).all()
