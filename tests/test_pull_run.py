"""A pull holds the true area, from windows only, opens as codes again, continues, and is honest about what failed."""

import shutil
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from item_server import serving
from neighbours import CORNER, MARK_STEP, square_around, tile_at, to_wgs84, write_area, write_tile
from pulled_area import TRIANGLE, damage, planned, write_two_years
from rasterio.windows import Window
from synthetic import AREA_TRANSFORM, random_codes

from esd_tasks import pull_run
from esd_tasks.items import find_items
from esd_tasks.places import bbox_geometry
from esd_tasks.pull import read_window
from esd_tasks.pull_plan import list_tiles, plan_tiles
from esd_tasks.pull_request import PullRequest
from esd_tasks.pull_run import run_plan
from esd_tasks.target import pixels_inside
from stactools_esd.catalog import create_catalog
from stactools_esd.codes_file import CodesFile
from stactools_esd.errors import OutputError, PartlyDoneError


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiles around the corner of their squares in two years."""
    return write_two_years(tmp_path_factory.mktemp("tiles"))


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut areas into several blocks, so that they are put together."""
    monkeypatch.setattr(pull_run, "BLOCK_PIXELS", 16)


def test_a_pull_opens_as_codes_again_with_the_true_area(tiles: Path, tmp_path: Path) -> None:
    """Inside the polygon each pixel is what a mosaic reads, outside there is no data; the files are items."""
    plan = planned(tiles, tmp_path)
    result = run_plan(plan)
    assert sorted(path.name for path in result.folder.iterdir()) == [
        "ESD_esdnet-small-v1_xmy_area_2019.tif",
        "ESD_esdnet-small-v1_xmy_area_2020.tif",
        "run.json",
    ]
    inside = pixels_inside(plan.grid, plan.area)
    assert 0.2 < inside.mean() < 0.8
    for item in find_items(result.folder):
        with item.open() as file:
            block = file.read()
        whole = read_window([of for of in plan.items if of.year == item.year], plan.grid)
        assert np.array_equal(block.valid, inside)
        assert np.array_equal(block.codes, np.where(inside, whole.codes, 0))
        assert np.array_equal(block.clear_obs, np.where(inside, whole.clear_obs, 0))
        assert result.valid[item.year] == inside.sum()


def test_too_few_clear_observations_are_no_data(tiles: Path, tmp_path: Path) -> None:
    """--min-clear takes pixels out of the year that saw too little, and leaves their count."""
    plan = planned(tiles, tmp_path, min_clear=3)
    result = run_plan(plan)
    with find_items(result.folder, years=[2020])[0].open() as file:
        block = file.read()
    inside = pixels_inside(plan.grid, plan.area)
    assert np.array_equal(block.valid, inside & (block.clear_obs >= 3))
    assert set(np.unique(block.clear_obs[inside])) == {1, 2, 3, 4}
    assert result.valid[2019] > result.valid[2020]


