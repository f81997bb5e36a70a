"""`esd-tasks pull`: what would be read, what was made, what failed, in words and JSON, with exit codes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas
import pandas
import pytest
import shapely
from neighbours import CORNER, FOUR, to_wgs84, write_tile
from typer.testing import CliRunner, Result

from esd_tasks import cli
from stactools_esd.catalog import create_catalog


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiles in two years, their catalogue, an area, points and units around their corner; to be copied."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "tiles").mkdir()
    lon, lat = to_wgs84(32631, *CORNER)
    for year in (2019, 2020):
        for mark, tile in enumerate(FOUR, start=1):
            write_tile(folder / "tiles", tile, lon, lat, mark=mark, size=(40, 40), year=year)
    create_catalog([folder / "tiles"], folder / "catalog")
    area = shapely.Point(lon, lat).buffer(0.003)
    frame = geopandas.GeoDataFrame({"id": [7]}, geometry=[area], crs=4326)
    frame.to_file(folder / "area.gpkg")
    frame.set_geometry([shapely.Point(lon, lat)]).to_file(folder / "points.gpkg")
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy as the working directory."""
    shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.delenv("ESD_CATALOG", raising=False)
    return tmp_path / "place"


def pull(*words: Any) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli.app, ["pull", *(str(word) for word in words)])


def test_a_dry_run_says_items_bytes_and_pixels(place: Path) -> None:
    """Nothing is written, and the cost is words or JSON."""
    words = pull("--geometry", "area.gpkg", "--dry-run")
    assert words.exit_code == 0, words.output
    assert "2019-2020" in words.stdout
    assert "pixels" in words.stdout
    cost = json.loads(pull("--geometry", "area.gpkg", "--dry-run", "--json").stdout)
    assert len(cost["items"]) == 8
    assert 0 < cost["bytes_to_read"] < cost["bytes"]
    assert cost["pixels"] == cost["width"] * cost["height"]
    assert not (place / "area-pull").exists()


def test_an_area_goes_beside_its_file_and_says_what_next(place: Path) -> None:
    """The folder is <area>-pull-<year>; the second time it is done already; the result is a catalogue."""
    first = pull("--geometry", "area.gpkg", "--year", 2019)
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines()[-1].startswith("next: ")
    assert first.stderr == ""
    again = pull("--geometry", "area.gpkg", "--year", 2019)
    assert again.stdout.startswith("already done: area-pull-2019")
    copied = pull("--geometry", "area.gpkg", "--catalog", "area-pull-2019", "-o", "copy", "--json")
    said = pull("--geometry", "area.gpkg", "--year", 2019, "--json")
    assert json.loads(copied.stdout)["valid"] == json.loads(said.stdout)["valid"]


def test_points_and_units_are_tables(place: Path) -> None:
    """--points gives one row a point and year, --units one a unit and year."""
    points = json.loads(pull("--points", "points.gpkg", "--years", "2019-2020", "--json").stdout)
    assert len(geopandas.read_parquet(points["paths"]["table"])) == 2
    said = pull("--units", "area.gpkg", "--unit-field", "id", "--stat", "mean,sd", "--format", "csv", "-o", "panel")
    assert said.exit_code == 0, said.output
    table = pandas.read_csv("panel/panel.csv")
    assert table.columns[:7].tolist()[0] == "id"
    assert table.status.tolist() == ["ok", "ok"]
    assert "step_12_d6_sd" in table


def test_tiles_are_listed_and_pulled_in_parts(place: Path) -> None:
    """`--tiles list` prints names alone; parts of `--tiles all` fill one folder, and an empty part is no failure."""
    listed = pull("--geometry", "area.gpkg", "--tiles", "list")
    assert listed.stdout.split() == list(FOUR)
    assert pull("--geometry", "area.gpkg", "--tiles", "list", "-q").stdout == listed.stdout  # it is what was asked for
    assert pull("--geometry", "area.gpkg", "--tiles", "list", "--shard", "2/4").stdout.split() == [FOUR[1]]
    for part in range(1, 6):
        done = pull("--geometry", "area.gpkg", "--tiles", "all", "--shard", f"{part}/5", "-o", "out")
        assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (place / "out").iterdir()) == list(FOUR)
    assert "empty" in done.stdout
    named = pull("--tiles", "31UDS,31UES", "--year", 2019, "-o", "named", "--json")
    assert [Path(result["folder"]).name for result in json.loads(named.stdout)] == ["31UDS", "31UES"]


def test_a_failed_tile_ends_with_exit_code_4(place: Path) -> None:
    """The rest is written, the list is on stderr in one line, and the files are named on stdout."""
    path = place / "tiles" / "ESD_esdnet-small-v1_31UES_2020.tif"
    size = path.stat().st_size
    content = bytearray(path.read_bytes())
    content[size // 2 :] = bytes(size - size // 2)
    path.write_bytes(bytes(content))
    done = pull("--geometry", "area.gpkg")
    assert done.exit_code == 4
    (line,) = done.stderr.splitlines()
    assert "31ues-2020" in line
    assert "run.json" in done.stdout
    tiles = pull("--geometry", "area.gpkg", "--tiles", "all", "-o", "out")
    assert tiles.exit_code == 4


@pytest.mark.parametrize("words", ["--geometry area.gpkg", "--points points.gpkg", "--units area.gpkg",
                                   "--geometry area.gpkg --tiles all"])  # fmt: skip
def test_where_nothing_could_be_read_nothing_is_written(words: str, place: Path) -> None:
    """A pull of which every tile is damaged fails in one line that names one, and leaves no folder behind."""
    for path in (place / "tiles").glob("*.tif"):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))
    before = sorted(place.rglob("*"))
    done = pull(*words.split())
    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "ESD_esdnet-small-v1_31U" in line
    assert sorted(place.rglob("*")) == before


