"""`migrate-labels` among a user's own files: nothing of theirs is lost, and a killed run goes on."""

import json
import os
from pathlib import Path

import changing
import numpy as np
import pytest
from typer.testing import CliRunner

from esd_tasks.cli import app
from esd_tasks.migrate import run as migrate_run
from stactools_esd.blocks import RUN_FILE
from stactools_esd.run_lock import LOCK_FILE

YEARS = (2016, 2017, 2018)

WRITERS = ("write_samples", "write_found", "write_report", "write_json", "release")
"""What a run calls, one after the other."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write three years of codes, and labels of the first."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "codes").mkdir()
    changing.write_place(folder / "codes", YEARS)
    rows, columns = changing.drawn_pixels(60)
    names = np.where(np.arange(60) % 2, "crop", "forest")
    changing.write_points(folder / "samples.gpkg", rows, columns, **{"class": names})
    return folder


def run(place: Path, output: Path, *more: str, expected: int = 0) -> str:
    """Run the command; return what it says in one line."""
    done = CliRunner().invoke(app, words_of(place, output, *more))
    assert done.exit_code == expected, done.output
    return " ".join(done.output.split())


class Killed(BaseException):
    """Stands for a kill: nothing of ours waits for it."""


def kill_at(place: Path, output: Path, writer: str, *more: str) -> None:
    """End a run right before it calls a function, and leave what a kill leaves."""

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate_run, writer, killed)
        with pytest.raises(Killed):
            CliRunner().invoke(app, words_of(place, output, *more), catch_exceptions=False)
    lock = output.with_name(f".{output.stem}")
    lock.mkdir(exist_ok=True)
    (lock / LOCK_FILE).touch()
    output.with_name(f".{output.stem}.partial-1f{output.suffix}").touch()
    output.with_name(f".{output.stem}.partial-1f{output.suffix}-journal").touch()


def words_of(place: Path, output: Path, *more: str) -> list[str]:
    """Return the command line."""
    words = ["migrate-labels", "--labels", place / "samples.gpkg", "--catalog", place / "codes", "-o", output]
    return [*map(str, words), "--label-year", "2016", "--class-field", "class", *more]


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, hidden ones too; of folders only the name."""
    return {path.name: path.read_bytes() if path.is_file() else b"" for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all files state one time."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@pytest.mark.parametrize("writer", WRITERS)
def test_the_same_command_goes_on_after_a_kill(writer: str, place: Path, tmp_path: Path) -> None:
    """Wherever a run ends, the same command makes every byte of an undisturbed one, and nothing else stays."""
    output = tmp_path / "one.gpkg"
    (tmp_path / ".one_series.partial-1f.gpkg").touch()  # of a run of another name, which may be at work
    run(place, output)
    whole = contents(tmp_path)
    assert sorted(whole) == [
        ".one_series.partial-1f.gpkg", "one.gpkg", "one_report.html", "one_run.json", "one_series.npz"
    ]  # fmt: skip
    for name in whole:
        if not name.startswith("."):
            (tmp_path / name).unlink()
    kill_at(place, output, writer)
    assert (tmp_path / "one_run.json").exists() == (writer == "release")
    said = run(place, output)
    assert ("already done" in said) == (writer == "release")
    assert contents(tmp_path) == whole


@pytest.mark.parametrize("writer", WRITERS[:-1])
def test_files_of_two_runs_are_never_taken_for_one(writer: str, place: Path, tmp_path: Path) -> None:
    """Where --overwrite was killed half-way, neither command says that it is done; the one that was killed goes on."""
    output = tmp_path / "one.gpkg"
    run(place, output)
    kill_at(place, output, writer, "--seed", "1", "--overwrite")
    assert "unfinished result of another run" in run(place, output, expected=1)
    assert "already done" not in run(place, output, "--seed", "1")
    assert json.loads((tmp_path / "one_run.json").read_text())["parameters"]["seed"] == 1
    assert "of another run or somebody's" in run(place, output, expected=1)
    assert "already done" not in run(place, output, "--overwrite")
    assert [name for name in contents(tmp_path) if name.startswith(".")] == []


def test_a_run_that_was_killed_before_it_wrote_leaves_the_older_one(place: Path, tmp_path: Path) -> None:
    """While --overwrite still computes, the older result is whole, and known as such."""
    output = tmp_path / "one.gpkg"
    run(place, output)
    whole = contents(tmp_path)
    kill_at(place, output, "migrate", "--seed", "1", "--overwrite")
    assert "already done" in run(place, output)
    assert {name: whole[name] for name in whole} == {
        name: content for name, content in contents(tmp_path).items() if ".partial-" not in name
    }


def test_files_of_somebody_stay(place: Path, tmp_path: Path) -> None:
    """A file that no run of ours made is refused, whatever unfinished run of another name lies beside it."""
    (tmp_path / "one_report.html").write_text("years of work")
    assert "of another run or somebody's" in run(place, tmp_path / "one.gpkg", expected=1)
    assert [path.name for path in tmp_path.iterdir()] == ["one_report.html"]


def test_a_killed_run_keeps_its_key_until_it_is_finished(place: Path, tmp_path: Path) -> None:
    """A run that fails again leaves its files known as its own."""
    output = tmp_path / "one.gpkg"
    kill_at(place, output, "write_report")
    kill_at(place, output, "migrate")
    assert (tmp_path / ".one" / RUN_FILE).is_file()
    run(place, output)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "one.gpkg", "one_report.html", "one_run.json", "one_series.npz"
    ]  # fmt: skip


def test_what_is_read_is_never_replaced(place: Path, tmp_path: Path) -> None:
    """Labels and legend under the name of any output are refused with or without --overwrite, and stay as they are."""
    labels = tmp_path / "own.gpkg"
    labels.write_bytes((place / "samples.gpkg").read_bytes())
    (tmp_path / "link.gpkg").symlink_to(labels)
    (tmp_path / "x_run.json").write_text('{"1": "crop", "2": "forest"}')
    before = contents(tmp_path)
    alone = ("--label-year", "2016", "--class-field", "class", "--catalog", str(place / "codes"), "--overwrite")
    for output, more, option in (
        (labels, (), "--labels"),
        (tmp_path / "link.gpkg", (), "--labels"),
        (Path(os.path.relpath(labels)), ("--dry-run",), "--labels"),
        (tmp_path / "x.gpkg", ("--legend", str(tmp_path / "x_run.json")), "--legend"),
    ):
        words = ["migrate-labels", "--labels", str(labels), "-o", str(output), *alone, *more]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 2, done.output
        (line,) = done.stderr.splitlines()
        assert option in line
        assert "which would be lost" in line
    assert contents(tmp_path) == before
