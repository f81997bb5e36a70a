"""The benchmarks measure time; here only that they tell it rightly."""

import fnmatch
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import suite  # noqa: E402
import timing  # noqa: E402
from figures import COMMANDS, inline, rendered  # noqa: E402

from esd_tasks.forest import loops  # noqa: E402


def figure(value: float, commit: str = "0123456789ab") -> dict[str, Any]:
    """Return a figure as docs/figures.json has them."""
    return {"value": value, "unit": "s", "spread": None, "commit": commit}


def test_page_is_what_the_figures_say() -> None:
    """Every row, goal and commit of docs/benchmarks.md follows from docs/figures.json: else `suite.py --page`."""
    kept = json.loads(suite.CONTENT.read_text())["machine"]
    assert suite.tables(suite.load(), kept) in suite.PAGE.read_text()


def test_every_row_has_a_command() -> None:
    """No row waits for a figure that nothing makes, and all but those of the archive belong to a step."""
    keys = [key for _, key, _ in suite.HEADLINES if not key.startswith("catalogue.")]
    for contest, ways in {
        **{name: list(ways) for name, ways in suite.CONTESTS.items()},
        "change": list(suite.CHANGE_NOTES),
    }.items():
        keys += [suite.ratio_key(contest, place, way) for place, way in enumerate(ways) if way != "ours"]
    table = yaml.safe_load(COMMANDS.read_text())
    in_steps = {command for step in suite.STEPS for command in suite.commands_for(step)}
    made = [entry for entry, command in table.items() if command in in_steps]
    assert [key for key in keys if not any(fnmatch.fnmatch(key, entry) for entry in made)] == []


@pytest.mark.parametrize(
    ("value", "aim", "told"),
    [
        (4.1, ">= 4", ">= 4: met"),
        (3.9, ">= 4", ">= 4: **missed**"),
        (0.3, "<= 0.3", "<= 0.3: met"),
        (1.3, "> 1.3", "> 1.3: **missed**"),
        (1.3, "shown", "shown"),
    ],
)
def test_goals_are_judged_by_the_value(value: float, aim: str, told: str) -> None:
    """A goal that is missed is called so."""
    figures = {"speed.one": figure(value)}
    assert suite.aim_of(figures, "speed.one", aim) == told
    assert suite.aim_of(figures, "speed.other", aim) == aim


def test_commit_of_a_figure_is_rendered() -> None:
    """The mark of a commit is kept true as that of a value is."""
    text = "<!-- commit: speed.one -->old<!-- / -->"
    assert rendered(text, {"speed.one": figure(1.0)}) == text.replace("old", inline("commit", figure(1.0)))


def test_each_way_comes_first_in_its_turn() -> None:
    """No way always follows the same other one, and each is called once a round after one call that does not count."""
    calls: list[str] = []
    seconds = timing.cpu_seconds({name: (lambda name=name: calls.append(name)) for name in "abc"}, rounds=3)
    assert "".join(calls) == "abc" + "abc" + "bca" + "cab"
    assert {name: len(taken) for name, taken in seconds.items()} == {"a": 3, "b": 3, "c": 3}


def test_machine_leaves_out_what_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer about instructions and memory the rest is told."""

    def unknown(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", unknown)
    monkeypatch.delattr("os.sysconf")
    facts = timing.machine()
    assert not {"instructions", "memory_gb"} & set(facts)
    assert "numpy " in suite.machine_lines(facts)


def test_peak_is_at_least_what_is_held() -> None:
    """Memory that a process filled counts."""
    held = b"\1" * 50_000_000
    assert timing.peak_bytes() > len(held)


def test_forest_can_be_measured_without_wide_values() -> None:
    """The name that `bench_forest.without_wide` replaces is the one that the compiled loop looks at."""
    assert "is_wide" in loops.score_pixels.py_func.__code__.co_names
