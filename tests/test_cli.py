"""`esd-tasks`: one line and an exit code for every fault, a summary and paths for every success."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
import synthetic
import tiny_map
from typer.testing import CliRunner, Result

from esd_tasks import __main__, cli
from esd_tasks.classifier import TreeParameters

HEAVY = ("lightgbm", "sklearn", "geopandas", "rasterio", "torch", "matplotlib", "numpy", "pyogrio", "shapely")


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grow few trees: these tests are about the command."""
    monkeypatch.setattr("esd_tasks.plan.TreeParameters", lambda seed: TreeParameters(rounds=5, seed=seed))
    monkeypatch.delenv("ESD_CATALOG", raising=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `catalog/` (one year) and `samples.gpkg`, to be copied."""
    folder = tmp_path_factory.mktemp("made")
    tiny_map.write_place(folder / "catalog")
    tiny_map.write_labels(folder / "samples.gpkg")
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the place, as the working directory."""
    shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


def esd_tasks(*words: Any) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def test_a_map_with_no_option_but_the_labels(place: Path) -> None:
    """./catalog and <labels>-map are the defaults; the summary names accuracy with SD, caveat, paths and next step."""
    result = esd_tasks("classify", "--labels", "samples.gpkg")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert any("OA 0." in line and "SD over 5 folds" in line and "random split" in line for line in lines)
    assert any("not the accuracy of the map" in line for line in lines)
    assert lines[-1].startswith("next: ")
    named = [Path(line.split()[-1]) for line in lines if "samples-map/" in line and not line.startswith("next")]
    assert sorted(path.name for path in named) == sorted(path.name for path in (place / "samples-map").iterdir())


def test_no_bar_is_drawn_off_a_terminal(place: Path) -> None:
    """Stderr stays empty where nobody watches."""
    assert esd_tasks("classify", "--labels", "samples.gpkg").stderr == ""


def test_quiet_says_nothing_and_verbose_says_more(place: Path) -> None:
    """-q prints nothing on success; -v names items and samples on stderr."""
    quiet = esd_tasks("classify", "--labels", "samples.gpkg", "-q", "-o", "one")
    assert (quiet.exit_code, quiet.output) == (0, "")
    assert "120 samples" in esd_tasks("classify", "--labels", "samples.gpkg", "-v", "-o", "two").stderr


def test_json_is_the_result_and_nothing_else(place: Path) -> None:
    """--json prints one object with paths and accuracy."""
    result = json.loads(esd_tasks("classify", "--labels", "samples.gpkg", "--json").stdout)
    assert Path(result["paths"]["map"]).is_file()
    assert result["accuracy"]["matrix"]["rows"] == "map"
    assert result["already_done"] is False


def test_a_second_time_says_already_done(place: Path) -> None:
    """The same command again ends with exit 0 and the same paths, at once."""
    esd_tasks("classify", "--labels", "samples.gpkg")
    again = esd_tasks("classify", "--labels", "samples.gpkg")
    assert again.exit_code == 0
    assert again.stdout.startswith("already done: samples-map")


def test_dry_run_says_what_would_be_read(place: Path) -> None:
    """--dry-run prints items, bytes and pixels, in words or JSON, and writes nothing."""
    words = esd_tasks("classify", "--labels", "samples.gpkg", "--dry-run")
    assert "esd-esdnet-small-v1-xdemo-2020" in words.stdout
    assert "pixels" in words.stdout
    cost = json.loads(esd_tasks("classify", "--labels", "samples.gpkg", "--dry-run", "--json").stdout)
    assert cost["bytes"] > 0
    assert not (place / "samples-map").exists()


def test_the_catalogue_comes_from_the_environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$ESD_CATALOG names the catalogue where no option does."""
    (place / "catalog").rename(place / "archive")
    monkeypatch.setenv("ESD_CATALOG", str(place / "archive"))
    assert esd_tasks("classify", "--labels", "samples.gpkg", "--dry-run").exit_code == 0


def relabel(change: Callable[[geopandas.GeoDataFrame], geopandas.GeoDataFrame]) -> Callable[[Path], None]:
    """Return a function that changes the labels of a place."""

    def apply(place: Path) -> None:
        frame = change(geopandas.read_file(place / "samples.gpkg"))
        (place / "samples.gpkg").unlink()
        frame.to_file(place / "samples.gpkg")

    return apply


def one_class(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Give every label the same class."""
    return frame.assign(**{"class": "water"})


def elsewhere(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Move the labels to another continent."""
    return frame.set_geometry(frame.geometry.translate(60, -60))


def close_together(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Keep the labels of a corner, with two classes."""
    return frame.cx[3.0:3.004, 50.53:50.54]


def without_crs(place: Path) -> None:
    """Write the labels without a CRS."""
    frame = geopandas.read_file(place / "samples.gpkg")
    (place / "samples.gpkg").unlink()
    with pytest.warns(UserWarning, match="crs"):
        frame.set_crs(None, allow_override=True).to_file(place / "samples.gpkg")


def truncated(place: Path) -> None:
    """Cut the codes COG in half."""
    (path,) = (place / "catalog").glob("*.tif")
    os.truncate(path, path.stat().st_size // 2)


def two_recipes(place: Path) -> None:
    """Add codes of another recipe next door."""
    codes = tiny_map.codes_of(tiny_map.class_map())
    from stactools_esd.cog import write_codes

    write_codes(
        place / "catalog" / "ESD_esdnet-small-v1_xnext_2020.tif",
        codes,
        np.full(codes.shape[1:], 9),
        transform=synthetic.AREA_TRANSFORM,
        crs=synthetic.AREA_CRS,
        tags=synthetic.tags(tile="xnext", source="landsat-8"),
    )


def empty_area(place: Path) -> None:
    """Write an area without area."""
    geopandas.GeoDataFrame(geometry=[shapely.Polygon()], crs=4326).to_file(place / "aoi.geojson")


def foreign_output(place: Path) -> None:
    """Put somebody's file into the output folder."""
    (place / "samples-map").mkdir()
    (place / "samples-map" / "thesis.doc").write_text("years of work")


NOTHING: Callable[[Path], None] = lambda place: None  # noqa: E731

FAULTS: dict[str, tuple[Callable[[Path], None], list[str], int, str]] = {
    "no labels": (lambda place: (place / "samples.gpkg").unlink(), [], 2, "samples.gpkg"),
    "labels without CRS": (without_crs, [], 1, "CRS"),
    "no class field": (NOTHING, ["--class-field", "klass"], 2, "klass"),
    "one class": (relabel(one_class), [], 1, "one class"),
    "outside every item": (relabel(elsewhere), [], 3, "no item"),
    "a year no item has": (NOTHING, ["--year", "1999"], 3, "2020"),
    "several years": (lambda place: tiny_map.write_place(place / "catalog", year=2021) and None, [], 2, "2020, 2021"),
    "empty geometry": (empty_area, ["--geometry", "aoi.geojson"], 3, "empty geometry"),
    "no geometry file": (NOTHING, ["--geometry", "aoi.gpkg"], 2, "does not exist"),
    "box in words": (NOTHING, ["--bbox", "here"], 2, "W,S,E,N"),
    "box elsewhere": (NOTHING, ["--bbox", "-60,-10,-59,-9"], 3, "no item"),
    "box and geometry": (NOTHING, ["--bbox", "1,2,3,4", "--geometry", "aoi.gpkg"], 2, "leave one out"),
    "no catalogue": (lambda place: shutil.rmtree(place / "catalog"), [], 2, "ESD_CATALOG"),
    "two recipes": (two_recipes, [], 1, "input recipe source"),
    "truncated tile": (truncated, [], 1, "whole"),
    "foreign output": (foreign_output, [], 1, "--overwrite"),
    "blocks too large": (NOTHING, ["--block-size", "5000"], 1, "--block-size"),
    "block size in words": (NOTHING, ["--block-size", "large"], 2, "--block-size"),
    "labels close together": (relabel(close_together), [], 1, "--block-size"),
    "no legend file": (NOTHING, ["--legend", "legend.csv"], 2, "legend.csv"),
    "no such layer": (NOTHING, ["--layer", "points"], 2, "--layer"),
    "too many clear": (NOTHING, ["--min-clear", "99"], 3, "clear"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_end_in_one_line_and_an_exit_code(fault: str, place: Path) -> None:
    """Each fault prints one line that says what to do, leaves with its code, and writes nothing."""
    prepare, options, exit_code, said = FAULTS[fault]
    prepare(place)
    before = sorted(place.rglob("*"))
    result = esd_tasks("classify", "--labels", "samples.gpkg", *options)
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert said in line
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("words", [["classify"], ["classify", "--labels", "a", "--polygon-rule", "x"], ["clasify"]])
def test_misuse_ends_with_exit_code_2(words: list[str]) -> None:
    """A missing or unknown option or command is a usage error."""
    result = esd_tasks(*words)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_an_interrupted_run_says_how_to_continue(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves with 130 and one line; the same command continues."""
    with monkeypatch.context() as patch:
        patch.setattr("esd_tasks.classify.write_outputs", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        result = esd_tasks("classify", "--labels", "samples.gpkg")
    assert result.exit_code == 130
    assert "same command continues" in result.stderr
    assert esd_tasks("classify", "--labels", "samples.gpkg").exit_code == 0


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    """`esd-tasks --help` loads no numpy, lightgbm, rasterio or the like."""
    code = (
        "import sys; from esd_tasks.__main__ import main\n"
        "sys.argv = ['esd-tasks', 'classify', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code in (0, None)\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--polygon-rule" in done.stdout
    assert done.stdout.endswith("LOADED []\n")


def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A base installation answers with one line and exit code 1, not with a traceback."""
    monkeypatch.setattr(__main__, "find_spec", lambda name: None if name in ("typer", "lightgbm") else object())
    with pytest.raises(SystemExit) as end:
        __main__.main()
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "typer, lightgbm" in line
    assert "stactools-esd[tasks]" in line


def test_version_is_that_of_the_distribution() -> None:
    """--version prints name and version."""
    assert esd_tasks("--version").stdout.startswith("esd-tasks 0.")
