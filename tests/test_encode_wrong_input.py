"""Wrong input of every kind through `stac esd encode`: one line, the right exit code, nothing half-written."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from click.testing import CliRunner, Result
from source_kinds import KINDS, OURS, elsewhere, write_like

from stactools_esd.commands import esd
from stactools_esd.validate import validate

FAULTS = [(kind, fault) for kind, one in KINDS.items() for fault in one.faults]
SKIPPED = ("missing band", "truncated")
"""Faults of single images, which `--skip-bad` passes over."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sound source of each kind, and the rasters for `--like`."""
    place = tmp_path_factory.mktemp("sound")
    for name, kind in KINDS.items():
        (place / name).mkdir()
        kind.make(place / name)
        write_like(place / f"{name}.tif", kind.grid or OURS)
        write_like(place / f"far_{name}.tif", elsewhere(kind.grid or OURS))
    return place


@pytest.fixture
def place(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A copy of the kind that a test is of, to spoil, which is where the command runs."""
    kind = getattr(request.node, "callspec", None)
    name = "folder" if kind is None else kind.params.get("kind", "folder")
    copy = tmp_path / "place"
    shutil.copytree(sound / name, copy / name)
    for file in sound.glob(f"*{name}.tif"):
        shutil.copy(file, copy)
    monkeypatch.chdir(copy)
    return copy


def words(kind: str, *more: str, year: int = 2020, like: str = "") -> list[str]:
    """Words of the command line that encodes the source of a kind as an area of its own."""
    source = str(Path(kind) / KINDS[kind].path)
    on_grid = [] if KINDS[kind].grid is None else ["--like", f"{like}{kind}.tif"]
    return ["encode", source, "out", "--year", str(year), "--name", "area", *on_grid, *more]


def refused(place: Path, command: list[str], exit_code: int, said: str) -> None:
    """See that a command ends in one line and an exit code, and leaves everything as it was."""
    before = sorted(place.rglob("*"))
    result: Result = CliRunner().invoke(esd, command)
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(("Error: got ", "Error: cannot "))
    assert "; " in line, "it says what to do"
    assert said in line
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("kind", KINDS)
def test_sound_sources_are_encoded(kind: str, place: Path) -> None:
    """It is the faults that are refused below, not the sources; the item links to every file."""
    result = CliRunner().invoke(esd, words(kind))
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    (item,) = (place / "out").glob("*/*.json")
    assert validate(item).problems == []
    hrefs = {link["href"] for link in json.loads(item.read_text())["links"] if link["rel"] == "derived_from"}
    assert hrefs
    assert all((item.parent / href).exists() for href in hrefs)


@pytest.mark.parametrize(("kind", "fault"), FAULTS)
def test_faults_are_refused(kind: str, fault: str, place: Path) -> None:
    """A missing band, a date twice, mixed tiles, damage, an unknown scale fail; nothing clear is nothing found."""
    spoil, said = KINDS[kind].faults[fault]
    spoil(place / kind)
    refused(place, words(kind), 3 if fault == "nothing clear" else 1, said)


@pytest.mark.filterwarnings("always::stactools_esd.errors.SkippedImageWarning")
@pytest.mark.parametrize(("kind", "fault"), [pair for pair in FAULTS if pair[1] in SKIPPED and pair[0] != "cube"])
def test_single_images_are_passed_over_when_asked(kind: str, fault: str, place: Path) -> None:
    """With `--skip-bad` the tile is made as asked: one line names the image, the item counts it, the exit code is 0."""
    spoil, _ = KINDS[kind].faults[fault]
    spoil(place / kind)
    result = CliRunner().invoke(esd, words(kind, "--skip-bad"))
    assert result.exit_code == 0, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Warning: passed over ")
    (item,) = (place / "out").glob("*/*.json")
    assert json.loads(item.read_text())["properties"]["esd:skipped_images"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_years_and_places_without_images_are_nothing_found(kind: str, place: Path) -> None:
    """A year that no image is of leaves with 3, and so does a grid that no image touches."""
    refused(place, words(kind, year=2019), 3, "got no image of 2019-01-01 to 2019-12-31")
    if kind in ("landsat", "modis", "viirs"):
        refused(place, words(kind, like="far_"), 3, "grid")


@pytest.mark.parametrize("kind", KINDS)
def test_elevation_has_to_cover_the_images(kind: str, place: Path) -> None:
    """Elevation of another place is refused, whatever the images are."""
    refused(place, words(kind, "--dem", f"far_{kind}.tif"), 1, "elevation")


@pytest.mark.parametrize("kind", KINDS)
def test_empty_folders_and_foreign_files_are_refused(kind: str, place: Path) -> None:
    """An empty folder, one of holiday pictures, and no folder at all say what was looked for."""
    source, asked = place / "elsewhere", ["--source-type", kind]
    command = words(kind)
    command[1] = "elsewhere"
    for chosen in ([], asked):
        refused(place, [*command, *chosen], 2, "elsewhere")
    source.mkdir()
    for chosen in ([], asked):
        refused(place, [*command, *chosen], 1, "elsewhere")
    for name in ("holiday.tif", "cat.tif"):
        shutil.copy(place / f"{kind}.tif", source / name)
    for chosen in ([], asked):
        refused(place, [*command, *chosen], 1, "elsewhere")


@pytest.mark.parametrize(
    ("more", "exit_code", "said"),
    [
        (["--tile", "50ZZZ"], 1, "50ZZZ"),
        (["--tile", "31UFS"], 1, "got EPSG:32650 in a file of tile 31UFS"),
        (["--tile", "50TMK", "--name", "area"], 2, "got both"),
        ([], 2, "got neither"),
        (["--name", "My Field"], 1, "My Field"),
        (["--name", "area", "--source-type", "landsat"], 2, "--like"),
        (["--name", "area", "--harmonise", "etm"], 2, "expected one of Landsat"),
        (["--name", "area", "--source-options", "{scale: 1}"], 2, "source option 'scale'"),
        (["--name", "area", "--source-options", "no.yaml"], 2, "cannot read no.yaml"),
        (["--name", "area", "--window", "0,0,9,9"], 1, "window"),
        (["--name", "area", "--memory", "1MB"], 2, "memory"),
    ],
)
def test_places_and_options_that_are_none_are_refused(more: list[str], exit_code: int, said: str, place: Path) -> None:
    """A tile that is none or lies elsewhere, two places or none, and options of another kind of source."""
    refused(place, ["encode", "folder", "out", "--year", "2020", *more], exit_code, said)


@pytest.mark.slow
def test_a_disk_that_is_full_leaves_no_file_of_its_own(place: Path) -> None:
    """Where no file may grow beyond 8 KiB the COG cannot be written: one line, nothing stands there, and it goes on."""
    command = [sys.executable, "-m", "stactools.cli.cli", "esd", *words("folder")]
    limited = ["bash", "-c", 'ulimit -f 8; exec "$@"', "bash", *command]
    done = subprocess.run(limited, cwd=place, capture_output=True, text=True, check=False)
    *libtiff, line = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, ""), line
    assert line.startswith("Error: cannot write ")
    assert "make room" in line
    assert all(other.startswith("_tiffWriteProc") for other in libtiff)  # it writes past Python, and past GDAL
    assert [path for path in place.rglob("out/*") if not path.name.startswith(".")] == []
    result = CliRunner().invoke(esd, words("folder"))
    assert result.exit_code == 0, result.output
