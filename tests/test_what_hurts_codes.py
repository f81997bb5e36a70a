"""What hurts users of codes: absurd values, the wrong hemisphere, clipped coasts, half floats, areas of thumbnails."""

import ast
import json
from pathlib import Path
from typing import Any

import geopandas
import neighbours
import numpy as np
import pytest
import rasterio
import tiny_classes
import tiny_map
from rasterio.enums import Resampling
from typer.testing import CliRunner, Result

from esd_tasks import cli
from stactools_esd.cog import open_codes
from stactools_esd.product import STEP_BANDS

ROOT = Path(__file__).parent.parent
WORLD = "2.9,50.4,3.4,50.8"
"""A box far beyond the tiny place on all sides."""


def esd_tasks(*words: Any) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def spoil(path: Path, code: int) -> None:
    """Put a number into one pixel of a codes COG, as a damaged archive may have it."""
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        band = dataset.read(3)
        band[40, 50] = code
        dataset.write(band, 3)


@pytest.mark.parametrize("what", ["pull", "cluster"])
def test_absurd_codes_are_never_passed_on(what: str, tmp_path: Path) -> None:
    """A number that is no code ends the command with the file's name, and no pixel holds what came of it."""
    path = tiny_map.write_place(tmp_path / "codes")
    spoil(path, 64_000)
    result = esd_tasks(what, "--bbox", WORLD, "--catalog", path.parent, "--year", 2020, "-o", tmp_path / "out")
    assert result.exit_code in (1, 4), result.output
    assert path.name in result.stderr or "esd-esdnet-small-v1-xdemo-2020" in result.stderr
    assert "64000" in result.stderr
    for made in tmp_path.glob("out/*.tif"):
        with open_codes(made) as file:
            assert not file.read().valid.any()


def test_numbers_of_all_levels_survive(tmp_path: Path) -> None:
    """Codes above 2048, which half floats round, come back as they were, and no half float is written anywhere."""
    path = tiny_map.write_place(tmp_path / "codes")
    with open_codes(path) as file:
        codes = file.read().codes
    assert (codes > 2048).any()
    done = esd_tasks(
        "pull", "--bbox", WORLD, "--catalog", path.parent, "--year", 2020, "-o", tmp_path / "out", "--json"
    )
    with open_codes(next(iter(json.loads(done.stdout)["paths"].values()))) as file:
        pulled = file.read()
    assert np.array_equal(np.unique(pulled.codes[:, pulled.valid]), np.unique(codes[:, 4:]))
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.value
        for one in (ROOT / "esd_tasks").rglob("*.py")
        for node in ast.walk(ast.parse(one.read_text()))
        if isinstance(node, ast.Attribute) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    }
    assert "float16" not in names


def test_nothing_is_clipped_at_the_edge_of_the_data(tmp_path: Path) -> None:
    """Of an area beyond the tile on all sides every pixel with data is there, the last row as the first."""
    path = tiny_map.write_place(tmp_path / "codes")
    result = esd_tasks("pull", "--bbox", WORLD, "--catalog", path.parent, "--year", 2020, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    with open_codes(next((tmp_path / "out").glob("*.tif"))) as file, open_codes(path) as source:
        pulled, given = file.read(), source.read()
    assert pulled.valid.sum() == given.valid.sum()
    rows, columns = (np.flatnonzero(pulled.valid.any(axis=axis)) for axis in (1, 0))
    inside = pulled.codes[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert np.array_equal(inside, given.codes[:, 4:])


def test_the_south_has_its_own_crs(tmp_path: Path) -> None:
    """A tile south of the equator is pulled on EPSG:327xx with its false northing, where its pixels lie."""
    lon, lat = 145.0, -37.8
    tile = neighbours.tile_at(lon, lat)
    neighbours.write_tile(tmp_path / "tiles", tile, lon, lat, mark=1)
    box = f"{lon - 0.003},{lat - 0.003},{lon + 0.003},{lat + 0.003}"
    result = esd_tasks("pull", "--bbox", box, "--catalog", tmp_path / "tiles", "--year", 2020, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    with rasterio.open(next((tmp_path / "out").glob("*.tif"))) as dataset:
        assert dataset.crs.to_epsg() == 32755
        x, y = (dataset.bounds.left + dataset.bounds.right) / 2, (dataset.bounds.bottom + dataset.bounds.top) / 2
        assert y > 5_000_000
        middle = dataset.read(list(range(1, 13)), window=((7, 8), (9, 10)))[:, 0, 0]
        west, top = dataset.xy(7, 9, offset="ul")
    assert neighbours.to_wgs84(32755, x, y) == pytest.approx((lon, lat), abs=0.001)
    assert middle[0] == 1 + np.floor(west / 30) % 60_000
    assert middle[1] == 1 + np.floor(top / 30) % 60_000


def test_areas_are_those_of_all_pixels(tmp_path: Path) -> None:
    """Pixels of a class are counted at full resolution: overviews that say otherwise change no count."""
    values = np.ones((300, 400), dtype=np.uint8)
    values[::7, ::5] = 2
    path = tiny_classes.write_classes(tmp_path / "map.tif", values)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8], Resampling.mode)
    result = esd_tasks("design", path, "--total", 100, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    pixels = {one["pixels"] for one in json.loads(result.stdout)["strata"]}
    assert pixels == {int((values == 1).sum()), int((values == 2).sum())}


def test_clear_observations_are_no_code(tmp_path: Path) -> None:
    """Points pulled as codes have twelve of them, and the thirteenth band under its own name."""
    path = tiny_map.write_place(tmp_path / "codes", clear=17)
    labels = tiny_map.write_labels(tmp_path / "points.gpkg", n=20)
    done = esd_tasks(
        "pull", "--points", labels, "--catalog", path.parent, "--year", 2020, "-o", tmp_path / "o", "--json"
    )
    table = geopandas.read_parquet(json.loads(done.stdout)["paths"]["table"])
    assert [name for name in table.columns if name.startswith("step")] == list(STEP_BANDS)
    assert set(table["clear_obs"]) <= {3, 17}
