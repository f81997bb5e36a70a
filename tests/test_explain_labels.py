"""`esd-tasks explain-labels`: from migrated labels to pages, a table, counts and a report."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import migrated
import numpy as np
import pytest
from typer.testing import CliRunner

from esd_tasks.cli import app
from esd_tasks.explain.decoder import find_decoder, nearest_codes
from esd_tasks.explain.origin import Origin, read_origin
from esd_tasks.explain.words import bands_text, change_sentence, season_text
from esd_tasks.migrate.outputs import record_path
from esd_tasks.migrate.series_file import NONE, series_path, write_series
from stactools_esd.errors import WeightsError
from stactools_esd.fsq import codes_to_level_indices, valid_pixels
from stactools_esd.product import OFFICIAL_ENCODER, EncoderIdentity

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "tasks" / "explain-labels.md").read_text()


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Migrated labels with two changes; only their series are read."""
    path = tmp_path / "samples_2000_2024.gpkg"
    write_series(series_path(path), migrated.migrated())
    return path


def run(*words: object, code: int = 0) -> str:
    """Run a command and return what it prints."""
    done = CliRunner().invoke(app, ["explain-labels", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.output


def test_steps_that_were_planted_are_found(samples: Path) -> None:
    """The first sample was given another class in four steps of its first year, the second in all."""
    run(samples, "--pages", 0)
    with (samples.with_name("samples_2000_2024-explained") / "changes.csv").open() as file:
        first, second = csv.DictReader(file)
    planted = [f"step_{k + 1:02d}" for k in range(12)[migrated.PLANTED]]
    found = {name: float(value) for name, value in first.items() if name.startswith("step_")}
    assert all(found[name] > 0.95 for name in planted)
    assert np.median([value for name, value in found.items() if name not in planted]) < 0.1
    assert all(float(second[f"step_{k:02d}"]) > 0.95 for k in range(1, 13))
    assert first["sentence"].startswith("2016: forest → cropland")


def test_without_a_decoder_pages_show_steps_and_say_so(samples: Path) -> None:
    """Bands are left out with one line; pages, table, counts and report are there, and run.json names them."""
    folder = samples.parent / "why"
    said = run(samples, "-o", folder)
    assert said.count("Bands and days are not shown") == 1
    assert "next: " in said
    record = json.loads((folder / "run.json").read_text())
    assert {path.name for path in folder.iterdir()} == set(record["outputs"].values())
    assert (folder / "sample_1_2016.png").stat().st_size > 10_000
    assert "forest → cropland" in (folder / "report.html").read_text()


def test_the_same_again_is_done_already_and_another_run_is_refused(samples: Path) -> None:
    """A finished folder is left alone; other options need another folder or --overwrite."""
    run(samples, "--pages", 0)
    assert "already done" in run(samples, "--pages", 0)
    assert "--overwrite" in run(samples, "--pages", 1, code=1)
    assert json.loads(run(samples, "--pages", 1, "--overwrite", "--json"))["result"]["pages"] == 1


def test_a_dry_run_writes_nothing(samples: Path) -> None:
    """It says how many changes there are."""
    assert json.loads(run(samples, "--dry-run", "--json"))["changes"] == 2
    assert [path.name for path in samples.parent.iterdir()] == ["samples_2000_2024_series.npz"]


def test_wrong_input_is_one_line(samples: Path, tmp_path: Path) -> None:
    """Absent series, unknown samples and numbers end in 2, and nothing to explain in 3."""
    for words, code in (
        ((tmp_path / "absent.gpkg",), 2),
        ((samples, "--sample", 99), 2),
        ((samples, "--pages", -1), 2),
        ((samples, "--sample", 4), 3),
    ):
        said = run(*words, code=code)
        assert said.startswith("Error: got")
        assert said.count("\n") == 1
    still = migrated.migrated()
    write_series(
        series_path(tmp_path / "still.gpkg"), replace(still, change_year=np.full_like(still.change_year, NONE))
    )
    assert "no change of the 6 samples" in run(tmp_path / "still.gpkg", code=3)


def test_counts_are_those_of_the_table(samples: Path) -> None:
    """summary.json says how often each step deviates, by what became what."""
    folder = samples.parent / "why"
    run(samples, "--pages", 0, "-o", folder)
    (kind,) = json.loads((folder / "summary.json").read_text())["kinds"]
    assert (kind["before"], kind["after"], kind["changes"]) == ("forest", "cropland", 2)
    with (folder / "changes.csv").open() as file:
        rows = list(csv.DictReader(file))
    for entry in kind["steps"]:
        assert entry["deviate"] == sum(float(row[entry["step"]]) > 0.5 for row in rows)


def test_with_the_encoder_bands_are_told(samples: Path) -> None:
    """Decoded differences stand in table and sentence where the encoder is at hand."""
    pytest.importorskip("torch")
    run(samples, "--encoder", "esdnet-small", "--pages", 1)
    folder = samples.with_name("samples_2000_2024-explained")
    with (folder / "changes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(re.fullmatch(r"-?0\.\d{4}", row["nir_difference"]) for row in rows)
    assert "than normal" in rows[0]["sentence"]
    assert json.loads((folder / "run.json").read_text())["encoder"]["label"] == "esdnet-small-v1"


def test_the_record_of_migrated_labels_names_encoder_and_first_month(samples: Path) -> None:
    """Without a record nothing is known; years that start on 20 August start in September; another file is refused."""
    assert read_origin(samples) == Origin()
    path = record_path(samples)
    path.write_text(json.dumps({"encoder": "official-v001", "weights_sha256": None, "first_day": "08-20"}))
    assert read_origin(samples) == Origin(identity=OFFICIAL_ENCODER, first_month=9)
    assert "not public" in run(samples, "--pages", 0)
    path.write_text(json.dumps({"encoder": "official-v001"}))
    assert "run it again" in run(samples, "--pages", 0, code=1)


def test_official_codes_have_no_decoder() -> None:
    """One line says that it is not public, and nothing is loaded."""
    found = find_decoder(OFFICIAL_ENCODER, "esdnet-small")
    assert found.decode is None
    assert "not public" in found.note


def test_a_named_encoder_must_be_the_one_of_the_codes() -> None:
    """Weights of another encoder would decode nonsense."""
    pytest.importorskip("torch")
    with pytest.raises(WeightsError, match="that made the codes"):
        find_decoder(EncoderIdentity(name="other", version="v3"), "esdnet-small")
    absent = find_decoder(EncoderIdentity(name="other", version="v3"))
    assert absent.decode is None
    assert "other-v3" in absent.note
    retrained = find_decoder(EncoderIdentity(name="esdnet-small", version="v1", weights_sha256="0" * 64))
    assert retrained.decode is None
    assert "other weights" in retrained.note


def test_real_numbers_become_the_nearest_codes() -> None:
    """Expected levels are rounded within their range, and never become the sign of absent data."""
    levels = np.full((2, 12, 6), 2.4)
    levels[0, 0] = (-0.7, 7.6, 3.5, 4.9, 0.2, 2.0)
    levels[1] = -1.0
    codes = nearest_codes(levels)
    assert codes_to_level_indices(codes)[0, 0].tolist() == [0, 7, 4, 4, 0, 2]
    assert valid_pixels(codes, axis=1).all()


def test_sentences_name_runs_of_months_and_the_most_different_bands() -> None:
    """Months join to runs in the order of the year's own months; small differences go unnamed."""
    deviates = np.zeros(12, bool)
    assert season_text(deviates) == ""
    deviates[[2, 3, 4, 7]] = True
    assert season_text(deviates) == "Mar to May and Aug"
    assert season_text(deviates, first_month=9) == "Nov to Jan and Apr"
    assert bands_text(np.array([0.0, 0.009, 0.03, -0.121, 0.0, 0.02])) == (
        "near infrared 0.12 lower, red 0.03 higher, shortwave infrared 2 0.02 higher"
    )
    unknown = np.full(6, np.nan)
    said = change_sentence(
        year=2016,
        before="forest",
        after="crops",
        explained=2015,
        normal="crops",
        deviates=deviates,
        differences=unknown,
    )
    assert said == "2016: forest → crops; in Mar to May and Aug of 2015 levels deviate from normal crops."
    calm = change_sentence(
        year=2016, before="heath", after="heath", explained=2016, normal="heath", deviates=np.zeros(12, bool),
        differences=unknown,
    )  # fmt: skip
    assert calm == "2016: heath as before, but another; no single month of 2016 is clearly unlike normal heath."


def test_the_page_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of docs/tasks/explain-labels.md works where migrate-labels wrote its samples."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "changing").mkdir()
    write_series(series_path(Path("changing/migrated.gpkg")), migrated.migrated())
    blocks = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("esd-tasks")]
    assert lines
    for line in lines:
        assert "next: " in run(*line.split()[2:])
