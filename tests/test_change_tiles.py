"""Change across tiles: a patch on the corner of four tiles is mapped as one, from the same tiles each year."""

import json
import shutil
from pathlib import Path
from typing import Any

import changing
import geopandas
import numpy as np
import pytest
import rasterio
from neighbours import CORNER, FOUR, to_wgs84
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine
from rasterio.crs import CRS
from synthetic import tags
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.change.pair import plan_pair, run_pair
from esd_tasks.change.request import PairRequest, SeriesRequest
from esd_tasks.change.series import plan_series, run_series
from stactools_esd.cog import write_codes
from stactools_esd.errors import UsageError
from stactools_esd.grid import tile as tile_of

YEARS = (2011, 2012, 2013, 2014, 2015, 2016)
BROKE = 2014
SIDE, REACH = 64, 12
"""Pixels of the landscape, which all tiles see alike, and of the patch on each side of the corner."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six years of windows of four tiles around the corner of their squares."""
    folder = tmp_path_factory.mktemp("four") / "codes"
    lon, lat = to_wgs84(32631, *CORNER)
    broke = np.full((SIDE, SIDE), len(YEARS))
    middle = slice(SIDE // 2 - REACH, SIDE // 2 + REACH)
    broke[middle, middle] = YEARS.index(BROKE)
    landscape = changing.series(SIDE * SIDE, len(YEARS), breaks=broke.ravel()).reshape(len(YEARS), SIDE, SIDE, 12)
    for name in FOUR:
        rule = tile_of(name)
        x, y = Transformer.from_crs(4326, rule.epsg, always_xy=True).transform(lon, lat)
        column, row = (int(value) for value in ~rule.transform * (x, y))
        first_row, first_column = max(row - SIDE // 2, 0), max(column - SIDE // 2, 0)
        height = min(SIDE // 2 + row - first_row, rule.height - first_row)
        width = min(SIDE // 2 + column - first_column, rule.width - first_column)
        down, right = first_row - (row - SIDE // 2), first_column - (column - SIDE // 2)
        for year, image in zip(YEARS, landscape, strict=True):
            codes = image[down : down + height, right : right + width].transpose(2, 0, 1)
            said = tags(tile=name, year=year)
            write_codes(
                folder / f"{said.name.stem}.tif", codes, np.full((height, width), 12), crs=CRS.from_epsg(rule.epsg),
                transform=rule.transform * Affine.translation(first_column, first_row), tags=said,
            )  # fmt: skip
    return folder


def box(metres: float) -> str:
    """Return a box around the corner."""
    west, south = to_wgs84(32631, CORNER[0] - metres, CORNER[1] - metres)
    east, north = to_wgs84(32631, CORNER[0] + metres, CORNER[1] + metres)
    return f"{west},{south},{east},{north}"


def around(path: Path) -> NDArray[Any]:
    """Read the first band of a map in the patch, a pixel within its edge."""
    with rasterio.open(path) as dataset:
        column, row = ~dataset.transform * CORNER
        middle = rasterio.windows.Window(column - REACH + 2, row - REACH + 2, 2 * REACH - 4, 2 * REACH - 4)
        return np.asarray(dataset.read(1, window=middle.round_offsets().round_lengths()))


def test_breaks_have_no_seam(place: Path, tmp_path: Path) -> None:
    """The patch has its year in all four tiles, and what lies around it none."""
    plan = plan_series(SeriesRequest(catalog=str(place), bbox=box(800), output=tmp_path / "out"))
    assert {item.tile for item in plan.items} == set(FOUR)
    result = run_series(plan)
    patch = around(result.paths["breaks"])
    half = patch.shape[0] // 2
    for quarter in (patch[:half, :half], patch[:half, half:], patch[half:, :half], patch[half:, half:]):
        assert (quarter == BROKE).mean() > 0.9
    with rasterio.open(result.paths["breaks"]) as dataset:
        whole = dataset.read(1)
    assert ((whole > 0) & (whole < 65_535)).sum() == pytest.approx((2 * REACH) ** 2, rel=0.1)


def test_a_pair_has_no_seam(place: Path, tmp_path: Path) -> None:
    """The patch has changed in all four tiles."""
    request = PairRequest(
        year1=2012, year2=2015, catalog=str(place), bbox=box(800), expected_rate=0.14, output=tmp_path / "out"
    )
    assert (around(run_pair(plan_pair(request)).paths["change"]) == 2).mean() > 0.9


def test_several_tiles_need_an_area(place: Path) -> None:
    """Without an area the whole of one tile is mapped; of several, one must be said."""
    with pytest.raises(UsageError, match="--bbox"):
        plan_series(SeriesRequest(catalog=str(place)))


def test_reference_places_in_a_damaged_tile_are_left_out(place: Path, tmp_path: Path) -> None:
    """A threshold is chosen by the places that can be read; the tile is named, and the exit code is 4."""
    codes = tmp_path / "codes"
    shutil.copytree(place, codes)
    damaged = sorted(codes.glob("*_2012.tif"))[0]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3 :] = bytes(len(content) - len(content) // 3)
    damaged.write_bytes(content)
    rows, columns = np.divmod(np.random.default_rng(5).permutation(SIDE * SIDE)[:700], SIDE)
    inside = (np.abs(rows - SIDE // 2 + 0.5) < REACH) & (np.abs(columns - SIDE // 2 + 0.5) < REACH)
    x, y = CORNER[0] + 30 * (columns - SIDE // 2 + 0.5), CORNER[1] - 30 * (rows - SIDE // 2 + 0.5)
    points = geopandas.points_from_xy(x, y, crs=32631)
    geopandas.GeoDataFrame({"change": inside.astype(int)}, geometry=points).to_file(tmp_path / "places.gpkg")
    words = ["change", "pair", "2012", "2015", "--catalog", codes, "--bbox", box(800), "--block-size", 120]
    words += ["--reference", tmp_path / "places.gpkg", "-o", tmp_path / "out"]
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert result.exit_code == 4, result.output
    assert damaged.stem.split("_")[2] in result.stderr
    accuracy = json.loads((tmp_path / "out" / "accuracy.json").read_text())
    assert 100 < accuracy["n"] < 650
