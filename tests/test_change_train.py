"""`change train` and `change pair --model`: a model with its threshold, tested in blocks that did not train."""

import json
from pathlib import Path
from typing import Any

import changing
import geopandas
import numpy as np
import pytest
import rasterio
from accuracy_layout import check_layout
from synthetic import AREA_CRS
from typer.testing import CliRunner

from esd_tasks import cli
from esd_tasks.change import train
from esd_tasks.change.model import ChangeModel, pair_feature_names, pair_features
from esd_tasks.change.model_request import TrainRequest
from esd_tasks.change.pair import plan_pair, run_pair
from esd_tasks.change.pair_samples import pair_samples
from esd_tasks.change.reference import read_pairs
from esd_tasks.change.request import PairRequest
from esd_tasks.change.train import TrainResult, plan_training, run_training
from esd_tasks.change.validation import accuracy_lines
from esd_tasks.classifier import TreeParameters
from esd_tasks.items import find_items
from stactools_esd.errors import IncomparableError, LabelsError, NothingFoundError, OutputError, UsageError
from stactools_esd.fsq import codes_to_level_indices

YEARS = (2016, 2017, 2018)


@pytest.fixture(scope="module", autouse=True)
def _few_trees() -> Any:
    """Grow few trees: these tests are about the protocol."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "TreeParameters", lambda seed: TreeParameters(rounds=6, seed=seed))
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three years of a place, patches of which changed in 2017 or 2018, and labelled pairs of years."""
    folder = tmp_path_factory.mktemp("place")
    broke = changing.break_years((0, 2017, 2018, 2017, 2018, 2017))
    changing.write_place(folder / "codes", YEARS, broke=broke)
    rows, columns = changing.drawn_pixels(400)
    first = np.where(np.arange(400) % 2 == 0, 2016, 2017)
    broken = broke[rows, columns]
    changed = (broken > first) & (broken <= first + 1)
    words = np.where(changed, np.where(broken == 2017, "wood to field", "field to town"), "stable")
    years = {"year1": first, "year2": first + 1}
    changing.write_points(folder / "pairs.gpkg", rows, columns, **years, change=changed.astype(int))
    changing.write_points(folder / "fromto.gpkg", rows, columns, **years, **{"class": words})
    return folder


