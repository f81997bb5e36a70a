"""`esd-tasks evaluate-encoder`: roles are kept, figures are whole, and bad input is one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")

from judged import MeanEncoder, write_points

from esd_tasks.cli import app
from esd_tasks.encoder_tasks import inputs, landcover
from esd_tasks.evaluate_encoder import choose_sets, evaluate
from stactools_esd.encoder import baselines
from stactools_esd.encoder.real_sets import REAL_SETS
from stactools_esd.errors import LabelsError, NothingFoundError, ObservationsError, UsageError

FIELDS = {"key", "value", "unit", "n", "spread", "split"}


def _write_row(folder: Path) -> None:
    """Write 300 adjacent pixels over three years, each of its own brightness."""
    path = folder / REAL_SETS["harvard_first_150"].path
    path.parent.mkdir(parents=True, exist_ok=True)
    dates = np.arange("2001-01-10", "2003-12-20", 40, dtype="datetime64[D]")
    brightness = np.linspace(0.1, 0.9, 300, dtype=np.float32)[:, None, None]
    reflectance = np.broadcast_to(brightness, (300, len(dates), 6))
    np.savez(path, X=reflectance, dates=dates, clear=np.ones((300, len(dates)), dtype=bool))


def _write_change(folder: Path) -> None:
    """Write ten years of MODIS-like series; half of the pixels are cleared in 2015, the rest is forest."""
    (folder / inputs.CHANGE_FILE).parent.mkdir(parents=True)
    dates = np.arange("2006-01-01", "2015-12-31", 16, dtype="datetime64[D]")
    reflectance = np.full((12, len(dates), 6), 0.2, dtype=np.float32)
    reflectance[:6, dates > np.datetime64("2015-02-01")] = 0.6
    reflectance[..., [1, 4]] = np.nan
    np.savez(
        folder / inputs.CHANGE_FILE,
        X=reflectance,
        dates=dates,
        reliability=np.zeros((12, len(dates)), dtype=np.int8),
        label=np.array(["deforestation2015"] * 6 + ["primary_forest"] * 6),
        lon=np.arange(12.0),
        lat=np.zeros(12),
        deter_date=np.array(["2015-02-01"] * 6 + ["NaT"] * 6, dtype="datetime64[D]"),
    )


def _write_windows(folder: Path) -> None:
    """Write clear windows with the class Deforestation, of which every third lies near points that judge."""
    path = folder / REAL_SETS["brazil_cube_2018"].path
    write_points(path, field="label", classes=("Deforestation", "Forest", "Pasture"))
    with np.load(path) as stored:
        arrays = dict(stored)
    near = np.arange(len(arrays["X"])) % 3 == 0
    clear = np.ones(arrays["X"].shape[:2], bool)
    np.savez(path, **arrays, clear_heur=clear, near_A_500m=near, near_B_500m=near)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with small sets of each kind, and few trees."""
    write_points(tmp_path / REAL_SETS["rondonia_a"].path, field="label", classes=("Deforestation", "tree"))
    _write_windows(tmp_path)
    with np.load(tmp_path / REAL_SETS["rondonia_a"].path) as arrays:
        np.savez(tmp_path / REAL_SETS["rondonia_a"].path, **arrays, X_interp=arrays["X"])
    write_points(tmp_path / REAL_SETS["matogrosso"].path, field="label", classes=("soy", "cotton", "rest"))
    _write_row(tmp_path)
    _write_change(tmp_path)
    complete = np.random.default_rng(0).uniform(0, 0.5, (3, 365, 6)).astype(np.float32)
    monkeypatch.setattr(baselines, "training_years", lambda data: complete)
    monkeypatch.setattr(landcover.judge, "__kwdefaults__", {**landcover.judge.__kwdefaults__, "parameters": _few()})
    return tmp_path


def _few() -> landcover.TreeParameters:
    return landcover.TreeParameters(rounds=3)


def test_test_sets_are_refused_unless_said() -> None:
    """Without --test no test set is chosen, nor can one be named; with it they are the default."""
    assert not {"global_monthly_a", "canada_2017", "harvard_last_120"} & set(choose_sets([], test=False))
    assert set(choose_sets([], test=True)) == {"global_monthly_a", "canada_2017", "amazon_deter", "harvard_last_120"}
    assert choose_sets(["canada_2017"], test=True) == ("canada_2017",)
    with pytest.raises(UsageError, match="add --test"):
        choose_sets(["rondonia_a", "canada_2017"], test=False)
    with pytest.raises(UsageError, match="atlantis"):
        choose_sets(["atlantis"], test=False)
    refused = CliRunner().invoke(app, ["evaluate-encoder", "esdnet-small", "nowhere", "--sets", "harvard_last_120"])
    assert refused.exit_code == 2
    assert "Error: got test set harvard_last_120" in refused.output


