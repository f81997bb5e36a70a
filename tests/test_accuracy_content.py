"""Every accuracy.json of the toolkit begins alike: one reader reads them all."""

from pathlib import Path

import numpy as np
import pytest
from accuracy_layout import check_layout
from test_crossval import FAST, samples
from tiny_reference import answered, random_points, write_place

from esd_tasks import crossval
from esd_tasks.accuracy import summary, weighted_summary
from esd_tasks.accuracy_content import accuracy_content
from esd_tasks.assess import assess
from esd_tasks.assess_report import report
from esd_tasks.change import validation
from esd_tasks.change.reference import changed_summary
from esd_tasks.design_request import DesignRequest
from esd_tasks.folds import spatial_folds
from stactools_esd.files import write_json


def test_assessments_begin_like_all(tmp_path: Path) -> None:
    """Of a probability sample the shared figures are the area-weighted ones; of any other those of the samples."""
    place = write_place(tmp_path)
    content = report(assess(place / "map.tif", reference=answered(place)))
    check_layout(content)
    assert content["design_based"] == {"valid": True, "statement": None}
    weighted = content["area_weighted"]
    assert content["overall_accuracy"] == weighted["overall_accuracy"]["estimate"]
    for one, other in zip(content["classes"], weighted["classes"], strict=True):
        assert one["users_accuracy"] == pytest.approx(other["users_accuracy"]["estimate"], abs=2e-6)
        assert one["producers_accuracy"] == pytest.approx(other["producers_accuracy"]["estimate"], abs=2e-6)
    assert content["overall_accuracy"] != content["plain"]["overall_accuracy"]
    loose = report(assess(place / "map.tif", reference=random_points(place / "points.gpkg")))
    check_layout(loose)
    assert loose["overall_accuracy"] == loose["plain"]["overall_accuracy"]
    assert "not valid" in loose["statement"]


def test_cross_validations_begin_like_all() -> None:
    """Land cover and change, cross-validated in blocks, share their protocol too."""
    place = samples()
    folds = spatial_folds(place)
    land = crossval.accuracy_report(crossval.cross_validate(place, folds, FAST), 0.9, place)
    scores = np.random.default_rng(0).random(len(place.x)) + (place.class_id == 2)
    found = validation.validate_threshold(place, place.class_id == 2, scores, rate=0.1, block_size="auto", seed=0)
    change = validation.accuracy_report(found, kind="change", random_pr_auc=0.9)
    for content in (land, change):
        check_layout(content)
    assert set(change["protocol"]) <= set(land["protocol"])
    assert change["random_split"]["statement"] == land["random_split"]["statement"]


def test_an_assessment_plans_the_next_sample(tmp_path: Path) -> None:
    """`design --expected-accuracy` reads the accuracy.json of an assessment as it reads that of classify."""
    place = write_place(tmp_path)
    content = report(assess(place / "map.tif", reference=answered(place)))
    write_json(tmp_path / "accuracy.json", content)
    request = DesignRequest(map=place / "map.tif", expected_accuracy=str(tmp_path / "accuracy.json"))
    names = {one["class_id"]: one["class_name"] for one in content["classes"]}
    assert request.expected_users(names) == [one["users_accuracy"] for one in content["classes"]]


def test_measures_of_shares_and_of_counts_agree() -> None:
    """Shares in proportion to counts give the measures of the counts, whatever their unit."""
    counts = np.array([[40, 3], [7, 50]])
    one, other = summary(counts, (1, 2)), weighted_summary(counts * 0.25, counts, (1, 2))
    assert other.n == 100
    assert (one.overall, one.kappa, one.balanced) == pytest.approx((other.overall, other.kappa, other.balanced))
    assert np.allclose(one.f1, other.f1)


def test_change_counts_places_and_weighs_them() -> None:
    """A matrix of change counts places, rows map; its measures take their weights."""
    mapped, reference = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 0, 1, 1], bool)
    found = changed_summary(mapped, reference, np.array([1, 2, 1, 1, 3.0]))
    assert found.matrix.tolist() == [[1, 1], [1, 2]]
    assert found.users[1] == pytest.approx(4 / 6)
    content = accuracy_content(
        found.as_dict({1: "no change", 2: "change"}), kind="k", statement="s", protocol={}, further={"own": 1}
    )
    check_layout(content)
    assert list(content)[-1] == "own"
