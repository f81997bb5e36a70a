"""One fault has one exit code in every command: 2 what is not there, 1 what cannot be used, 3 nothing found."""

from pathlib import Path
from typing import Any

import click
import pytest
import tiny_map
from click.testing import CliRunner as ClickRunner
from typer.testing import CliRunner

from esd_tasks import cli
from stactools_esd import commands

LABELS = "--year 2020 --labels labels.gpkg --catalog codes"
BOX = "--bbox 2.9,50.4,3.4,50.8"

ABSENT = [
    "esd-tasks classify --year 2020 --labels labels.gpkg --catalog absent",
    f"esd-tasks classify {LABELS} --legend absent",
    f"esd-tasks classify {LABELS} --covariate absent",
    f"esd-tasks classify {LABELS} --geometry absent",
    "esd-tasks classify --labels absent",
    "esd-tasks few-shot --labels absent",
    "esd-tasks learning-curve --labels absent",
    "esd-tasks regress --target-field h --labels absent",
    "esd-tasks migrate-labels --label-year 2020 --labels absent",
    "esd-tasks migrate-labels --label-year 2020 --labels labels.gpkg --catalog absent",
    "esd-tasks explain-labels absent",
    "esd-tasks similar --examples absent",
    "esd-tasks predict absent",
    "esd-tasks cluster --geometry absent",
    f"esd-tasks cluster {BOX} --catalog absent",
    "esd-tasks design absent",
    "esd-tasks assess absent --reference labels.gpkg",
    "esd-tasks assess map.tif --reference absent",
    "esd-tasks assess map.tif --reference labels.gpkg --design absent",
    "esd-tasks assess map.tif --reference labels.gpkg --legend absent",
    "esd-tasks pull --points absent",
    "esd-tasks pull --units absent",
    "esd-tasks pull --like absent",
    f"esd-tasks pull {BOX} --catalog absent",
    "esd-tasks change pair 2019 2020 --reference absent",
    "esd-tasks change pair 2019 2020 --model absent",
    "esd-tasks change train absent",
    "esd-tasks change land-cover absent",
    "esd-tasks change assess absent --reference labels.gpkg",
    "stac esd create-item absent out",
    "stac esd create-catalog absent out",
    "stac esd validate absent",
    "stac esd browse absent --browser-dir browser",
    "stac esd encode absent out --tile 31UDS --year 2020",
    "stac esd train absent -o out",
    "stac esd evaluate esdnet-small-v1 absent",
]
"""Commands with the name of something that is not there."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Codes and labels."""
    folder = tmp_path_factory.mktemp("place")
    tiny_map.write_place(folder / "codes", year=2020)
    tiny_map.write_labels(folder / "labels.gpkg", n=30)
    tiny_map_raster(folder / "map.tif")
    (folder / "browser").mkdir()
    (folder / "browser" / "index.html").write_text("")
    return folder


def tiny_map_raster(path: Path) -> None:
    """Write a map of the classes."""
    from tiny_classes import write_classes

    write_classes(path, tiny_map.class_map())


def run(line: str) -> Any:
    """Run a command line in this process."""
    program, *words = line.split()
    if program == "stac":
        return ClickRunner().invoke(click.Group("stac", {"esd": commands.esd}), words, prog_name="stac")
    return CliRunner().invoke(cli.app, words, prog_name=program)


@pytest.mark.parametrize("line", ABSENT)
def test_what_is_not_there_is_a_slip(line: str, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An absent file or folder is one line that names it, exit code 2, in every command of both programs."""
    monkeypatch.chdir(made)
    monkeypatch.delenv("ESD_CATALOG", raising=False)
    before = sorted(made.rglob("*"))
    result = run(line)
    assert result.exit_code == 2, result.output
    (said,) = result.stderr.splitlines()
    assert said.startswith("Error: ")
    assert "absent" in said
    assert "option" not in said
    assert sorted(made.rglob("*")) == before


def test_every_command_that_reads_is_asked() -> None:
    """No command is left out of the table but those that take no file of the user's."""
    asked = {line.split()[1] if line.startswith("esd-") else line.split()[2] for line in ABSENT}
    assert set(commands.esd.commands) - asked <= {"build-browser", "create-collection", "list-portal", "reconstruct"}
    tasks = {one.name or one.callback.__name__.replace("_", "-") for one in cli.app.registered_commands if one.callback}
    assert tasks - asked <= {"evaluate-encoder"}