FAULTS: dict[str, tuple[list[str], int, str]] = {
    "no place": ([], 2, "--geometry"),
    "two places": (["--geometry", "area.gpkg", "--points", "points.gpkg"], 2, "--points and an area"),
    "units and points": (["--units", "area.gpkg", "--points", "points.gpkg"], 2, "--units and --points"),
    "statistics of nothing": (["--geometry", "area.gpkg", "--stat", "mean"], 2, "--stat without --units"),
    "two kinds": (["--geometry", "area.gpkg", "--levels", "--decoded"], 2, "--levels and --decoded"),
    "two grids": (["--bbox", "1,2,3,4", "--like", "a.tif", "--crs", "EPSG:3035"], 2, "--like and --crs"),
    "no raster": (["--like", "a.tif"], 2, "does not exist"),
    "format of points": (["--points", "points.gpkg", "--format", "zarr"], 2, "geoparquet, csv"),
    "years backwards": (["--geometry", "area.gpkg", "--years", "2020-2019"], 2, "backwards"),
    "year and years": (["--geometry", "area.gpkg", "--years", "2019", "--year", "2019"], 2, "--year and --years"),
    "a missing year": (["--geometry", "area.gpkg", "--years", "2018-2020"], 3, "2018"),
    "elsewhere": (["--bbox", "-60,-10,-59,-9"], 3, "no item"),
    "no such tile": (["--tiles", "50TMK"], 3, "--tiles list"),
    "shard of nothing": (["--geometry", "area.gpkg", "--shard", "1/2"], 2, "--tiles all"),
    "no shard": (["--tiles", "all", "--shard", "3/2"], 2, "--shard"),
    "layer of an area": (["--geometry", "area.gpkg", "--layer", "area"], 2, "--layer without --points"),
    "no such layer": (["--points", "points.gpkg", "--layer", "roads"], 2, "expected one of points"),
    "no such points": (["--points", "gone.gpkg"], 2, "got --points gone.gpkg, which does not exist"),
    "no such units": (["--units", "gone.gpkg"], 2, "got --units gone.gpkg, which does not exist"),
    "no such field": (["--units", "area.gpkg", "--unit-field", "name"], 2, "it has id"),
    "version of no cube": (["--geometry", "area.gpkg", "--zarr-format", "3"], 2, "without --format zarr"),
    "version of a panel": (["--units", "area.gpkg", "--zarr-format", "3"], 2, "--units and --zarr-format"),
    "no threads": (["--geometry", "area.gpkg", "--threads", "0"], 2, "--threads 0"),
    "a box of three": (["--bbox", "3,50,4"], 2, "four numbers"),
    "no CRS": (["--geometry", "area.gpkg", "--crs", "somewhere"], 2, "--crs somewhere"),
    "a folder of tables": (["--geometry", "area.gpkg", "--catalog", "area.gpkg"], 1, "no GeoTIFF"),
    "few clear": (["--geometry", "area.gpkg", "--min-clear", "-1"], 2, "--min-clear"),
    "points for polygons": (["--units", "points.gpkg"], 1, "--points for points"),
    "coarse degrees": (["--geometry", "area.gpkg", "--crs", "EPSG:4326"], 2, "--resolution"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_end_in_one_line_and_an_exit_code(fault: str, place: Path) -> None:
    """Each fault prints one line that says what to do, leaves with its code, and writes nothing."""
    options, exit_code, said = FAULTS[fault]
    before = sorted(place.rglob("*"))
    result = pull(*options)
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert said in line
    assert sorted(place.rglob("*")) == before


def test_nothing_with_values_is_no_success(place: Path) -> None:
    """Where no pixel, point or unit has values in any year the command ends with exit code 3 and says what to lower."""
    for option, name in (("--geometry", "area"), ("--points", "points"), ("--units", "area")):
        done = pull(option, f"{name}.gpkg", "--min-clear", 99, "-o", f"of{option}")
        assert done.exit_code == 3, done.output
        assert "--min-clear" in done.stderr
        assert "next:" not in done.stdout
        assert (place / f"of{option}" / "run.json").exists()


def test_codes_on_degrees_say_what_opens_them(place: Path) -> None:
    """A CRS may be its number alone; the next step never sends plain rasters to commands that refuse them."""
    done = pull("--geometry", "area.gpkg", "--year", 2019, "--crs", 4326, "--resolution", 0.0003, "--threads", 2)
    assert done.exit_code == 0, done.output
    assert "codes_2019.tif" in done.stdout
    assert "--catalog" not in done.stdout.splitlines()[-1]


def test_help_loads_nothing_heavy() -> None:
    """`esd-tasks pull --help` answers without numpy, rasterio or pyarrow."""
    code = (
        "import sys; from esd_tasks.cli import app\n"
        "try:\n    app(['pull', '--help'])\nexcept SystemExit:\n    pass\n"
        "print('LOADED', [name for name in ('numpy', 'rasterio', 'pyarrow', 'shapely') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.endswith("LOADED []\n")
