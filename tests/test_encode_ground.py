"""What the encoder is told of the ground."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from elevation_files import write_surface
from rasterio.crs import CRS
from rasterio.windows import Window
from tiny_images import COLUMNS, OPTIONS, ROWS, TRANSFORM, YEAR_2020, write_images

from stactools_esd.cog import open_codes
from stactools_esd.encoder import load_encoder
from stactools_esd.encoder.encode import encode_source
from stactools_esd.encoder.inference import MIN_VALID_DAYS
from stactools_esd.errors import OutputError, RasterError, UsageError
from stactools_esd.seamless import prepare
from stactools_esd.sources.folder import read_folder
from stactools_esd.sources.source import TargetGrid
from stactools_esd.sources.terrain import open_terrain

GRID = TargetGrid(crs=CRS.from_epsg(32631), transform=TRANSFORM, shape=(ROWS, COLUMNS))


def bowl(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """A bowl whose slopes differ from pixel to pixel."""
    return 300 + 0.004 * ((east - 500_090) ** 2 + (north - 4_999_800) ** 2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve simulated images without terrain."""
    return write_images(tmp_path_factory.mktemp("images"), terrain=False)


@pytest.fixture(scope="module")
def dem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Elevation around them, in degrees."""
    path = tmp_path_factory.mktemp("dem") / "bowl30.tif"
    return write_surface(path, bowl, "EPSG:4326", 1 / 3600, grid=GRID)


def codes_of(item: str) -> np.ndarray:
    """Read all codes."""
    with open_codes(item) as file:
        return file.read().codes


def test_elevation_is_laid_on_the_grid(source: Path, dem: Path, tmp_path: Path) -> None:
    """Codes are those of the terrain, which can be sent to workers; recipe and links name the elevation."""
    made = encode_source(source, tmp_path, **OPTIONS, dem=dem)
    series, clear = prepare(read_folder(source), YEAR_2020)
    terrain = open_terrain(dem, GRID).read(Window(0, 0, COLUMNS, ROWS))
    expected = load_encoder().encode(series, terrain.reshape(3, -1).T)
    expected[clear < MIN_VALID_DAYS] = 0
    np.testing.assert_array_equal(codes_of(made.codes), expected.T.reshape(12, ROWS, COLUMNS))
    sent = pickle.loads(pickle.dumps(open_terrain(dem, GRID)))
    np.testing.assert_array_equal(sent.read(Window(1, 2, 3, 4)), terrain[:, 2:6, 1:4])
    item = json.loads(made.item.read_text())
    assert item["properties"]["esd:input_recipe"]["dem"] == "bowl30"
    assert "bowl30.tif" in [link["title"] for link in item["links"]]


@pytest.mark.parametrize("ready", [True, False])
def test_a_part_knows_its_own_ground(ready: bool, dem: Path, tmp_path: Path) -> None:
    """Terrain of a part is that of the whole there, from elevation and from a file beside the images."""
    source = write_images(tmp_path / "images", terrain=ready)
    options = OPTIONS if ready else OPTIONS | {"dem": dem}
    whole = encode_source(source, tmp_path / "whole", **options)
    part = encode_source(source, tmp_path / "part", **options, part=(3, 2, 6, 4))
    np.testing.assert_array_equal(codes_of(part.codes), codes_of(whole.codes)[:, 3:9, 2:6])
    unknown = tmp_path / "unknown"
    (source / "terrain.tif").unlink(missing_ok=True)
    flat = encode_source(source, unknown, **OPTIONS)
    assert (codes_of(flat.codes) != codes_of(whole.codes)).any()


def test_elevation_has_to_cover_the_images(source: Path, tmp_path: Path) -> None:
    """What leaves a part of the images out is refused, unless that part is not encoded or has a level of its own."""
    dem = write_surface(tmp_path / "half.tif", bowl, "EPSG:32631", 30, grid=GRID, margin=-3)
    with pytest.raises(RasterError, match=r"got elevation of .* % of the grid"):
        encode_source(source, tmp_path / "tiles", **OPTIONS, dem=dem)
    assert not (tmp_path / "tiles").exists()
    assert encode_source(source, tmp_path / "tiles", **OPTIONS, dem=dem, sea_level=0.0)
    assert encode_source(source, tmp_path / "part", **OPTIONS, dem=dem, part=(4, 3, 3, 1))
    with pytest.raises(UsageError, match="got sea level 0 without elevation"):
        encode_source(source, tmp_path / "tiles", **OPTIONS, sea_level=0.0)


def test_terrain_on_another_grid_is_refused_before_the_work(tmp_path: Path) -> None:
    """A file beside the images has to lie on their grid."""
    source = write_images(tmp_path / "images")
    other = write_images(tmp_path / "other", 5, 6)
    (other / "terrain.tif").replace(source / "terrain.tif")
    with pytest.raises(RasterError, match="another grid"):
        encode_source(source, tmp_path / "tiles", **OPTIONS)
    assert not (tmp_path / "tiles").exists()


def test_another_sea_level_is_another_run(source: Path, tmp_path: Path) -> None:
    """Blocks of a killed run are not mixed with those of other ground."""
    dem = write_surface(tmp_path / "half.tif", bowl, "EPSG:32631", 30, grid=GRID, margin=-3)

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_source(source, tmp_path / "tiles", **OPTIONS, dem=dem, sea_level=0.0, on_block=stop)
    with pytest.raises(OutputError, match="another run"):
        encode_source(source, tmp_path / "tiles", **OPTIONS, dem=dem, sea_level=1.0)
