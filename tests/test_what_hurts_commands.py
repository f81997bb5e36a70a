"""What users of one command may expect of all others: options, help, errors of layers, and words at the end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import geopandas
import pytest
import shapely
import tiny_map
import typer
from click.testing import CliRunner as ClickRunner
from tiny_classes import write_classes
from typer.testing import CliRunner, Result

from esd_tasks import cli
from esd_tasks.change.event_reference import read_events
from stactools_esd import commands
from stactools_esd.errors import EsdError

HABITS = {"--output", "-o", "--json", "--dry-run", "--overwrite", "--verbose", "-v", "--quiet", "-q", "--help", "-h"}
"""Options that every task has under one name."""

WITHOUT = {"evaluate-encoder": {"--output", "-o", "--dry-run", "--overwrite", "--verbose", "-v"}}
"""It writes no files."""


def walk(command: Any, name: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command with its name."""
    below = getattr(command, "commands", {})
    for word, one in below.items():
        yield from walk(one, (*name, word))
    if not below:
        yield " ".join(name), command


TASKS = dict(walk(typer.main.get_command(cli.app)))
PRODUCT = dict(walk(commands.esd))


@pytest.mark.parametrize("name", TASKS)
def test_options_have_one_name_everywhere(name: str) -> None:
    """Every task has -o, --json, --dry-run, --overwrite, -v, -q and -h."""
    said = {option for parameter in TASKS[name].params for option in parameter.opts} | {"--help", "-h"}
    assert HABITS - WITHOUT.get(name, set()) <= said


def test_an_option_means_the_same_everywhere() -> None:
    """Where two tasks have an option of one name, it has one type and one sign in the help."""
    seen: dict[str, dict[str, str]] = {}
    for name, command in TASKS.items():
        for parameter in command.params:
            for option in parameter.opts:
                if option in {"--bbox", "--years", "--min-clear", "--json", "--dry-run", "--seed", "--workers", "-o"}:
                    seen.setdefault(option, {})[name] = f"{parameter.metavar} {parameter.is_flag} {parameter.multiple}"
    for option, kinds in seen.items():
        assert len(set(kinds.values())) == 1, (option, kinds)


@pytest.mark.parametrize("name", [*TASKS, *(f"stac esd {one}" for one in PRODUCT)])
def test_help_fits_a_terminal_of_80_columns(name: str) -> None:
    """No line of any help is broken by a terminal, and each says what the command is for."""
    if name.startswith("stac esd "):
        result: Any = ClickRunner().invoke(commands.esd, [*name.split()[2:], "--help"], terminal_width=80)
    else:
        result = CliRunner().invoke(cli.app, [*name.split(), "--help"], terminal_width=80)
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 80
    assert len(result.output.splitlines()[2].strip()) > 10


SLIPS = ["esd-tasks nosuch", "esd-tasks --foo", "esd-tasks classify", "esd-tasks change pair 2019",
         "esd-tasks pull --yera 1", "esd-tasks pull --year x", "esd-tasks design map.tif --allocation all",
         "stac esd nosuch", "stac esd --foo", "stac esd create-item", "stac esd train absent.toml"]  # fmt: skip
"""Command lines that no program can read."""


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_of_the_keyboard_is_one_line(slip: str) -> None:
    """Whatever the parser of options refuses is one line that names the help to look at, and exit code 2."""
    result: Any
    if slip.startswith("stac "):
        result = ClickRunner().invoke(click.Group("stac", {"esd": commands.esd}), slip.split()[1:], prog_name="stac")
    else:
        result = CliRunner().invoke(cli.app, slip.split()[1:], prog_name="esd-tasks")
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert line.endswith(" --help")


