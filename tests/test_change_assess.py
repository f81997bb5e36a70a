"""`change assess`: maps of change against places that had no part in them."""

import json
from pathlib import Path
from typing import Any

import changing
import numpy as np
import pytest
from accuracy_layout import check_layout
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.change.assess import AssessRequest, assess, lines_of
from esd_tasks.change.event_reference import read_events
from esd_tasks.change.pair import plan_pair, run_pair
from esd_tasks.change.request import PairRequest, SeriesRequest
from esd_tasks.change.series import plan_series, run_series
from stactools_esd.errors import LabelsError, NothingFoundError, OutputError, UsageError

YEARS = tuple(range(2012, 2019))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with maps of its breaks and of a pair of years, and reference points with event years."""
    folder = tmp_path_factory.mktemp("place")
    broke = changing.write_place(folder / "codes", YEARS)
    rows, columns = changing.drawn_pixels(700)
    years = ["" if year == changing.NEVER else str(year) for year in broke[rows, columns]]
    changing.write_points(folder / "events.gpkg", rows, columns, event_years=years)
    run_series(plan_series(SeriesRequest(catalog=str(folder / "codes"), output=folder / "breaks")))
    between = (broke[rows, columns] > 2013) & (broke[rows, columns] <= 2016)
    changing.write_points(folder / "pairs.gpkg", rows[:300], columns[:300], change=between[:300])
    changing.write_points(folder / "others.gpkg", rows[300:], columns[300:], change=between[300:])
    request = PairRequest(
        year1=2013, year2=2016, catalog=str(folder / "codes"), output=folder / "pair", block_size=240.0,
        reference=folder / "pairs.gpkg",
    )  # fmt: skip
    run_pair(plan_pair(request))
    return folder


def judge(
    place: Path, output: Path, folder: str = "breaks", reference: str = "events.gpkg", **options: Any
) -> dict[str, Any]:
    """Assess a map of the place."""
    return assess(AssessRequest(folder=place / folder, reference=place / reference, output=output, **options))


def test_break_years_are_judged_by_year(place: Path, tmp_path: Path) -> None:
    """Shares at each tolerance and of footprints, with intervals and counts; the picture and the file are there."""
    report = judge(place, tmp_path / "out")
    check_layout(report)
    assert report["n"] == 700
    assert report["events"]["users_0"]["value"] > 0.8
    assert report["events"]["producers_0"]["value"] > 0.8
    assert report["events"]["users_1"]["value"] >= report["events"]["users_0"]["value"]
    assert report["events"]["users_0"]["n"] == report["mapped_events"]
    assert report["pr_auc_footprint"] > 0.8
    assert json.loads((tmp_path / "out" / "accuracy.json").read_text()) == report
    assert (tmp_path / "out" / "accuracy.png").stat().st_size > 5000
    assert "drawn at random" in report["statement"]
    assert any(line.startswith("exact year") for line in lines_of(report))


def test_years_that_are_off_count_within_the_tolerance(place: Path, tmp_path: Path) -> None:
    """Reference years moved by one are wrong at the exact year and right within one."""
    broke = changing.break_years(YEARS)
    rows, columns = changing.drawn_pixels(700)
    moved = [None if year == changing.NEVER else int(year) - 1 for year in broke[rows, columns]]
    changing.write_points(tmp_path / "moved.gpkg", rows, columns, break_year=moved)
    report = assess(AssessRequest(folder=place / "breaks", reference=tmp_path / "moved.gpkg", output=tmp_path / "out"))
    assert report["events"]["producers_0"]["value"] < 0.1
    assert report["events"]["producers_1"]["value"] > 0.8


def test_a_pair_is_judged_by_footprint(place: Path, tmp_path: Path) -> None:
    """Other places judge the pair; those that chose its threshold are refused, with where their figures stand."""
    report = judge(place, tmp_path / "out", "pair", "others.gpkg")
    assert set(report["events"]) == {"users_footprint", "producers_footprint"}
    assert report["events"]["users_footprint"]["value"] > 0.8
    with pytest.raises(LabelsError, match=r"accuracy\.json"):
        judge(place, tmp_path / "again", "pair", "pairs.gpkg")
    assert not (tmp_path / "again").exists()


def test_a_pair_is_judged_by_years_too(place: Path, tmp_path: Path) -> None:
    """Dated places count as changed where an event lies between both years; those that chose the threshold are out."""
    report = judge(place, tmp_path / "out", "pair")
    broke = changing.break_years(YEARS)[changing.drawn_pixels(700)]
    assert report["n_changed"] == sum(2013 < year <= 2016 for year in broke[300:].tolist())
    assert report["left_out"]["on a pixel that chose the threshold or trained the model"] == 300


def test_places_of_one_pixel_are_one(place: Path, tmp_path: Path) -> None:
    """Two rows of a pixel are one place with both events; places outside and events of other years are counted."""
    rows, columns = np.array([8, 8, 2, 500]), np.array([10, 10, 10, 10])
    changing.write_points(tmp_path / "few.gpkg", rows, columns, event_years=["2015", "1999", "2015", ""])
    report = assess(AssessRequest(folder=place / "breaks", reference=tmp_path / "few.gpkg", output=tmp_path / "out"))
    assert report["n"] == 1
    assert report["reference_events"] == 1
    assert report["left_out"]["outside the map or without data"] == 2
    assert report["left_out"]["same pixel as another place"] == 1
    assert report["left_out"]["events outside the years of the map"] == 1


def test_weights_are_what_places_stand_for(place: Path, tmp_path: Path) -> None:
    """Blocks drawn together change intervals and no value; weights must be positive."""
    plain = judge(place, tmp_path / "plain")
    blocks = judge(place, tmp_path / "blocks", block_size=300.0)
    assert blocks["events"]["users_0"]["value"] == plain["events"]["users_0"]["value"]
    share = blocks["events"]["users_0"]
    assert share["low"] <= share["value"] <= share["high"]
    rows, columns = changing.drawn_pixels(50)
    changing.write_points(tmp_path / "bad.gpkg", rows, columns, event_years=[""] * 50, weight=[0.0] * 50)
    with pytest.raises(LabelsError, match="not positive"):
        read_events(tmp_path / "bad.gpkg", weight_field="weight")


def test_events_are_read_in_many_ways(tmp_path: Path) -> None:
    """Years, dates, several years, nothing; change and no change have no years; anything else is an error."""
    rows, columns = changing.drawn_pixels(4)
    path = changing.write_points(
        tmp_path / "a.gpkg", rows, columns, event_years=["2005;2012", "2010-06-01", None, "none"]
    )
    assert read_events(path).years == ((2005, 2012), (2010,), (), ())
    words = changing.write_points(tmp_path / "b.gpkg", rows, columns, change=["changed", "no", "stable", "change"])
    said = read_events(words)
    assert (said.dated, said.changed.tolist()) == (False, [True, False, False, True])
    odd = changing.write_points(tmp_path / "c.gpkg", rows, columns, change=["maybe"] * 4)
    with pytest.raises(LabelsError, match="maybe"):
        read_events(odd)
    with pytest.raises(UsageError, match="--event-field"):
        read_events(changing.write_points(tmp_path / "d.gpkg", rows, columns, what=[1, 2, 3, 4]))


def test_what_cannot_be_judged(place: Path, tmp_path: Path) -> None:
    """Undated places for break years, places elsewhere, folders without a map: each says what to do."""
    with pytest.raises(LabelsError, match="event_years"):
        judge(place, tmp_path / "out", "breaks", "others.gpkg")
    far = changing.write_points(tmp_path / "far.gpkg", np.array([9000]), np.array([9000]), event_years=["2015"])
    with pytest.raises(NothingFoundError, match="check places"):
        assess(AssessRequest(folder=place / "breaks", reference=far, output=tmp_path / "out"))
    with pytest.raises(OutputError):
        judge(place, tmp_path / "out", "codes")


def test_the_command_line(place: Path, tmp_path: Path) -> None:
    """A table, the caveat, paths and the next step; --json prints the report."""
    words = [
        "change",
        "assess",
        str(place / "breaks"),
        "--reference",
        str(place / "events.gpkg"),
        "-o",
        str(tmp_path / "o"),
    ]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0, done.output
    assert "producer" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("next: ")
    assert json.loads(CliRunner().invoke(cli.app, [*words, "--json"]).stdout)["n"] == 700


def test_another_assessment_is_not_lost(place: Path, tmp_path: Path) -> None:
    """The same again is fine; another needs --overwrite; --dry-run says the figures and writes nothing."""
    words = ["change", "assess", str(place / "breaks"), "--reference", str(place / "events.gpkg")]
    dry = CliRunner().invoke(cli.app, [*words, "--dry-run", "-o", str(tmp_path / "dry")])
    assert "producer" in dry.stdout
    assert dry.stdout.splitlines()[-1] == "next: run the same command without --dry-run"
    assert not (tmp_path / "dry").exists()
    words += ["-o", str(tmp_path / "out")]
    assert [CliRunner().invoke(cli.app, words).exit_code for _ in range(2)] == [0, 0]
    other = [*words, "--block-size", "300"]
    refused = CliRunner().invoke(cli.app, other)
    assert refused.exit_code == 1
    assert "--overwrite" in refused.stderr
    assert CliRunner().invoke(cli.app, [*other, "--overwrite"]).exit_code == 0
    assert json.loads((tmp_path / "out" / "accuracy.json").read_text())["protocol"]["block_size_m"] == 300
