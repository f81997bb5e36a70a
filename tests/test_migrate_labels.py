"""`migrate-labels`: from labels of one year to files that `classify` and `explain-labels` take."""

import json
import os
from pathlib import Path
from typing import Any

import changing
import geopandas
import numpy as np
import pytest
from pulled_area import damage
from typer.testing import CliRunner

from esd_tasks.cli import app
from esd_tasks.migrate.request import MigrateRequest
from esd_tasks.migrate.series_file import NODATA, STATUSES, read_series, series_path
from stactools_esd import fsq
from stactools_esd.errors import UsageError
from stactools_esd.run_lock import LOCK_FILE, locked_folder

YEARS = tuple(range(2010, 2020))
BROKE = 2015
CLASSES = ("forest", "field", "water")


def write_place(folder: Path) -> np.ndarray[Any, Any]:
    """Write ten years of three bands of land; in a patch forest becomes field in 2015. Return where it does."""
    from neighbours import write_area

    height, width = changing.SIZE
    generator = np.random.default_rng(5)
    usual = generator.random((3, 12, 6)) * (changing.LEVELS - 1)
    kinds = np.repeat(np.arange(width) * 3 // width, height).reshape(width, height).T
    patch = np.zeros(changing.SIZE, np.bool_)
    patch[20:40, 4:16] = True
    own = generator.normal(0, 0.4, (*changing.SIZE, 12, 6))
    for year in YEARS:
        now = np.where(patch & (year >= BROKE), 1, kinds)
        noisy = usual[now] + own + generator.normal(0, 0.5, own.shape)
        levels = np.clip(np.rint(noisy), 0, changing.LEVELS - 1).astype(np.int64)
        codes = np.moveaxis(fsq.level_indices_to_codes(levels), -1, 0).astype(np.uint16)
        codes[:, :4] = 0
        clear_obs = np.full(changing.SIZE, 20, np.uint16)
        if year == 2012:
            clear_obs[:, -6:] = 2
        write_area(folder, codes, clear_obs, year=year)
    return patch


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a place with labels of 2012; return its folder."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "codes").mkdir()
    patch = write_place(folder / "codes")
    generator = np.random.default_rng(1)
    rows, columns = np.divmod(generator.permutation(changing.SIZE[0] * changing.SIZE[1]), changing.SIZE[1])
    kept = np.flatnonzero(rows >= 4)[:150]
    rows, columns = rows[kept], columns[kept]
    names = np.array(CLASSES)[columns * 3 // changing.SIZE[1]]
    changing.write_points(
        folder / "samples.gpkg", rows, columns, **{"class": names, "broke": patch[rows, columns], "year": 2013}
    )
    return folder


def run(place: Path, *more: str, expected: int = 0) -> str:
    """Run the command; return what it says."""
    words = [
        "migrate-labels",
        "--labels",
        place / "samples.gpkg",
        "--catalog",
        place / "codes",
        "--class-field",
        "class",
    ]
    done = CliRunner().invoke(app, [*map(str, words), *more])
    assert done.exit_code == expected, done.output
    return done.output


@pytest.fixture(scope="module")
def migrated(place: Path) -> Path:
    """Migrate the labels of the place."""
    path = place / "all.gpkg"
    run(place, "--label-year", "2013", "--years", "2010-2019", "--min-clear", "5", "-q", "-o", str(path))
    return path


def test_labels_follow_the_land(migrated: Path, place: Path) -> None:
    """What broke in 2015 is relabelled from then on, with its change year; the rest keeps its label."""
    rows = geopandas.read_file(migrated)
    samples = geopandas.read_file(place / "samples.gpkg")
    assert len(rows) == len(samples) * len(YEARS)
    broke = samples["broke"].to_numpy()[rows["feature"].to_numpy() - 1]
    later = rows["year"] >= BROKE
    known = rows["label"].notna()
    truth = np.where(broke & later, "field", rows["source_label"])
    assert (rows["label"] == truth)[known].mean() > 0.98
    assert known.mean() > 0.95
    assert (rows["status"][broke & later & known] == "relabelled").mean() > 0.95
    assert (rows["change_year"][broke & later & known] == BROKE).mean() > 0.9
    assert rows["change_year"][~broke].isna().mean() > 0.98
    stable = rows.groupby("feature")["stable_sample"].first().to_numpy(bool)
    assert not stable[samples["broke"].to_numpy()].any()
    assert stable[~samples["broke"].to_numpy()].mean() > 0.8


def test_rows_without_codes_say_so(migrated: Path) -> None:
    """A year with too few clear observations has status nodata and neither label nor probability."""
    rows = geopandas.read_file(migrated)
    lost = rows[rows["status"] == "nodata"]
    assert set(lost["year"]) == {2012}
    assert lost["label"].isna().all()
    assert lost["probability"].isna().all()
    assert lost["anomaly"].isna().all()
    assert set(rows["status"]) <= set(STATUSES)
    assert rows["probability"].dropna().between(0, 1).all()


def test_unusual_years_are_those_that_changed(migrated: Path, place: Path) -> None:
    """Anomaly scores of years after a change are above those of all others."""
    rows = geopandas.read_file(migrated)
    samples = geopandas.read_file(place / "samples.gpkg")
    changed = samples["broke"].to_numpy()[rows["feature"].to_numpy() - 1] & (rows["year"] >= BROKE)
    assert rows["anomaly"][changed].median() > rows["anomaly"][~changed].quantile(0.95)


def test_series_lie_beside_the_samples(migrated: Path) -> None:
    """The series hold the same samples, years and statuses as the rows, and can be read without pickle."""
    rows = geopandas.read_file(migrated)
    series = read_series(series_path(migrated))
    assert series.status.size == len(rows)
    assert np.array_equal(np.array(STATUSES)[series.status].ravel(), rows["status"])
    assert np.array_equal(series.valid, series.status != NODATA)
    record = json.loads(migrated.with_name("all_run.json").read_text())
    assert record["result"]["rows"]["nodata"] == int((series.status == NODATA).sum())
    assert "Status by year" in migrated.with_name("all_report.html").read_text()


def test_classify_takes_the_samples(migrated: Path, place: Path) -> None:
    """`classify --year-field year` trains on all years, leaves rows without a label out, and maps a later year."""
    words = [
        "classify",
        "--labels",
        migrated,
        "--catalog",
        place / "codes",
        "--class-field",
        "label",
        "--year-field",
        "year",
    ]
    done = CliRunner().invoke(
        app, [*map(str, words), "--year", "2019", "--no-curve", "--json", "-q", "-o", str(place / "map")]
    )
    assert done.exit_code == 0, done.output
    content = json.loads(done.output)
    rows = geopandas.read_file(migrated)
    without = int(rows["label"].isna().sum())
    assert any(note.startswith(f"{without} label") for note in content["notes"])
    assert content["accuracy"]["protocol"]["years"] == list(YEARS)
    assert content["accuracy"]["overall_accuracy"] > 0.9


def test_a_finished_run_is_not_done_again(migrated: Path, place: Path) -> None:
    """The same command says that it is done; other options are refused without --overwrite."""
    same = ("--label-year", "2013", "--years", "2010-2019", "--min-clear", "5", "-o", str(migrated))
    before = migrated.read_bytes()
    assert "already done" in run(place, *same)
    assert migrated.read_bytes() == before
    assert "of another run" in run(place, *same, "--seed", "1", expected=1)


def test_a_second_run_of_the_same_name_waits_its_turn(place: Path, tmp_path: Path) -> None:
    """While one run writes these files another leaves with 4 and one line; after a kill nothing hidden stays."""
    words = ("--label-year", "2013", "--years", "2012-2014", "-q", "-o", str(tmp_path / "new" / "one.gpkg"))
    lock = tmp_path / "new" / ".one"
    with locked_folder(lock):
        assert f"got {lock} in use by process {os.getpid()}" in " ".join(run(place, *words, expected=4).split())
    lock.mkdir(parents=True)
    (lock / LOCK_FILE).touch()  # what a killed run leaves
    run(place, *words)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "one.gpkg", "one_report.html", "one_run.json", "one_series.npz"
    ]  # fmt: skip


def test_each_label_may_have_its_own_year(place: Path, tmp_path: Path) -> None:
    """With --year-field labels are tied to the series in their own years, here all in 2013."""
    path = tmp_path / "own.gpkg"
    run(place, "--year-field", "year", "-q", "-o", str(path))
    assert set(geopandas.read_file(path)["label_year"]) == {2013}


def test_a_dry_run_writes_nothing(place: Path, tmp_path: Path) -> None:
    """A dry run says what would be read, for machines and for people."""
    said = run(place, "--label-year", "2013", "--dry-run", "--json", "-o", str(tmp_path / "x.gpkg"))
    assert json.loads(said)["years"] == list(YEARS)
    said = run(place, "--label-year", "2013", "--dry-run", "-o", str(tmp_path / "x.gpkg"))
    assert "2010 to 2019, 10 of them" in said
    assert f"output    {tmp_path / 'x.gpkg'}" in said.replace("\n", "")
    assert not list(tmp_path.iterdir())


def test_a_damaged_year_has_no_data_and_says_so(place: Path, tmp_path: Path) -> None:
    """A year whose file is damaged has status nodata, the command names it and ends in 4; mended, it is made whole."""
    path = next((place / "codes").glob("*_2018.tif"))
    whole = damage(path)
    output = ("--label-year", "2013", "-q", "-o", str(tmp_path / "holed.gpkg"))
    try:
        said = run(place, *output, expected=4)
    finally:
        path.write_bytes(whole)
    assert "2018" in said
    rows = geopandas.read_file(tmp_path / "holed.gpkg")
    assert (rows["status"][rows["year"] == 2018] == "nodata").mean() > 0.3
    run(place, *output)
    assert (geopandas.read_file(tmp_path / "holed.gpkg")["status"] != "nodata").all()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ((), 2, "--label-year"),
        (("--label-year", "2013", "--year-field", "year"), 2, "both"),
        (("--label-year", "1999"), 3, "1999"),
        (("--label-year", "2013", "--years", "2013-2014"), 3, "expected 3"),
        (("--label-year", "2013", "--years", "2013-2030"), 3, "2030"),
        (("--label-year", "2013", "--error-rate", "0"), 2, "--error-rate"),
        (("--label-year", "2013", "-o", "x.shp"), 2, ".gpkg"),
    ],
)
def test_wrong_options_are_refused_in_a_line(place: Path, options: tuple[str, ...], code: int, words: str) -> None:
    """Bad input ends in one line that names what is wrong, and its exit code."""
    said = run(place, *options, expected=code)
    assert words in said
    assert len(said.strip().splitlines()) == 1


def test_the_default_name_is_of_labels_and_years() -> None:
    """Without -o the samples lie beside the labels, named after the years."""
    request = MigrateRequest(labels=Path("in/plots.gpkg"), label_year=2015, years="2000-2024")
    assert request.output_or_default == Path("in/plots-2000-2024.gpkg")
    with pytest.raises(UsageError, match="min-probability"):
        MigrateRequest(labels=Path("plots.gpkg"), label_year=2015, min_probability=1.5)