def test_a_killed_pull_continues(tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished blocks are not read again, and the result is that of a run that was never killed."""
    windows = []
    read = CodesFile.read

    def counted(self: CodesFile, window: Window | None = None) -> Any:
        windows.append(window)
        if len(windows) == 12:
            raise KeyboardInterrupt
        return read(self, window)

    plan = planned(tiles, tmp_path)
    monkeypatch.setattr(CodesFile, "read", counted)
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan)
    result = run_plan(plan)
    killed = len(windows)
    whole = run_plan(planned(tiles, tmp_path / "again"))
    assert len(windows) - killed > killed - 12
    assert len(windows) - killed == pytest.approx(killed - 1, abs=2)
    for year in ("2019", "2020"):
        with open_file(result.paths[year]) as one, open_file(whole.paths[year]) as other:
            assert np.array_equal(one.read().codes, other.read().codes)


def open_file(path: Path) -> CodesFile:
    """Open a file of codes."""
    return find_items(path)[0].open()


def test_a_broken_tile_is_a_hole_a_list_and_an_exit_code(tiles: Path, tmp_path: Path) -> None:
    """A truncated file leaves its pixels without data in its year, is named, and is read once it is mended."""
    copy = tmp_path / "tiles"
    shutil.copytree(tiles, copy)
    catalog = create_catalog([copy], tmp_path / "catalog")
    lost = copy / "ESD_esdnet-small-v1_31UES_2020.tif"
    whole = lost.read_bytes()
    lost.write_bytes(whole[: len(whole) // 2])
    plan = planned(catalog, tmp_path / "out")
    result = run_plan(plan)
    assert len(result.missing) == 1
    assert "31ues-2020" in result.missing[0]
    with pytest.raises(PartlyDoneError, match="31ues-2020") as caught:
        result.see_whole()
    assert caught.value.exit_code == 4
    assert result.valid[2020] < result.valid[2019]
    lost.write_bytes(whole)
    mended = run_plan(plan)
    mended.see_whole()
    assert not mended.already_done
    assert mended.valid[2020] == mended.valid[2019]
    assert run_plan(plan).already_done


def test_a_plain_file_that_was_mended_is_read_by_the_same_command(tiles: Path, tmp_path: Path) -> None:
    """Without a catalogue a mended file is other input: a result with its hole goes, one of other options does not."""
    copy = tmp_path / "tiles"
    shutil.copytree(tiles, copy)
    lost = copy / "ESD_esdnet-small-v1_31UES_2020.tif"
    whole = damage(lost)
    cube = {"format": "zarr"}
    assert run_plan(planned(copy, tmp_path / "out")).missing
    assert run_plan(planned(copy, tmp_path / "cube", **cube)).missing
    lost.write_bytes(whole)
    with pytest.raises(OutputError, match="another run"):
        run_plan(planned(copy, tmp_path / "out", year=2019))
    for folder, options in (("out", {}), ("cube", cube)):
        mended = run_plan(planned(copy, tmp_path / folder, **options))
        mended.see_whole()
        assert mended.valid[2020] == mended.valid[2019]
        assert run_plan(planned(copy, tmp_path / folder, **options)).already_done


def test_an_overwritten_cube_goes(tiles: Path, tmp_path: Path) -> None:
    """--overwrite leaves nothing of an earlier result, cubes included, and what others put there."""
    folder = run_plan(planned(tiles, tmp_path, year=2019, format="zarr")).folder
    (folder / "notes.txt").write_text("mine")
    run_plan(planned(tiles, tmp_path, year=2019, overwrite=True))
    assert sorted(path.name for path in folder.iterdir()) == [
        "ESD_esdnet-small-v1_xmy_area_2019.tif",
        "notes.txt",
        "run.json",
    ]


def test_another_pull_is_not_written_over(tiles: Path, tmp_path: Path) -> None:
    """A folder keeps its pull unless it is said to replace it."""
    run_plan(planned(tiles, tmp_path))
    with pytest.raises(OutputError, match="another run"):
        run_plan(planned(tiles, tmp_path, year=2019))
    assert run_plan(planned(tiles, tmp_path, year=2019, overwrite=True)).years == (2019,)


def test_only_windows_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small area of a large remote file costs a part of its bytes and few requests."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    path = write_area(tmp_path, random_codes(1, 700, 700))
    catalog = create_catalog([path], tmp_path / "catalog", copy=True)
    lon, lat = to_wgs84(32631, AREA_TRANSFORM.c + 30 * 600, AREA_TRANSFORM.f - 30 * 600)
    with serving(catalog.parent) as (url, state):
        plan = planned(url, tmp_path / "out", shapely.Point(lon, lat).buffer(0.002))
        assert not state.served
        assert plan.cost()["bytes_to_read"] < plan.cost()["bytes"] / 50
        result = run_plan(plan)
    assert result.valid[2020] > 50
    assert sum(state.served) < path.stat().st_size / 4
    assert len(state.served) <= 6


def test_memory_is_that_of_a_block(tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No window larger than a block is read, whatever the area; a coarse grid reads internal blocks."""
    windows = []
    read = CodesFile.read
    monkeypatch.setattr(CodesFile, "read", lambda self, window=None: windows.append(window) or read(self, window))
    run_plan(planned(tiles, tmp_path / "a", square_around(*CORNER, 1000.0)))
    assert max(window.width * window.height for window in windows) <= 16 * 16
    (tmp_path / "b").mkdir()
    write_area(tmp_path / "b", random_codes(1, 1500, 1500))
    windows.clear()
    item = find_items(tmp_path / "b")[0]
    run_plan(planned(tmp_path / "b", tmp_path / "c", item.footprint, crs="EPSG:32631", resolution=3000.0))
    assert windows
    assert max(window.width * window.height for window in windows) <= 256 * 256


def test_tiles_part_the_ground_without_overlap_or_gap(tiles: Path, tmp_path: Path) -> None:
    """Tile by tile, each pixel of the area is in the result of exactly one tile, in whatever shards they are pulled."""
    geopandas.GeoDataFrame(geometry=[TRIANGLE], crs=4326).to_file(tmp_path / "area.gpkg")
    options = {"catalog": str(tiles), "geometry": tmp_path / "area.gpkg", "output": tmp_path / "out", "year": 2019}
    assert list_tiles(PullRequest(**options, tiles="list", shard="2/2")) == ["31UDS", "31UES"]
    whole = planned(tiles, tmp_path / "whole", year=2019)
    count = np.zeros((whole.grid.height, whole.grid.width), dtype=int)
    for shard in ("1/3", "2/3", "3/3"):
        for plan in plan_tiles(PullRequest(**options, tiles="all", shard=shard)):
            result = run_plan(plan)
            assert result.folder == tmp_path / "out" / str(plan.tile)
            count += read_window(find_items(result.folder), whole.grid).valid
    assert np.array_equal(count == 1, pixels_inside(whole.grid, whole.area))
    assert count.max() == 1


def test_a_pull_across_zones_and_the_antimeridian(tmp_path: Path) -> None:
    """One grid holds tiles of two zones, on both sides of 180 degrees, and each side comes from its own tile."""
    for mark, lon in enumerate((179.99, -179.99), start=1):
        write_tile(tmp_path, tile_at(lon, -17.5), lon, -17.5, mark=mark, size=(60, 60))
    plan = planned(tmp_path, tmp_path / "out", bbox_geometry(179.985, -17.505, -179.985, -17.495))
    assert plan.grid.width < 200
    result = run_plan(plan)
    with find_items(result.folder)[0].open() as file:
        marks = file.read().codes[MARK_STEP]
    assert set(np.unique(marks[:, :30])) <= {0, 1}
    assert set(np.unique(marks[:, -30:])) <= {0, 2}
    assert (marks == 1).sum() > 900
    assert (marks == 2).sum() > 900