def test_every_task_prints_whole_figures(folder: Path) -> None:
    """All four tasks run; each figure has value, interval, unit, number and the role of its set as split."""
    told: list[tuple[str, int, int]] = []
    encoders = [MeanEncoder(1), MeanEncoder(2)]
    sections = evaluate(
        folder, encoders, choose_sets([], test=False), repeats=1, on_progress=lambda *part: told.append(part)
    )
    figures = {figure.key: figure.as_dict() for section in sections for figure in section.figures}
    assert {
        "encoder.small.oa_gain.rondonia_a",
        "encoder.small.oa.matogrosso_raw",
        "encoder.small.oa_gain.pooled_dev",
        "encoder.small.deforestation_f1.rondonia_a.gain",
        "encoder.small.deforestation_f1.bdc_1446.codes",
        "encoder.small.deforestation_f1.bdc_1446.raw",
        "encoder.small.fewshot_gain.rondonia_a.5",
        "encoder.small.fewshot_gain.pooled_dev.50",
        "encoder.small.change_auc.deter",
        "encoder.small.change_auc.deter_raw",
        "encoder.small.change_auc.deter_ndvi",
        "encoder.small.identity_auc.harvard_first_150",
        "encoder.small.identity_auc.harvard_first_150_raw",
    } <= set(figures)
    for key, figure in figures.items():
        assert set(figure) == FIELDS
        low, high = figure["spread"]
        assert low <= figure["value"] <= high, key
        assert figure["split"] == ("train" if "harvard" in key or "bdc_1446" in key else "dev")
        assert figure["n"] > 0
    assert figures["encoder.small.oa.rondonia_a"]["value"] == 1
    assert figures["encoder.small.change_auc.deter"]["value"] == 1
    assert figures["encoder.small.identity_auc.harvard_first_150"]["value"] > 0.5
    assert not [key for key in figures if "bdc_1446" in key and "deforestation_f1" not in key]
    assert figures["encoder.small.deforestation_f1.rondonia_a.codes"]["value"] == 1
    assert ("land cover", 45, 45) in told


def test_raw_is_the_measured_bands_and_known_terrain(folder: Path) -> None:
    """Raw is 73 pentads of each measured band, elevation and slope; rare and empty classes are left out and named."""
    path = folder / REAL_SETS["rondonia_a"].path
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["X_interp"] = arrays["X_interp"].copy()
    arrays["X_interp"][..., 1] = np.nan
    arrays["label"] = arrays["label"].astype("<U8")
    arrays["label"][:3] = "rare"
    arrays["label"][3:23] = ""
    np.savez(path, **arrays)
    years = inputs.read_labelled(folder, "rondonia_a", [MeanEncoder()])
    assert years.raw.shape == (277, 73 * 5 + 2)
    assert np.isnan(years.raw[:, -2:]).all()
    assert not np.isnan(years.raw[:, :-2]).any()
    assert years.class_names == ("Deforest", "tree")
    assert years.notes[1] == "23 places left out; classes with fewer than 15: rare 3"
    assert "never measured: green" in years.notes[2]


def test_all_windows_are_judged_whatever_may_train(folder: Path) -> None:
    """Of the windows, those near points that judge have labels as well; labels stay with their windows."""
    years = inputs.read_labelled(folder, inputs.CLEARED, [MeanEncoder()])
    assert len(years.class_id) == 300
    assert years.role == "train"
    assert inputs.CLEARED in choose_sets([], test=False)
    assert inputs.CLEARED not in choose_sets([], test=True)
    brightness = np.nanmean(years.raw[:, :-2], axis=1)
    np.testing.assert_allclose(brightness, 0.2 + 0.2 * years.class_id, atol=0.02)


def test_missing_and_damaged_data_are_one_line(folder: Path, tmp_path: Path) -> None:
    """A folder without the set leaves with 3, a damaged file and a file without classes are named."""
    for name in ("rondonia_a", "bdc_1446", "amazon_deter", "harvard_first_150"):
        done = CliRunner().invoke(app, ["evaluate-encoder", "esdnet-small", str(tmp_path / "empty"), "--sets", name])
        assert done.exit_code == 3
        assert "Error: got no file" in done.output
    (folder / inputs.CHANGE_FILE).write_bytes(b"PK damaged")
    with pytest.raises(ObservationsError, match=r"points\.npz, which cannot be read"):
        inputs.read_change(folder, [MeanEncoder()])
    write_points(folder / REAL_SETS["matogrosso"].path, field="class")
    with pytest.raises(ObservationsError, match="label"):
        inputs.read_labelled(folder, "matogrosso", [MeanEncoder()])
    write_points(folder / REAL_SETS["matogrosso"].path, field="label", classes=("soy",))
    with pytest.raises(LabelsError, match="fewer than two"):
        inputs.read_labelled(folder, "matogrosso", [MeanEncoder()])


def test_seeds_must_be_different_and_of_one_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same weights twice would narrow no interval; weights of two encoders have no common figure."""
    with pytest.raises(UsageError, match="same weights twice"):
        inputs.load_encoders(["esdnet-small", "esdnet-small"])


def test_command_prints_figures_on_stdout_and_tables_on_stderr(folder: Path) -> None:
    """Stdout holds FIGURE lines, or one JSON list; people read stderr."""
    command = ["evaluate-encoder", "esdnet-small", str(folder), "--sets", "harvard_first_150"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert all(line.startswith("FIGURE {") for line in lines)
    assert json.loads(lines[0].removeprefix("FIGURE "))["key"] == "encoder.small.identity_auc.harvard_first_150"
    assert "identity, Harvard" in done.stderr
    as_json = CliRunner().invoke(app, [*command, "--json", "--quiet"])
    assert [figure["key"] for figure in json.loads(as_json.stdout)] == [
        json.loads(line.removeprefix("FIGURE "))["key"] for line in lines
    ]
    assert as_json.stderr == ""


def test_a_set_of_an_unknown_file_is_not_found(tmp_path: Path) -> None:
    """The change set is looked for before anything is trained."""
    with pytest.raises(NothingFoundError, match=r"points\.npz"):
        inputs.read_change(tmp_path, [MeanEncoder()])
