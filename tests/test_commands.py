"""`stac esd`: what each command prints, writes and leaves with."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from stactools_esd import commands, encoder_commands
from stactools_esd.item_folder import ItemFolder, write_item
from stactools_esd.sources.find import AUTO, SOURCE_TYPES


def run(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(commands.esd, [str(argument) for argument in arguments])


def last_line(result: Result) -> str:
    """Return what a command said last."""
    return result.stdout.splitlines()[-1]


def test_the_road_from_files_to_a_catalogue(area_cog: Path, official_tile: Path, tmp_path: Path) -> None:
    """Each command ends with what it made and the command to try next, and each next command works."""
    items, catalog = tmp_path / "items", tmp_path / "catalog"
    for source in (area_cog, official_tile):
        made = run("create-item", source, items)
        assert made.exit_code == 0, made.output
        assert all(Path(line).is_file() for line in made.stdout.splitlines()[:-1])
        assert last_line(made) == f"next: stac esd create-catalog {items} catalog"
    made = run("create-catalog", items, catalog)
    assert made.exit_code == 0, made.output
    assert made.stdout.splitlines()[0] == str(catalog / "catalog.json")
    assert last_line(made) == f"next: esd-tasks classify --labels samples.gpkg --catalog {catalog}/esd-esdnet-small-v1"
    checked = run("validate", catalog)
    assert checked.exit_code == 0
    assert checked.stdout == "valid: 2 items, 2 collections, 5 catalogues, 2 codes COGs\n"


def test_create_collection(tmp_path: Path) -> None:
    """DESTINATION is a file or a folder; the official collection is the default."""
    assert run("create-collection", tmp_path).exit_code == 0
    assert json.loads((tmp_path / "collection.json").read_text())["id"] == "esd-official-v001"
    made = run("create-collection", tmp_path / "small.json", "--encoder", "esdnet-small-v1")
    assert made.exit_code == 0
    assert json.loads((tmp_path / "small.json").read_text())["id"] == "esd-esdnet-small-v1"
    assert run("validate", tmp_path / "small.json").exit_code == 0


def test_create_item_with_options(official_tile: Path, tmp_path: Path) -> None:
    """A file without a name of ours is official when the options say so, wholly."""
    odd = official_tile.rename(official_tile.with_name("odd.tif"))
    refused = run("create-item", odd, tmp_path / "items", "--no-copy")
    assert refused.exit_code == 1
    assert "--encoder official-v001" in refused.stderr
    said = ("--encoder", "official-v001", "--tile", "50TMK", "--year", "2020")
    made = run("create-item", odd, tmp_path / "items", "--no-copy", *said)
    assert made.exit_code == 0, made.output
    assert len(made.stdout.splitlines()) == 2
    assert run("validate", made.stdout.splitlines()[0]).exit_code == 0


def test_a_warning_is_one_line(official_tile: Path, tmp_path: Path) -> None:
    """`V001CHN` warns on stderr, and the work is done."""
    path = official_tile.rename(official_tile.with_name("SDC30_EBD_V001CHN_50TMK_2020.tif"))
    done = subprocess.run(
        [sys.executable, "-m", "stactools.cli.cli", "esd", "create-item", path, tmp_path / "items", "--no-copy"],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("Warning: SDC30_EBD_V001CHN_50TMK_2020.tif is of the V001CHN variant")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("validate", "{tmp}/gone"), 2, "Error: got no file or folder"),
        (("validate", "{tmp}"), 3, "Error: got the folder"),
        (("create-catalog", "{tmp}", "{tmp}/catalog"), 3, "Error: got no item and no codes COG"),
        (("create-catalog", "{tmp}/gone", "{tmp}/catalog"), 2, "Error: got no file or folder"),
        (("create-catalog", "{tmp}"), 2, "Missing argument"),
        (("create-item", "{tmp}/gone.tif", "{tmp}"), 2, "Error: got no file"),
        (("create-item", "{tmp}/there.tif", "{tmp}", "--tile", "50TMK", "--name", "demo"), 2, "both --tile 50TMK"),
        (("create-item", "{tmp}/there.tif", "{tmp}", "--name", "De Mo"), 1, "got area name 'De Mo'"),
        (("create-collection", "{tmp}", "--encoder", "small"), 1, "Error: got encoder 'small'"),
        (("encode", "{tmp}", "{tmp}/out"), 2, "--year"),
        (("encode", "{tmp}", "{tmp}/out", "--year", "2020"), 2, "neither --tile nor --name"),
        (("encode", "{tmp}", "{tmp}/out", "--year", "2020", "--window-start", "July", "--name", "a"), 2, "July"),
        (("encode", "{tmp}", "{tmp}/out", "--year", "2020", "--name", "a", "--memory", "much"), 2, "got memory 'much'"),
        (("encode", "{tmp}", "{tmp}/out", "--year", "2020", "--name", "a", "--window", "1,2"), 2, "four numbers"),
        (("encode", "{tmp}", "{tmp}/out", "--year", "2020", "--name", "a", "--fill", "cubic"), 2, "cubic"),
        (("reconstruct", "{tmp}/item.json", "--dates", "2020-07", "-o", "{tmp}/out"), 2, "expected days such as"),
        (("reconstruct", "{tmp}/item.json", "-o", "{tmp}/out"), 2, "--dates"),
        (("train", "{tmp}/gone.yaml", "-o", "{tmp}/run"), 2, "does not exist"),
        (("paint",), 2, "No such command"),
    ],
)
def test_errors_leave_with_their_code(arguments: tuple[str, ...], exit_code: int, said: str, tmp_path: Path) -> None:
    """1 failed, 2 usage, 3 nothing found; the reason stands on stderr, and nothing is written."""
    (tmp_path / "there.tif").touch()
    before = sorted(tmp_path.rglob("*"))
    result = run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert result.exit_code == exit_code, result.output
    assert said in result.stderr
    assert result.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_validate_lists_problems_and_leaves_with_one(area_cog: Path, tmp_path: Path) -> None:
    """Problems go to stdout, one a line; the count goes to stderr."""
    item = Path(run("create-item", area_cog, tmp_path / "items").stdout.splitlines()[-2])
    content = json.loads(item.read_text())
    content["properties"]["esd:tile"] = "xother"
    item.write_text(json.dumps(content))
    result = run("validate", item)
    assert result.exit_code == 1
    assert any("got esd:tile 'xother'" in line or "xother" in line for line in result.stdout.splitlines())
    assert result.stderr.startswith("Error: got ")


def test_an_error_of_the_system_is_one_line(area_cog: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A full disk is not a traceback."""

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", "items")

    monkeypatch.setattr("stactools_esd.item_folder.write_item", full)
    result = run("create-item", area_cog, tmp_path / "items")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: got No space left on device at items, expected room; make some")


