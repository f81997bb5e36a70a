"""Every command that reads places takes several layers of a file as one."""

import json
from pathlib import Path

import geopandas
import pytest
import tiny_map
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.unclassed import read_unclassed

COMMANDS = {
    "classify": ["--labels"],
    "few-shot": ["--labels"],
    "learning-curve": ["--labels"],
    "regress": ["--target-field", "size", "--labels"],
    "similar": ["--examples"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with codes, and a file of 40 and 20 places in two layers."""
    folder = tmp_path_factory.mktemp("layers")
    tiny_map.write_place(folder / "codes")
    points = geopandas.read_file(tiny_map.write_labels(folder / "one.gpkg", n=60))
    points["size"] = range(60)
    points[:40].to_file(folder / "two.gpkg", layer="north")
    points[40:].to_crs(32631).to_file(folder / "two.gpkg", layer="south")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_layers_are_read_as_one(place: Path, command: str) -> None:
    """`--layer` may be repeated: the places of both layers count, whatever their CRS; one names that layer alone."""
    words = [command, *COMMANDS[command], str(place / "two.gpkg"), "--catalog", str(place / "codes")]
    for layers, n in ((["north", "south"], 60), (["south"], 20), (["south", "south"], 20)):
        named = [word for layer in layers for word in ("--layer", layer)]
        result = CliRunner().invoke(cli.app, [*words, *named, "--dry-run", "--json"])
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["labels"] == n


@pytest.mark.parametrize("command", COMMANDS)
def test_a_layer_must_be_chosen_and_be_there(place: Path, command: str) -> None:
    """Without `--layer` both are listed; a layer that is not there is a usage error that lists those that are."""
    words = [command, *COMMANDS[command], str(place / "two.gpkg"), "--catalog", str(place / "codes")]
    for named in ([], ["--layer", "north", "--layer", "west"]):
        result = CliRunner().invoke(cli.app, [*words, *named])
        assert result.exit_code == 2
        assert "north, south" in result.stderr


def test_numbers_of_layers_stay_with_their_places(place: Path) -> None:
    """Numbers of two layers stand in the order of the layers that were named."""
    places, values = read_unclassed(place / "two.gpkg", name="plot", layer=("south", "north"), value_field="size")
    assert values.tolist() == [*range(40, 60), *range(40)]
    assert len(places.geometry) == 60
