"""Reports of tasks that map from labels, examples or nothing: whole, self-contained, with the figures of the run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import pytest
import tiny_few
import tiny_map
from report_reader import ReportReader

from esd_tasks import cluster, few_shot, learning_curve, regress, similar
from esd_tasks.classifier import TreeParameters
from esd_tasks.map_run import MapResult
from esd_tasks.regress_plan import RegressRequest
from esd_tasks.regress_plan import make_plan as plan_regress

NAMES = {"water": "<script>alert('1')</script>", "forest": "森 & <b>", "crop": 'غابة "x"'}
"""Classes as nobody should call them."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose own name is hostile, with codes, few labels, many labels and plots."""
    folder = tmp_path_factory.mktemp("reports") / "<i>水 & 'x'"
    tiny_map.write_place(folder / "codes")
    for path in (tiny_few.write_few(folder / "few.gpkg"), tiny_map.write_labels(folder / "many.gpkg", n=700)):
        frame = geopandas.read_file(path)
        frame.assign(**{"class": frame["class"].map(NAMES)}).to_file(path)
    plots = geopandas.read_file(tiny_map.write_labels(folder / "plots.gpkg", n=60))
    plots["höhe"] = plots["class"].map({"water": 0.0, "forest": 20.0, "crop": 2.0}) + np.arange(60) / 60
    plots.to_file(folder / "plots.gpkg")
    return folder


def box() -> str:
    """Return a box around the whole place."""
    lon, lat = tiny_map.lonlat(np.array([72.0, 0]), np.array([0.0, 96]))
    return f"{lon[0]},{lat[0]},{lon[1]},{lat[1]}"


def run_few_shot(place: Path) -> MapResult:
    """Map classes."""
    given = {"catalog": str(place / "codes"), "bbox": box(), "output": place / "few <u>"}
    return few_shot.few_shot(place / "few.gpkg", **given)


def run_similar(place: Path) -> MapResult:
    """Map similarity."""
    request = similar.SimilarRequest(
        examples=place / "few.gpkg", catalog=str(place / "codes"), output=place / "like <u>"
    )
    return similar.run_plan(similar.make_plan(request))


def run_regress(place: Path) -> MapResult:
    """Map a quantity."""
    request = RegressRequest(
        labels=place / "plots.gpkg",
        target_field="höhe",
        units="m <b>",
        catalog=str(place / "codes"),
        bbox=box(),
        output=place / "quantity <u>",
    )
    return regress.run_plan(replace(plan_regress(request), parameters=TreeParameters(rounds=5)))


def run_cluster(place: Path) -> MapResult:
    """Map clusters."""
    request = cluster.ClusterRequest(
        n_clusters=3, catalog=str(place / "codes"), bbox=box(), output=place / "clusters <u>"
    )
    return cluster.run_plan(cluster.make_plan(request))


def run_curve(place: Path) -> MapResult:
    """Draw a learning curve."""
    request = learning_curve.CurveRequest(
        labels=place / "many.gpkg",
        catalog=str(place / "codes"),
        head=("prototype", "1-NN"),
        block_size=400.0,
        draws=2,
        output=place / "curve <u>",
    )
    return learning_curve.run_plan(learning_curve.make_plan(request))


RUNS: dict[str, Callable[[Path], MapResult]] = {
    "few-shot": run_few_shot,
    "similar": run_similar,
    "regress": run_regress,
    "cluster": run_cluster,
    "learning-curve": run_curve,
}


@pytest.fixture(scope="module")
def done(place: Path) -> dict[str, MapResult]:
    """Every task, once."""
    return {task: run(place) for task, run in RUNS.items()}


@pytest.mark.parametrize("task", RUNS)
def test_every_task_writes_a_report_that_needs_nothing_else(task: str, done: dict[str, MapResult]) -> None:
    """One file with command, encoder, recipe, notes and pictures that have words, and no markup of the user's."""
    result = done[task]
    reader = ReportReader.of(result.paths["report"])
    text = reader.text
    assert result.paths["report"].name == "report.html"
    assert not {"i", "u", "b"} & set(reader.tags)
    assert " ".join(result.record["command"].split()) in text
    for said in ("esdnet-small-v1", "hampel", "esd-esdnet-small-v1-xdemo-2020", "2020", result.record["run_key"]):
        assert said in text
    for note in result.notes:
        assert note[1:] in text
    assert reader.alts
    assert "What comes next" in text
    if "item" in result.paths:
        assert '"report.html"' in result.paths["item"].read_text().replace("./", "")


def figures(value: float | None, digits: int = 3) -> str:
    """Return a figure as reports have it."""
    return "–" if value is None else f"{value:,.{digits}f}"


def test_few_shot_tells_the_scores_of_every_head(done: dict[str, MapResult]) -> None:
    """Balanced score and standard error of each head, the chosen one named, all classes by name."""
    text, result = ReportReader.of(done["few-shot"].paths["report"]).text, done["few-shot"].record["result"]
    for score in result["choice"]["scores"]:
        head = f"{score['head']}, chosen" if score["head"] == result["choice"]["head"] else score["head"]
        assert f"{head} {figures(score['balanced_accuracy'])} {figures(score['standard_error'])}" in text
    for one in result["classes"]:
        assert f"{one['class_name']} {one['class_id']} {one['mapped_pixels']:,}" in text
    assert set(NAMES.values()) == {one["class_name"] for one in result["classes"]}


def test_similar_tells_threshold_and_share(done: dict[str, MapResult]) -> None:
    """The suggested threshold and what lies above it."""
    text, result = ReportReader.of(done["similar"].paths["report"]).text, done["similar"].record["result"]
    assert f"Suggested threshold {figures(result['threshold'])}" in text
    assert f"{result['share_above_threshold']:.2%}" in text


def test_regress_tells_errors_of_all_labels_and_of_each_fold(done: dict[str, MapResult]) -> None:
    """R2, RMSE, MAE and bias, pooled, with their spread, and fold by fold; quantity and unit are text."""
    text, accuracy = ReportReader.of(done["regress"].paths["report"]).text, done["regress"].record["result"]["accuracy"]
    for name, word in {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "bias": "Bias"}.items():
        fold = accuracy["folds"][name]
        assert f"{word} {figures(accuracy[name])} {figures(fold['mean'])} {figures(fold['sd'])}" in text
        assert all(figures(value) in text for value in fold["values"])
    assert "höhe (m <b>)" in text
    assert figures(accuracy["random_split"]["r2"]) in text


def test_cluster_tells_sizes_and_explained_variance(done: dict[str, MapResult]) -> None:
    """Pixels of each cluster and the variance that clusters explain."""
    text, result = ReportReader.of(done["cluster"].paths["report"]).text, done["cluster"].record["result"]
    assert figures(result["explained_variance"]) in text
    for one in result["clusters"]:
        assert f"cluster {one['class_id']} {one['class_id']} {one['mapped_pixels']:,}" in text


def test_a_learning_curve_has_all_points_with_intervals(done: dict[str, MapResult]) -> None:
    """Each point stands in the table with its interval, as in curve.json."""
    text, result = (
        ReportReader.of(done["learning-curve"].paths["report"]).text,
        done["learning-curve"].record["result"],
    )
    for row in result["points"]:
        interval = f"{figures(row['mean'])} [{figures(row['low'])}, {figures(row['high'])}]"
        assert f"{row['head']} {row['k']} {row['n_train']:g} {row['draws']} {interval}" in text