def test_without_torch_the_encoder_names_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every command that needs the encoder says in one line what to install."""
    real = importlib.import_module

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith("stactools_esd.encoder"):
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, *rest)

    monkeypatch.setattr(encoder_commands.importlib, "import_module", absent)
    (tmp_path / "config.yaml").write_text("")
    for arguments in (
        ("encode", tmp_path, tmp_path / "out", "--year", "2020", "--name", "demo"),
        ("train", tmp_path / "config.yaml", "-o", tmp_path / "run"),
        ("evaluate", "esdnet-small", tmp_path),
        ("reconstruct", "item.json", "--dates", "2020-07-01", "-o", tmp_path / "out"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1].endswith("run: pip install 'stactools-esd[encoder]'")


def test_encode_hands_its_options_over(area_cog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`encode` reads sizes, windows and places, hands them on, and names what was made."""
    asked: dict[str, Any] = {}

    def encode_source(source: Path, destination: Path, **options: Any) -> ItemFolder:
        asked.update(options, source=source)
        return write_item(area_cog, destination)

    monkeypatch.setattr(encoder_commands, "_encoder_module", lambda _: SimpleNamespace(encode_source=encode_source))
    options = ("--year", "2018", "--name", "demo", "--window-start", "2018-07-01", "--source-name", "sentinel-2")
    result = run("encode", tmp_path, tmp_path / "items", *options, "--memory", "2GB", "--window", "1,2,3,4")
    assert result.exit_code == 0, result.output
    assert (asked["tile"], asked["source_name"], asked["encoder"]) == ("xdemo", "sentinel-2", "esdnet-small")
    assert asked["window"].flagged
    assert (asked["memory"], asked["part"], asked["workers"]) == (2_000_000_000, (1, 2, 3, 4), None)
    assert not {"harmonisation", "context", "dem"} & set(asked)
    assert [path.name for path in (tmp_path / "items").iterdir()] == ["esd-esdnet-small-v1-xdemo-2020"]
    assert all(Path(line).is_file() for line in result.stdout.splitlines()[:-1])
    assert run("validate", tmp_path / "items").exit_code == 0


def test_types_of_sources_are_those_of_the_readers() -> None:
    """The command line, which loads no reader, names the kinds that the readers have."""
    assert (AUTO, *SOURCE_TYPES) == encoder_commands.SOURCE_TYPES


def test_every_command_and_option_has_help() -> None:
    """A command without a word of help is not finished."""
    for name, command in commands.esd.commands.items():
        assert command.help, name
        assert command.short_help, name
        assert all(option.help for option in command.params if isinstance(option, click.Option)), name


def test_help_is_fast_and_loads_nothing_heavy() -> None:
    """`stac esd --help` loads neither torch nor numba; the command module itself not even rasterio."""
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from stactools_esd.commands import esd\n"
        "assert CliRunner().invoke(esd, ['encode', '--help']).exit_code == 0\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert not {"torch", "numba", "rasterio", "numpy", "pystac", "jsonschema"} & set(done.stdout.split())
