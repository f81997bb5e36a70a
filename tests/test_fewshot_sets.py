"""The script of few-shot figures: keys, splits and draws as the protocol has them, without an encoder of ours."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from judged import MeanEncoder, labelled_years

from esd_tasks.encoder_tasks import inputs


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the script with a made-up set and a stand-in encoder."""
    path = Path(__file__).parent.parent / "scripts" / "fewshot_sets.py"
    spec = importlib.util.spec_from_file_location("fewshot_sets", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(inputs, "load_encoders", lambda names: [MeanEncoder()])
    monkeypatch.setattr(inputs, "read_labelled", lambda data, name, encoders: labelled_years(90))
    monkeypatch.setattr(module, "PROTOCOL_HEADS", ("prototype", "logistic"))
    monkeypatch.setattr(module, "SHOTS", (1, 5))
    monkeypatch.setattr(module, "LEAST_FOR_TREES", 10_000)
    return module


def test_figures_have_a_key_for_codes_and_raw_each(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tasks.fewshot_ba.<set>.<k>.codes|raw` with interval, n and split; codes that hold the class beat raw."""
    monkeypatch.setattr(sys, "argv", ["fewshot_sets.py", "data", "--sets", "rondonia_a"])
    script.main()
    lines = [line.removeprefix("FIGURE ") for line in capsys.readouterr().out.splitlines()]
    figures = {figure["key"]: figure for figure in map(json.loads, lines)}
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
        script.main()
    assert {inputs.role_of(name) for name in script.DEFAULT} == {"dev", "train"}
    assert {inputs.role_of(name) for name in script.TEST} == {"test"}
