"""What hurts on real machines: full disks, folders without a place for caches, Ctrl-C, names in any script."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, NoReturn

import click
import geopandas
import numba.core.caching
import pytest
import tiny_map
from click.testing import CliRunner as ClickRunner
from pyogrio.errors import DataSourceError, FeatureError
from typer.testing import CliRunner as TyperRunner

from esd_tasks import cli
from esd_tasks.geopackage import write_geopackage
from stactools_esd.command_group import EsdGroup
from stactools_esd.compiled import compiled, vectorised
from stactools_esd.errors import OutputError
from stactools_esd.files import atomic_path

ODD = "étude 中文 (copie) ñ"
"""A folder as people call theirs."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue and labels in a folder whose name has spaces and other scripts."""
    folder = tmp_path_factory.mktemp("odd") / ODD
    tiny_map.write_place(folder / "catalog")
    tiny_map.write_labels(folder / "échantillons d'été.gpkg", n=60)
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as the working directory."""
    shutil.copytree(made, tmp_path / ODD)
    monkeypatch.chdir(tmp_path / ODD)
    monkeypatch.delenv("ESD_CATALOG", raising=False)
    return tmp_path / ODD


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_line_and_leaves_nothing(number: int, tmp_path: Path) -> None:
    """Whatever writes, a disk or quota that is full is an error of ours that names the file; the old one stays."""
    path = tmp_path / "map.tif"
    path.write_text("old")

    def fill() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("ha")
            raise OSError(number, os.strerror(number))

    with pytest.raises(OutputError, match=r"map\.tif .*make room"):
        fill()
    assert [one.name for one in tmp_path.iterdir()] == ["map.tif"]
    assert path.read_text() == "old"


@pytest.mark.parametrize("said", [DataSourceError("Failed to commit transaction"), FeatureError("no such table: a")])
def test_a_full_disk_is_one_line_of_layers(said: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite hides a full disk behind errors of its own: they are one line that names the file, and nothing is left."""

    def fill(_: Any, file: IO[bytes], **__: Any) -> NoReturn:
        file.write(b"half")
        raise said

    monkeypatch.setattr(geopandas.GeoDataFrame, "to_file", fill)
    with pytest.raises(OutputError, match=r"cannot write .*points\.gpkg .*make room"):
        write_geopackage(tmp_path / "points.gpkg", geopandas.GeoDataFrame(geometry=[], crs=4326), layer="points")
    assert not list(tmp_path.iterdir())


def test_other_faults_of_a_body_stay_what_they_are(tmp_path: Path) -> None:
    """A file that the body cannot read is not told as a full disk."""
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "map.tif"):
        (tmp_path / "absent").read_bytes()


@pytest.mark.parametrize("compile_it", [compiled, vectorised])
def test_loops_need_no_place_for_a_cache(compile_it: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither the installation nor the home can be written, as in containers, loops compile without a cache."""
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])

    def double(value: float) -> float:
        return 2 * value

    assert compile_it(double)(21.0) == 42.0


@pytest.mark.parametrize("compile_it", [compiled, vectorised])
def test_loops_need_no_room_for_a_cache(compile_it: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the folder of the cache can be written but has no room, loops compile without keeping it."""

    def full(*_: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(numba.core.caching.IndexDataCacheFile, "save", full)

    def treble(value: float) -> float:
        return 3 * value

    assert compile_it(treble)(14.0) == 42.0


def test_every_loop_is_compiled_in_one_place() -> None:
    """No module asks numba itself: what holds for places without a cache would not hold for it."""
    root = Path(__file__).parent.parent
    modules = [path for package in ("stactools_esd", "esd_tasks") for path in (root / package).rglob("*.py")]
    asking = [path.name for path in modules if re.search(r"\b(n?jit|guvectorize)\(", path.read_text("utf-8"))]
    assert asking == ["compiled.py"]


@pytest.mark.parametrize(
    "words",
    [
        ["pull", "--points", "échantillons d'été.gpkg", "--year", "2020"],
        ["similar", "--examples", "échantillons d'été.gpkg", "--year", "2020"],
    ],
    ids=lambda words: words[0],
)
def test_names_may_have_spaces_and_any_script(words: list[str], place: Path) -> None:
    """Catalogue, labels and output in such a folder: made, already done the second time, every named file there."""
    first = TyperRunner().invoke(cli.app, [*words, "-o", "sortie ü", "--json"])
    assert first.exit_code == 0, first.output
    again = TyperRunner().invoke(cli.app, [*words, "-o", "sortie ü"])
    assert again.stdout.startswith("already done: sortie ü")
    assert (place / "sortie ü" / "run.json").is_file()
    assert not list((place / "sortie ü").glob(".*"))


def test_nothing_but_plain_text_is_printed(place: Path) -> None:
    """No escape code in results, errors or help, even where a terminal would take colours: NO_COLOR holds always."""
    labels = "échantillons d'été.gpkg"
    for words in (["--help"], ["similar", "-h"], ["similar"], ["similar", "--examples", "absent.gpkg"],
                  ["similar", "--examples", labels, "--year", "2020"]):  # fmt: skip
        assert "\x1b" not in TyperRunner().invoke(cli.app, words, color=True).output, words


def test_an_interrupted_stac_command_is_one_line() -> None:
    """Ctrl-C ends `stac esd` with 130 and one line, as it ends `esd-tasks`."""

    @click.group(cls=EsdGroup)
    def group() -> None:
        """Stand in for `stac esd`."""

    @group.command()
    def stop() -> NoReturn:
        """Be interrupted."""
        raise KeyboardInterrupt

    result = ClickRunner().invoke(group, ["stop"])
    assert result.exit_code == 130
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: interrupted")


PROGRAMS = {
    "esd-tasks": ("esd_tasks.cli", "from esd_tasks.__main__ import main; main()"),
    "stac": ("stactools_esd.commands", "from stactools.cli.cli import run_cli; run_cli()"),
}
"""Each program, a module of ours that it imports first, and what its script does."""


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_interrupted_while_it_starts_is_one_line(program: str) -> None:
    """Ctrl-C before a command has begun, while modules are imported, ends both programs with 130 and one line."""
    module, script = PROGRAMS[program]
    code = (
        "import sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        f"sys.meta_path.insert(0, Stop())\nsys.argv = [{program!r}, 'esd']\n{script}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: interrupted")
