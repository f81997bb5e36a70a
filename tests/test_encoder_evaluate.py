"""The protocol: what is judged, beside what, and who may be judged when."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch")

from safetensors.torch import load_file, save_file

from stactools_esd import commands
from stactools_esd.encoder import baselines, bootstrap, denoising, evaluate, real_sets
from stactools_esd.encoder.cards import (
    SHIPPED,
    WEIGHTS_FORMAT_VERSION,
)
from stactools_esd.encoder.tables import table
from stactools_esd.errors import UsageError, WeightsError
from stactools_esd.files import sha256_file
from stactools_esd.simulation import simulate_pixels

LABEL = "esdnet-small-v1"
SETS = {"train": ["east_africa_2017"], "dev": ["matogrosso"], "test": ["global_monthly_a"]}
METRICS = {"mae", "rmse", "cc_a", "cc_b", "cc_c", "cc_d"}
BASELINES = {"monthly", "dct", "pca", "vq"}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One set of each role, and few years of everything."""
    monkeypatch.setattr(real_sets, "names", lambda role: SETS[role])
    monkeypatch.setattr(baselines, "FITTED_YEARS", 60)
    monkeypatch.setattr(bootstrap, "RESAMPLES", 50)
    monkeypatch.setattr(denoising, "YEARS", 40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one set of each role; the development set lacks two bands."""
    path = tmp_path_factory.mktemp("data")
    dates = np.datetime64("2019-01-01") + np.arange(8, 365, 16)
    days = (dates - np.datetime64("2019-01-01")).astype(int)
    for names, seed in zip(SETS.values(), (1, 2, 3), strict=True):
        series = simulate_pixels(40, seed).clean[:, days]
        if names == ["matogrosso"]:
            series[..., [1, 4]] = np.nan
        file = path / real_sets.REAL_SETS[names[0]].path
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, X=series, dates=np.tile(dates, (40, 1)))
    return path


@pytest.fixture
def other_seed(tmp_path: Path) -> Path:
    """Weights of the same name as the shipped ones, a little different, with their card."""
    path = tmp_path / f"{LABEL}.safetensors"
    tensors = load_file(SHIPPED / path.name)
    changed = {name: tensor * 1.01 if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    save_file(changed, path, metadata={"weights_format_version": WEIGHTS_FORMAT_VERSION})
    card = json.loads((SHIPPED / f"{LABEL}.json").read_text())
    card["training"]["seed"] = 2
    path.with_suffix(".json").write_text(json.dumps(card | {"sha256": sha256_file(path)}))
    return path


def run(*arguments: str | Path) -> Result:
    """Run `stac esd evaluate` in this process."""
    return CliRunner().invoke(commands.esd, ["evaluate", *map(str, arguments)])


def test_all_is_measured_beside_the_same_baselines(folder: Path) -> None:
    """A set names role, n and bands; methods have all figures and intervals; each part of the protocol is there."""
    report = evaluate.evaluate(LABEL, folder)
    encoder = report["encoders"][0]
    assert list(encoder["sets"]) == ["matogrosso"]
    entry = encoder["sets"]["matogrosso"]
    assert (entry["role"], entry["n"], entry["pixels"]) == ("dev", 40, 40)
    assert entry["bands"] == ["blue", "red", "nir", "swir2"]
    keys = [value["key"] for value in entry["methods"].values()]
    assert set(keys) == {"encoder", "encoder_bare"} | BASELINES
    for value in (*entry["methods"].values(), *entry["in_domain"]["methods"].values()):
        assert set(value) == METRICS | {"key", "intervals"}
        assert set(value["intervals"]) == METRICS
        low, high = value["intervals"]["mae"]
        assert 0 < low <= value["mae"] <= high < 0.3
    assert (entry["in_domain"]["n"], entry["in_domain"]["fitted"]) == (20, 20)
    assert set(entry["mae_ratio"]) == set(entry["in_domain"]["mae_ratio"]) == BASELINES
    assert entry["codes"]["pixel_years"] == 40
    assert entry["left_out"]["dates"] == 40 * 6
    assert list(encoder["denoising"]["levels"]) == ["0.5", "1", "2"]
    for word in ("matogrosso", "left-out dates", "noise x 2", "in-domain", "product VQ"):
        assert word in table(report)


def test_the_same_arguments_give_the_same_figures(folder: Path) -> None:
    """Nothing is drawn without a seed."""
    assert evaluate.evaluate(LABEL, folder) == evaluate.evaluate(LABEL, folder)


@pytest.mark.parametrize("sets", [["global_monthly_a"], ["test"], ["dev", "test"]])
def test_test_sets_are_judged_only_when_said(sets: list[str], folder: Path) -> None:
    """A test set without --test is a usage error, by name and by role, before anything is read."""
    arguments = [part for name in sets for part in ("--sets", name)]
    result = run(LABEL, folder, *arguments)
    assert result.exit_code == 2
    assert "global_monthly_a" in result.stderr
    assert "--test" in result.stderr
    assert evaluate.choose_sets(sets, test=True)[-1] == "global_monthly_a"


def test_default_sets_follow_the_role() -> None:
    """Development sets by default; test sets join them with --test; a set that is named twice is judged once."""
    assert evaluate.choose_sets([], test=False) == ["matogrosso"]
    assert evaluate.choose_sets([], test=True) == ["matogrosso", "global_monthly_a"]
    assert evaluate.choose_sets(["train", "east_africa_2017"], test=False) == ["east_africa_2017"]
    with pytest.raises(UsageError, match="atlantis"):
        evaluate.choose_sets(["atlantis"], test=False)


def test_bad_input_is_one_line(folder: Path, tmp_path: Path) -> None:
    """A missing folder, a missing set, an unknown encoder and damaged weights each leave with their code."""
    (tmp_path / "empty").mkdir()
    weights = tmp_path / f"{LABEL}.safetensors"
    weights.write_bytes((SHIPPED / weights.name).read_bytes()[:-1] + b"\0")
    weights.with_suffix(".json").write_text((SHIPPED / f"{LABEL}.json").read_text())
    for arguments, exit_code, said in (
        ((LABEL, tmp_path / "gone"), 2, "got no folder"),
        ((LABEL, tmp_path / "empty"), 3, "got no file"),
        (("esdnet-huge", folder), 1, "got encoder 'esdnet-huge'"),
        ((weights, folder), 1, "as on its card"),
        ((LABEL, folder, "--sets", "atlantis"), 2, "got set 'atlantis'"),
        ((LABEL, folder, "--also", LABEL), 2, "got the same weights twice"),
    ):
        result = run(*arguments)
        assert result.exit_code == exit_code, result.output
        assert result.stderr.startswith("Error: ")
        assert said in result.stderr
        assert result.stdout == ""


def test_seeds_become_a_range(folder: Path, other_seed: Path) -> None:
    """JSON has stdout for itself; with another seed a figure spans both seeds and keeps the value of the first."""
    result = run(LABEL, folder, "--also", other_seed, "--json", "--figures", "encoder.small")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    first, second = report["encoders"]
    assert (first["seed"], second["seed"]) == (1, 2)
    assert report["median"] in (first["sha256"], second["sha256"])
    lines = [line.removeprefix("FIGURE ") for line in result.stderr.splitlines() if line.startswith("FIGURE ")]
    figures: dict[str, Any] = {figure["key"]: figure for figure in map(json.loads, lines)}
    assert len(figures) == len(lines)
    values = [encoder["sets"]["matogrosso"]["methods"][LABEL]["mae"] for encoder in (first, second)]
    figure = figures["encoder.small.mae.matogrosso"]
    assert (figure["value"], figure["n"], figure["split"]) == (values[0], 40, "dev")
    assert figure["spread"] == [min(values), max(values)]
    assert {figure["split"] for figure in figures.values()} == {"dev", "simulated"}


def test_figures_go_to_stdout_and_have_all_their_fields(folder: Path) -> None:
    """Without --json FIGURE lines are stdout; the keys of the documentation are among them."""
    result = run(LABEL, folder, "--figures", "encoder.small")
    lines = result.stdout.splitlines()
    assert all(line.startswith("FIGURE ") for line in lines)
    figures = [json.loads(line.removeprefix("FIGURE ")) for line in lines]
    assert all(set(figure) == {"key", "value", "unit", "n", "spread", "split"} for figure in figures)
    keys = {figure["key"].removeprefix("encoder.small.") for figure in figures}
    assert {f"{metric}.matogrosso" for metric in METRICS} <= keys
    assert {f"mae_{key}.matogrosso" for key in BASELINES} <= keys
    assert {f"mae_{key}_in_domain.matogrosso" for key in BASELINES} <= keys
    assert {"mae_over_vq.matogrosso", "leftout_ratio.matogrosso", "denoise_ratio", "denoise_ratio.0.5"} <= keys


def test_weights_of_two_encoders_are_no_seeds(folder: Path, other_seed: Path) -> None:
    """Only seeds of one training share a range."""
    card = json.loads(other_seed.with_suffix(".json").read_text())
    other_seed.with_suffix(".json").write_text(json.dumps(card | {"encoder": "esdnet-small-v2"}))
    with pytest.raises(UsageError, match="esdnet-small-v1 and esdnet-small-v2"):
        evaluate.evaluate(LABEL, folder, also=[other_seed])
    with pytest.raises(WeightsError):
        evaluate.evaluate(LABEL, folder, also=[other_seed.parent / "gone.safetensors"])