@pytest.fixture(scope="module")
def trained(place: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """A model of the labelled pairs."""
    return learn(place, tmp_path_factory.mktemp("trained") / "model", expected_rate=0.03)


def learn(place: Path, output: Path, labels: str = "pairs.gpkg", **options: Any) -> TrainResult:
    """Train on the place."""
    options = {"block_size": 240.0} | options
    request = TrainRequest(labels=place / labels, catalog=str(place / "codes"), output=output, **options)
    return run_training(plan_training(request))


def test_features_are_both_years_and_their_difference() -> None:
    """Levels before, levels after, after minus before, both distances; named in this order."""
    codes = changing.series(5, 2)
    table, names = pair_features(codes[0], codes[1]), pair_feature_names()
    levels = codes_to_level_indices(codes).reshape(2, 5, 72).astype(float)
    assert table.shape == (5, len(names))
    np.testing.assert_array_equal(table[:, 72:144], levels[1])
    np.testing.assert_array_equal(table[:, names.index("difference_step_02_d1")], levels[1, :, 6] - levels[0, :, 6])
    assert names[-2:] == ("level_distance", "cosine_distance")


def test_accuracy_is_of_blocks_that_did_not_train(trained: TrainResult) -> None:
    """Precision and recall as sampled and at the expected rate, PR-AUC, the gap to a random split, the protocol."""
    accuracy = trained.accuracy
    check_layout(accuracy)
    assert accuracy["as_sampled"]["pr_auc"] > 0.7
    assert accuracy["at_expected_rate"]["share_changed"] == 0.03
    assert accuracy["protocol"]["block_size_m"] == 240.0
    assert "gap" in accuracy["random_split"]
    assert "not the accuracy of the map" in accuracy["statement"]
    assert (trained.folder / "curve.png").stat().st_size > 5000


def test_a_model_that_learns_nothing_is_not_praised(place: Path, tmp_path: Path) -> None:
    """With labels drawn at random the area under precision and recall is about the share of changes."""
    rows, columns = changing.drawn_pixels(400)
    noise = np.random.default_rng(5).random(400) < 0.2
    changing.write_points(
        tmp_path / "noise.gpkg", rows, columns, year1=np.full(400, 2016), year2=np.full(400, 2017), change=noise
    )
    request = TrainRequest(
        labels=tmp_path / "noise.gpkg", catalog=str(place / "codes"), output=tmp_path / "model", block_size=240.0
    )
    accuracy = run_training(plan_training(request)).accuracy
    assert accuracy["as_sampled"]["pr_auc"] < noise.mean() + 0.1


def test_the_model_maps_any_pair_of_years(place: Path, trained: TrainResult, tmp_path: Path) -> None:
    """`change pair --model` applies trees and threshold: the patch of 2018 shows between 2017 and 2018."""
    request = PairRequest(
        year1=2017, year2=2018, catalog=str(place / "codes"), model=trained.folder, output=tmp_path / "map"
    )
    result = run_pair(plan_pair(request))
    with rasterio.open(result.paths["change"]) as dataset:
        change = dataset.read(1)
    with rasterio.open(result.paths["magnitude"]) as dataset:
        score = dataset.read(3)
    assert (change[30:40, 40:60] == 2).mean() > 0.8
    assert (change[4:] == 2).mean() < 0.12
    threshold = ChangeModel.load(trained.folder).threshold
    assert ((score[4:] > threshold) == (change[4:] == 2)).all()


def test_a_kind_of_change_may_be_missing_in_a_fold(place: Path, tmp_path: Path) -> None:
    """A kind that lies in one block trains no model of its fold, and is still a class of the model of all."""
    frame = geopandas.read_file(place / "fromto.gpkg")
    first = frame.index[(frame["class"] == "wood to field")][:1]
    metres = frame.geometry.to_crs(AREA_CRS)
    near = metres.distance(metres[first[0]]).nsmallest(6).index
    frame.loc[near, "class"] = "field to lake"
    frame.to_file(tmp_path / "rare.gpkg")
    request = TrainRequest(
        labels=tmp_path / "rare.gpkg", catalog=str(place / "codes"), output=tmp_path / "model", block_size=240.0
    )
    result = run_training(plan_training(request))
    assert result.accuracy["protocol"]["n_untested"] == 0
    facts = json.loads(result.paths["model_facts"].read_text())
    assert "field to lake" in [entry["class_name"] for entry in facts["classes"]]


def test_what_became_what_is_a_class(place: Path, tmp_path: Path) -> None:
    """From-to classes are kept by name, and mapped where change is likelier than the threshold says."""
    result = learn(place, tmp_path / "model", "fromto.gpkg")
    model = ChangeModel.load(result.folder)
    assert list(model.classes.values()) == ["no change", "field to town", "wood to field"]
    request = PairRequest(
        year1=2016, year2=2017, catalog=str(place / "codes"), model=result.folder, output=tmp_path / "m"
    )
    mapped = run_pair(plan_pair(request))
    with rasterio.open(mapped.paths["change"]) as dataset:
        names = json.loads(dataset.tags(1)["CLASS_NAMES"])
        change = dataset.read(1)
    assert names == {"1": "no change", "2": "field to town", "3": "wood to field"}
    assert (change[6:18, 8:24] >= 2).mean() > 0.8


def test_a_run_that_was_killed_while_it_wrote_is_not_a_strangers(
    place: Path, trained: TrainResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a folder is known by the run that made it: the same command completes it, another is refused."""
    with monkeypatch.context() as patched:
        patched.setattr(train, "draw_curve", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            learn(place, tmp_path / "model", expected_rate=0.03)
    with pytest.raises(OutputError, match="unfinished result of another run"):
        learn(place, tmp_path / "model", expected_rate=0.05)
    learn(place, tmp_path / "model", expected_rate=0.03)
    assert {path.name for path in (tmp_path / "model").iterdir()} == {path.name for path in trained.folder.iterdir()}


def test_a_model_is_good_for_its_encoder_only(trained: TrainResult, tmp_path: Path) -> None:
    """Codes of another recipe are refused, and so is a folder without a model of change."""
    changing.write_place(
        tmp_path / "codes", (2016, 2017), broke=np.full(changing.SIZE, changing.NEVER), source="landsat-8"
    )
    with pytest.raises(IncomparableError, match="recipe"):
        plan_pair(PairRequest(year1=2016, year2=2017, catalog=str(tmp_path / "codes"), model=trained.folder))
    (tmp_path / "other").mkdir()
    for kind, said in (
        ("classes", "change train; name another"),
        ("few-shot", "change train; `esd-tasks predict` uses"),
    ):
        (tmp_path / "other" / "model.json").write_text(json.dumps({"kind": kind}))
        with pytest.raises(OutputError, match=said):
            ChangeModel.load(tmp_path / "other")


def test_each_place_is_read_in_its_own_years(place: Path) -> None:
    """The codes before and after are those of the label's two years, and pixels without data are counted."""
    pairs = read_pairs(place / "pairs.gpkg", year_fields=("year1", "year2"))
    assert pairs.pairs == [(2016, 2017), (2017, 2018)]
    items = find_items(str(place / "codes"))
    samples = pair_samples(pairs, items, min_clear=0, seed=0)
    assert len(samples.clear) == 400
    whole = changing.series(
        changing.SIZE[0] * changing.SIZE[1],
        3,
        breaks=np.searchsorted(YEARS, changing.break_years((0, 2017, 2018, 2017, 2018, 2017)).ravel()),
    )
    rows, columns = changing.drawn_pixels(400)
    at = (rows * changing.SIZE[1] + columns)[samples.samples.group]
    np.testing.assert_array_equal(samples.before, whole[samples.year_before - 2016, at])
    np.testing.assert_array_equal(samples.samples.codes, whole[samples.samples.year - 2016, at])
    with pytest.raises(NothingFoundError, match="no labelled place"):
        pair_samples(pairs, items, min_clear=99, seed=0)


def test_a_gap_is_leakage_only_where_there_is_one(trained: TrainResult) -> None:
    """Where a random split looks no better than blocks that did not train, nothing is called leakage."""
    split = trained.accuracy["random_split"]
    for gap, leaks in ((0.02, True), (0.0004, False), (-0.001, False), (None, False)):
        lines = accuracy_lines({**trained.accuracy, "random_split": {**split, "gap": gap}})
        assert any(line.endswith("leakage") for line in lines) == leaks
        assert not any("higher by -" in line for line in lines)


def test_a_second_training_does_nothing(place: Path, trained: TrainResult) -> None:
    """The same labels, codes and options are already done; others are refused without --overwrite."""
    assert learn(place, trained.folder, expected_rate=0.03).already_done
    with pytest.raises(OutputError, match="--overwrite"):
        learn(place, trained.folder, expected_rate=0.2)


def test_labels_that_cannot_train(place: Path, tmp_path: Path) -> None:
    """Years in the wrong order are counted, missing fields named, too few blocks an error."""
    rows, columns = changing.drawn_pixels(8)
    path = changing.write_points(
        tmp_path / "odd.gpkg", rows, columns, year1=[2016] * 7 + [2018], year2=[2017] * 8, change=[0, 1] * 4
    )
    pairs = read_pairs(path, year_fields=("year1", "year2"))
    assert pairs.labels.dropped == {"the years are in the wrong order": 1}
    with pytest.raises(UsageError, match="--year1-field"):
        plan_training(TrainRequest(labels=path, catalog=str(place / "codes"), year1_field="from"))
    with pytest.raises(LabelsError, match="--block-size"):
        learn(place, tmp_path / "model", block_size=50_000.0)
    with pytest.raises(UsageError, match="no years for"):
        read_pairs(path, class_field="change")


def test_the_command_line(place: Path, tmp_path: Path) -> None:
    """Notes, caveat, paths and the next step; --dry-run reads no codes."""
    words = [
        "change",
        "train",
        str(place / "pairs.gpkg"),
        "--catalog",
        str(place / "codes"),
        "-o",
        str(tmp_path / "model"),
    ]
    assert "2016 to 2017, 2017 to 2018" in CliRunner().invoke(cli.app, [*words, "--dry-run"]).stdout
    cost = json.loads(CliRunner().invoke(cli.app, [*words, "--dry-run", "--json"]).stdout)
    assert cost["pairs"] == [[2016, 2017], [2017, 2018]]
    assert cost["items"]
    done = CliRunner().invoke(cli.app, [*words, "--block-size", "240"])
    assert done.exit_code == 0, done.output
    assert "random split" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("next: ")
