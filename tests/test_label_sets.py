"""Scripts of figures of labelled sets: keys, splits and draws as the protocol has them, with a stand-in encoder."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from judged import MeanEncoder, labelled_years

from esd_tasks.encoder_tasks import inputs


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load a script with a made-up set and a stand-in encoder."""
    folder = Path(__file__).parent.parent / "scripts"
    monkeypatch.syspath_prepend(folder)
    module = importlib.import_module(name)
    monkeypatch.setattr(inputs, "load_encoders", lambda names: [MeanEncoder()])
    monkeypatch.setattr(inputs, "read_labelled", lambda data, name, encoders: labelled_years(90))
    return module


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script of few labels, with few heads and numbers of labels."""
    module = load("fewshot_sets", monkeypatch)
    monkeypatch.setattr(module, "PROTOCOL_HEADS", ("prototype", "logistic"))
    monkeypatch.setattr(module, "SHOTS", (1, 5))
    monkeypatch.setattr(module, "LEAST_FOR_TREES", 10_000)
    return module


def figures_of(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    """Run a script on a set and return its figures by key."""
    monkeypatch.setattr(sys, "argv", ["script.py", "data", "--sets", "rondonia_a"])
    script.run(script.report, script.__doc__)
    lines = [line.removeprefix("FIGURE ") for line in capsys.readouterr().out.splitlines()]
    return {figure["key"]: figure for figure in map(json.loads, lines)}


def test_land_cover_has_a_key_for_codes_raw_and_gain(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tasks.oa.<set>.codes|raw|gain`: the gain is the difference of the two, and codes that hold the class win."""
    figures = figures_of(load("landcover_sets", monkeypatch), monkeypatch, capsys)
    codes, raw, gain = (figures[f"tasks.oa.made_up.{kind}"]["value"] for kind in ("codes", "raw", "gain"))
    assert gain == pytest.approx(codes - raw, abs=1e-4)
    assert gain > 0


def test_figures_have_a_key_for_codes_and_raw_each(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tasks.fewshot_ba.<set>.<k>.codes|raw` with interval, n and split; codes that hold the class beat raw."""
    figures = figures_of(script, monkeypatch, capsys)
    assert set(figures) == {
        f"tasks.fewshot_ba.made_up.{k}.{kind}" for k in ("1", "5", "max") for kind in ("codes", "raw")
    }
    best = figures["tasks.fewshot_ba.made_up.max.codes"]
    assert best["value"] > figures["tasks.fewshot_ba.made_up.max.raw"]["value"]
    assert best["spread"][0] <= best["value"] <= best["spread"][1]
    assert (best["unit"], best["split"]) == ("balanced accuracy", "dev")


def test_test_sets_are_refused_unless_that_was_said(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test set is scored with --test only; sets of other roles are the default."""
    monkeypatch.setattr(sys, "argv", ["fewshot_sets.py", "data", "--sets", "canada_2017"])
    with pytest.raises(SystemExit, match="--test"):
        script.run(script.report, script.__doc__)
    assert {inputs.role_of(name) for name in script.DEFAULT} == {"dev", "train"}
    assert {inputs.role_of(name) for name in script.TEST} == {"test"}
