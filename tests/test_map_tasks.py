"""What every task that makes a map promises: blocks do not show, a killed run continues, faults are one line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import geopandas
import numpy as np
import pytest
import synthetic
import tiny_few
import tiny_map
from typer.testing import CliRunner
from waiting import wait_for

from esd_tasks import cli, cluster, few_shot, regress, similar
from esd_tasks.classifier import TreeParameters
from esd_tasks.map_run import MapResult
from esd_tasks.pull import Mosaic
from esd_tasks.regress_plan import RegressRequest
from esd_tasks.regress_plan import make_plan as plan_regress
from stactools_esd.cog import write_codes


def box() -> str:
    """Return a box around the whole place."""
    lon, lat = tiny_map.lonlat(np.array([72.0, 0]), np.array([0.0, 96]))
    return f"{lon[0]},{lat[0]},{lon[1]},{lat[1]}"


def run_few_shot(place: Path, folder: Path) -> MapResult:
    """Map classes."""
    given = {"catalog": str(place / "codes"), "bbox": box(), "output": folder}
    return few_shot.few_shot(place / "few.gpkg", **given)


def run_similar(place: Path, folder: Path) -> MapResult:
    """Map similarity, with places."""
    request = similar.SimilarRequest(examples=place / "few.gpkg", catalog=str(place / "codes"), top=5, output=folder)
    return similar.run_plan(similar.make_plan(request))


def run_regress(place: Path, folder: Path) -> MapResult:
    """Map a quantity."""
    request = RegressRequest(
        labels=place / "plots.gpkg", target_field="height", catalog=str(place / "codes"), bbox=box(), output=folder
    )
    return regress.run_plan(replace(plan_regress(request), parameters=TreeParameters(rounds=5)))


def run_cluster(place: Path, folder: Path) -> MapResult:
    """Map clusters."""
    request = cluster.ClusterRequest(n_clusters=3, catalog=str(place / "codes"), bbox=box(), output=folder)
    return cluster.run_plan(cluster.make_plan(request))


TASKS: dict[str, tuple[ModuleType, Callable[[Path, Path], MapResult], str]] = {
    "few-shot": (few_shot, run_few_shot, "map"),
    "similar": (similar, run_similar, "similarity"),
    "regress": (regress, run_regress, "prediction"),
    "cluster": (cluster, run_cluster, "map"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes of one year, few labels, and plots with a height."""
    folder = tmp_path_factory.mktemp("tasks")
    tiny_map.write_place(folder / "codes")
    tiny_few.write_few(folder / "few.gpkg")
    frame = geopandas.read_file(tiny_map.write_labels(folder / "plots.gpkg", n=60))
    frame["height"] = frame["class"].map({"water": 0.0, "forest": 20.0, "crop": 2.0}) + np.arange(60) / 60
    frame.to_file(folder / "plots.gpkg")
    return folder


