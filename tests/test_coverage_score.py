"""A figure of coverage is of all tests, and of tests that passed."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import coverage_score  # noqa: E402

PASSES = """
def test_canopy() -> None:
    from stactools_esd.simulation import canopy
"""
PLUGINS = ("-p", "pytest_cov", "-p", "pytest_timeout")
FAILS = "def test_nothing() -> None:\n    assert False\n"
SLOW = "import time\n\ndef test_slowly() -> None:\n    time.sleep(60)\n"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for what tests ran, and few tests of compiled functions."""
    monkeypatch.setattr(coverage_score, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(coverage_score, "LOOPS", "fsq")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return tmp_path / "kept"


def left_with(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """Run the script, and return what it leaves with."""
    monkeypatch.setattr(sys, "argv", ["coverage_score.py", *words])
    with pytest.raises(SystemExit) as caught:
        coverage_score.main()
    return caught.value.code


def test_without_data_there_is_no_figure(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of a clean clone, nor of a part of the tests: one line says what to run."""
    said = left_with(monkeypatch, "--report")
    assert said == f"Error: got no data in {kept}, expected those of the tests; run make coverage first"
    kept.mkdir()
    (kept / "data.1_of_3").touch()
    (kept / "data.3_of_3.host.1").touch()
    said = left_with(monkeypatch, "--report")
    assert said == (
        "Error: got no data of 2_of_3, loops_test_fsq, expected those of all tests; run make coverage first"
    )
    assert sorted(path.name for path in kept.iterdir()) == ["data.1_of_3", "data.3_of_3.host.1"]


@pytest.mark.parametrize(("of_all", "of_loops", "code"), [(1, 0, 1), (0, 1, 1), (0, 0, 0)])
def test_a_failure_of_either_run_is_one_of_the_command(
    kept: Path, monkeypatch: pytest.MonkeyPatch, of_all: int, of_loops: int, code: int
) -> None:
    """The tests of loops run all the same, so that one run tells all that fails."""
    asked = []

    def run_tests(name: str, files: list[Path], *options: str, jit: bool = True) -> bool:
        asked.append((name, jit))
        return not (of_all if jit else of_loops)

    monkeypatch.setattr(coverage_score, "run_tests", run_tests)
    assert left_with(monkeypatch) == code
    assert asked == [("1_of_1", True), ("loops_test_fsq", False)]
    assert kept.parent.exists()


def test_tests_that_fail_are_told_from_those_that_are_ended(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A failure is kept, and no figure is made of it; what takes too long counts as far as it came."""
    tests = tmp_path / "test_one.py"
    tests.write_text(FAILS)
    assert not coverage_score.run_tests("1_of_1", [tests], *PLUGINS)
    (kept / "data.1_of_1").touch()
    assert "the tests of 1_of_1 left with 1" in capfd.readouterr().out
    said = left_with(monkeypatch, "--report")
    assert said == ("Error: got tests that failed in 1_of_1, expected none; mend them and run make coverage again")
    monkeypatch.setattr(coverage_score, "LOOP_SECONDS", 1)
    tests.write_text(SLOW)
    assert coverage_score.run_tests("loops_test_fsq", [tests], *PLUGINS, jit=False)
    assert "the tests of loops_test_fsq were ended after 1 s" in capfd.readouterr().out


def test_each_run_has_a_figure_of_its_own(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Over the same lines: both together are no less than each, and below the target a report leaves with 1.

    What was kept before by the same name is replaced, a failure too.
    """
    monkeypatch.setattr(coverage_score, "PACKAGES", ("stactools_esd/simulation",))
    kept.mkdir()
    (kept / "failed.1_of_1").touch()
    tests = tmp_path / "test_one.py"
    tests.write_text(PASSES)
    assert coverage_score.run_tests("1_of_1", [tests], *PLUGINS)
    assert coverage_score.run_tests("loops_test_fsq", [tests], *PLUGINS, jit=False)
    capfd.readouterr()
    assert left_with(monkeypatch, "--report") == 1
    lines = [line.removeprefix("FIGURE ") for line in capfd.readouterr().out.splitlines() if line.startswith("FIGURE")]
    figures = {figure["key"].removeprefix("trust.coverage"): figure for figure in map(json.loads, lines)}
    assert set(figures) == {"", ".with_compiler", ".without_compiler", ".compiled_modules"}
    both, with_it, without = (figures[key] for key in ("", ".with_compiler", ".without_compiler"))
    assert 0 < max(with_it["value"], without["value"]) <= both["value"] < 90
    assert both["n"] == with_it["n"] == without["n"] > figures[".compiled_modules"]["n"] > 50


def test_every_name_of_loops_is_a_file_of_tests() -> None:
    """None is left out by its name."""
    assert {path.stem.removeprefix("test_") for path in coverage_score.loop_files()} == set(
        coverage_score.LOOPS.split()
    )
