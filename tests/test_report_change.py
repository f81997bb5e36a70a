"""Reports of change: whole, self-contained, with the figures of the run and its accuracy."""

import json
from pathlib import Path

import changing
import numpy as np
import pytest
from report_reader import ReportReader

from esd_tasks.change import train
from esd_tasks.change.assess import AssessRequest, assess
from esd_tasks.change.land_cover import plan_land_cover, run_land_cover
from esd_tasks.change.model_request import LandCoverRequest, TrainRequest
from esd_tasks.change.pair import plan_pair, run_pair
from esd_tasks.change.request import PairRequest, SeriesRequest
from esd_tasks.change.series import plan_series, run_series
from esd_tasks.change.train import plan_training, run_training
from esd_tasks.classifier import Classifier, TreeParameters
from esd_tasks.items import find_items
from esd_tasks.map_run import MapResult
from stactools_esd.files import write_json

YEARS = (2016, 2017, 2018, 2019, 2020)
NAMES = {3: "<script>x</script>", 7: "水田 & <b>", 9: 'town "old"'}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five years of a place, reference places of all kinds, and a model of classes with hostile names."""
    folder = tmp_path_factory.mktemp("change") / "<i>place"
    broke = changing.write_place(folder / "codes", YEARS)
    rows, columns = changing.drawn_pixels(400)
    at = broke[rows, columns]
    changing.write_points(folder / "pairs.gpkg", rows[:250], columns[:250], change=(at[:250] != changing.NEVER))
    labels = {"year1": np.full(250, 2016), "year2": np.full(250, 2020), "change": (at[:250] != changing.NEVER)}
    changing.write_points(folder / "labels.gpkg", rows[:250], columns[:250], **labels)
    years = ["" if year == changing.NEVER else str(year) for year in at[250:]]
    changing.write_points(folder / "events.gpkg", rows[250:], columns[250:], event_years=years)
    codes = changing.series(450, 1, seed=4)[0]
    model = Classifier(TreeParameters(rounds=4)).fit(codes, np.repeat(list(NAMES), 150))
    (folder / "model").mkdir()
    identity = find_items(str(folder / "codes"))[0].identity
    model.save(folder / "model", identity=identity, names=NAMES, software={})
    write_json(folder / "model" / "accuracy.json", {"overall_accuracy": 0.85})
    return folder


@pytest.fixture(scope="module")
def pair(place: Path) -> MapResult:
    """A pair of years with a threshold of reference samples and a stated rate."""
    request = PairRequest(
        year1=2016, year2=2020, catalog=str(place / "codes"), output=place / "pair", block_size=240.0,
        reference=place / "pairs.gpkg", expected_rate=0.05,
    )  # fmt: skip
    return run_pair(plan_pair(request))


@pytest.fixture(scope="module")
def breaks(place: Path) -> MapResult:
    """All breaks."""
    return run_series(plan_series(SeriesRequest(catalog=str(place / "codes"), output=place / "breaks")))


def see_common(reader: ReportReader, record: dict[str, object], notes: tuple[str, ...]) -> None:
    """See what every report says."""
    assert " ".join(str(record["command"]).split()) in reader.text
    assert "esdnet-small-v1" in reader.text
    assert "hampel" in reader.text
    assert all(note[1:] in reader.text for note in notes)
    assert not {"i", "b"} & set(reader.tags)
    assert "What comes next" in reader.text
    assert reader.alts


def figure(value: float | None, digits: int = 3) -> str:
    """Return a figure as reports have it."""
    return "–" if value is None else f"{value:,.{digits}f}"


def test_a_pair_has_map_threshold_score_accuracy_and_curve(pair: MapResult) -> None:
    """Classes, threshold, both sets of figures, matrix and protocol stand there as in run.json."""
    reader, result = ReportReader.of(pair.paths["report"]), pair.record["result"]
    see_common(reader, pair.record, pair.notes)
    assert f"Threshold {figure(result['threshold'])}" in reader.text
    assert f"change 2 {result['mapped_pixels']['2']:,}" in reader.text
    assert f"{result['mapped_share_changed']:.2%}" in reader.text
    for key in ("users_accuracy", "producers_accuracy", "f1", "pr_auc"):
        as_sampled, expected = (result["accuracy"][kind][key] for kind in ("as_sampled", "at_expected_rate"))
        assert f"{figure(as_sampled)} {figure(expected)}" in reader.text
    counts = result["accuracy"]["matrix"]["counts"]
    assert f"no change {counts[0][0]} {counts[0][1]} change {counts[1][0]} {counts[1][1]}" in reader.text
    assert len(reader.alts) == 3  # change, score, precision and recall
    assert "./report.html" in pair.paths["item"].read_text()


def test_breaks_are_counted_by_year(breaks: MapResult) -> None:
    """Every year with its breaks, and the tallies."""
    reader, result = ReportReader.of(breaks.paths["report"]), breaks.record["result"]
    see_common(reader, breaks.record, breaks.notes)
    for year, n in result["pixels_by_break_year"].items():
        assert f"{year} {n:,} " in reader.text
    assert f"after all filters {result['tallies']['changed_after_filters']:,}" in reader.text
    assert figure(result["penalty"]) in reader.text
    assert "./report.html" in breaks.paths["item"].read_text()


def test_yearly_classes_have_shares_transitions_and_what_became_what(place: Path) -> None:
    """Two maps, the shares of every year, the matrix from the first year to the last; names are text."""
    request = LandCoverRequest(
        model=place / "model", catalog=str(place / "codes"), output=place / "cover", expected_rate=0.05
    )
    done = run_land_cover(plan_land_cover(request))
    reader, result = ReportReader.of(done.paths["report"]), done.record["result"]
    see_common(reader, done.record, done.notes)
    mapped = np.array([result["mapped_pixels"][str(year)] for year in YEARS])
    shares = 100 * mapped / mapped.sum(axis=1, keepdims=True)
    for place_of, name in enumerate(NAMES.values()):
        assert f"{name} {' '.join(f'{one:.1f}' for one in shares[:, place_of])}" in reader.text
        assert f"{name} {' '.join(figure(one, 4) for one in result['transitions'][place_of])}" in reader.text
    assert len(reader.alts) == 3
    assert reader.tags.count("image") == 2


def test_a_model_of_change_tells_how_it_did_where_it_did_not_train(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures, curve, gap to a random split, protocol and samples."""
    monkeypatch.setattr(train, "TreeParameters", lambda seed: TreeParameters(rounds=4, seed=seed))
    request = TrainRequest(
        labels=place / "labels.gpkg", catalog=str(place / "codes"), output=place / "trained", block_size=240.0
    )
    done = run_training(plan_training(request))
    reader = ReportReader.of(done.paths["report"])
    see_common(reader, json.loads(done.paths["run"].read_text()), done.notes)
    for key in ("users_accuracy", "producers_accuracy", "f1", "pr_auc"):
        assert figure(done.accuracy["as_sampled"][key]) in reader.text
    assert figure(done.accuracy["random_split"]["pr_auc"]) in reader.text
    assert f"Block size, m {done.accuracy['protocol']['block_size_m']:g}" in reader.text
    assert len(reader.alts) == 1


def test_an_assessment_of_change_has_intervals_at_every_tolerance(place: Path, breaks: MapResult) -> None:
    """User's and producer's accuracy with intervals, the matrix of places, and the commands of both runs."""
    request = AssessRequest(folder=breaks.folder, reference=place / "events.gpkg", output=place / "judged", seed=3)
    content = assess(request)
    reader = ReportReader.of(place / "judged" / "report.html")
    assert "--seed 3" in reader.text
    assert " ".join(breaks.record["command"].split()) in reader.text
    for one in content["events"].values():
        assert f"{figure(one['value'])} [{figure(one['low'])}, {figure(one['high'])}]" in reader.text
    counts = content["matrix"]["counts"]
    assert f"no change {counts[0][0]} {counts[0][1]} change {counts[1][0]} {counts[1][1]}" in reader.text
    assert content["statement"] in reader.text
    assert not {"i", "b"} & set(reader.tags)