@pytest.mark.parametrize("words", ["esd-tasks", "esd-tasks change", "stac esd"])
def test_a_group_alone_shows_its_help(words: str) -> None:
    """Without a command there is nothing to complain of: the list of commands."""
    app: Any = CliRunner().invoke(cli.app, words.split()[1:]) if words[0] == "e" else ClickRunner().invoke(commands.esd)
    assert "Commands:" in app.output


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Codes of two years, and layers with every fault that makes a layer useless."""
    folder = tmp_path_factory.mktemp("place")
    for year in (2019, 2020):
        tiny_map.write_place(folder / "codes", year=year)
    sound = geopandas.read_file(tiny_map.write_labels(folder / "sound.gpkg", n=30))
    fields = {"change": "no change", "year1": 2019, "year2": 2020, "height": 3.0, "reference": "water"}
    sound = sound.assign(**fields)
    sound.iloc[:0].to_file(folder / "without features.gpkg")
    sound.set_geometry([shapely.Point()] * len(sound), crs=4326).to_file(folder / "empty places.gpkg")
    with pytest.warns(UserWarning, match="crs"):
        sound.set_crs(None, allow_override=True).to_file(folder / "no CRS.gpkg")
    (folder / "words.gpkg").write_text("hello")
    (folder / "no bytes.gpkg").write_bytes(b"")
    (folder / "table.csv").write_text("east,north,class\n3.1,50.5,water\n")
    (folder / "folder.gpkg").mkdir()
    return folder


LAYERS = {"without features.gpkg": 3, "empty places.gpkg": 3, "words.gpkg": 1, "no bytes.gpkg": 1, "table.csv": 1,
          "no CRS.gpkg": 1, "folder.gpkg": 2, "absent.gpkg": 2, "https://127.0.0.1:1/a.gpkg": 2}  # fmt: skip
"""Layers that hold no place, and the exit code of each: nothing found, no good, or nothing that may be read."""

READERS = {
    "classify": "classify --year 2020 --class-field class --labels",
    "few-shot": "few-shot --year 2020 --class-field class --labels",
    "learning-curve": "learning-curve --year 2020 --class-field class --labels",
    "similar": "similar --year 2020 --examples",
    "regress": "regress --year 2020 --target-field height --labels",
    "points": "pull --points",
    "units": "pull --units",
    "area": "cluster --year 2020 --geometry",
    "pair": "change pair 2019 2020 --class-field change --reference",
    "train": "change train --class-field change",
}
"""Commands that read a layer of places, which comes last."""


def run(words: list[str]) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli.app, words)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("reader", READERS)
def test_a_layer_without_places_is_one_line(
    reader: str, layer: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command that reads places refuses such a layer in one line that names it, and leaves nothing behind."""
    monkeypatch.chdir(place)
    out = tmp_path / "out"
    result = run([*READERS[reader].split(), layer, "--catalog", "codes", "-o", str(out)])
    # An area may be on a server, where nobody answers here.
    assert result.exit_code == (1 if reader == "area" and "//" in layer else LAYERS[layer]), result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert Path(layer).name in line
    assert "download it first" in line or reader == "area" or "//" not in layer
    assert not out.exists()


BOX = "--bbox 2.9,50.4,3.4,50.8 --year 2020"
ENDS = [f"pull {BOX}", f"cluster {BOX}", "similar --year 2020 --examples sound.gpkg", "design",
        "change pair 2019 2020 --expected-rate 0.1"]  # fmt: skip
"""Commands of which the end is read."""


@pytest.mark.parametrize("words", ENDS)
def test_a_command_ends_with_the_next_step(
    words: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last line says what to do with what was made, and -q says nothing at all."""
    monkeypatch.chdir(place)
    catalog = [] if words == "design" else ["--catalog", "codes"]
    source = [str(class_map(tmp_path / "map.tif")), "--total", "150"] if words == "design" else []
    name = "points.gpkg" if words == "design" else "out"
    result = run([*words.split(), *source, *catalog, "-o", str(tmp_path / name)])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].startswith("next: ")
    assert result.stderr == ""
    quiet = run([*words.split(), *source, *catalog, "-o", str(tmp_path / f"quiet-{name}"), "-q"])
    assert (quiet.exit_code, quiet.output) == (0, "")


def class_map(path: Path) -> Path:
    """Write a map of the classes."""
    return write_classes(path, tiny_map.class_map())


NOTHING = [
    f"cluster {BOX}",
    "similar --year 2020 --examples sound.gpkg",
    "classify --year 2020 --class-field class --labels sound.gpkg",
    "change pair 2019 2020 --expected-rate 0.1",
]
"""Commands that find nothing where no pixel is clear enough."""


@pytest.mark.parametrize("words", NOTHING)
def test_nothing_found_is_no_success(words: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no pixel has enough clear observations a command fails in one line and leaves nothing that looks made."""
    monkeypatch.chdir(place)
    out = tmp_path / "out"
    result = run([*words.split(), "--min-clear", "300", "--catalog", "codes", "-o", str(out)])
    assert result.exit_code == 3, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert not out.exists()


def test_reference_events_of_an_empty_layer_are_refused(place: Path) -> None:
    """`change assess` says in one line that its reference holds nothing."""
    geopandas.GeoDataFrame({"event_years": []}, geometry=[], crs=4326).to_file(place / "no events.gpkg")
    with pytest.raises(EsdError, match=r"no events\.gpkg"):
        read_events(place / "no events.gpkg")
