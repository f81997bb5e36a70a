"""Points pulled to a table: every point in every year, its fields kept, and a word for each that has no codes."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import pytest
import shapely
from neighbours import CORNER, FOUR, MARK_STEP, to_wgs84, write_tile

from esd_tasks.items import find_items
from esd_tasks.pull import read_points
from esd_tasks.pull_points import make_points_plan, run_points
from esd_tasks.pull_request import PullRequest
from stactools_esd.errors import LabelsError
from stactools_esd.fsq import codes_to_vectors


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """Four tiles around the corner of their squares in two years; one tile has a hole, and few observations."""
    folder = tmp_path / "tiles"
    folder.mkdir()
    lon, lat = to_wgs84(32631, *CORNER)
    for year in (2019, 2020):
        for mark, tile in enumerate(FOUR, start=1):
            hole = (slice(None), slice(25, None)) if tile == "31UER" else None
            write_tile(folder, tile, lon, lat, mark=mark, size=(80, 80), year=year, nodata=hole, clear=10 - 2 * mark)
    return folder


def write_points(path: Path) -> geopandas.GeoDataFrame:
    """Write points: one in each tile, one in the hole, one outside, one nowhere."""
    offsets = [(-300, -300), (-300, 300), (300, -300), (300, 300), (900, -300), (90_000, 0)]
    places = [shapely.Point(to_wgs84(32631, CORNER[0] + x, CORNER[1] + y)) for x, y in offsets]
    frame = geopandas.GeoDataFrame(
        {"plot": list("abcdefg"), "year": range(7)}, geometry=[*places, shapely.Point()], crs=4326
    )
    frame.to_file(path)
    return frame


def pulled(tiles: Path, folder: Path, **options: Any) -> Any:
    """Pull the points."""
    frame = write_points(folder / "points.gpkg")
    request = PullRequest(catalog=str(tiles), points=folder / "points.gpkg", output=folder / "out", **options)
    return frame, run_points(make_points_plan(request))


def test_each_point_has_a_row_a_year(tiles: Path, tmp_path: Path) -> None:
    """Rows have the codes of the pixel that holds the point, or say why not; fields of the file are kept."""
    frame, result = pulled(tiles, tmp_path)
    table = geopandas.read_parquet(result.paths["table"])
    assert len(table) == 14
    assert table.year_given.tolist() == [*range(7)] * 2
    first = table[table.year == 2019].set_index("plot")
    assert first.status.tolist() == ["ok"] * 4 + ["no data", "outside", "no place"]
    assert first.tile.tolist()[:5] == ["31UDR", "31UDS", "31UER", "31UES", "31UER"]
    there = frame.geometry[:4]
    points = read_points(find_items(tiles, years=[2019]), there.x, there.y)
    codes = first.iloc[:4][[f"step_{step:02d}" for step in range(1, 13)]].to_numpy().astype(int)
    assert np.array_equal(codes, points.codes)
    assert codes[:, MARK_STEP].tolist() == [1, 2, 3, 4]
    assert first.step_01.isna().sum() == 3
    assert result.valid == {2019: 4, 2020: 4}


def test_vectors_and_clear_observations_in_a_csv(tiles: Path, tmp_path: Path) -> None:
    """--decoded gives vectors, --min-clear a word in place of values; a CSV has longitude and latitude."""
    _, result = pulled(tiles, tmp_path, decoded=True, min_clear=5, year=2020, format="csv")
    table = pandas.read_csv(result.paths["table"])
    assert table.status.tolist()[:4] == ["ok", "ok", "too few clear", "too few clear"]
    assert table.clear_obs.tolist()[:4] == [8, 6, 4, 2]
    items = find_items(tiles, years=[2020])
    expected = codes_to_vectors(read_points(items, table.lon[:2], table.lat[:2]).codes).reshape(2, 72)
    assert np.allclose(table.filter(regex=r"step_\d\d_d\d").iloc[:2], expected)
    assert table.step_01_d1[2:].isna().all()


def test_a_broken_tile_is_a_word_and_a_list(tiles: Path, tmp_path: Path) -> None:
    """Points in a tile that cannot be read are failed in its year, the rest is there, and a mended run is whole."""
    path = tiles / "ESD_esdnet-small-v1_31UDS_2019.tif"
    whole = path.read_bytes()
    write_points(tmp_path / "points.gpkg")
    request = PullRequest(catalog=str(tiles), points=tmp_path / "points.gpkg", output=tmp_path / "out")
    plan = make_points_plan(request)
    path.write_bytes(whole[: len(whole) // 2])
    result = run_points(plan)
    assert "31uds-2019" in result.missing[0]
    assert geopandas.read_parquet(result.paths["table"]).status.tolist()[:4] == ["ok", "failed", "ok", "ok"]
    path.write_bytes(whole)
    mended = run_points(plan)
    assert not mended.missing
    assert mended.valid == {2019: 4, 2020: 4}
    assert run_points(plan).already_done


def test_polygons_are_no_points(tiles: Path, tmp_path: Path) -> None:
    """A file of polygons is sent to the options that are for them."""
    area = shapely.Point(to_wgs84(32631, *CORNER)).buffer(0.001)
    geopandas.GeoDataFrame(geometry=[area], crs=4326).to_file(tmp_path / "area.gpkg")
    with pytest.raises(LabelsError, match="--geometry or --units"):
        make_points_plan(PullRequest(catalog=str(tiles), points=tmp_path / "area.gpkg"))