@pytest.mark.parametrize("task", TASKS)
def test_blocks_do_not_show_and_a_killed_run_continues(
    task: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With small blocks and a stop in the middle, the files are those of one go (GeoPackages have a time in them)."""
    module, run, kind = TASKS[task]
    whole, killed = run(place, tmp_path / "whole" / "out"), tmp_path / "killed" / "out"
    monkeypatch.setattr(module, "BLOCK_PIXELS", 40)
    read_whole, windows = Mosaic.read, []

    def reading(self: Mosaic, grid: Any, window: Any = None) -> Any:
        if window.width <= 40 and window.height <= 40 and grid.width > 90:
            windows.append((window.row_off, window.col_off))
            if len(windows) == 3:
                wait_for((killed / ".partial").is_dir)  # a thread may read ahead of the first block that is kept
                raise KeyboardInterrupt
        return read_whole(self, grid, window)

    with monkeypatch.context() as patch:
        patch.setattr(Mosaic, "read", reading)
        patch.setattr("esd_tasks.pixel_sample.WINDOW_PIXELS", 64)
        with pytest.raises(KeyboardInterrupt):
            run(place, killed)
    assert sorted(path.name for path in killed.iterdir()) == [".partial"]
    result = run(place, killed)
    for name, path in whole.paths.items():
        if name not in ("run", "places"):
            found = result.paths[name].read_bytes()  # the report tells where it lies
            assert found.replace(b"/killed/out", b"/whole/out") == path.read_bytes(), name
    assert whole.paths[kind].suffix == ".tif"
    if "places" in whole.paths:
        assert geopandas.read_file(result.paths["places"]).equals(geopandas.read_file(whole.paths["places"]))
    assert result.record["run_key"] == whole.record["run_key"]


def two_recipes(folder: Path) -> None:
    """Add codes of another recipe next door."""
    codes = tiny_map.codes_of(tiny_map.class_map())
    write_codes(
        folder / "codes" / "ESD_esdnet-small-v1_xnext_2020.tif",
        codes,
        np.full(codes.shape[1:], 9),
        transform=synthetic.AREA_TRANSFORM,
        crs=synthetic.AREA_CRS,
        tags=synthetic.tags(tile="xnext", source="landsat-8"),
    )


def one_class(folder: Path) -> None:
    """Give every label the same class."""
    frame = geopandas.read_file(folder / "few.gpkg").assign(**{"class": "water"})
    frame.to_file(folder / "few.gpkg")


def in_nodata(folder: Path) -> None:
    """Move every label to the rows without data."""
    frame = geopandas.read_file(folder / "few.gpkg")
    lon, lat = tiny_map.lonlat(np.full(len(frame), 1.5), np.arange(len(frame)) + 20.5)
    frame.set_geometry(geopandas.points_from_xy(lon, lat), crs=4326).to_file(folder / "few.gpkg")


def nothing(folder: Path) -> None:
    """Leave everything as it is."""


COMMANDS = {
    "few-shot": ["few-shot", "--labels", "few.gpkg"],
    "similar": ["similar", "--examples", "few.gpkg"],
    "learning-curve": ["learning-curve", "--labels", "few.gpkg"],
    "regress": ["regress", "--labels", "plots.gpkg", "--target-field", "height"],
    "cluster": ["cluster", "--bbox", box()],
}

FAULTS: list[tuple[str, Callable[[Path], None], list[str], int, str]] = [
    *((task, two_recipes, [], 1, "input recipe source") for task in COMMANDS),
    *((task, nothing, ["--year", "1999"], 3, "2020") for task in COMMANDS),
    *((task, nothing, ["--seed", "-1"], 2, "--seed") for task in COMMANDS),
    *((task, nothing, ["--catalog", "absent"], 2, "absent") for task in COMMANDS),
    *((task, nothing, ["--min-clear", "366"], 3, "--min-clear") for task in COMMANDS),
    *((task, nothing, ["--geometry", "aoi.gpkg"], 2, "") for task in ("few-shot", "similar", "regress")),
    ("few-shot", one_class, [], 1, "one class"),
    ("learning-curve", one_class, [], 1, "one class"),
    ("few-shot", in_nodata, [], 1, "no data"),
    ("similar", in_nodata, [], 1, "no data"),
    ("learning-curve", nothing, [], 1, "more labels"),
    ("regress", nothing, ["--block-size", "large"], 2, "--block-size"),
    ("cluster", nothing, ["--n-clusters", "0"], 2, "2..255"),
]


@pytest.mark.parametrize(("task", "prepare", "options", "exit_code", "said"), FAULTS)
def test_faults_are_one_line_with_an_exit_code(
    task: str,
    prepare: Callable[[Path], None],
    options: list[str],
    exit_code: int,
    said: str,
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is wrong, a command prints one line on stderr, nothing on stdout, and leaves no folder behind."""
    (tmp_path / "codes").mkdir()
    for path in ("few.gpkg", "plots.gpkg", *(f"codes/{one.name}" for one in (place / "codes").iterdir())):
        (tmp_path / path).write_bytes((place / path).read_bytes())
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    words = [*COMMANDS[task], *([] if "--catalog" in options else ["--catalog", "codes"]), *options, "-o", "out"]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr
    assert not (tmp_path / "out").exists()
